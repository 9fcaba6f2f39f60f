//===- DeltaNet.cpp - short convolutions and the gated delta rule
//------------------------------------------------------===//
//
// Both go over the rows of a call one after another with a state that stays where it is: a tile has it for itself.
//
//===------------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/kernels/Kernels.h"
#include <numeric>

using namespace lathe;

namespace {

/// Where a part of a state begins, and the area it is in.
std::pair<Value, Value> placeOf(Emitter &e, Value state, Value part) {
  auto [area, place] = getAreaAndPlace(state);
  return {area, e.add(place, e.mul(part, cast<lm::CarryType>(state.getType()).getValues() * 4))};
}

Value loadFloats(Emitter &e, int64_t lanes, Value area, Value at) {
  return e.bitcast(e.f32s(lanes), e.load(e.i8s(4 * lanes), area, at));
}

void storeFloats(Emitter &e, Value floats, Value area, Value at) {
  int64_t lanes = cast<VectorType>(floats.getType()).getNumElements();
  e.store(e.bitcast(e.i8s(4 * lanes), floats), area, at);
}

/// One value of a vector weight.
Value loadValue(Emitter &e, Value weight, Value index) {
  auto [area, place] = getAreaAndPlace(weight);
  return e.loadBytes(e.getF32Type(), area, e.add(place, e.mul(index, 4)));
}

/// A function of vectors of one value.
Value ofScalar(Emitter &e, Value x, function_ref<Value(Value)> function) {
  return vector::ExtractOp::create(e, function(e.splat(x, 1)), 0);
}

} // namespace

// The part holds the inputs before the first row, the oldest first: [width - 1][channels].
void lathe::expand(kernel::Conv1dOp op, Emitter &e) {
  int64_t channels = Emitter::staticColumns(op.getInput()), width = op.getWidth(), lanes = Emitter::lanesFor(channels);
  auto [area, state] = placeOf(e, op.getState(), op.getPart());
  auto [weights, place] = getAreaAndPlace(op.getWeight());
  Value isStart = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, op.getPosition(), e.index(0));
  e.loop(e.index(0), e.index(channels), lanes,
         [&, area = area, state = state, weights = weights, place = place](Value column) {
           // Channels lie one after another with all their taps: a vector of a tap is every width-th of them.
           Value first = e.mul(e.add(op.getChannel(), column), width);
           Value all = loadFloats(e, lanes * width, weights, e.add(place, e.mul(first, 4)));
           SmallVector<Value> taps, history;
           for (int64_t tap = 0; tap < width; ++tap) {
             SmallVector<int64_t> places;
             for (int64_t lane = 0; lane < lanes; ++lane)
               places.push_back(lane * width + tap);
             taps.push_back(vector::ShuffleOp::create(e, all, all, places));
           }
           auto at = [&](int64_t i) { return e.add(e.add(state, e.mul(column, 4)), i * channels * 4); };
           Value none = e.number(e.f32s(lanes), 0);
           for (int64_t i = 0; i + 1 < width; ++i)
             history.push_back(e.select(isStart, none, loadFloats(e, lanes, area, at(i))));
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
             storeFloats(e, history[i], area, at(i));
         });
}

// The part is S, [key dim][columns]. Its columns know nothing of each other; per row it is gone through twice, once to
// see what the key finds there and once to change it and ask with the query.
void lathe::expand(kernel::DeltaRuleOp op, Emitter &e) {
  int64_t keys = Emitter::staticColumns(op.getKey()), columns = Emitter::staticColumns(op.getValue());
  int64_t lanes = Emitter::lanesFor(columns), keyLanes = Emitter::lanesFor(keys);
  auto [area, place] = placeOf(e, op.getState(), op.getPart());
  Type f32 = e.getF32Type();
  Value zero = e.index(0), end = e.index(keys), one = e.number(e.f32s(1), 1);
  // Vectors that are summed at once.
  int64_t atOnce = std::gcd<int64_t>(columns / lanes, 4);

  auto at = [&, place = place](Value key, Value column) {
    return e.add(place, e.mul(e.add(e.mul(key, columns), column), 4));
  };
  Value isStart = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, op.getPosition(), zero);
  e.ifThen(isStart, [&, area = area] {
    e.loop(zero, e.index(keys * columns), lanes,
           [&](Value i) { storeFloats(e, e.number(e.f32s(lanes), 0), area, at(zero, i)); });
  });

  e.loop(zero, e.rowsOf(op.getKey()), 1, [&, area = area](Value row) {
    auto inverseLength = [&](Value rows) {
      Value sums = e.loop(zero, end, keyLanes, e.number(e.f32s(keyLanes), 0), [&](Value i, ValueRange sums) {
        Value x = e.load(e.f32s(keyLanes), rows, {row, i});
        return SmallVector<Value>{e.fma(x, x, sums[0])};
      })[0];
      return e.div(e.number(f32, 1), math::SqrtOp::create(e, e.add(e.sum(sums), e.number(f32, 1e-6))));
    };
    Value keyScale = inverseLength(op.getKey());
    Value queryScale = e.mul(inverseLength(op.getQuery()), e.number(f32, 1 / std::sqrt(static_cast<double>(keys))));
    Value rate = e.add(e.loadScalar(op.getA(), {row, op.getHead()}), loadValue(e, op.getBias(), op.getHead()));
    // softplus(x) = max(x, 0) + ln(1 + exp(-|x|))
    Value softplus = ofScalar(e, rate, [&](Value x) {
      Value none = e.number(x.getType(), 0), size = e.maximum(x, e.sub(none, x));
      return e.add(e.maximum(x, none), e.log(e.add(one, e.exp(e.sub(none, size)))));
    });
    Value decay =
        ofScalar(e, e.mul(loadValue(e, op.getDecay(), op.getHead()), softplus), [&](Value x) { return e.exp(x); });
    Value strength = ofScalar(e, e.loadScalar(op.getB(), {row, op.getHead()}), [&](Value x) { return e.sigmoid(x); });
    Value decays = e.splat(decay, lanes);

    e.loop(zero, e.index(columns), lanes * atOnce, [&](Value column) {
      auto part = [&](int64_t i) { return e.add(column, i * lanes); };
      SmallVector<Value> none(atOnce, e.number(e.f32s(lanes), 0));
      SmallVector<Value> found = e.loop(zero, end, 1, none, [&](Value key, ValueRange before) {
        SmallVector<Value> sums(before);
        Value k = e.splat(e.loadScalar(op.getKey(), {row, key}), lanes);
        for (int64_t i = 0; i < atOnce; ++i)
          sums[i] = e.fma(k, loadFloats(e, lanes, area, at(key, part(i))), sums[i]);
        return sums;
      });
      SmallVector<Value> change;
      for (int64_t i = 0; i < atOnce; ++i) {
        Value value = e.load(e.f32s(lanes), op.getValue(), {row, part(i)});
        Value expected = e.mul(found[i], e.splat(e.mul(decay, keyScale), lanes));
        change.push_back(e.mul(e.sub(value, expected), e.splat(e.mul(strength, keyScale), lanes)));
      }
      SmallVector<Value> answer = e.loop(zero, end, 1, none, [&](Value key, ValueRange before) {
        SmallVector<Value> sums(before);
        Value k = e.splat(e.loadScalar(op.getKey(), {row, key}), lanes);
        Value q = e.splat(e.loadScalar(op.getQuery(), {row, key}), lanes);
        for (int64_t i = 0; i < atOnce; ++i) {
          Value state = e.mul(loadFloats(e, lanes, area, at(key, part(i))), decays);
          state = e.fma(k, change[i], state);
          storeFloats(e, state, area, at(key, part(i)));
          sums[i] = e.fma(q, state, sums[i]);
        }
        return sums;
      });
      for (int64_t i = 0; i < atOnce; ++i)
        e.store(e.mul(answer[i], e.splat(queryScale, lanes)), op.getOut(), {row, part(i)});
    });
  });
}
