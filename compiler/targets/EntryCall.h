//===- EntryCall.h - calls of lowered entry points from an lrt_step -----------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_ENTRYCALL_H
#define LATHE_COMPILER_TARGETS_ENTRYCALL_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lathe {

/// The values that a function called by the runtime has.
struct EntryContext {
  llvm::StringRef name;        // of the entry point: decode, prefill, logits
  mlir::Value step;            // pointer to an lrt_step
  mlir::Value barriers;        // pointer that barriers and tile loops get as their first argument
  mlir::Value worker, workers; // i64
};

/// Calls `entry`, a function of lm-lower-phases in the llvm dialect, with what the step says. Its parameters are, in
/// this order: weights, arena, scratch and caches (1-d memrefs: pointer, pointer, offset, size, stride), barriers,
/// worker, workers, tokens and logits (2-d memrefs: pointer, pointer, offset, two sizes, two strides), rows, position,
/// first. Error: a diagnostic, where the module's attributes are missing or the parameters are others.
mlir::LogicalResult callEntry(mlir::ImplicitLocOpBuilder &builder, mlir::LLVM::LLVMFuncOp entry,
                              const EntryContext &context);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_ENTRYCALL_H
