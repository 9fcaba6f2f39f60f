//===- DeltaNet.cpp - what short convolutions and the gated delta rule mean ---------------------------------------===//
//
// Both go over the rows of a call in order and keep a recurrent state from call to call. The state is read before the
// first row and written after the last one.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "dialects/lm/decompose/Decomposer.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::lm;

/// A tensor of known shape whose value at the loops' indices is what `body` makes.
static Value tabulate(Decomposer &d, ArrayRef<int64_t> shape, Decomposer::Body body) {
  SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(d.getContext(), shape);
  auto all = llvm::to_vector(llvm::seq<int64_t>(0, shape.size()));
  return d.generic(shape.size(), {all}, {}, tensor::EmptyOp::create(d, sizes, d.getF32Type()), body);
}

Decomposed CausalConv1dOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto state = cast<RecurrentStateType>(getState().getType());
  int64_t width = getWidth(), all = columnsOf(getInput()), channels = all / state.getParts(); // of a part
  Value rows = d.rowsOf(getInput()), before = d.index(width - 1);
  Value kept = ReadStateOp::create(d, getState(), getPosition());
  // The inputs from `width - 1` before the first row on: [width - 1 + rows, channels]. A part of the state is
  // [width - 1, channels of the part].
  Value inputs = d.generic(2, {{0, 1}}, {}, d.filled(d.shape(d.add(rows, before), all), 0), [&](ValueRange) {
    Value t = d.at(0), c = d.at(1), isKept = d.isLess(t, before), zero = d.index(0);
    Value column = d.add(d.mul(d.select(isKept, t, zero), d.index(channels)), d.rem(c, d.index(channels)));
    Value old = d.extract(kept, {d.div(c, d.index(channels)), column});
    // tensor.extract runs for both, whatever t is: indices must stay in bounds.
    return d.select(isKept, old, d.extract(getInput(), {d.select(isKept, zero, d.sub(t, before)), c}));
  });
  Value weight = ValuesOp::create(d, getWeight());
  Value taps = tabulate(d, {all, width},
                        [&](ValueRange) { return d.extract(weight, d.add(d.mul(d.at(0), d.index(width)), d.at(1))); });
  // Loops: row t, channel c, tap j that is summed over.
  enum { t, c, j, loops };
  Value sums = d.generic(loops, {{c, j}, {t, c}}, taps, d.filled(d.shape(rows, all), 0), [&](ValueRange in) {
    return d.add(in[1], d.mul(in[0], d.extract(inputs, {d.add(d.at(t), d.at(j)), d.at(c)})));
  });
  Value last = tabulate(d, {state.getParts(), state.getValues()}, [&](ValueRange) {
    Value t = d.div(d.at(1), d.index(channels)), c = d.rem(d.at(1), d.index(channels));
    return d.extract(inputs, {d.add(rows, t), d.add(d.mul(d.at(0), d.index(channels)), c)});
  });
  WriteStateOp::create(d, last, getState());
  return SmallVector{d.elementwise(sums, [&](ValueRange in) { return d.mul(in[0], d.sigmoid(in[0])); })};
}

namespace {
/// The gated delta rule, row after row. Loops: value head h, value i of the key, value j of the head.
struct DeltaRule {
  enum { h, i, j, loops };

  Decomposer &d;
  int64_t keyHeads, heads, keyDim, valueDim;
  Value query = {}, key = {};      // [rows, key heads, key dim], scaled
  Value value = {};                // [rows, heads, value dim]
  Value decay = {}, strength = {}; // [rows, heads]

  /// Reads row t at the loops' indices.
  Value ofKey(Value from, Value t) { return d.extract(from, {t, d.div(d.at(h), d.index(heads / keyHeads)), d.at(i)}); }
  Value perHead(Value from, Value t) { return d.extract(from, {t, d.at(h)}); }
  Value noSums() { return d.filled({d.getIndexAttr(heads), d.getIndexAttr(valueDim)}, 0); }
  /// The state S after row t and what the row's query finds in it.
  std::pair<Value, Value> step(Value state, Value t);
};
} // namespace

std::pair<Value, Value> DeltaRule::step(Value state, Value t) {
  state = d.generic(loops, {{h, i, j}}, {}, state, [&](ValueRange in) { return d.mul(in[0], perHead(decay, t)); });
  Value found = d.generic(loops, {{h, i, j}, {h, j}}, state, noSums(),
                          [&](ValueRange in) { return d.add(in[1], d.mul(in[0], ofKey(key, t))); });
  state = d.generic(loops, {{h, j}, {h, i, j}}, found, state, [&](ValueRange in) {
    Value change = d.sub(d.extract(value, {t, d.at(h), d.at(j)}), in[0]);
    return d.add(in[1], d.mul(ofKey(key, t), d.mul(perHead(strength, t), change)));
  });
  Value answer = d.generic(loops, {{h, i, j}, {h, j}}, state, noSums(),
                           [&](ValueRange in) { return d.add(in[1], d.mul(in[0], ofKey(query, t))); });
  return {state, answer};
}

/// x / sqrt(sum x^2 + 1e-6) of each head of `rows`, times `scale`.
static Value scaleToLength(Decomposer &d, Value rows, int64_t heads, double scale) {
  Value x = d.split(rows, {heads, columnsOf(rows) / heads});
  Value sums = d.generic(3, {{0, 1, 2}, {0, 1}}, x, d.filled(d.shape(d.rowsOf(x), heads), 0),
                         [&](ValueRange in) { return d.add(in[1], d.mul(in[0], in[0])); });
  return d.generic(3, {{0, 1, 2}, {0, 1}, {0, 1, 2}}, {x, sums},
                   d.empty(d.rowsOf(x), cast<RankedTensorType>(x.getType())), [&](ValueRange in) {
                     Value length = math::SqrtOp::create(d, d.add(in[1], d.f32(1e-6)));
                     return d.mul(d.div(in[0], length), d.f32(scale));
                   });
}

/// exp(decay softplus(a + bias)), [rows, heads]. softplus(x) = max(x, 0) + ln(1 + exp(-|x|))
static Value decayOf(Decomposer &d, GatedDeltaRuleOp op) {
  Value factors = ValuesOp::create(d, op.getDecay()), bias = ValuesOp::create(d, op.getBias());
  return d.generic(2, {{0, 1}, {1}, {1}, {0, 1}}, {op.getA(), factors, bias},
                   d.empty(d.rowsOf(op.getA()), cast<RankedTensorType>(op.getA().getType())), [&](ValueRange in) {
                     Value x = d.add(in[0], in[2]), size = math::AbsFOp::create(d, x);
                     Value small = math::ExpOp::create(d, arith::NegFOp::create(d, size));
                     Value softplus = d.add(arith::MaxNumFOp::create(d, x, d.f32(0)),
                                            math::LogOp::create(d, d.add(d.f32(1), small)));
                     return math::ExpOp::create(d, d.mul(in[1], softplus)).getResult();
                   });
}

Decomposed GatedDeltaRuleOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t keyHeads = getHeads(), heads = columnsOf(getA());
  int64_t keyDim = columnsOf(getKey()) / keyHeads, valueDim = columnsOf(getValue()) / heads;
  DeltaRule rule{d, keyHeads, heads, keyDim, valueDim};
  rule.query = scaleToLength(d, getQuery(), keyHeads, 1 / std::sqrt(static_cast<double>(keyDim)));
  rule.key = scaleToLength(d, getKey(), keyHeads, 1);
  rule.value = d.split(getValue(), {heads, valueDim});
  rule.decay = decayOf(d, *this);
  rule.strength = d.elementwise(getB(), [&](ValueRange in) { return d.sigmoid(in[0]); });

  // A part of the state is [key dim, columns]: some columns of a head.
  auto type = cast<RecurrentStateType>(getState().getType());
  int64_t perHead = type.getParts() / heads, columns = valueDim / perHead;
  Value kept = ReadStateOp::create(d, getState(), getPosition());
  Value state = tabulate(d, {heads, keyDim, valueDim}, [&](ValueRange) {
    Value part = d.add(d.mul(d.at(0), d.index(perHead)), d.div(d.at(2), d.index(columns)));
    return d.extract(kept, {part, d.add(d.mul(d.at(1), d.index(columns)), d.rem(d.at(2), d.index(columns)))});
  });

  Value rows = d.rowsOf(getValue());
  Value out = d.filled(d.shape(rows, {heads, valueDim}), 0);
  auto loop = scf::ForOp::create(d, d.index(0), rows, d.index(1), ValueRange{state, out});
  {
    OpBuilder::InsertionGuard guard(d);
    d.setInsertionPointToEnd(loop.getBody());
    Value t = loop.getInductionVar();
    auto [next, answer] = rule.step(loop.getRegionIterArg(0), t);
    SmallVector<OpFoldResult> offsets = {t, d.getIndexAttr(0), d.getIndexAttr(0)};
    SmallVector<OpFoldResult> sizes = {d.getIndexAttr(1), d.getIndexAttr(heads), d.getIndexAttr(valueDim)};
    SmallVector<OpFoldResult> strides(3, d.getIndexAttr(1));
    Value filled = tensor::InsertSliceOp::create(d, answer, loop.getRegionIterArg(1), offsets, sizes, strides);
    scf::YieldOp::create(d, ValueRange{next, filled});
  }
  Value last = tabulate(d, {type.getParts(), type.getValues()}, [&](ValueRange) {
    Value head = d.div(d.at(0), d.index(perHead)), first = d.mul(d.rem(d.at(0), d.index(perHead)), d.index(columns));
    Value column = d.add(first, d.rem(d.at(1), d.index(columns)));
    return d.extract(loop.getResult(0), {head, d.div(d.at(1), d.index(columns)), column});
  });
  WriteStateOp::create(d, last, getState());
  return SmallVector{d.join(loop.getResult(1))};
}
