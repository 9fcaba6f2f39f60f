//===- ExportKernels.cpp - kernels that the runtime launches ------------------------------------------------------===//

#include "compiler/targets/EntryCall.h"
#include "compiler/targets/cuda/Passes.h"
#include "lrt/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <cstddef>

namespace mlir::lm {
#define GEN_PASS_DEF_EXPORTKERNELS
#include "compiler/targets/cuda/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

struct ExportKernels : mlir::lm::impl::ExportKernelsBase<ExportKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    pointer = LLVM::LLVMPointerType::get(&getContext());
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal()) {
        function.setLinkage(LLVM::Linkage::Internal);
        function.setNoInline(true); // as on the CPU: a copy of a product in every phase would multiply compile time
      }
    for (StringRef entry : {"decode", "prefill", "logits"})
      if (auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(entry))
        exportEntry(function);
    if (auto barrier = module.lookupSymbol<LLVM::LLVMFuncOp>("lrt_barrier"); barrier && barrier.isExternal())
      defineBarrier(barrier);
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (function.isExternal() && !function.symbolKnownUseEmpty(module)) {
        function.emitOpError("is not there on a GPU");
        return signalPassFailure();
      }
  }

private:
  void exportEntry(LLVM::LLVMFuncOp entry);
  void defineBarrier(LLVM::LLVMFuncOp barrier);

  Type pointer;
};

/// void @decode(lrt_step by value): all threads of a block call the entry.
void ExportKernels::exportEntry(LLVM::LLVMFuncOp entry) {
  std::string name = entry.getSymName().str();
  auto builder = ImplicitLocOpBuilder::atBlockEnd(entry.getLoc(), getOperation().getBody());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()), {pointer});
  // The module of a device is loaded by itself: kernels have the names of the entries in lrt_program.
  entry.setSymName(name + ".entry");
  auto kernel = LLVM::LLVMFuncOp::create(builder, name, type);
  kernel.setCConv(LLVM::CConv::PTX_Kernel);
  Type bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), sizeof(lrt_step));
  kernel.setArgAttr(0, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(bytes));
  kernel.setArgAttr(0, LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(alignof(lrt_step)));
  Block *body = kernel.addEntryBlock(builder);

  builder.setInsertionPointToEnd(body);
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  Value step = body->getArgument(0);
  Value barriersAt = LLVM::GEPOp::create(builder, pointer, builder.getI8Type(), step,
                                         ArrayRef<LLVM::GEPArg>(int32_t(offsetof(lrt_step, team))));
  Value block = NVVM::BlockIdXOp::create(builder, i32), blocks = NVVM::GridDimXOp::create(builder, i32);
  lathe::EntryContext context = {.name = name,
                                 .step = step,
                                 .barriers = LLVM::LoadOp::create(builder, pointer, barriersAt),
                                 .worker = LLVM::ZExtOp::create(builder, i64, block),
                                 .workers = LLVM::ZExtOp::create(builder, i64, blocks)};
  if (failed(lathe::callEntry(builder, entry, context)))
    return signalPassFailure();
  LLVM::ReturnOp::create(builder, ValueRange{});
}

/// The threads of a block wait for each other; then thread 0 counts the block among those that have arrived, in the u32
/// at the first argument, which is 0 when the launch begins. The n-th barrier of a launch is over when it is n times
/// the number of blocks.
///
/// LLVM drops the order of an atomicrmw with a scope (22.1: `atomicrmw ... syncscope("device") acq_rel` becomes a plain
/// atom.global.add), so both accesses are PTX.
void ExportKernels::defineBarrier(LLVM::LLVMFuncOp barrier) {
  ImplicitLocOpBuilder builder(barrier.getLoc(), &getContext());
  barrier.setLinkage(LLVM::Linkage::Internal);
  barrier.setNoInline(true);
  Block *entry = barrier.addEntryBlock(builder);
  Region &body = barrier.getBody();
  Block *arrive = builder.createBlock(&body), *wait = builder.createBlock(&body), *end = builder.createBlock(&body);
  Type i32 = builder.getI32Type();
  Value counter = entry->getArgument(0);
  auto access = [&](StringRef text) -> Value {
    return LLVM::InlineAsmOp::create(builder, Type(i32), ValueRange{counter}, text, StringRef("=r,l,~{memory}"),
                                     /*has_side_effects=*/true, /*is_align_stack=*/false,
                                     LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
        .getResult(0);
  };

  builder.setInsertionPointToEnd(entry);
  NVVM::BarrierOp::create(builder);
  Value isFirst = LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::eq, NVVM::ThreadIdXOp::create(builder, i32),
                                       LLVM::ConstantOp::create(builder, i32, 0));
  LLVM::CondBrOp::create(builder, isFirst, arrive, end);

  builder.setInsertionPointToEnd(arrive);
  Value blocks = NVVM::GridDimXOp::create(builder, i32);
  Value before = access("atom.acq_rel.gpu.add.u32 $0, [$1], 1;");
  Value round = LLVM::UDivOp::create(builder, before, blocks);
  Value next = LLVM::AddOp::create(builder, round, LLVM::ConstantOp::create(builder, i32, 1));
  Value wanted = LLVM::MulOp::create(builder, next, blocks);
  LLVM::BrOp::create(builder, ValueRange{}, wait);

  builder.setInsertionPointToEnd(wait);
  Value arrived = access("ld.acquire.gpu.u32 $0, [$1];");
  Value isOver = LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::uge, arrived, wanted);
  LLVM::CondBrOp::create(builder, isOver, end, wait);

  builder.setInsertionPointToEnd(end);
  NVVM::BarrierOp::create(builder);
  LLVM::ReturnOp::create(builder, ValueRange{});
}

} // namespace
