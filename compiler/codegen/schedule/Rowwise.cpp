//===- Rowwise.cpp - ops on single rows ---------------------------------------------------------------------------===//

#include "compiler/codegen/schedule/Decomposed.h"
#include "compiler/codegen/schedule/ScheduleTable.h"

using namespace mlir;
using namespace mlir::lm;

static void scheduleAddNorm(ScheduleBuilder &b, AddNormOp op) {
  spmd::BufferOp x = b.bufferOf(op.getInput()), pending = b.bufferOf(op.getPending());
  int64_t columns = columnsOf(op.getNormed());
  spmd::BufferOp normed = b.rowsBuffer(b.hasPending ? b.function.prefix + "normed" : b.numbered("normed"), columns);
  // The stream is updated in place: the sum of a row needs this row only. The logits entry must not change the stream
  // that prefill left, since it may be called several times.
  spmd::BufferOp sum = b.options.entry == Entry::Logits ? b.rowsBuffer("sum", columnsOf(op.getSum())) : x;
  if (!b.hasPending)
    sum = b.rowsBuffer(b.numbered("sum"), columnsOf(op.getSum()));
  Value post = b.weight(op.getPost()), scale = b.weight(op.getWeight());
  b.onRows([=, &b](Value row, Value count) mutable {
    Value out = b.writeRows(normed, row, count), in = b.readRows(x, b.rowIn(x, row), count);
    Value added = b.readRows(pending, b.rowIn(pending, row), count), total = b.writeRows(sum, row, count);
    if (b.isDecomposed(op))
      return computeDecomposed(b, op.getOperation(), {row, count}, {total, out});
    IntegerAttr group = b.getI64IntegerAttr(columns);
    if (post) {
      kernel::NormOp::create(b, added, post, Value(), out, group, op.getEpsAttr());
      added = out;
    }
    kernel::AddOp::create(b, in, added, total);
    kernel::NormOp::create(b, total, scale, Value(), out, group, op.getEpsAttr());
  });
  b.setBuffer(op.getSum(), sum);
  b.setBuffer(op.getNormed(), normed);
}

/// Whether `op` is the last use of `value`.
static bool isLastUse(Value value, Operation *op) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    return user == op || (user->getBlock() == op->getBlock() && user->isBeforeInBlock(op));
  });
}

static void scheduleAdd(ScheduleBuilder &b, AddOp op) {
  spmd::BufferOp lhs = b.bufferOf(op.getLhs()), rhs = b.bufferOf(op.getRhs());
  // After its last use the stream is updated in place, as in scheduleAddNorm.
  bool isInPlace = b.hasPending && b.options.entry != Entry::Logits && b.isResidual(lhs) && isLastUse(op.getLhs(), op);
  spmd::BufferOp out = isInPlace ? lhs : b.rowsBuffer(b.numbered("sum"), columnsOf(op.getResult()));
  b.onRows([=, &b](Value row, Value count) mutable {
    if (b.isDecomposed(op))
      return computeDecomposed(b, op.getOperation(), {row, count}, b.writeRows(out, row, count));
    kernel::AddOp::create(b, b.readRows(lhs, b.rowIn(lhs, row), count), b.readRows(rhs, b.rowIn(rhs, row), count),
                          b.writeRows(out, row, count));
  });
  b.setBuffer(op.getResult(), out);
}

static void scheduleNorm(ScheduleBuilder &b, NormOp op) {
  spmd::BufferOp in = b.bufferOf(op.getInput());
  spmd::BufferOp out = b.rowsBuffer(b.numbered("normed"), columnsOf(op.getResult()));
  Value scale = b.weight(op.getWeight()), bias = b.weight(op.getBias());
  int64_t group = columnsOf(op.getResult()) / static_cast<int64_t>(op.getGroups());
  b.onRows([=, &b](Value row, Value count) mutable {
    if (b.isDecomposed(op))
      return computeDecomposed(b, op.getOperation(), {row, count}, b.writeRows(out, row, count));
    kernel::NormOp::create(b, b.readRows(in, b.rowIn(in, row), count), scale, bias, b.writeRows(out, row, count),
                           b.getI64IntegerAttr(group), op.getEpsAttr());
  });
  b.setBuffer(op.getResult(), out);
}

static void scheduleRope(ScheduleBuilder &b, RopeOp op) {
  spmd::BufferOp in = b.bufferOf(op.getInput());
  spmd::BufferOp out = b.rowsBuffer(b.numbered("rotated"), columnsOf(op.getResult()));
  spmd::BufferOp angles = b.ropeTable(op.getRope());
  int64_t from = op.getFrom(), dim = columnsOf(op.getResult()) / static_cast<int64_t>(op.getHeads());
  b.onRows([=, &b](Value row, Value count) mutable {
    Value to = b.writeRows(out, row, count);
    if (b.isDecomposed(op)) {
      Value position = arith::AddIOp::create(b, b.function.position, row);
      return computeDecomposed(b, op.getOperation(), {row, count, position}, to);
    }
    kernel::CopyOp::create(b, b.readRows(in, row, count), to);
    kernel::RopeOp::create(b, b.readRows(angles, row, count), to, dim, from);
  });
  b.setBuffer(op.getResult(), out);
}

static void scheduleAddPositions(ScheduleBuilder &b, AddPositionsOp op) {
  spmd::BufferOp x = b.bufferOf(op.getInput());
  b.setBuffer(op.getResult(), x);
  Value table = b.weight(op.getTable());
  b.onRows([=, &b](Value row, Value count) mutable {
    Value position = arith::AddIOp::create(b, b.function.position, row), out = b.writeRows(x, row, count);
    if (b.isDecomposed(op))
      return computeDecomposed(b, op.getOperation(), {row, count, position}, out);
    kernel::AddPositionsOp::create(b, table, position, out);
  });
}

static void schedulePart(ScheduleBuilder &b, PartOp op) {
  spmd::BufferOp from = b.bufferOf(op.getInput());
  int64_t width = columnsOf(op.getResult()), number = op.getNumber().value_or(0);
  spmd::BufferOp out = b.rowsBuffer(b.numbered("part"), width);
  Value index = op.getIndex() ? b.mapping.lookup(op.getIndex()) : Value();
  b.onRows([=, &b](Value row, Value count) mutable {
    Value column = index ? b.times(index, width) : b.constant(number * width);
    kernel::CopyOp::create(b, b.read(from, b.rowIn(from, row), column, count, b.getIndexAttr(width)),
                           b.writeRows(out, row, count));
  });
  b.setBuffer(op.getResult(), out);
}

void lm::addRowwiseSchedules(ScheduleTable &table) {
  table.add(scheduleAdd);
  table.add(scheduleAddNorm);
  table.add(scheduleAddPositions);
  table.add(scheduleNorm);
  table.add(schedulePart);
  table.add(scheduleRope);
  table.addRowwise<AltUpCorrectOp>([](ScheduleBuilder &b, AltUpCorrectOp, ValueRange in, Value out) {
    kernel::AltUpCorrectOp::create(b, in[0], in[1], in[2], out);
  });
  table.addRowwise<AltUpInjectOp>([](ScheduleBuilder &b, AltUpInjectOp, ValueRange in, Value out) {
    kernel::AltUpInjectOp::create(b, in[0], in[1], out);
  });
  table.addRowwise<AltUpPredictOp>([](ScheduleBuilder &b, AltUpPredictOp, ValueRange in, Value out) {
    kernel::AltUpPredictOp::create(b, in[0], in[1], out);
  });
  table.addRowwise<ConcatOp>(
      [](ScheduleBuilder &b, ConcatOp, ValueRange in, Value out) { kernel::ConcatOp::create(b, in, out); });
  table.addRowwise<GluOp>([](ScheduleBuilder &b, GluOp op, ValueRange in, Value out) {
    kernel::GluOp::create(b, in[0], in[1], out, op.getActivationAttr());
  });
  table.addRowwise<MatchMagnitudeOp>([](ScheduleBuilder &b, MatchMagnitudeOp op, ValueRange in, Value out) {
    kernel::MatchMagnitudeOp::create(b, in[0], in[1], out, op.getEpsAttr());
  });
  table.addRowwise<MultiplyOp>([](ScheduleBuilder &b, MultiplyOp op, ValueRange in, Value out) {
    kernel::MultiplyOp::create(b, in[0], b.weight(op.getWeight()), out);
  });
  table.addRowwise<ScaleOp>([](ScheduleBuilder &b, ScaleOp op, ValueRange in, Value out) {
    kernel::CopyOp::create(b, in[0], out);
    kernel::ScaleOp::create(b, out, op.getFactorAttr());
  });
  table.addRowwise<SparsifyOp>([](ScheduleBuilder &b, SparsifyOp op, ValueRange in, Value out) {
    kernel::SparsifyOp::create(b, in[0], out, op.getDeviationsAttr());
  });
}
