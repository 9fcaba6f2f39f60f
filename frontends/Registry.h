//===- Registry.h - the frontend for a path -----------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_REGISTRY_H
#define LATHE_FRONTENDS_REGISTRY_H

#include "frontends/Frontend.h"

namespace lathe {

/// In the order in which they are asked.
llvm::ArrayRef<const Frontend *> allFrontends();

/// The first of `frontends` that can read `path`. An error says what the path is instead.
absl::StatusOr<const Frontend *> findFrontend(llvm::StringRef path,
                                              llvm::ArrayRef<const Frontend *> frontends = allFrontends());

/// Finds the frontend and imports the model.
absl::StatusOr<Imported> importModel(llvm::StringRef path, const ImportOptions &options, mlir::MLIRContext &context,
                                     llvm::ArrayRef<const Frontend *> frontends = allFrontends());

/// What --list-models prints: a table of the architectures that a config can name, one on each line.
std::string listModels();

} // namespace lathe

#endif // LATHE_FRONTENDS_REGISTRY_H
