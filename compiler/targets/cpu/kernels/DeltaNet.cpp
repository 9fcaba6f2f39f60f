//===- DeltaNet.cpp - short convolutions and the gated delta rule -------------------------------------------------===//
//
// Both go over the rows of a call one after another and update a recurrent state in place. A tile owns its part of it.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"

using namespace lathe;

namespace {

/// The segment and the offset of a part of a recurrent state.
std::pair<Value, Value> getStatePart(VectorEmitter &e, Value state, Value part) {
  auto [segment, offset] = getSegmentAndOffset(state);
  return {segment, e.add(offset, e.mul(part, cast<lm::RecurrentStateType>(state.getType()).getValues() * 4))};
}

Value loadFloats(VectorEmitter &e, int64_t lanes, Value segment, Value at) {
  return e.bitcast(e.f32s(lanes), e.load(e.i8s(4 * lanes), segment, at));
}

void storeFloats(VectorEmitter &e, Value floats, Value segment, Value at) {
  int64_t lanes = cast<VectorType>(floats.getType()).getNumElements();
  e.store(e.bitcast(e.i8s(4 * lanes), floats), segment, at);
}

/// One value of a vector weight.
Value loadValue(VectorEmitter &e, Value weight, Value index) {
  auto [segment, offset] = getSegmentAndOffset(weight);
  return e.loadBytes(e.getF32Type(), segment, e.add(offset, e.mul(index, 4)));
}

} // namespace

// The part holds the inputs before the first row, the oldest first: [width - 1][channels].
void lathe::expand(kernel::Conv1dOp op, VectorEmitter &e) {
  int64_t channels = VectorEmitter::staticColumns(op.getInput()), width = op.getWidth(),
          lanes = VectorEmitter::lanesFor(channels);
  auto [segment, state] = getStatePart(e, op.getState(), op.getPart());
  auto [weights, offset] = getSegmentAndOffset(op.getWeight());
  Value isStart = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, op.getPosition(), e.index(0));
  e.loop(e.index(0), e.index(channels), lanes,
         [&, segment = segment, state = state, weights = weights, offset = offset](Value column) {
           // Weights are [channels][width]: the vector of a tap is every width-th value.
           Value first = e.mul(e.add(op.getChannel(), column), width);
           Value all = loadFloats(e, lanes * width, weights, e.add(offset, e.mul(first, 4)));
           SmallVector<Value> taps, history;
           for (int64_t tap = 0; tap < width; ++tap) {
             SmallVector<int64_t> indices;
             for (int64_t lane = 0; lane < lanes; ++lane)
               indices.push_back(lane * width + tap);
             taps.push_back(vector::ShuffleOp::create(e, all, all, indices));
           }
           auto at = [&](int64_t i) { return e.add(e.add(state, e.mul(column, 4)), i * channels * 4); };
           Value none = e.number(e.f32s(lanes), 0);
           for (int64_t i = 0; i + 1 < width; ++i)
             history.push_back(e.select(isStart, none, loadFloats(e, lanes, segment, at(i))));
           history = e.loop(e.index(0), e.rowsOf(op.getInput()), 1, history, [&](Value row, ValueRange before) {
             SmallVector<Value> inputs(before);
             inputs.push_back(e.load(e.f32s(lanes), op.getInput(), {row, column}));
             Value sum = e.mul(inputs[0], taps[0]);
             for (int64_t tap = 1; tap < width; ++tap)
               sum = e.fma(inputs[tap], taps[tap], sum);
             e.store(e.mul(sum, e.sigmoid(sum)), op.getOut(), {row, column});
             inputs.erase(inputs.begin());
             return inputs;
           });
           for (int64_t i = 0; i + 1 < width; ++i)
             storeFloats(e, history[i], segment, at(i));
         });
}

namespace {

/// The gated delta rule (https://arxiv.org/abs/2412.06464) on columns of a state S, [key dim][columns]. The columns do
/// not depend on each other:
///
///     S_i = d_i S_{i-1} + k_i (x) change_i    change_i = strength_i (v_i - d_i S_{i-1}^T k_i)    out_i = S_i^T q_i
///
/// Rows are taken in chunks. Unrolled, S_{i-1}^T k_i is the product with the state before the chunk, plus the earlier
/// changes of the chunk, each times the product of its key with k_i, all with their decays. The same holds for queries.
/// So all rows of a chunk read S twice and write it once. A chunk of one row is the recurrent form.
class DeltaRuleEmitter {
public:
  DeltaRuleEmitter(kernel::DeltaRuleOp op, VectorEmitter &e)
      : e(e), op(op), keys(VectorEmitter::staticColumns(op.getKey())),
        columns(VectorEmitter::staticColumns(op.getValue())), lanes(VectorEmitter::lanesFor(columns)),
        keyLanes(VectorEmitter::lanesFor(keys)) {
    std::tie(segment, offset) = getStatePart(e, op.getState(), op.getPart());
  }

  void run();

private:
  /// Rows of a chunk. With two vectors of columns these are enough sums to keep both multipliers busy, and few enough
  /// for 16 registers (docs/experiments/2026-11-26-delta-rule-chunks.md).
  static constexpr int64_t kChunk = 4;

  void chunk(Value row, int64_t count);
  Value scalar(double value) { return e.number(e.getF32Type(), value); }
  Value offsetAt(Value key, Value column) { return e.add(offset, e.mul(e.add(e.mul(key, columns), column), 4)); }
  /// The dot product of two rows, over the key dim.
  Value dot(Value lhs, Value lhsRow, Value rhs, Value rhsRow);
  /// S^T x for each row x of `from`, for a vector of S's columns from `column` on.
  SmallVector<Value> multiplyState(Value from, ArrayRef<Value> rows, Value column);
  Value decayOf(Value row);

  VectorEmitter &e;
  kernel::DeltaRuleOp op;
  int64_t keys, columns, lanes, keyLanes;
  Value segment, offset;
};

Value DeltaRuleEmitter::dot(Value lhs, Value lhsRow, Value rhs, Value rhsRow) {
  Value none = e.number(e.f32s(keyLanes), 0);
  return e.sum(e.loop(e.index(0), e.index(keys), keyLanes, none, [&](Value i, ValueRange sums) {
    Value x = e.load(e.f32s(keyLanes), lhs, {lhsRow, i}), y = e.load(e.f32s(keyLanes), rhs, {rhsRow, i});
    return SmallVector<Value>{e.fma(x, y, sums[0])};
  })[0]);
}

SmallVector<Value> DeltaRuleEmitter::multiplyState(Value from, ArrayRef<Value> rows, Value column) {
  SmallVector<Value> none(rows.size(), e.number(e.f32s(lanes), 0));
  return e.loop(e.index(0), e.index(keys), 1, none, [&](Value key, ValueRange before) {
    SmallVector<Value> sums(before);
    Value state = loadFloats(e, lanes, segment, offsetAt(key, column));
    for (auto [sum, row] : llvm::zip(sums, rows))
      sum = e.fma(e.splat(e.loadScalar(from, {row, key}), lanes), state, sum);
    return sums;
  });
}

Value DeltaRuleEmitter::decayOf(Value row) {
  Value one = e.number(e.f32s(1), 1);
  Value rate = e.add(e.loadScalar(op.getA(), {row, op.getHead()}), loadValue(e, op.getBias(), op.getHead()));
  // softplus(x) = max(x, 0) + ln(1 + exp(-|x|))
  Value softplus = e.ofScalar(rate, [&](Value x) {
    Value none = e.number(x.getType(), 0), size = e.maximum(x, e.sub(none, x));
    return e.add(e.maximum(x, none), e.log(e.add(one, e.exp(e.sub(none, size)))));
  });
  return e.ofScalar(e.mul(loadValue(e, op.getDecay(), op.getHead()), softplus), [&](Value x) { return e.exp(x); });
}

void DeltaRuleEmitter::chunk(Value first, int64_t count) {
  SmallVector<Value> rows, keyScale, queryScale, strength;
  // decay[j][i]: the product of the decays of the rows [j, i) of the chunk.
  SmallVector<SmallVector<Value>> decay(count + 1, SmallVector<Value>(count + 1));
  for (int64_t i = 0; i < count; ++i) {
    Value row = e.add(first, i);
    rows.push_back(row);
    auto inverseLength = [&](Value of) {
      Value sum = e.add(dot(of, row, of, row), scalar(1e-6));
      return e.div(scalar(1), math::SqrtOp::create(e, sum));
    };
    keyScale.push_back(inverseLength(op.getKey()));
    queryScale.push_back(e.mul(inverseLength(op.getQuery()), scalar(1 / std::sqrt(static_cast<double>(keys)))));
    strength.push_back(e.ofScalar(e.loadScalar(op.getB(), {row, op.getHead()}), [&](Value x) { return e.sigmoid(x); }));
    Value own = decayOf(row);
    for (int64_t j = 0; j <= i; ++j)
      decay[j][i + 1] = j == i ? own : e.mul(decay[j][i], own);
    decay[i + 1][i + 1] = scalar(1);
  }
  // Factors of row j's change in S^T k_i and S^T q_i.
  SmallVector<SmallVector<Value>> byKey(count), byQuery(count);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      Value left = e.mul(decay[j + 1][i + 1], keyScale[j]);
      auto found = [&](Value of, Value scale) {
        return e.mul(e.mul(dot(of, rows[i], op.getKey(), rows[j]), scale), left);
      };
      if (j < i)
        byKey[i].push_back(found(op.getKey(), keyScale[i]));
      byQuery[i].push_back(found(op.getQuery(), queryScale[i]));
    }

  e.loop(e.index(0), e.index(columns), lanes, [&](Value column) {
    SmallVector<Value> byKeys = multiplyState(op.getKey(), rows, column),
                       byQueries = multiplyState(op.getQuery(), rows, column), changes;
    for (int64_t i = 0; i < count; ++i) {
      Value expected = e.mul(byKeys[i], e.splat(e.mul(decay[0][i + 1], keyScale[i]), lanes));
      Value answer = e.mul(byQueries[i], e.splat(e.mul(decay[0][i + 1], queryScale[i]), lanes));
      for (int64_t j = 0; j < i; ++j) {
        expected = e.fma(changes[j], e.splat(byKey[i][j], lanes), expected);
        answer = e.fma(changes[j], e.splat(byQuery[i][j], lanes), answer);
      }
      Value value = e.load(e.f32s(lanes), op.getValue(), {rows[i], column});
      changes.push_back(e.mul(e.sub(value, expected), e.splat(strength[i], lanes)));
      answer = e.fma(changes[i], e.splat(byQuery[i][i], lanes), answer);
      e.store(answer, op.getOut(), {rows[i], column});
    }
    for (int64_t i = 0; i < count; ++i)
      changes[i] = e.mul(changes[i], e.splat(e.mul(decay[i + 1][count], keyScale[i]), lanes));
    Value kept = e.splat(decay[0][count], lanes);
    e.loop(e.index(0), e.index(keys), 1, [&](Value key) {
      Value state = e.mul(loadFloats(e, lanes, segment, offsetAt(key, column)), kept);
      for (int64_t i = 0; i < count; ++i)
        state = e.fma(e.splat(e.loadScalar(op.getKey(), {rows[i], key}), lanes), changes[i], state);
      storeFloats(e, state, segment, offsetAt(key, column));
    });
  });
}

void DeltaRuleEmitter::run() {
  Value zero = e.index(0), isStart = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, op.getPosition(), zero);
  e.ifThen(isStart, [&] {
    e.loop(zero, e.index(keys * columns), lanes,
           [&](Value i) { storeFloats(e, e.number(e.f32s(lanes), 0), segment, offsetAt(zero, i)); });
  });
  Value count = e.rowsOf(op.getKey()), whole = zero;
  if (cast<MemRefType>(op.getKey().getType()).getDimSize(0) != 1) {
    whole = e.sub(count, arith::RemUIOp::create(e, count, e.index(kChunk)));
    e.loop(zero, whole, kChunk, [&](Value row) { chunk(row, kChunk); });
  }
  e.loop(whole, count, 1, [&](Value row) { chunk(row, 1); });
}

} // namespace

void lathe::expand(kernel::DeltaRuleOp op, VectorEmitter &e) { DeltaRuleEmitter(op, e).run(); }
