//===- CheckModel.h - a dump against the model it was made of -----------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_CHECKMODEL_H
#define LATHE_COMPILER_DRIVER_CHECKMODEL_H

#include "absl/status/statusor.h"
#include "frontends/Frontend.h"
#include <optional>

namespace lathe {

/// Imports the model that `module` was made of once more, and compares: files must be as long and have the headers that
/// lm.files says, lm.model and every lm.weight must be what importing gives, or read another weight of the same shape.
/// Nothing for a module written by hand, and where the model is no longer there unless it `isNeeded`, when its
/// tokenizer is read, too. `dump` is what messages call the module; they name file, weight, expected and found.
absl::StatusOr<std::optional<Imported>> importAgain(mlir::ModuleOp module, llvm::StringRef dump, bool isNeeded,
                                                    llvm::ArrayRef<const Frontend *> frontends);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_CHECKMODEL_H
