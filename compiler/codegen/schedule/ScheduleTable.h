//===- ScheduleTable.h - which function schedules an op -----------------------------------------------------------===//
//
// A schedule is a free function `scheduleX(ScheduleBuilder &, XOp)`. It emits a phase, or hands work on single rows to
// `onRows`, and says with `setBuffer` where the op's results lie. A line at the end of its file puts it into the table.
// An op without a line runs as its decomposition, in a phase of one tile.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULETABLE_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULETABLE_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"

namespace mlir::lm {

class ScheduleTable {
public:
  using Function = std::function<LogicalResult(ScheduleBuilder &, Operation *)>;
  /// Fills row after row of `out` from the rows `ins` of the op's operands.
  template <typename OpTy> using RowwiseFunction = void (*)(ScheduleBuilder &, OpTy op, ValueRange ins, Value out);

  /// With the schedules of every file.
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
  /// An op that makes a row of rows and nothing else, with one kernel.
  template <typename OpTy> void addRowwise(RowwiseFunction<OpTy> fill) {
    functions[OpTy::getOperationName()] = [fill](ScheduleBuilder &b, Operation *op) {
      scheduleRowwise(b, op, [&b, fill, op](ValueRange ins, Value out) { fill(b, cast<OpTy>(op), ins, out); });
      return success();
    };
  }

  /// Schedules one op, and whatever shares its phase.
  LogicalResult schedule(ScheduleBuilder &b, Operation *op) const;

private:
  static void scheduleRowwise(ScheduleBuilder &b, Operation *op, std::function<void(ValueRange ins, Value out)> fill);

  llvm::StringMap<Function> functions; // by the op's name
};

/// Whether what an op works on has a place: rows a buffer, weights a layout, caches rows.
LogicalResult verifyOperands(ScheduleBuilder &b, Operation *op);

// The lines of each file.
void addAttentionSchedules(ScheduleTable &table);
void addDeltaNetSchedules(ScheduleTable &table);
void addExpertSchedules(ScheduleTable &table);
void addLatentAttentionSchedules(ScheduleTable &table);
void addProjectionSchedules(ScheduleTable &table);
void addRowwiseSchedules(ScheduleTable &table);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULETABLE_H
