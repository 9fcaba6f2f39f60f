//===- Decomposed.h - ops that run as their decomposition ---------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_DECOMPOSED_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_DECOMPOSED_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"

namespace mlir::lm {

/// Rows [row, row + count) of the call. `position` is the position of the first of them in the sequence; it is null
/// where no op needs it.
struct CallRows {
  Value row, count, position = {};
};

/// Emits a kernel.compute that runs the decompositions of `ops`, one after another, on these rows of their inputs. It
/// writes the results of the last op to `outs`.
void computeDecomposed(ScheduleBuilder &b, ArrayRef<Operation *> ops, const CallRows &rows, ValueRange outs);

/// Emits a phase of one tile that runs the decompositions of `ops` on all rows of the call. `out` takes the result of
/// the last op.
void scheduleDecomposed(ScheduleBuilder &b, StringRef name, ArrayRef<Operation *> ops, spmd::BufferOp out);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_DECOMPOSED_H
