//===- ExportKernels.cpp - kernels that the runtime launches ------------------------------------------------------===//

#include "compiler/targets/EntryCall.h"
#include "compiler/targets/cuda/Passes.h"
#include "lrt/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
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

  /// A special register, i32.
  Value read(ImplicitLocOpBuilder &builder, StringRef name) {
    auto intrinsic = builder.getStringAttr("llvm.nvvm.read.ptx.sreg." + name.str());
    return LLVM::CallIntrinsicOp::create(builder, builder.getI32Type(), intrinsic, ValueRange{}).getResult(0);
  }

  Type pointer;
};

/// void @decode(lrt_step by value): thread 0 of each block calls the entry, the others return.
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
  Block *work = builder.createBlock(&kernel.getBody()), *end = builder.createBlock(&kernel.getBody());

  builder.setInsertionPointToEnd(body);
  Value zero = LLVM::ConstantOp::create(builder, builder.getI32Type(), 0);
  Value isFirst = LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::eq, read(builder, "tid.x"), zero);
  LLVM::CondBrOp::create(builder, isFirst, work, end);

  builder.setInsertionPointToEnd(work);
  Type i64 = builder.getI64Type();
  Value step = body->getArgument(0);
  Value barriersAt = LLVM::GEPOp::create(builder, pointer, builder.getI8Type(), step,
                                         ArrayRef<LLVM::GEPArg>(int32_t(offsetof(lrt_step, team))));
  lathe::EntryContext context = {.name = name,
                                 .step = step,
                                 .barriers = LLVM::LoadOp::create(builder, pointer, barriersAt),
                                 .worker = LLVM::ZExtOp::create(builder, i64, read(builder, "ctaid.x")),
                                 .workers = LLVM::ZExtOp::create(builder, i64, read(builder, "nctaid.x"))};
  if (failed(lathe::callEntry(builder, entry, context)))
    return signalPassFailure();
  LLVM::BrOp::create(builder, ValueRange{}, end);

  builder.setInsertionPointToEnd(end);
  LLVM::ReturnOp::create(builder, ValueRange{});
}

/// Counts the blocks that have arrived, in the u32 at the first argument, which is 0 when the launch begins. The n-th
/// barrier of a launch is over when it is n times the number of blocks.
///
/// LLVM drops the order of an atomicrmw with a scope (22.1: `atomicrmw ... syncscope("device") acq_rel` becomes a plain
/// atom.global.add), so both accesses are PTX.
void ExportKernels::defineBarrier(LLVM::LLVMFuncOp barrier) {
  ImplicitLocOpBuilder builder(barrier.getLoc(), &getContext());
  barrier.setLinkage(LLVM::Linkage::Internal);
  barrier.setNoInline(true);
  Block *arrive = barrier.addEntryBlock(builder);
  Block *wait = builder.createBlock(&barrier.getBody()), *end = builder.createBlock(&barrier.getBody());
  Type i32 = builder.getI32Type();
  Value counter = arrive->getArgument(0);
  auto access = [&](StringRef text) -> Value {
    return LLVM::InlineAsmOp::create(builder, Type(i32), ValueRange{counter}, text, StringRef("=r,l,~{memory}"),
                                     /*has_side_effects=*/true, /*is_align_stack=*/false,
                                     LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
        .getResult(0);
  };

  builder.setInsertionPointToEnd(arrive);
  Value blocks = read(builder, "nctaid.x");
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
  LLVM::ReturnOp::create(builder, ValueRange{});
}

} // namespace
