//===- Decomposed.h - ops that run as their decomposition ---------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_DECOMPOSED_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_DECOMPOSED_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"

namespace mlir::lm {

/// Rows [row, row + count) of the call; `position`, where an op asks for it, is that of the first of them.
struct CallRows {
  Value row, count, position = {};
};

/// Emits a kernel.compute of the ops, one after another, on these rows of their inputs; `outs` takes the last one's
/// results.
void computeDecomposed(ScheduleBuilder &b, ArrayRef<Operation *> ops, const CallRows &rows, ValueRange outs);

/// A phase of one tile that computes the ops.
void scheduleDecomposed(ScheduleBuilder &b, StringRef name, ArrayRef<Operation *> ops, spmd::BufferOp out);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_DECOMPOSED_H
