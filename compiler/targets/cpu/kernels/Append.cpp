//===- Append.cpp - keys and values enter the cache ---------------------------------------------------------------===//

#include "compiler/codegen/kernels/CacheAddress.h"
#include "compiler/targets/cpu/kernels/Kernels.h"

using namespace lathe;

namespace {

/// Appends 16 values from `i` on as bf16. Two neighbours along a panel share a word of 32 bits.
void appendWords(VectorEmitter &e, Value segment, Value cache, bool isValues, Value position, Value head, Value i,
                 Value floats) {
  constexpr int64_t lanes = kPanelRows;
  auto type = cast<lm::CacheType>(cache.getType());
  if (isValues && !type.getLatent()) {
    // Write the lower or the upper half of 16 words and keep the other half, which belongs to a neighbour position.
    Value odd = e.rem(e.rem(position, e.index(type.getRows())), e.index(2));
    Value shift = e.splat(e.cast(e.mul(odd, 16), e.getI32Type()));
    Value at = e.sub(cacheAddress(e, cache, true, position, head, i), e.mul(odd, 2));
    Value bits = e.extend(e.bitcast(e.vec(lanes, e.getI16Type()), e.toBF16(floats)), e.getI32Type());
    Value old = e.bitcast(e.i32s(), e.load(e.i8s(4 * lanes), segment, at));
    Value kept = e.andBits(arith::ShRUIOp::create(e, old, e.sub(e.number(e.i32s(), 16), shift)), 0xffff);
    Value other = arith::ShLIOp::create(e, kept, e.sub(e.number(e.i32s(), 16), shift));
    e.store(e.bitcast(e.i8s(4 * lanes), e.orBits(arith::ShLIOp::create(e, bits, shift), other)), segment, at);
    return;
  }
  Value words = e.bitcast(e.i32s(lanes / 2), e.toBF16(floats));
  Value at = cacheAddress(e, cache, false, position, head, i);
  for (int64_t step = 0; step < lanes / 2; ++step)
    e.storeBytes(vector::ExtractOp::create(e, words, step), segment, e.add(at, step * 4 * lanes));
}

} // namespace

void lathe::expand(kernel::AppendOp op, VectorEmitter &e) {
  auto type = cast<lm::CacheType>(op.getCache().getType());
  Value segment = getSegmentAndOffset(op.getCache()).first, dim = e.index(type.getDim());
  bool hasWords = CacheLayout(type).depth == 2 && type.getDim() % kPanelRows == 0;
  e.forRows(op.getInput(), [&](Value row) {
    Value position = e.add(op.getPosition(), row);
    e.loop(e.index(0), e.div(e.columnsOf(op.getInput()), dim), 1, [&](Value head) {
      if (hasWords) {
        e.loop(e.index(0), dim, kPanelRows, [&](Value i) {
          Value floats = e.load(e.f32s(), op.getInput(), {row, e.add(e.mul(head, dim), i)});
          appendWords(e, segment, op.getCache(), op.getValues(), position, e.add(op.getHead(), head), i, floats);
        });
        return;
      }
      e.loop(e.index(0), dim, 1, [&](Value i) {
        Value value = e.loadScalar(op.getInput(), {row, e.add(e.mul(head, dim), i)});
        if (type.getElement().isBF16())
          value = e.toBF16(value);
        Value at = cacheAddress(e, op.getCache(), op.getValues(), position, e.add(op.getHead(), head), i);
        e.storeBytes(value, segment, at);
      });
    });
  });
}

void lathe::expand(kernel::CachedOp op, VectorEmitter &e) {
  auto type = cast<lm::CacheType>(op.getCache().getType());
  Value segment = getSegmentAndOffset(op.getCache()).first;
  Value dim = e.index(op.getValues() ? type.getValueDim() : type.getDim());
  e.forRows(op.getOut(), [&](Value position) {
    e.loop(e.index(0), e.index(type.getHeads()), 1, [&](Value head) {
      e.loop(e.index(0), dim, 1, [&](Value i) {
        Value at = cacheAddress(e, op.getCache(), op.getValues(), position, head, i), value;
        if (type.getElement().isF32())
          value = e.loadBytes(e.getF32Type(), segment, at);
        else
          value =
              e.bitcast(e.getF32Type(), e.shl(e.extend(e.loadBytes(e.getI16Type(), segment, at), e.getI32Type()), 16));
        memref::StoreOp::create(e, value, op.getOut(), ValueRange{position, e.add(e.mul(head, dim), i)});
      });
    });
  });
}
