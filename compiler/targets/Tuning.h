//===- Tuning.h - tuning parameters of a target ------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_TUNING_H
#define LATHE_COMPILER_TARGETS_TUNING_H

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// What `--tuning KEY=N` sets and `lm.tuning` shows. If `min` is above 1, the value must be a multiple of it.
struct TuningParameter {
  llvm::StringLiteral key;
  int64_t min, max;
  int64_t *value;
};

/// The module's tuning as "KEY=N,...": lm.tuning, or else lm.options.tuning.
std::string tuningOf(mlir::ModuleOp module);

/// Sets the parameters of "KEY=N,...". Returns an error message, or nothing.
std::string setTuning(llvm::ArrayRef<TuningParameter> parameters, llvm::StringRef text);

/// The attribute lm.tuning.
mlir::DictionaryAttr describeTuning(mlir::MLIRContext *context, llvm::ArrayRef<TuningParameter> parameters);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_TUNING_H
