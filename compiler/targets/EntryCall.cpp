#include "compiler/targets/EntryCall.h"
#include "compiler/support/ModuleAttributes.h"
#include "dialects/lm/LMDialect.h"
#include "lrt/abi.h"
#include "mlir/IR/BuiltinOps.h"
#include <cstddef>

using namespace lathe;
using namespace mlir;

namespace {

class EntryCall {
public:
  EntryCall(ImplicitLocOpBuilder &builder, LLVM::LLVMFuncOp entry, const EntryContext &context)
      : b(builder), entry(entry), context(context), module(entry->getParentOfType<ModuleOp>()),
        pointer(LLVM::LLVMPointerType::get(builder.getContext())), i64(builder.getI64Type()) {}

  LogicalResult emit();

private:
  Value load(Type type, Value base, size_t offset) {
    Value at =
        LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>(static_cast<int32_t>(offset)));
    return LLVM::LoadOp::create(b, type, at);
  }
  Value field(Type type, size_t offset) { return load(type, context.step, offset); }
  Value number(int64_t value) { return LLVM::ConstantOp::create(b, i64, value); }
  /// A number of a module attribute.
  int64_t attribute(StringRef dictionary, StringRef key) {
    FailureOr<int64_t> value = getModuleInteger(module, dictionary, key, 1, kMaxBytes);
    isComplete &= succeeded(value);
    return value.value_or(1);
  }
  /// A row-major memref at `base`.
  void addMemRef(Value base, ArrayRef<int64_t> sizes) {
    arguments.append({base, base, number(0)});
    for (int64_t size : sizes)
      arguments.push_back(number(size));
    for (size_t i = 0; i < sizes.size(); ++i)
      arguments.push_back(number(i + 1 < sizes.size() ? sizes[i + 1] : 1));
  }

  ImplicitLocOpBuilder &b;
  LLVM::LLVMFuncOp entry;
  const EntryContext &context;
  ModuleOp module;
  Type pointer, i64;
  SmallVector<Value> arguments;
  bool isComplete = true;
};

LogicalResult EntryCall::emit() {
  constexpr StringRef kProgram = "lm.program";
  addMemRef(field(pointer, offsetof(lrt_step, weights)), attribute(kProgram, "weights_bytes"));
  addMemRef(field(pointer, offsetof(lrt_step, arena)), attribute(kProgram, "arena_bytes"));
  int64_t scratchBytes = attribute(kProgram, "scratch_bytes");
  Value scratchOffset = LLVM::MulOp::create(b, context.worker, number(scratchBytes));
  addMemRef(LLVM::GEPOp::create(b, pointer, b.getI8Type(), field(pointer, offsetof(lrt_step, scratch)),
                                ValueRange{scratchOffset}),
            scratchBytes);
  // The rows are consecutive positions of one sequence, so row 0 is enough.
  Value row = field(pointer, offsetof(lrt_step, row));
  addMemRef(load(pointer, row, offsetof(lrt_row, cache)), attribute(kProgram, "cache_bytes"));
  arguments.append({context.barriers, context.worker, context.workers});
  int64_t rows = attribute(kProgram, (context.name + "_rows").str());
  addMemRef(field(pointer, offsetof(lrt_step, tokens)), {rows, 1});
  addMemRef(field(pointer, offsetof(lrt_step, logits)), {rows, attribute(lm::kModelAttr, "vocabulary")});
  arguments.append({field(i64, offsetof(lrt_step, rows)), load(i64, row, offsetof(lrt_row, position)),
                    field(i64, offsetof(lrt_step, first))});
  if (!isComplete)
    return failure();
  if (!llvm::equal(ValueRange(arguments).getTypes(), entry.getFunctionType().getParams()))
    return entry.emitOpError() << "expects the parameters of lm-lower-phases, (" << ValueRange(arguments).getTypes()
                               << "), but found " << entry.getFunctionType();
  LLVM::CallOp::create(b, entry, arguments);
  return success();
}

} // namespace

LogicalResult lathe::callEntry(ImplicitLocOpBuilder &builder, LLVM::LLVMFuncOp entry, const EntryContext &context) {
  return EntryCall(builder, entry, context).emit();
}
