//===- SampledCalls.h - the calls that a schedule is verified for -------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SAMPLEDCALLS_H
#define LATHE_COMPILER_CODEGEN_SAMPLEDCALLS_H

#include "dialects/spmd/SPMDOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <vector>

namespace mlir::lm {

/// One call of a program.
struct Call {
  spmd::ProgramOp program;
  int64_t rows;
  int64_t position; // of the first row in the sequence
  int64_t first;    // of a program that comes after another one: row 0 is this row of that one's call
};

/// A sequence of calls of all programs.
///
/// Numbers of rows: the maximum, one less (a multiple of no tile), about half, one. Positions: the first, the last, and
/// those where a window begins to slide and a ring to wrap, at the start of a call and inside it. A program that comes
/// after another one is called after every call of that one, for its first and its last rows.
std::vector<Call> sampleCalls(ModuleOp module);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SAMPLEDCALLS_H
