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

/// The target called `name`. `option` is where the user gave the name, for example "--target": the error begins with it
/// and lists the known names.
absl::StatusOr<const Target *> findTarget(llvm::StringRef option, llvm::StringRef name);

/// The target that the module's lm.options names, or the default.
absl::StatusOr<const Target *> targetOf(mlir::ModuleOp module);

/// Registers the interface with which getTarget (compiler/support/TargetInfo.h) describes the target of a module that
/// has no lm.target.
void registerTargetDescriber(mlir::DialectRegistry &registry);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_REGISTRY_H
