//===- Projections.h - what schedules of products ask each other --------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_PROJECTIONS_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_PROJECTIONS_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"

namespace mlir::lm {

/// Queries that nothing but a product for each head reads, rotated: with few rows the tile of that product makes its
/// own head's. True: it does, and the op has no phase of its own.
bool deferQueries(ScheduleBuilder &b, LinearOp linear);

/// The second product of the expert for all rows, which a decode step computes beside the first one of the others.
/// True: it does, and the op has no phase of its own.
bool deferSharedExpert(ScheduleBuilder &b, LinearOp linear);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_PROJECTIONS_H
