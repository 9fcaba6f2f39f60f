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
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (function.isExternal() && !function.symbolKnownUseEmpty(module)) {
        function.emitOpError("is not there on a GPU");
        return signalPassFailure();
      }
  }

private:
  void exportEntry(LLVM::LLVMFuncOp entry);

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
  auto barrier = getOperation().lookupSymbol<LLVM::LLVMFuncOp>("lrt_barrier");
  Value zero = LLVM::ConstantOp::create(builder, i64, 0);
  if (failed(lathe::callEntry(builder, entry, context)))
    return signalPassFailure();
  if (!barrier) { // a call of one phase
    LLVM::ReturnOp::create(builder, ValueRange{});
    return;
  }
  // Where times are kept, the end of the call is a barrier, too.
  Block *last = builder.createBlock(&kernel.getBody()), *end = builder.createBlock(&kernel.getBody());
  builder.setInsertionPointToEnd(body);
  Value stampedAt = LLVM::GEPOp::create(builder, pointer, builder.getI8Type(), context.barriers,
                                        ArrayRef<LLVM::GEPArg>(int32_t(offsetof(lrt_grid, stamped))));
  Value isStamped =
      LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::ne, LLVM::LoadOp::create(builder, i32, stampedAt),
                           LLVM::ConstantOp::create(builder, i32, 0));
  LLVM::CondBrOp::create(builder, isStamped, last, end);
  builder.setInsertionPointToEnd(last);
  LLVM::CallOp::create(builder, barrier, ValueRange{context.barriers, context.worker, zero, zero});
  LLVM::BrOp::create(builder, ValueRange{}, end);
  builder.setInsertionPointToEnd(end);
  LLVM::ReturnOp::create(builder, ValueRange{});
}

} // namespace
