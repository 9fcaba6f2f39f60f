#include "compiler/codegen/schedule/Experts.h"
#include "compiler/codegen/schedule/Decomposed.h"
#include "compiler/codegen/schedule/Projections.h"
#include "compiler/codegen/schedule/ScheduleTable.h"

using namespace mlir;
using namespace mlir::lm;

static void scheduleRoute(ScheduleBuilder &b, RouteOp op) {
  int64_t top = op.getTop();
  spmd::BufferOp scores = b.bufferOf(op.getScores()), weights = b.rowsBuffer(b.numbered("weights"), top);
  spmd::BufferOp experts = b.rowsBuffer(b.numbered("experts"), top, b.getI32Type());
  b.setBuffer(op.getWeights(), weights);
  b.setBuffer(op.getExperts(), experts);
  Value correction = b.weight(op.getCorrection());
  spmd::BufferOp scratch; // scores, with those of groups that are not chosen masked
  if (op.getTopGroups() < op.getGroups())
    scratch = b.rowsBuffer(b.numbered("scores"), columnsOf(op.getScores()));
  b.onRows([=, &b](Value row, Value count) mutable {
    Value outs[] = {b.writeRows(weights, row, count), b.writeRows(experts, row, count)};
    if (b.isDecomposed(op))
      return computeDecomposed(b, op.getOperation(), {row, count}, outs);
    kernel::RouteOp::create(b, b.readRows(scores, row, count), correction,
                            scratch ? b.writeRows(scratch, row, count) : Value(), outs[0], outs[1], op.getScoringAttr(),
                            op.getScaleAttr(), op.getNormalizedAttr(), op.getGroupsAttr(), op.getTopGroupsAttr(),
                            op.getGroupTermsAttr());
  });
}

bool lm::deferSharedExpert(ScheduleBuilder &b, LinearOp linear) {
  if (!b.hasFewRows || linear.getBias() || !linear->hasOneUse() || b.isDecomposed(linear))
    return false;
  auto experts = dyn_cast<ExpertsOp>(*linear->user_begin());
  if (!experts || b.isDecomposed(experts) || experts.getShared() != linear.getResult())
    return false;
  b.setBuffer(linear.getResult(), b.arenaBuffer(b.numbered("projected"), columnsOf(linear.getResult())));
  b.defer(linear);
  return true;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Both schedules
//===--------------------------------------------------------------------------------------------------------------===//

Mixture::Mixture(ScheduleBuilder &b, ExpertsOp op, spmd::BufferOp out)
    : b(b), op(op), top(lm::columnsOf(op.getWeights())), hidden(lm::columnsOf(op.getResult())), out(out),
      weights(b.bufferOf(op.getWeights())), chosen(b.bufferOf(op.getExperts())) {
  auto gate = cast<WeightType>(op.getGate().getType());
  innerColumns = gate.getRows();
  experts = gate.getExperts();
  if (op.getShared())
    shared = b.bufferOf(op.getShared());
  if (op.getSharedGate())
    sharedGate = b.bufferOf(op.getSharedGate());
  gateIn = operandFor(b, op.getInput(), op.getGate());
  upIn = operandFor(b, op.getInput(), op.getUp());
}

/// Many rows: each tile encodes its own columns. One row: every worker encodes all slots in its own scratch.
void Mixture::makeInner() {
  int64_t step = b.productStep(innerColumns);
  downEncoding = b.options.target.getRows(cast<WeightType>(op.getDown().getType()));
  inner = {{}, {}, blockRows, step};
  if (!canEncodeTiles(b, downEncoding, step))
    inner.rows = slotBuffer("gated", innerColumns, b.getF32Type());
  downIn = inner.rows;
  if (downEncoding != OperandEncoding::F32) {
    int64_t columns = *getConstantIntValue(encodedColumns(b, downEncoding, index(innerColumns)));
    downIn = b.buffer(b.numbered("gated_encoded"), slots(), columns, elementOf(b, downEncoding),
                      b.hasFewRows ? spmd::Space::Scratch : spmd::Space::Arena);
  }
  if (!inner.rows)
    inner.encoded.push_back({downEncoding, downIn});
  auto scratch = [&](StringRef name) {
    return b.buffer(name + Twine(step), blockRows, step, b.getF32Type(), spmd::Space::Scratch);
  };
  gateScratch = scratch("expert_gate.");
  upScratch = scratch("expert_up.");
}

Value Mixture::expertOf(Value block) {
  OpFoldResult zero = index(0), one = index(1);
  return isOneRow ? b.read(blockExperts, zero, block, one, one) : b.read(blockExperts, block, zero, one, one);
}

void Mixture::addBias(Value bias, int64_t each, Value block, Value column, Value out) {
  if (bias)
    kernel::AddBiasOp::create(b, b.weight(bias), column, out, expertOf(block), each);
}

void Mixture::gateUp(Value block, Value row, Value column, OpFoldResult columns) {
  OpFoldResult zero = index(0), all = index(blockRows), from = isOneRow ? zero : OpFoldResult(row);
  Value gate = b.write(gateScratch, zero, zero, all, columns), up = b.write(upScratch, zero, zero, all, columns);
  auto product = [&](spmd::BufferOp in, Value matrix, Value to) {
    Value rows = b.read(in, from, zero, all, columnsOf(in));
    kernel::MatmulOp::create(b, rows, b.weight(matrix), column, to, expertOf(block));
  };
  product(gateIn, op.getGate(), gate);
  product(upIn, op.getUp(), up);
  if (op.getScalesInput()) {
    // The products are linear in the input, so the factor of the input can multiply them.
    Value factors = b.read(slotWeights, from, zero, all, index(1));
    kernel::ScaleRowsOp::create(b, factors, gate);
    kernel::ScaleRowsOp::create(b, factors, up);
  }
  addBias(op.getGateBias(), innerColumns, block, column, gate);
  addBias(op.getUpBias(), innerColumns, block, column, up);
  auto fill = [&](Value to) {
    kernel::GluOp::create(b, gate, up, to, op.getActivationAttr(), op.getLimitAttr(), op.getUpOffsetAttr());
  };
  fillTile(b, inner, {row, column, all, columns}, fill, /*rounds=*/true);
}

void Mixture::encodeInner(Value row, OpFoldResult rows) {
  OpFoldResult zero = index(0);
  encode(b, downEncoding, b.read(inner.rows, row, zero, rows, columnsOf(inner.rows)),
         b.write(downIn, row, zero, rows, columnsOf(downIn)));
}

void Mixture::down(Value block, Value row, Value column, Value to) {
  Value rows = b.read(downIn, row, index(0), index(blockRows), columnsOf(downIn));
  kernel::MatmulOp::create(b, rows, b.weight(op.getDown()), column, to, expertOf(block));
  addBias(op.getDownBias(), hidden, block, column, to);
}

void Mixture::combine(Value mixed, const TilePart &part) {
  Value count = cast<Value>(part.rows);
  kernel::CombineOp::create(b, mixed, b.readRows(weights, part.row, count),
                            slotNumbers ? b.readRows(slotNumbers, part.row, count) : Value(),
                            shared ? b.read(shared, part.row, part.column, count, part.columns) : Value(),
                            sharedGate ? b.readRows(sharedGate, part.row, count) : Value(),
                            b.write(out, part.row, part.column, count, part.columns), op.getScalesInputAttr());
}

void ExpertTiles::emit(Mixture &mixture, Value tile,
                       function_ref<void(Value block, Value row, Value column, OpFoldResult width)> body) const {
  ScheduleBuilder &b = mixture.b;
  Value block = arith::DivUIOp::create(b, tile, b.constant(perBlock()));
  Value column = b.times(arith::RemUIOp::create(b, tile, b.constant(perBlock())), step);
  OpFoldResult width = b.widthFrom(column, columns, step);
  body(block, mixture.rowOf(block), column, width);
}

static void scheduleExperts(ScheduleBuilder &b, ExpertsOp op) {
  int64_t hidden = columnsOf(op.getResult());
  spmd::BufferOp out = b.isPending(op.getResult()) ? b.pending(hidden) : b.arenaBuffer(b.numbered("mixed"), hidden);
  b.setBuffer(op.getResult(), out);
  if (b.isDecomposed(op))
    return scheduleDecomposed(b, "experts", op.getOperation(), out);
  Mixture mixture(b, op, out);
  b.hasFewRows ? scheduleExpertsOfOneRow(mixture) : scheduleDispatchedExperts(mixture);
}

void lm::addExpertSchedules(ScheduleTable &table) {
  table.add(scheduleExperts);
  table.add(scheduleRoute);
}
