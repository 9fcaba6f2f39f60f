//===- Registry.h - every target, by name -------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_REGISTRY_H
#define LATHE_COMPILER_TARGETS_REGISTRY_H

#include "compiler/targets/Target.h"
#include "mlir/IR/DialectRegistry.h"

namespace lathe {

/// In the order in which they were added; the first one is the default.
llvm::ArrayRef<std::unique_ptr<Target>> allTargets();

/// Before anything else asks for targets: for tools with one of their own.
void addTarget(std::unique_ptr<Target> target);

/// By name. Error: which names there are; `option` is what the message calls the place where it stood.
absl::StatusOr<const Target *> findTarget(llvm::StringRef option, llvm::StringRef name);

/// The target that the module's lm.options name, or the default.
absl::StatusOr<const Target *> targetOf(mlir::ModuleOp module);

/// Lets passes describe the target of a module without lm.target (compiler/support/TargetInfo.h).
void registerTargetDescriber(mlir::DialectRegistry &registry);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_REGISTRY_H
