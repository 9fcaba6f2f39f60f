//===- CheckModel.h - a dump against the model it was made of -----------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_CHECKMODEL_H
#define LATHE_COMPILER_DRIVER_CHECKMODEL_H

#include "absl/status/statusor.h"
#include "frontends/Frontend.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>

namespace lathe {

/// The model that `module` was made of, after it was compared: files must be as long and have the headers that lm.files
/// says, lm.model and every lm.weight must be what importing it once more gives, or read another weight of the same
/// shape. Nothing for a module written by hand, and where the model is no longer there unless it `isNeeded`. `dump` is
/// what messages call the module; they name file, weight, expected and found.
absl::StatusOr<std::optional<ModelSource>> openModelOf(mlir::ModuleOp module, llvm::StringRef dump, bool isNeeded);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_CHECKMODEL_H
