//===- Quantize.cpp - rows of activations as quantised values -----------------------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"
#include "dialects/lm/QuantizedRow.h"

using namespace lathe;

using Values = SmallVector<Value>;

/// Combines all lanes of each of 1, 2 or 4 vectors of 16. The results are in the first lanes of a vector of 4. Shuffles
/// stay within groups of four lanes, which is fast on every CPU.
static Value reduce(VectorEmitter &e, Values vectors, function_ref<Value(Value, Value)> combine) {
  auto shuffle = [&](Value x, Value y, std::array<int64_t, 4> from) { // 0 to 3: of x, 4 to 7: of y
    SmallVector<int64_t> lanes;
    for (int64_t group = 0; group < 16; group += 4)
      for (int64_t lane : from)
        lanes.push_back(lane < 4 ? group + lane : 16 + group + lane - 4);
    return Value(vector::ShuffleOp::create(e, x, y, lanes));
  };
  auto pair = [&](Value x, Value y) { return combine(shuffle(x, y, {0, 4, 1, 5}), shuffle(x, y, {2, 6, 3, 7})); };
  Value all;
  if (vectors.size() == 4) {
    Value low = pair(vectors[0], vectors[1]), high = pair(vectors[2], vectors[3]);
    all = combine(shuffle(low, high, {0, 1, 4, 5}), shuffle(low, high, {2, 3, 6, 7}));
  } else {
    all = vectors.size() == 2 ? pair(vectors[0], vectors[1])
                              : combine(vectors[0], shuffle(vectors[0], vectors[0], {1, 0, 3, 2}));
    all = combine(all, shuffle(all, all, {2, 3, 0, 1}));
  }
  for (int64_t lanes : {8, 4}) {
    auto part = [&](int64_t first) { return vector::ExtractStridedSliceOp::create(e, all, first, lanes, 1); };
    all = combine(part(0), part(lanes));
  }
  return all;
}

/// Quantises `count` (1, 2 or 4) blocks of a row from `first` on. Each block's numbers (scale, sums) take one lane.
static void quantizeBlocks(kernel::QuantizeOp op, VectorEmitter &e, Value row, Value first, int64_t count) {
  bool wide = op.getWide();
  QuantizedRow layout(wide);
  constexpr int64_t half = QuantizedRow::kBlock / 2, lanes = 4;
  int64_t steps = wide ? QuantizedRow::kWideSteps : 1;
  VectorType floats = e.f32s(lanes), integers = e.i32s(lanes);
  Value column = e.mul(first, QuantizedRow::kBlock), base = e.mul(first, layout.blockBytes);
  auto at = [&](int64_t block, int64_t offset) -> Values {
    return {row, e.add(base, block * layout.blockBytes + offset)};
  };
  Values halves[2], magnitudes;
  for (int64_t b = 0; b < count; ++b)
    for (int i = 0; i < 2; ++i) {
      halves[i].push_back(e.load(e.f32s(), op.getInput(), {row, e.add(column, b * QuantizedRow::kBlock + i * half)}));
      Value magnitude = math::AbsFOp::create(e, halves[i].back());
      if (i == 0)
        magnitudes.push_back(magnitude);
      else
        magnitudes.back() = e.maximum(magnitudes.back(), magnitude);
    }
  Value peaks = reduce(e, magnitudes, [&](Value a, Value b) { return e.maximum(a, b); });
  Value zero = e.number(floats, 0), scales = e.mul(peaks, e.number(floats, 1.0 / 127 / steps));
  Value inverses = e.select(e.less(zero, peaks), e.div(e.number(floats, 127 * steps), peaks), zero);

  // Adding 1.5 * 2^23 rounds to nearest even; the low 8 or 16 bits are then the quantised value.
  constexpr double magic = 12582912;
  constexpr int32_t magicBits = 0x4b400000;
  Value narrowMagic = e.number(e.f32s(), magic);
  for (int64_t b = 0; b < count; ++b) {
    Value factor = e.splat(vector::ExtractOp::create(e, inverses, b));
    for (int i = 0; i < 2; ++i) {
      Value &x = halves[i][b];
      x = e.bitcast(e.i32s(), e.add(e.mul(x, factor), narrowMagic));
      Value values = arith::TruncIOp::create(e, e.vec(half, wide ? e.getI16Type() : e.getI8Type()), x);
      e.store(wide ? e.bitcast(e.i8s(2 * half), values) : values, op.getOut(), at(b, i * half * (wide ? 2 : 1)));
    }
  }
  auto sumsOf = [&](Values &words) {
    Value sums = reduce(e, words, [&](Value a, Value b) { return e.add(a, b); });
    sums = e.sub(sums, e.number(integers, static_cast<int32_t>(half * magicBits)));
    return e.mul(sums, QuantizedRow::kSumFactor);
  };
  Value halfSums[] = {sumsOf(halves[0]), sumsOf(halves[1])}, sums = e.add(halfSums[0], halfSums[1]);
  Value scaledSums = e.mul(e.mul(scales, e.number(floats, -1.0 / QuantizedRow::kSumFactor)), e.toF32(sums));

  auto shuffle = [&](Value x, Value y, ArrayRef<int64_t> from) -> Value {
    return vector::ShuffleOp::create(e, x, y, from);
  };
  Value scaleBits = e.bitcast(integers, scales), scaledBits = e.bitcast(integers, scaledSums);
  for (int64_t b = 0; b < count; ++b) {
    int64_t pair = b / 2 * 2;
    SmallVector<int64_t> neighbours = {pair, lanes + pair, pair + 1, lanes + pair + 1};
    Value numbers = shuffle(scaleBits, sums, neighbours), others = shuffle(scaledBits, halfSums[0], neighbours);
    int64_t own = b % 2 * 2;
    numbers = wide ? shuffle(numbers, numbers, {own, own + 1})
                   : shuffle(numbers, others, {own, own + 1, lanes + own, lanes + own + 1});
    e.store(e.bitcast(e.i8s(wide ? 8 : 16), numbers), op.getOut(), at(b, layout.scale));
    if (!wide)
      e.storeBytes(vector::ExtractOp::create(e, halfSums[1], b), op.getOut(), at(b, layout.halfSums + 4));
  }
}

void lathe::expand(kernel::QuantizeOp op, VectorEmitter &e) {
  Value blocks = e.div(e.columnsOf(op.getInput()), e.index(QuantizedRow::kBlock));
  int64_t columns = VectorEmitter::staticColumns(op.getInput()), known = columns / QuantizedRow::kBlock;
  bool isDynamic = ShapedType::isDynamic(columns);
  e.forRows(op.getInput(), [&](Value row) {
    Value done = e.index(0);
    for (int64_t count : {4, 2, 1}) {
      if (!isDynamic && (count == 4 ? known < 4 : !(known & count)))
        continue;
      Value end = e.mul(e.div(blocks, e.index(count)), count);
      e.loop(done, end, count, [&](Value block) { quantizeBlocks(op, e, row, block, count); });
      done = end;
    }
  });
}
