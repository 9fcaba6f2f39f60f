//===- Quantize.cpp - rows of activations as quantised values ----------------------------------------------------===//
//
// Eight lanes quantise a block of 32 values, four each. Each value is computed as on the CPU, bit for bit.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/kernels/Kernels.h"
#include "dialects/lm/QuantizedRow.h"

using namespace lathe;

namespace {

class QuantizeEmitter {
public:
  QuantizeEmitter(kernel::QuantizeOp op, BlockEmitter &e) : op(op), e(e), layout(op.getWide()) {}

  void run();

private:
  static constexpr int64_t kLanes = 8, kValues = QuantizedRow::kBlock / kLanes;
  /// Adding 1.5 * 2^23 rounds to nearest even; the low 8 or 16 bits are then the quantised value.
  static constexpr double kMagic = 12582912;
  static constexpr int64_t kMagicBits = 0x4b400000;

  /// Quantises a block. All lanes of the warp come here; only those that own their block store.
  void block(Value row, Value number, Value isOwn);
  Value f32(double value) { return e.number(e.getF32Type(), value); }
  Value lane() { return e.rem(e.thread(), e.index(kLanes)); }
  /// The low bits of this lane's words as `bits` bits each, in as few words as possible.
  SmallVector<Value> pack(ArrayRef<Value> words, int64_t bits);

  kernel::QuantizeOp op;
  BlockEmitter &e;
  QuantizedRow layout;
};

void QuantizeEmitter::run() {
  Value blocks = e.div(e.columnsOf(op.getInput()), e.index(QuantizedRow::kBlock));
  Value count = e.mul(e.rowsOf(op.getInput()), blocks);
  // The blocks of all rows. Every lane takes part in each round, because lanes exchange values.
  e.loop(e.index(0), count, e.getThreads() / kLanes, [&](Value first) {
    Value own = e.add(first, e.div(e.thread(), e.index(kLanes))), number = e.minimum(own, e.add(count, -1));
    block(e.div(number, blocks), e.rem(number, blocks), e.less(own, count));
  });
}

SmallVector<Value> QuantizeEmitter::pack(ArrayRef<Value> words, int64_t bits) {
  SmallVector<Value> packed;
  const int64_t each = 32 / bits;
  for (auto [i, word] : llvm::enumerate(words)) {
    const int64_t at = int64_t(i) % each;
    Value part = at == each - 1 ? word : e.andBits(word, (int64_t(1) << bits) - 1);
    part = e.shl(part, at * bits);
    if (at == 0)
      packed.push_back(part);
    else
      packed.back() = e.orBits(packed.back(), part);
  }
  return packed;
}

void QuantizeEmitter::block(Value row, Value number, Value isOwn) {
  const int64_t steps = op.getWide() ? QuantizedRow::kWideSteps : 1;
  Value first = e.add(e.mul(number, QuantizedRow::kBlock), e.mul(lane(), kValues)), peak;
  SmallVector<Value> words = e.loadFour(op.getInput(), row, first);
  for (Value x : words) {
    Value size = math::AbsFOp::create(e, x);
    peak = peak ? e.maximum(peak, size) : size;
  }
  peak = e.largestOfLanes(peak, kLanes);
  Value scale = e.mul(peak, f32(1.0 / 127 / steps));
  Value inverse = e.select(e.less(f32(0), peak), e.div(f32(127.0 * steps), peak), f32(0)), sum;
  for (Value &word : words) {
    word = e.bitcast(e.getI32Type(), e.add(e.mul(word, inverse), f32(kMagic)));
    sum = sum ? e.add(sum, word) : word;
  }
  Value half = e.sumOfLanes(sum, kLanes / 2); // modulo 2^32
  half = e.mul(e.sub(half, e.number(e.getI32Type(), int32_t(QuantizedRow::kBlock / 2 * kMagicBits))),
               QuantizedRow::kSumFactor);
  sum = e.add(half, e.exchange(half, kLanes / 2));
  Value scaledSum = e.mul(e.mul(scale, f32(-1.0 / QuantizedRow::kSumFactor)), e.toF32(sum));

  // Lane i has the i-th number after the quantised values: scale, sum, scaled sum, sums of the halves.
  auto isLane = [&](int64_t i) { return arith::CmpIOp::create(e, arith::CmpIPredicate::eq, lane(), e.index(i)); };
  auto bits = [&](Value x) { return e.bitcast(e.getI32Type(), x); };
  Value own = e.select(isLane(0), bits(scale), e.select(isLane(1), sum, e.select(isLane(2), bits(scaledSum), half)));
  const int64_t bytes = op.getWide() ? 2 : 1, numbers = (layout.blockBytes - layout.scale) / 4;
  Value base = e.mul(number, layout.blockBytes);
  e.ifThen(isOwn, [&] {
    for (auto [i, word] : llvm::enumerate(pack(words, 8 * bytes)))
      e.storeBytes(word, op.getOut(), {row, e.add(e.add(base, e.mul(lane(), kValues * bytes)), 4 * int64_t(i))});
    e.ifThen(e.less(lane(), e.index(numbers)),
             [&] { e.storeBytes(own, op.getOut(), {row, e.add(e.add(base, layout.scale), e.mul(lane(), 4))}); });
  });
}

} // namespace

void lathe::expand(kernel::QuantizeOp op, BlockEmitter &e) { QuantizeEmitter(op, e).run(); }
