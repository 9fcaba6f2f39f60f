//===- Dump.h - dumps, printed and read ---------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_DUMP_H
#define LATHE_COMPILER_DRIVER_DUMP_H

#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>

namespace lathe {

/// A module with the attributes, weights and states of `module` only: all that later stages need of it.
mlir::OwningOpRef<mlir::ModuleOp> makeSkeleton(mlir::ModuleOp module);

/// Erases what is in the skeleton.
void dropSkeleton(mlir::ModuleOp module);

std::string printModule(mlir::ModuleOp module);

/// Assembly after the skeleton, whose lines are comments that begin with `#lathe `, or with another mark.
std::string printAssembly(mlir::ModuleOp skeleton, llvm::StringRef assembly, llvm::StringRef commentMark);

/// Reads a dump in MLIR. The error is the parser's, `path:line:column: message`.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> readModule(mlir::MLIRContext &context, llvm::StringRef path);

/// Reads the skeleton of a file that printAssembly printed; also returns the whole text.
struct AssemblyDump {
  mlir::OwningOpRef<mlir::ModuleOp> skeleton;
  std::string text;
};
absl::StatusOr<AssemblyDump> readAssembly(mlir::MLIRContext &context, llvm::StringRef path);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_DUMP_H
