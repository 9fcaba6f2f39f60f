//===- Registry.h - the targets by name ---------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_REGISTRY_H
#define LATHE_COMPILER_TARGETS_REGISTRY_H

#include "compiler/targets/Target.h"
#include "mlir/IR/DialectRegistry.h"

namespace lathe {

/// All targets, in the order in which they were added; the first one is the default.
llvm::ArrayRef<std::unique_ptr<Target>> allTargets();

/// Adds a tool's own target. Call it before any other function here.
void addTarget(std::unique_ptr<Target> target);

/// The target of that name. The error lists the known names and begins with `option`, where the name was given.
absl::StatusOr<const Target *> findTarget(llvm::StringRef option, llvm::StringRef name);

/// The target that the module's lm.options names, or the default.
absl::StatusOr<const Target *> targetOf(mlir::ModuleOp module);

/// Lets passes describe the target of a module without lm.target (compiler/support/TargetInfo.h).
void registerTargetDescriber(mlir::DialectRegistry &registry);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_REGISTRY_H
