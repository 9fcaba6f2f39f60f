//===- ScheduleTable.h - which function schedules an op -----------------------------------------------------------===//
//
// A schedule is a free function `scheduleX(ScheduleBuilder &, XOp)`. It emits a phase, or hands work on single rows to
// `onRows`, and sets the buffers of the op's results with `setBuffer`. A line at the end of its file adds it to the
// table. An op that is not in the table runs as its decomposition, in a phase of one tile.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULETABLE_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULETABLE_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"

namespace mlir::lm {

class ScheduleTable {
public:
  using Function = std::function<LogicalResult(ScheduleBuilder &, Operation *)>;
  /// Computes rows of the result, `out`, from the same rows of the operands, `ins`.
  template <typename OpTy> using RowwiseFunction = void (*)(ScheduleBuilder &, OpTy op, ValueRange ins, Value out);

  /// Has the schedules of all files.
  ScheduleTable();

  template <typename OpTy> void add(void (*schedule)(ScheduleBuilder &, OpTy)) {
    functions[OpTy::getOperationName()] = [schedule](ScheduleBuilder &b, Operation *op) {
      schedule(b, cast<OpTy>(op));
      return success();
    };
  }
  template <typename OpTy> void add(LogicalResult (*schedule)(ScheduleBuilder &, OpTy)) {
    functions[OpTy::getOperationName()] = [schedule](ScheduleBuilder &b, Operation *op) {
      return schedule(b, cast<OpTy>(op));
    };
  }
  /// Adds an op whose result's row depends on the same row of its operands only, and is computed by one kernel.
  template <typename OpTy> void addRowwise(RowwiseFunction<OpTy> fill) {
    functions[OpTy::getOperationName()] = [fill](ScheduleBuilder &b, Operation *op) {
      scheduleRowwise(b, op, [&b, fill, op](ValueRange ins, Value out) { fill(b, cast<OpTy>(op), ins, out); });
      return success();
    };
  }

  /// Schedules an op, and the ops that share its phase.
  LogicalResult schedule(ScheduleBuilder &b, Operation *op) const;

private:
  static void scheduleRowwise(ScheduleBuilder &b, Operation *op, std::function<void(ValueRange ins, Value out)> fill);

  llvm::StringMap<Function> functions; // by the op's name
};

/// Checks that every operand has what schedules need: rows have a buffer, weights a layout, caches a number of rows.
LogicalResult verifyOperands(ScheduleBuilder &b, Operation *op);

// Each adds the schedules of one file.
void addAttentionSchedules(ScheduleTable &table);
void addDeltaNetSchedules(ScheduleTable &table);
void addExpertSchedules(ScheduleTable &table);
void addLatentAttentionSchedules(ScheduleTable &table);
void addProjectionSchedules(ScheduleTable &table);
void addRowwiseSchedules(ScheduleTable &table);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULETABLE_H
