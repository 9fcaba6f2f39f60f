//===- DeltaNet.cpp - convolutions and the gated delta rule -------------------------------------------------------===//

#include "compiler/codegen/schedule/Scheduler.h"

using namespace mlir;
using namespace mlir::lm;

/// Convolutions that nobody waits for between them: one phase, a tile for each part of their states.
void Scheduler::scheduleConvolutions(ArrayRef<CausalConv1dOp> ops) {
  SmallVector<spmd::BufferOp> ins, outs;
  SmallVector<int64_t> tiles;
  for (CausalConv1dOp op : ops) {
    ins.push_back(bufferOf(op.getInput()));
    outs.push_back(buffers[op.getResult()] = arenaBuffer(local("convolved"), columnsOf(op.getResult())));
    tiles.push_back(cast<CarryType>(op.getState().getType()).getParts());
  }
  tiled("conv1d", llvm::sum_of(tiles), maxRows, [&](Value tile, Value row, Value count) {
    choosePart(tile, tiles, [&](size_t index, Value part) {
      CausalConv1dOp op = ops[index];
      int64_t channels = columnsOf(op.getResult()) / tiles[index];
      Value column = arith::MulIOp::create(builder, loc, part, constant(channels));
      OpFoldResult width = builder.getIndexAttr(channels);
      kernel::Conv1dOp::create(builder, loc, read(ins[index], row, column, count, width), weight(op.getWeight()),
                               column, weight(op.getState()), part, position,
                               write(outs[index], row, column, count, width), op.getWidthAttr());
    });
  });
}

void Scheduler::scheduleDeltaRule(GatedDeltaRuleOp op) {
  int64_t heads = columnsOf(op.getA()), keyHeads = op.getHeads(), keyDim = columnsOf(op.getKey()) / keyHeads;
  int64_t parts = cast<CarryType>(op.getState().getType()).getParts(), columns = columnsOf(op.getValue()) / parts;
  spmd::BufferOp query = bufferOf(op.getQuery()), key = bufferOf(op.getKey()), value = bufferOf(op.getValue());
  spmd::BufferOp a = bufferOf(op.getA()), b = bufferOf(op.getB());
  spmd::BufferOp out = buffers[op.getResult()] = arenaBuffer(local("delta"), columnsOf(op.getResult()));
  tiled("delta_rule", parts, maxRows, [&](Value part, Value row, Value count) {
    auto over = [&](Value number, int64_t by) { return arith::DivUIOp::create(builder, loc, number, constant(by)); };
    auto times = [&](Value number, int64_t by) -> Value {
      return arith::MulIOp::create(builder, loc, number, constant(by));
    };
    Value head = over(part, parts / heads), keyColumn = times(over(head, heads / keyHeads), keyDim);
    Value column = times(part, columns);
    OpFoldResult keyWidth = builder.getIndexAttr(keyDim), width = builder.getIndexAttr(columns);
    kernel::DeltaRuleOp::create(
        builder, loc, read(query, row, keyColumn, count, keyWidth), read(key, row, keyColumn, count, keyWidth),
        read(value, row, column, count, width), readRows(a, row, count), readRows(b, row, count), weight(op.getDecay()),
        weight(op.getBias()), head, weight(op.getState()), part, position, write(out, row, column, count, width));
  });
}
