//===- DeltaNet.cpp - convolutions and the gated delta rule -------------------------------------------------------===//

#include "compiler/codegen/schedule/ScheduleTable.h"

using namespace mlir;
using namespace mlir::lm;

/// Convolutions in a row, which do not depend on each other: one phase, a tile for each part of their states.
static LogicalResult scheduleConvolutions(ScheduleBuilder &b, CausalConv1dOp first) {
  SmallVector<CausalConv1dOp> ops = {first};
  for (auto next = dyn_cast<CausalConv1dOp>(first->getNextNode()); next;
       next = dyn_cast<CausalConv1dOp>(next->getNextNode())) {
    if (failed(verifyOperands(b, next)))
      return failure();
    ops.push_back(next);
    b.markScheduled(next);
  }
  SmallVector<spmd::BufferOp> ins, outs;
  SmallVector<int64_t> tiles;
  for (CausalConv1dOp op : ops) {
    ins.push_back(b.bufferOf(op.getInput()));
    outs.push_back(b.arenaBuffer(b.numbered("convolved"), columnsOf(op.getResult())));
    b.setBuffer(op.getResult(), outs.back());
    tiles.push_back(cast<RecurrentStateType>(op.getState().getType()).getParts());
  }
  b.tiled("conv1d", llvm::sum_of(tiles), b.options.maxRows, [&](Value tile, Value row, Value count) {
    b.choosePart(tile, tiles, [&](size_t index, Value part) {
      CausalConv1dOp op = ops[index];
      int64_t channels = columnsOf(op.getResult()) / tiles[index];
      Value column = b.times(part, channels);
      OpFoldResult width = b.getIndexAttr(channels);
      kernel::Conv1dOp::create(b, b.read(ins[index], row, column, count, width), b.weight(op.getWeight()), column,
                               b.weight(op.getState()), part, b.function.position,
                               b.write(outs[index], row, column, count, width), op.getWidthAttr());
    });
  });
  return success();
}

static void scheduleDeltaRule(ScheduleBuilder &b, GatedDeltaRuleOp op) {
  int64_t heads = columnsOf(op.getA()), keyHeads = op.getHeads(), keyDim = columnsOf(op.getKey()) / keyHeads;
  int64_t parts = cast<RecurrentStateType>(op.getState().getType()).getParts(),
          columns = columnsOf(op.getValue()) / parts;
  spmd::BufferOp query = b.bufferOf(op.getQuery()), key = b.bufferOf(op.getKey()), value = b.bufferOf(op.getValue());
  spmd::BufferOp alpha = b.bufferOf(op.getA()), beta = b.bufferOf(op.getB());
  spmd::BufferOp out = b.arenaBuffer(b.numbered("delta"), columnsOf(op.getResult()));
  b.setBuffer(op.getResult(), out);
  b.tiled("delta_rule", parts, b.options.maxRows, [&](Value part, Value row, Value count) {
    auto over = [&](Value number, int64_t by) { return arith::DivUIOp::create(b, number, b.constant(by)); };
    Value head = over(part, parts / heads), keyColumn = b.times(over(head, heads / keyHeads), keyDim);
    Value column = b.times(part, columns);
    OpFoldResult keyWidth = b.getIndexAttr(keyDim), width = b.getIndexAttr(columns);
    kernel::DeltaRuleOp::create(b, b.read(query, row, keyColumn, count, keyWidth),
                                b.read(key, row, keyColumn, count, keyWidth), b.read(value, row, column, count, width),
                                b.readRows(alpha, row, count), b.readRows(beta, row, count), b.weight(op.getDecay()),
                                b.weight(op.getBias()), head, b.weight(op.getState()), part, b.function.position,
                                b.write(out, row, column, count, width));
  });
}

void lm::addDeltaNetSchedules(ScheduleTable &table) {
  table.add(scheduleConvolutions);
  table.add(scheduleDeltaRule);
}
