//===- ProgramSchedule.h - one entry point as a program -----------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_PROGRAMSCHEDULE_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_PROGRAMSCHEDULE_H

#include "compiler/codegen/schedule/ScheduleTable.h"

namespace mlir::lm {

/// Adds to `module` the program of one entry point. Walks `forward` and, except for the logits entry, its kinds of layers. Of
/// the ops outside the layers prefill has those before them, the head those after them, and decode both.
LogicalResult scheduleProgram(ModuleOp module, func::FuncOp forward, const ScheduleTable &table,
                              const ProgramOptions &options);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_PROGRAMSCHEDULE_H
