//===- ExportEntries.cpp - functions that the runtime calls -------------------------------------------------------===//

#include "compiler/support/ModuleAttributes.h"
#include "compiler/targets/EntryCall.h"
#include "compiler/targets/cpu/Passes.h"
#include "lrt/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <cstddef>

namespace mlir::lm {
#define GEN_PASS_DEF_EXPORTENTRIES
#include "compiler/targets/cpu/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

struct ExportEntries : mlir::lm::impl::ExportEntriesBase<ExportEntries> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal()) {
        function.setLinkage(LLVM::Linkage::Internal);
        // Copies of a product in every phase would multiply compile time, and profilers would not show the product.
        function.setNoInline(true);
      }
    for (StringRef entry : {"decode", "prefill", "logits"})
      if (auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(entry))
        exportEntry(function);
  }

  void exportEntry(LLVM::LLVMFuncOp entry);
};

void ExportEntries::exportEntry(LLVM::LLVMFuncOp entry) {
  ModuleOp module = getOperation();
  auto builder = ImplicitLocOpBuilder::atBlockEnd(entry.getLoc(), module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(&getContext()), i64 = builder.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()), {pointer, i64});
  auto function =
      LLVM::LLVMFuncOp::create(builder, (lathe::getSymbolPrefix(module) + "_" + entry.getSymName()).str(), type);
  Block *body = function.addEntryBlock(builder);
  builder.setInsertionPointToEnd(body);
  Value step = body->getArgument(0);
  Value workersAt = LLVM::GEPOp::create(builder, pointer, builder.getI8Type(), step,
                                        ArrayRef<LLVM::GEPArg>(int32_t(offsetof(lrt_step, workers))));
  Value workers = LLVM::LoadOp::create(builder, i64, workersAt);
  if (failed(lathe::callEntry(builder, entry,
                              {.name = entry.getSymName(), .step = step, .barriers = step, .worker = body->getArgument(1), .workers = workers})))
    return signalPassFailure();
  LLVM::ReturnOp::create(builder, ValueRange{});
}

} // namespace
