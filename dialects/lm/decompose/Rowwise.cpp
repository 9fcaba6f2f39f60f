//===- Rowwise.cpp - what ops on rows mean: embeddings, norms, activations, sums ----------------------------------===//

#include "dialects/lm/decompose/Decomposer.h"

using namespace mlir;
using namespace mlir::lm;

Decomposed EmbedOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value table = ValuesOp::create(d, getTable());
  Value out = d.empty(d.rowsOf(getIds()), cast<RankedTensorType>(getType()));
  return SmallVector{d.generic(2, {{0}, {0, 1}}, getIds(), out, [&](ValueRange in) {
    Value id = arith::IndexCastOp::create(d, d.getIndexType(), in[0]);
    Value isRow = d.isLess(id, d.index(cast<WeightType>(getTable().getType()).getRows()));
    return d.mul(d.extract(table, {d.select(isRow, id, d.index(0)), d.at(1)}), d.f32(getScale().convertToDouble()));
  })};
}

Decomposed AddOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.elementwise(getOperands(), [&](ValueRange in) { return d.add(in[0], in[1]); })};
}

Decomposed ScaleOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{
      d.elementwise(getInput(), [&](ValueRange in) { return d.mul(in[0], d.f32(getFactor().convertToDouble())); })};
}

Decomposed MultiplyOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.generic(2, {{0, 1}, {1}, {0, 1}}, {getInput(), ValuesOp::create(d, getWeight())},
                               d.empty(d.rowsOf(getInput()), getInput().getType()),
                               [&](ValueRange in) { return d.mul(in[0], in[1]); })};
}

Decomposed PartOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto type = cast<RankedTensorType>(getType());
  Value number = getIndex() ? Value(getIndex()) : d.index(*getNumber());
  Value first = arith::MulIOp::create(d, number, d.index(type.getDimSize(1)));
  return SmallVector{d.generic(2, {{0, 1}}, {}, d.empty(d.rowsOf(getInput()), type),
                               [&](ValueRange) { return d.extract(getInput(), {d.at(0), d.add(first, d.at(1))}); })};
}

Decomposed ConcatOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto type = cast<RankedTensorType>(getType());
  Value rows = d.rowsOf(getInputs().front());
  return SmallVector{d.generic(2, {{0, 1}}, {}, d.empty(rows, type), [&](ValueRange) {
    Value result = d.f32(0);
    int64_t first = 0;
    for (Value input : getInputs()) {
      // tensor.extract runs for every column: for columns of other inputs it reads column 0.
      Value own = d.sub(d.at(1), d.index(first));
      Value isHere = arith::CmpIOp::create(d, arith::CmpIPredicate::ult, own, d.index(columnsOf(input)));
      result = d.select(isHere, d.extract(input, {d.at(0), d.select(isHere, own, d.index(0))}), result);
      first += columnsOf(input);
    }
    return result;
  })};
}

/// The mean of term(x) over each row: [rows].
static Value meanOf(Decomposer &d, Value rows, function_ref<Value(Value)> term) {
  Value sums = d.generic(2, {{0, 1}, {0}}, rows, d.filled({OpFoldResult(d.rowsOf(rows))}, 0),
                         [&](ValueRange in) { return d.add(in[1], term(in[0])); });
  return d.generic(1, {{0}, {0}}, sums, d.filled({OpFoldResult(d.rowsOf(rows))}, 0),
                   [&](ValueRange in) { return d.div(in[0], d.f32(columnsOf(rows))); });
}

Decomposed SparsifyOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value mean = meanOf(d, getInput(), [](Value x) { return x; });
  Value centred = d.generic(2, {{0, 1}, {0}, {0, 1}}, {getInput(), mean},
                            d.empty(d.rowsOf(getInput()), cast<RankedTensorType>(getType())),
                            [&](ValueRange in) { return d.sub(in[0], in[1]); });
  Value variance = meanOf(d, centred, [&](Value x) { return d.mul(x, x); });
  return SmallVector{d.generic(2, {{0, 1}, {0}, {0, 1}}, {centred, variance},
                               d.empty(d.rowsOf(getInput()), cast<RankedTensorType>(getType())), [&](ValueRange in) {
                                 Value deviation = math::SqrtOp::create(d, in[1]);
                                 Value limit = d.mul(deviation, d.f32(getDeviations().convertToDouble()));
                                 return arith::MaxNumFOp::create(d, d.sub(in[0], limit), d.f32(0)).getResult();
                               })};
}

Decomposed MatchMagnitudeOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto square = [&](Value x) { return d.mul(x, x); };
  Value own = meanOf(d, getInput(), square), like = meanOf(d, getLike(), square);
  return SmallVector{d.generic(2, {{0, 1}, {0}, {0}, {0, 1}}, {getInput(), own, like},
                               d.empty(d.rowsOf(getInput()), cast<RankedTensorType>(getType())), [&](ValueRange in) {
                                 Value clamped = arith::MaxNumFOp::create(d, in[1], d.f32(getEps().convertToDouble()));
                                 return d.div(d.mul(in[0], math::SqrtOp::create(d, in[2])),
                                              math::SqrtOp::create(d, clamped));
                               })};
}

Decomposed ZerosOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.filled(d.shape(d.rowsOf(getLike()), columnsOf(getLike())), 0)};
}

Decomposed NormOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t groups = getGroups(), size = columnsOf(getInput()) / groups;
  Value x = d.split(getInput(), {groups, size});
  Value weight = getWeight() ? Value(ValuesOp::create(d, getWeight())) : d.filled({d.getIndexAttr(size)}, 1);
  auto perGroup = [&] { return d.filled(d.shape(d.rowsOf(x), groups), 0); };
  if (getBias()) {
    Value sums = d.generic(3, {{0, 1, 2}, {0, 1}}, x, perGroup(), [&](ValueRange in) { return d.add(in[1], in[0]); });
    x = d.generic(3, {{0, 1, 2}, {0, 1}, {0, 1, 2}}, {x, sums},
                  d.empty(d.rowsOf(x), cast<RankedTensorType>(x.getType())),
                  [&](ValueRange in) { return d.sub(in[0], d.div(in[1], d.f32(size))); });
  }
  Value squares = d.generic(3, {{0, 1, 2}, {0, 1}}, x, perGroup(),
                            [&](ValueRange in) { return d.add(in[1], d.mul(in[0], in[0])); });
  Value y = d.generic(3, {{0, 1, 2}, {0, 1}, {2}, {0, 1, 2}}, {x, squares, weight},
                      d.empty(d.rowsOf(x), cast<RankedTensorType>(x.getType())), [&](ValueRange in) {
                        Value mean = d.div(in[1], d.f32(size));
                        Value root = math::SqrtOp::create(d, d.add(mean, d.f32(getEps().convertToDouble())));
                        return d.mul(d.div(in[0], root), in[2]);
                      });
  if (getBias())
    y = d.generic(3, {{0, 1, 2}, {2}, {0, 1, 2}}, {y, ValuesOp::create(d, getBias())},
                  d.empty(d.rowsOf(y), cast<RankedTensorType>(y.getType())),
                  [&](ValueRange in) { return d.add(in[0], in[1]); });
  return SmallVector{d.join(y)};
}

Decomposed AddPositionsOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value table = ValuesOp::create(d, getTable());
  return SmallVector{d.elementwise(getInput(), [&](ValueRange in) {
    return d.add(in[0], d.extract(table, {d.add(getPosition(), d.at(0)), d.at(1)}));
  })};
}

Decomposed GluOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{
      d.elementwise(getOperands(), [&](ValueRange in) { return d.mul(d.activate(in[0], getActivation()), in[1]); })};
}

Decomposed ActivationOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.elementwise(getInput(), [&](ValueRange in) { return d.activate(in[0], getActivation()); })};
}

Decomposed SoftcapOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{
      d.elementwise(getInput(), [&](ValueRange in) { return d.softcap(in[0], getCap().convertToDouble()); })};
}
