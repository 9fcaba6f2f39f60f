//===- Projections.h - what schedules of products ask each other --------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_PROJECTIONS_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_PROJECTIONS_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"

namespace mlir::lm {

/// If `linear` makes queries that only a product per head reads (after rope), and rows are few, each tile of that
/// product computes the queries of its own head. Returns whether this is so; `linear` then has no phase of its own.
bool deferQueries(ScheduleBuilder &b, LinearOp linear);

/// If `linear` is the down product of the shared expert, a decode step computes it in the phase in which the other
/// experts compute gate and up. Returns whether this is so; `linear` then has no phase of its own.
bool deferSharedExpert(ScheduleBuilder &b, LinearOp linear);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_PROJECTIONS_H
