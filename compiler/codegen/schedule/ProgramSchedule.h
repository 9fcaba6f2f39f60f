//===- ProgramSchedule.h - one entry point as a program -----------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_PROGRAMSCHEDULE_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_PROGRAMSCHEDULE_H

#include "compiler/codegen/schedule/ScheduleTable.h"

namespace mlir::lm {

/// Adds the program of one entry point to `module`. It has the kinds of layers of `forward` (not in the logits entry),
/// and of the ops outside of the layers: in prefill those before them, in the logits entry those after them, in decode
/// both.
LogicalResult scheduleProgram(ModuleOp module, func::FuncOp forward, const ScheduleTable &table,
                              const ProgramOptions &options);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_PROGRAMSCHEDULE_H
