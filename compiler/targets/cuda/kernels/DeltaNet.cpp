//===- DeltaNet.cpp - short convolutions and the gated delta rule -------------------------------------------------===//
//
// Both update a recurrent state in place. A tile owns its part of the state.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/kernels/Kernels.h"

using namespace lathe;

namespace {

/// The segment and the offset of a part of a recurrent state.
std::pair<Value, Value> getStatePart(BlockEmitter &e, Value state, Value part) {
  auto [segment, offset] = getSegmentAndOffset(state);
  return {segment, e.add(offset, e.mul(part, cast<lm::RecurrentStateType>(state.getType()).getValues() * 4))};
}

Value isFirstCall(BlockEmitter &e, Value position) {
  return arith::CmpIOp::create(e, arith::CmpIPredicate::eq, position, e.index(0));
}

bool hasOneRow(Value rows) { return cast<MemRefType>(rows.getType()).getDimSize(0) == 1; }

//===--------------------------------------------------------------------------------------------------------------===//
// conv1d
//===--------------------------------------------------------------------------------------------------------------===//

/// The part holds the inputs before the first row, the oldest first: [width - 1][channels]. A thread has a channel, or
/// a channel of some of the rows.
class Conv1dEmitter {
public:
  Conv1dEmitter(kernel::Conv1dOp op, BlockEmitter &e)
      : op(op), e(e), channels(BlockEmitter::staticColumns(op.getInput())), width(op.getWidth()),
        rows(e.rowsOf(op.getInput())), isStart(isFirstCall(e, op.getPosition())) {
    std::tie(segment, state) = getStatePart(e, op.getState(), op.getPart());
  }

  void run();

private:
  using Values = SmallVector<Value>;
  static constexpr int64_t kUnrolled = 4; // rows whose loads are begun before the first is used

  Values loadTaps(Value channel);
  Value stateAt(int64_t i, Value channel) { return e.add(state, e.mul(e.add(channel, i * channels), 4)); }
  /// The inputs of the width - 1 rows before `row`, from the state where these are before the first row.
  Values inputsBefore(Value row, Value channel);
  /// Stores the outputs of `count` rows; returns the inputs of the last width - 1 rows.
  Values convolve(ArrayRef<Value> taps, ValueRange before, Value row, int64_t count, Value channel);
  void storeState(ArrayRef<Value> inputs, Value channel);

  kernel::Conv1dOp op;
  BlockEmitter &e;
  const int64_t channels, width;
  Value rows, isStart, segment, state;
};

Conv1dEmitter::Values Conv1dEmitter::loadTaps(Value channel) {
  auto [weights, offset] = getSegmentAndOffset(op.getWeight()); // [channels][width]
  Value first = e.mul(e.add(op.getChannel(), channel), width);
  // The weight begins at a multiple of 64 bytes.
  const int64_t alignment = std::min<int64_t>(16, 4 * (width & -width));
  Value all = e.loadBytes(VectorType::get({width}, e.getF32Type()), weights, e.add(offset, e.mul(first, 4)), alignment);
  Values taps;
  for (int64_t tap = 0; tap < width; ++tap)
    taps.push_back(vector::ExtractOp::create(e, all, tap));
  return taps;
}

Conv1dEmitter::Values Conv1dEmitter::inputsBefore(Value row, Value channel) {
  Values inputs;
  Value none = e.number(e.getF32Type(), 0), zero = e.index(0);
  for (int64_t i = 0; i + 1 < width; ++i) {
    // Row `at` of the inputs; if that is negative, value `at` + width - 1 of the state.
    Value at = e.add(row, i - (width - 1)), number = e.minimum(e.add(at, width - 1), e.index(width - 2));
    Value old = e.loadBytes(e.getF32Type(), segment, e.add(stateAt(0, channel), e.mul(number, 4 * channels)));
    Value input = e.loadScalar(op.getInput(), {e.minimum(e.maximum(at, zero), e.add(rows, -1)), channel});
    inputs.push_back(e.select(e.less(at, zero), e.select(isStart, none, old), input));
  }
  return inputs;
}

Conv1dEmitter::Values Conv1dEmitter::convolve(ArrayRef<Value> taps, ValueRange before, Value row, int64_t count,
                                              Value channel) {
  Values inputs(before);
  for (int64_t i = 0; i < count; ++i)
    inputs.push_back(e.loadScalar(op.getInput(), {e.add(row, i), channel}));
  for (int64_t i = 0; i < count; ++i) {
    Value sum = e.mul(inputs[i], taps[0]);
    for (int64_t tap = 1; tap < width; ++tap)
      sum = e.fma(inputs[i + tap], taps[tap], sum);
    e.store(e.mul(sum, e.sigmoid(sum)), op.getOut(), {e.add(row, i), channel});
  }
  inputs.erase(inputs.begin(), inputs.begin() + count);
  return inputs;
}

void Conv1dEmitter::storeState(ArrayRef<Value> inputs, Value channel) {
  for (auto [i, input] : llvm::enumerate(inputs))
    e.storeBytes(input, segment, stateAt(i, channel));
}

void Conv1dEmitter::run() {
  if (hasOneRow(op.getInput())) {
    e.forThreads(channels, [&](Value channel) {
      Value zero = e.index(0);
      storeState(convolve(loadTaps(channel), inputsBefore(zero, channel), zero, 1, channel), channel);
    });
    return;
  }
  const int64_t parts = std::max<int64_t>(1, e.getThreads() / channels);
  Value ofPart = e.ceilDiv(rows, e.index(parts));
  e.forThreads(channels * parts, [&](Value i) {
    Value channel = e.rem(i, e.index(channels)), begin = e.mul(e.div(i, e.index(channels)), ofPart);
    Value end = e.minimum(e.add(begin, ofPart), rows);
    Value whole = e.mul(e.div(e.maximum(e.sub(end, begin), e.index(0)), e.index(kUnrolled)), kUnrolled);
    Values taps = loadTaps(channel), inputs = inputsBefore(begin, channel);
    auto convolveRows = [&](Value from, Value to, int64_t count) {
      inputs = e.loop(from, to, count, inputs,
                      [&](Value row, ValueRange before) { return convolve(taps, before, row, count, channel); });
    };
    convolveRows(begin, e.add(begin, whole), kUnrolled);
    convolveRows(e.add(begin, whole), end, 1);
  });
  e.sync(); // all threads have read the state
  e.forThreads(channels, [&](Value channel) { storeState(inputsBefore(rows, channel), channel); });
}

//===--------------------------------------------------------------------------------------------------------------===//
// delta_rule
//===--------------------------------------------------------------------------------------------------------------===//

/// The gated delta rule (https://arxiv.org/abs/2412.06464) on columns of a state S, [key dim][columns]:
///
///     S_i = d_i S_{i-1} + k_i (x) change_i    change_i = strength_i (v_i - d_i S_{i-1}^T k_i)
///     out_i = S_i^T q_i = d_i S_{i-1}^T q_i + (k_i . q_i) change_i
///
/// The columns do not depend on each other. A group of neighbouring lanes has a column, each of them some keys, whose
/// values stay in registers for all rows of the call. What the columns share, such as decays and lengths of keys, is
/// computed before for some rows, a warp each.
class DeltaRuleEmitter {
public:
  DeltaRuleEmitter(kernel::DeltaRuleOp op, BlockEmitter &e);

  void run();

private:
  using Values = SmallVector<Value>;
  static constexpr int64_t kWarp = BlockEmitter::kWarp;
  static constexpr int64_t kRows = 32;       // whose shared numbers are computed at once
  static constexpr int64_t kPrefetched = 32; // keys of a lane with registers left for the next row
  /// Numbers of a row. Keys and queries stay as they are in memory; their factors are in these.
  enum Number { Decay, Strength, KeyScale, DecayedKeyScale, DecayedQueryScale, KeyTimesQuery, kNumbers };

  /// A lane's part of the columns from `base` on.
  struct Column {
    Value number, isOwn; // null: every lane has a column
  };
  Column columnFrom(Value base);
  /// The lane's keys are those of its runs: `step` neighbours each. The first one, and whether it is a key at all
  /// (null: it is).
  Value firstKey(int64_t run);
  Value isKey(int64_t run);
  Values loadState(Value column);
  void storeState(ArrayRef<Value> state, Column column);
  Values loadKeys(Value rows, Value row);

  /// Fills `numbers` for the rows [first, end).
  void prepare(Value first, Value end);
  Value decayOf(Value row);
  /// The sums over all keys of key * key, query * query and key * query, in every lane of a warp.
  std::array<Value, 3> dots(Value row);
  /// What a row needs besides the state: the lane's keys and queries, and the column's value.
  struct Row {
    Values keys, queries;
    Value value;
    Values all() const;
    static Row of(ValueRange all, int64_t count);
  };
  Row loadRow(Value row, Value column);
  /// Stores the output of a row; returns the state after it.
  Values update(ArrayRef<Value> state, const Row &row, Value number, Value first, Column column);
  /// Rows [first, end), one after another.
  Values updateRows(ValueRange state, Value first, Value end, Column column);

  Value f32(double value) { return e.number(e.getF32Type(), value); }
  Value loadValue(Value weight, Value index) { return e.loadWeight(weight, {index, 1}); }
  Value offsetAt(Value key, Value column) { return e.add(offset, e.mul(e.add(e.mul(key, columns), column), 4)); }

  kernel::DeltaRuleOp op;
  BlockEmitter &e;
  const int64_t keys, columns;
  const int64_t step;  // neighbouring keys
  const int64_t lanes; // of a column
  const int64_t runs;  // of a lane
  const bool isOneRow;
  Value segment, offset, isStart, numbers;
};

DeltaRuleEmitter::DeltaRuleEmitter(kernel::DeltaRuleOp op, BlockEmitter &e)
    : op(op), e(e), keys(BlockEmitter::staticColumns(op.getKey())), columns(BlockEmitter::staticColumns(op.getValue())),
      step(keys % 4 ? 1 : 4),
      lanes(llvm::bit_floor<uint64_t>(std::clamp<int64_t>(e.getThreads() / columns, 1, std::min(kWarp, keys / step)))),
      runs(llvm::divideCeil(keys / step, lanes)), isOneRow(hasOneRow(op.getKey())),
      isStart(isFirstCall(e, op.getPosition())) {
  std::tie(segment, offset) = getStatePart(e, op.getState(), op.getPart());
  numbers = e.shared("delta_rule", kRows * kNumbers);
}

DeltaRuleEmitter::Column DeltaRuleEmitter::columnFrom(Value base) {
  Value own = e.add(base, e.div(e.thread(), e.index(lanes)));
  if (columns % (e.getThreads() / lanes) == 0)
    return {own, Value()};
  return {e.minimum(own, e.index(columns - 1)), e.less(own, e.index(columns))};
}

Value DeltaRuleEmitter::firstKey(int64_t run) {
  Value own = e.mul(e.add(e.rem(e.thread(), e.index(lanes)), run * lanes), step);
  return keys % (lanes * step) == 0 ? own : e.minimum(own, e.index(keys - step));
}

Value DeltaRuleEmitter::isKey(int64_t run) {
  if ((run + 1) * lanes * step <= keys)
    return {};
  return e.less(e.mul(e.add(e.rem(e.thread(), e.index(lanes)), run * lanes), step), e.index(keys));
}

DeltaRuleEmitter::Values DeltaRuleEmitter::loadState(Value column) {
  Values state;
  for (int64_t run = 0; run < runs; ++run)
    for (int64_t i = 0; i < step; ++i) {
      Value old = e.loadBytes(e.getF32Type(), segment, offsetAt(e.add(firstKey(run), i), column));
      state.push_back(e.select(isStart, f32(0), old));
    }
  return state;
}

void DeltaRuleEmitter::storeState(ArrayRef<Value> state, Column column) {
  auto store = [&] {
    for (int64_t run = 0; run < runs; ++run) {
      auto storeRun = [&] {
        for (int64_t i = 0; i < step; ++i)
          e.storeBytes(state[run * step + i], segment, offsetAt(e.add(firstKey(run), i), column.number));
      };
      if (Value isInside = isKey(run))
        e.ifThen(isInside, storeRun);
      else
        storeRun();
    }
  };
  if (column.isOwn)
    e.ifThen(column.isOwn, store);
  else
    store();
}

DeltaRuleEmitter::Values DeltaRuleEmitter::loadKeys(Value rows, Value row) {
  Values values;
  for (int64_t run = 0; run < runs; ++run) {
    Values loaded = step == 4 ? e.loadFour(rows, row, firstKey(run)) : Values{e.loadScalar(rows, {row, firstKey(run)})};
    // A lane without keys adds nothing to sums.
    Value isInside = isKey(run);
    for (Value value : loaded)
      values.push_back(isInside ? e.select(isInside, value, f32(0)) : value);
  }
  return values;
}

std::array<Value, 3> DeltaRuleEmitter::dots(Value row) {
  std::array<Value, 3> sums = {f32(0), f32(0), f32(0)};
  for (int64_t first = 0; first < keys; first += kWarp) {
    Value own = e.add(e.lane(), first), isInside;
    if (first + kWarp > keys) {
      isInside = e.less(own, e.index(keys));
      own = e.minimum(own, e.index(keys - 1));
    }
    Value key = e.loadScalar(op.getKey(), {row, own}), query = e.loadScalar(op.getQuery(), {row, own});
    if (isInside) {
      key = e.select(isInside, key, f32(0));
      query = e.select(isInside, query, f32(0));
    }
    sums = {e.fma(key, key, sums[0]), e.fma(query, query, sums[1]), e.fma(key, query, sums[2])};
  }
  for (Value &sum : sums)
    sum = e.sumOfLanes(sum);
  return sums;
}

Value DeltaRuleEmitter::decayOf(Value row) {
  Value rate = e.add(e.loadScalar(op.getA(), {row, op.getHead()}), loadValue(op.getBias(), op.getHead()));
  // softplus(x) = max(x, 0) + ln(1 + exp(-|x|))
  Value size = math::AbsFOp::create(e, rate);
  Value softplus = e.add(e.maximum(rate, f32(0)), e.log(e.add(f32(1), e.exp(e.sub(f32(0), size)))));
  return e.exp(e.mul(loadValue(op.getDecay(), op.getHead()), softplus));
}

void DeltaRuleEmitter::prepare(Value first, Value end) {
  if (!isOneRow || columns > e.getThreads() / lanes)
    e.sync(); // the numbers of the rows before have been read
  e.forWarps(e.sub(end, first), [&](Value i) {
    Value row = e.add(first, i);
    auto [key, query, both] = dots(row);
    e.ifThen(arith::CmpIOp::create(e, arith::CmpIPredicate::eq, e.lane(), e.index(0)),
             [&, key = key, query = query, both = both] {
               auto inverseLength = [&](Value square) {
                 return e.div(f32(1), math::SqrtOp::create(e, e.add(square, f32(1e-6))));
               };
               Value keyScale = inverseLength(key), decay = decayOf(row);
               Value queryScale = e.mul(inverseLength(query), f32(1 / std::sqrt(static_cast<double>(keys))));
               Value results[kNumbers];
               results[Decay] = decay;
               results[Strength] = e.sigmoid(e.loadScalar(op.getB(), {row, op.getHead()}));
               results[KeyScale] = keyScale;
               results[DecayedKeyScale] = e.mul(decay, keyScale);
               results[DecayedQueryScale] = e.mul(decay, queryScale);
               results[KeyTimesQuery] = e.mul(e.mul(both, keyScale), queryScale);
               for (auto [number, result] : llvm::enumerate(results))
                 e.store(result, numbers, e.add(e.mul(i, kNumbers), number));
             });
  });
  e.sync();
}

DeltaRuleEmitter::Values DeltaRuleEmitter::Row::all() const {
  Values values = keys;
  values.append(queries);
  values.push_back(value);
  return values;
}

DeltaRuleEmitter::Row DeltaRuleEmitter::Row::of(ValueRange all, int64_t count) {
  return {Values(all.take_front(count)), Values(all.slice(count, count)), all.back()};
}

DeltaRuleEmitter::Row DeltaRuleEmitter::loadRow(Value row, Value column) {
  return {loadKeys(op.getKey(), row), loadKeys(op.getQuery(), row), e.loadScalar(op.getValue(), {row, column})};
}

DeltaRuleEmitter::Values DeltaRuleEmitter::update(ArrayRef<Value> state, const Row &row, Value number, Value first,
                                                  Column column) {
  auto get = [&](Number which) { return e.loadScalar(numbers, e.add(e.mul(e.sub(number, first), kNumbers), which)); };
  // Two sums each, so that an addition need not wait for the one before.
  auto multiplyState = [&](ArrayRef<Value> by) {
    Value sums[] = {f32(0), f32(0)};
    for (auto [i, value] : llvm::enumerate(state))
      sums[i % 2] = e.fma(by[i], value, sums[i % 2]);
    return e.sumOfLanes(e.add(sums[0], sums[1]), lanes);
  };
  Value byKey = multiplyState(row.keys), byQuery = multiplyState(row.queries), decay = get(Decay);
  Value change = e.mul(get(Strength), e.sub(row.value, e.mul(get(DecayedKeyScale), byKey)));
  Value answer = e.fma(get(KeyTimesQuery), change, e.mul(get(DecayedQueryScale), byQuery));
  Value stores = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, e.rem(e.thread(), e.index(lanes)), e.index(0));
  if (column.isOwn)
    stores = arith::AndIOp::create(e, stores, column.isOwn);
  e.ifThen(stores, [&] { e.store(answer, op.getOut(), {number, column.number}); });
  Value factor = e.mul(change, get(KeyScale));
  Values after;
  for (auto [i, value] : llvm::enumerate(state))
    after.push_back(e.fma(row.keys[i], factor, e.mul(value, decay)));
  return after;
}

DeltaRuleEmitter::Values DeltaRuleEmitter::updateRows(ValueRange state, Value first, Value end, Column column) {
  const int64_t own = runs * step;
  if (own > kPrefetched)
    return e.loop(first, end, 1, state, [&](Value number, ValueRange before) {
      return update(Values(before), loadRow(number, column.number), number, first, column);
    });
  // The next row is loaded while this one is computed.
  Values carried(state);
  carried.append(loadRow(first, column.number).all());
  carried = e.loop(first, end, 1, carried, [&](Value number, ValueRange before) {
    Row next = loadRow(e.minimum(e.add(number, 1), e.add(end, -1)), column.number);
    Values results =
        update(Values(before.take_front(own)), Row::of(before.drop_front(own), own), number, first, column);
    results.append(next.all());
    return results;
  });
  carried.truncate(own);
  return carried;
}

void DeltaRuleEmitter::run() {
  Value zero = e.index(0), rows = e.rowsOf(op.getKey());
  e.loop(zero, e.index(columns), e.getThreads() / lanes, [&](Value base) {
    Column column = columnFrom(base);
    Values state = loadState(column.number);
    if (isOneRow) {
      prepare(zero, e.index(1));
      state = update(state, loadRow(zero, column.number), zero, zero, column);
    } else {
      state = e.loop(zero, rows, kRows, state, [&](Value first, ValueRange before) {
        Value end = e.minimum(e.add(first, kRows), rows);
        prepare(first, end);
        return updateRows(before, first, end, column);
      });
    }
    storeState(state, column);
  });
}

} // namespace

void lathe::expand(kernel::Conv1dOp op, BlockEmitter &e) { Conv1dEmitter(op, e).run(); }
void lathe::expand(kernel::DeltaRuleOp op, BlockEmitter &e) { DeltaRuleEmitter(op, e).run(); }
