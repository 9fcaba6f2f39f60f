//===- Registry.h - finds the frontend for a path -----------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_REGISTRY_H
#define LATHE_FRONTENDS_REGISTRY_H

#include "frontends/Frontend.h"

namespace lathe {

/// All frontends, in the order in which they are asked whether they can read a path.
llvm::ArrayRef<const Frontend *> allFrontends();

/// The first of `frontends` that can read `path`. If none can, the error says what the path is.
absl::StatusOr<const Frontend *> findFrontend(llvm::StringRef path,
                                              llvm::ArrayRef<const Frontend *> frontends = allFrontends());

/// Finds the frontend and imports the model.
absl::StatusOr<Imported> importModel(llvm::StringRef path, const ImportOptions &options, mlir::MLIRContext &context,
                                     llvm::ArrayRef<const Frontend *> frontends = allFrontends());

/// The text of --list-models: a table of the architectures that a config can name, one per line.
std::string listModels();

} // namespace lathe

#endif // LATHE_FRONTENDS_REGISTRY_H
