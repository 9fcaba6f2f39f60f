#include "compiler/codegen/kernels/PackedRow.h"
#include "dialects/lm/Formats.h"

using namespace lathe;

PackedRow::PackedRow(RowEmitter &e, Value matrix, Value row, Value expert)
    : type(cast<lm::WeightType>(matrix.getType())), e(e), layout(type) {
  Value offset;
  std::tie(segment, offset) = getSegmentAndOffset(matrix);
  if (expert)
    offset = e.add(offset, e.mul(expert, getExpertBytes(type)));
  panel = e.add(offset, e.mul(e.div(row, e.index(layout.rows)), layout.panelBytes));
  lane = e.rem(row, e.index(layout.rows));
}

Value PackedRow::toF32(Value bits, bool isBF16) {
  if (isBF16)
    return e.bitcast(e.getF32Type(), e.shl(e.extend(bits, e.getI32Type()), 16));
  return arith::ExtFOp::create(e, e.getF32Type(), e.bitcast(e.getF16Type(), bits));
}

Value PackedRow::at(Value column) {
  const FormatInfo &info = type.getInfo();
  if (!info.isQuantised())
    return plain(column);
  Value block = getBlock(e.div(column, e.index(info.block))), inBlock = e.rem(column, e.index(info.block));
  return inRun(block, getFactors(block), e.div(inBlock, e.index(32)), e.rem(inBlock, e.index(32)));
}

Value PackedRow::plain(Value column) {
  int64_t bytes = type.getInfo().bits / 8, depth = layout.depth;
  Value step = e.div(column, e.index(depth)), within = e.rem(column, e.index(depth));
  Value value = e.add(e.mul(e.add(e.mul(step, layout.rows), lane), depth), within);
  Value at = e.add(e.add(panel, layout.scalesBytes), e.mul(value, bytes));
  if (type.getInfo().isScaled()) {
    Value bits = e.andBits(e.shl(e.extendSigned(e.loadScalar(segment, at), e.getI16Type()), 7), 0xbfff);
    Value scaleAt = e.add(panel, e.mul(e.div(column, e.index(kScaleBlock)), 4));
    return e.mul(toF32(bits, false), e.loadBytes(e.getF32Type(), segment, scaleAt));
  }
  if (bytes == 4)
    return e.loadBytes(e.getF32Type(), segment, at);
  return toF32(e.loadBytes(e.getI16Type(), segment, at), type.getFormat() == Format::BF16);
}

PackedRow::Factors PackedRow::getFactors(Value block) {
  const FormatInfo &info = type.getInfo();
  Value at = e.add(block, info.subscales ? 0 : layout.codesBytes);
  Factors factors;
  if (info.hasTable()) {
    // A byte e means 2^(e - 127). The scale is half of that, as the table has twice the values.
    Value bits = e.shl(byteAt(e.add(at, lane)), 23);
    factors.scale = e.mul(e.bitcast(e.getF32Type(), bits), e.number(e.getF32Type(), 0.5));
  } else {
    factors.scale = f16At(at);
  }
  if (info.minimum)
    factors.minimum = f16At(e.add(at, 2 * layout.rows));
  return factors;
}

Value PackedRow::inRun(Value block, const Factors &factors, Value run, Value k) {
  const FormatInfo &info = type.getInfo();
  Value at = e.add(e.add(block, layout.headBytes), e.mul(run, layout.runBytes));
  auto [scale, minimum] = factors;
  if (info.subscales) {
    Value sub = e.add(e.add(at, layout.codesBytes), lane);
    if (info.group == 16)
      sub = e.add(sub, e.mul(e.div(k, e.index(16)), layout.rows));
    Value byte = e.loadScalar(segment, sub);
    Value integer = info.minimum ? e.extend(byte, e.getI32Type()) : e.extendSigned(byte, e.getI32Type());
    scale = e.mul(scale, e.toF32(integer));
    if (info.minimum)
      minimum = e.mul(minimum, e.toF32(byteAt(e.add(sub, layout.rows))));
  }
  Value value = e.mul(scale, e.toF32(e.add(quantised(at, k), -info.offset)));
  return minimum ? e.sub(value, minimum) : value;
}

Value PackedRow::quantised(Value run, Value k) {
  int bits = type.getInfo().bits;
  if (bits == 8) {
    Value step = e.div(k, e.index(layout.depth)), within = e.rem(k, e.index(layout.depth));
    return byteAt(e.add(run, e.add(e.mul(e.add(e.mul(step, layout.rows), lane), layout.depth), within)));
  }
  Value step = e.div(k, e.index(4)), position = e.add(e.mul(lane, 4), e.rem(k, e.index(4)));
  Value low = byteAt(e.add(run, e.add(e.mul(e.rem(step, e.index(4)), 4 * layout.rows), position)));
  Value isHigh = e.lessEqual(e.index(4), step);
  Value result = e.select(isHigh, e.shr(low, 4), e.andBits(low, 15));
  if (type.getInfo().hasTable()) {
    // The table's bytes in two words: an index into memory would be slower on a GPU.
    uint64_t halves[2] = {};
    for (int i = 0; i < 16; ++i)
      halves[i / 8] |= uint64_t(kMXFP4Values[i]) << (8 * (i % 8));
    auto word = [&](uint64_t bits) {
      return arith::ConstantOp::create(e, e.getI64IntegerAttr(static_cast<int64_t>(bits)));
    };
    Value isUpper = e.lessEqual(e.number(result.getType(), 8), result);
    Value shift = e.mul(e.extend(e.andBits(result, 7), e.getI64Type()), 8);
    Value shifted = arith::ShRUIOp::create(e, e.select(isUpper, word(halves[1]), word(halves[0])), shift);
    return arith::TruncIOp::create(e, e.getI32Type(), e.andBits(shifted, 0xff));
  }
  Value i32Step = e.cast(step, e.getI32Type()), high = e.add(run, layout.highOffset);
  if (bits == 5) {
    Value bit = e.andBits(arith::ShRUIOp::create(e, byteAt(e.add(high, position)), i32Step), 1);
    result = e.orBits(result, e.shl(bit, 4));
  } else if (bits == 6) {
    Value half = e.mul(e.div(step, e.index(4)), 4 * layout.rows);
    Value shift = e.mul(e.andBits(i32Step, 3), 2);
    Value two = e.andBits(arith::ShRUIOp::create(e, byteAt(e.add(high, e.add(half, position))), shift), 3);
    result = e.orBits(result, e.shl(two, 4));
  }
  return result;
}
