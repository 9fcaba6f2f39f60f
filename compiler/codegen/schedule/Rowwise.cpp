//===- Rowwise.cpp - ops on single rows ---------------------------------------------------------------------------===//

#include "compiler/codegen/schedule/Scheduler.h"

using namespace mlir;
using namespace mlir::lm;

void Scheduler::scheduleAddNorm(AddNormOp op) {
  spmd::BufferOp x = bufferOf(op.getInput()), pending = bufferOf(op.getPending());
  spmd::BufferOp normed = isDeferred ? rowsBuffer(prefix + "normed", columnsOf(op.getNormed()))
                                     : rowsBuffer(local("normed"), columnsOf(op.getNormed()));
  // The stream is updated in place: a row's sum needs that row alone. The head entry reads the stream that prefill
  // left, perhaps more than once, and must leave it as it is.
  spmd::BufferOp sum = entry == Entry::Head ? rowsBuffer("sum", columnsOf(op.getSum())) : x;
  if (!isDeferred)
    sum = rowsBuffer(local("sum"), columnsOf(op.getSum()));
  Value post = weight(op.getPost()), scale = weight(op.getWeight());
  FloatAttr eps = op.getEpsAttr();
  int64_t group = columnsOf(op.getNormed());
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    Value out = writeRows(normed, row, count), in = readRows(x, rowIn(x, row), count);
    Value added = readRows(pending, rowIn(pending, row), count), total = writeRows(sum, row, count);
    if (isDecomposed(whole))
      return compute(whole, row, count, Value(), {total, out});
    if (post) {
      kernel::NormOp::create(builder, loc, added, post, Value(), out, builder.getI64IntegerAttr(group), eps);
      added = out;
    }
    kernel::AddOp::create(builder, loc, in, added, total);
    kernel::NormOp::create(builder, loc, total, scale, Value(), out, builder.getI64IntegerAttr(group), eps);
  });
  buffers[op.getSum()] = sum;
  buffers[op.getNormed()] = normed;
}

/// Whether `op` is the last to look at `value`.
static bool isLastUse(Value value, Operation *op) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    return user == op || (user->getBlock() == op->getBlock() && user->isBeforeInBlock(op));
  });
}

void Scheduler::scheduleAdd(AddOp op) {
  spmd::BufferOp lhs = bufferOf(op.getLhs()), rhs = bufferOf(op.getRhs());
  // Where nobody looks at the stream again it is updated in place, as in scheduleAddNorm.
  bool isInPlace = isDeferred && entry != Entry::Head && lhs == residualStream && isLastUse(op.getLhs(), op);
  spmd::BufferOp out = isInPlace ? lhs : rowsBuffer(local("sum"), columnsOf(op.getResult()));
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    if (isDecomposed(whole))
      return compute(whole, row, count, Value(), writeRows(out, row, count));
    kernel::AddOp::create(builder, loc, readRows(lhs, rowIn(lhs, row), count), readRows(rhs, rowIn(rhs, row), count),
                          writeRows(out, row, count));
  });
  buffers[op.getResult()] = out;
}

void Scheduler::scheduleNorm(NormOp op) {
  spmd::BufferOp in = bufferOf(op.getInput()), out = rowsBuffer(local("normed"), columnsOf(op.getResult()));
  Value scale = weight(op.getWeight()), bias = weight(op.getBias());
  FloatAttr eps = op.getEpsAttr();
  int64_t group = columnsOf(op.getResult()) / static_cast<int64_t>(op.getGroups());
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    if (isDecomposed(whole))
      return compute(whole, row, count, Value(), writeRows(out, row, count));
    kernel::NormOp::create(builder, loc, readRows(in, rowIn(in, row), count), scale, bias, writeRows(out, row, count),
                           builder.getI64IntegerAttr(group), eps);
  });
  buffers[op.getResult()] = out;
}

void Scheduler::scheduleRope(RopeOp op) {
  if (deferred.contains(op))
    return;
  spmd::BufferOp in = bufferOf(op.getInput()), out = rowsBuffer(local("rotated"), columnsOf(op.getResult()));
  int64_t from = op.getFrom();
  spmd::BufferOp angles = ropeTable(op.getRope());
  int64_t dim = columnsOf(op.getResult()) / static_cast<int64_t>(op.getHeads());
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    Value to = writeRows(out, row, count);
    if (isDecomposed(whole))
      return compute(whole, row, count, arith::AddIOp::create(builder, loc, position, row), to);
    kernel::CopyOp::create(builder, loc, readRows(in, row, count), to);
    kernel::RopeOp::create(builder, loc, readRows(angles, row, count), to, dim, from);
  });
  buffers[op.getResult()] = out;
}

void Scheduler::scheduleAddPositions(AddPositionsOp op) {
  spmd::BufferOp x = buffers[op.getResult()] = bufferOf(op.getInput());
  Value table = weight(op.getTable());
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    Value at = arith::AddIOp::create(builder, loc, position, row), out = writeRows(x, row, count);
    if (isDecomposed(whole))
      return compute(whole, row, count, at, out);
    kernel::AddPositionsOp::create(builder, loc, table, at, out);
  });
}

/// An op that makes a row of rows and nothing else.
void Scheduler::scheduleRowwise(Operation *op, std::function<void(ValueRange ins, Value out)> kernel) {
  Value result = op->getResult(0);
  spmd::BufferOp out = rowsBuffer(local(op->getName().stripDialect()), columnsOf(result));
  SmallVector<spmd::BufferOp> from;
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      from.push_back(bufferOf(operand));
  rowwise.push_back([=, this](Value row, Value count) {
    Value to = writeRows(out, row, count);
    if (isDecomposed(op))
      return compute(op, row, count, Value(), to);
    SmallVector<Value> ins;
    for (spmd::BufferOp buffer : from)
      ins.push_back(readRows(buffer, rowIn(buffer, row), count));
    kernel(ins, to);
  });
  buffers[result] = out;
}

void Scheduler::schedulePart(PartOp op) {
  spmd::BufferOp from = bufferOf(op.getInput());
  int64_t width = columnsOf(op.getResult());
  spmd::BufferOp out = rowsBuffer(local("part"), width);
  Value index = op.getIndex() ? mapping.lookup(op.getIndex()) : Value();
  int64_t number = op.getNumber().value_or(0);
  rowwise.push_back([=, this](Value row, Value count) {
    Value column =
        index ? arith::MulIOp::create(builder, loc, index, constant(width)).getResult() : constant(number * width);
    kernel::CopyOp::create(builder, loc, read(from, rowIn(from, row), column, count, builder.getIndexAttr(width)),
                           writeRows(out, row, count));
  });
  buffers[op.getResult()] = out;
}
