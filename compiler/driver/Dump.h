//===- Dump.h - what --emit prints and --from reads ---------------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_DUMP_H
#define LATHE_COMPILER_DRIVER_DUMP_H

#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>

namespace lathe {

/// The module's attributes, weights and states alone: all that is needed after LLVM IR was made.
mlir::OwningOpRef<mlir::ModuleOp> makeSkeleton(mlir::ModuleOp module);

/// Erases what a skeleton has.
void dropSkeleton(mlir::ModuleOp module);

std::string printModule(mlir::ModuleOp module);

/// Assembly with the skeleton in front, as comments that begin with `#lathe `.
std::string printAssembly(mlir::ModuleOp skeleton, llvm::StringRef assembly);

/// Errors are the parser's: `path:line:column: message`.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> readModule(mlir::MLIRContext &context, llvm::StringRef path);

/// The skeleton of a file printed by printAssembly, and the whole text.
struct AssemblyDump {
  mlir::OwningOpRef<mlir::ModuleOp> skeleton;
  std::string text;
};
absl::StatusOr<AssemblyDump> readAssembly(mlir::MLIRContext &context, llvm::StringRef path);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_DUMP_H
