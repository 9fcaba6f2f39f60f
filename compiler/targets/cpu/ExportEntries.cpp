//===- ExportEntries.cpp - functions that the runtime calls -------------------------------------------------------===//

#include "compiler/support/ModuleAttributes.h"
#include "compiler/targets/cpu/Passes.h"
#include "dialects/lm/LMDialect.h"
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

/// `entry` has the parameters of lm-lower-phases, in this order: four segments (1-d memrefs: pointer, pointer, offset,
/// size, stride), step, worker, workers, tokens and logits (2-d memrefs: pointer, pointer, offset, two sizes, two
/// strides), rows, position, first.
void ExportEntries::exportEntry(LLVM::LLVMFuncOp entry) {
  ModuleOp module = getOperation();
  auto builder = ImplicitLocOpBuilder::atBlockEnd(entry.getLoc(), module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(&getContext()), i64 = builder.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()), {pointer, i64});
  auto function =
      LLVM::LLVMFuncOp::create(builder, (lathe::getSymbolPrefix(module) + "_" + entry.getSymName()).str(), type);
  Block *body = function.addEntryBlock(builder);
  builder.setInsertionPointToEnd(body);
  Value step = body->getArgument(0), worker = body->getArgument(1);
  auto load = [&](Type type, Value base, size_t offset) -> Value {
    Value at = LLVM::GEPOp::create(builder, pointer, builder.getI8Type(), base,
                                   ArrayRef<LLVM::GEPArg>(static_cast<int32_t>(offset)));
    return LLVM::LoadOp::create(builder, type, at);
  };
  auto field = [&](Type type, size_t offset) { return load(type, step, offset); };
  auto number = [&](int64_t value) -> Value { return LLVM::ConstantOp::create(builder, i64, value); };

  SmallVector<Value> arguments;
  auto memref = [&](Value base, ArrayRef<int64_t> sizes) {
    arguments.append({base, base, number(0)});
    for (int64_t size : sizes)
      arguments.push_back(number(size));
    for (size_t i = 0; i < sizes.size(); ++i)
      arguments.push_back(number(i + 1 < sizes.size() ? sizes[i + 1] : 1));
  };
  bool isComplete = true;
  auto value = [&](StringRef dictionary, StringRef key) -> int64_t {
    FailureOr<int64_t> number = lathe::getModuleInteger(module, dictionary, key, 1, lathe::kMaxBytes);
    isComplete &= succeeded(number);
    return number.value_or(1);
  };
  constexpr StringRef kProgram = "lm.program";

  memref(field(pointer, offsetof(lrt_step, weights)), value(kProgram, "weights_bytes"));
  memref(field(pointer, offsetof(lrt_step, arena)), value(kProgram, "arena_bytes"));
  int64_t scratchBytes = value(kProgram, "scratch_bytes");
  Value scratchOffset = LLVM::MulOp::create(builder, worker, number(scratchBytes));
  Value scratch = LLVM::GEPOp::create(builder, pointer, builder.getI8Type(),
                                      field(pointer, offsetof(lrt_step, scratch)), ValueRange{scratchOffset});
  memref(scratch, scratchBytes);
  // The rows are consecutive positions of one sequence, so the first one determines the others.
  Value row = field(pointer, offsetof(lrt_step, row));
  memref(load(pointer, row, offsetof(lrt_row, cache)), value(kProgram, "cache_bytes"));
  arguments.append({step, worker, field(i64, offsetof(lrt_step, workers))});
  int64_t rows = value(kProgram, (entry.getSymName() + "_rows").str());
  memref(field(pointer, offsetof(lrt_step, tokens)), {rows, 1});
  memref(field(pointer, offsetof(lrt_step, logits)), {rows, value(kModelAttr, "vocabulary")});
  arguments.append({field(i64, offsetof(lrt_step, rows)), load(i64, row, offsetof(lrt_row, position)),
                    field(i64, offsetof(lrt_step, first))});
  if (!isComplete)
    return signalPassFailure();
  if (!llvm::equal(ValueRange(arguments).getTypes(), entry.getFunctionType().getParams())) {
    entry.emitOpError() << "expects the parameters of lm-lower-phases, (" << ValueRange(arguments).getTypes()
                        << "), but found " << entry.getFunctionType();
    return signalPassFailure();
  }
  LLVM::CallOp::create(builder, entry, arguments);
  LLVM::ReturnOp::create(builder, ValueRange{});
}

} // namespace
