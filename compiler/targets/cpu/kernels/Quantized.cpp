#include "compiler/targets/cpu/kernels/Quantized.h"
#include "compiler/targets/cpu/CPUOps.h"

using namespace lathe;

namespace {

PanelLayout getBlockLayout(MLIRContext *context, Format format, int64_t depth) {
  constexpr int64_t rows = kPanelRows;
  auto panels = lm::PanelsAttr::get(context, rows, depth);
  return PanelLayout(lm::WeightType::get(context, {rows, getFormatInfo(format).block}, format, panels));
}

} // namespace

PanelReader::PanelReader(VectorEmitter &e, Value segment, Format format, int64_t depth, bool fitsBytes)
    : info(getFormatInfo(format)), layout(getBlockLayout(e.getContext(), format, depth)), e(e), segment(segment),
      raised(fitsBytes && info.offset && !info.hasTable() ? 8 - info.bits : 0) {}

Value PanelReader::f16s(Value at) {
  Value halves = e.bitcast(e.vec(R, e.getF16Type()), e.load(e.i8s(2 * R), segment, at));
  return arith::ExtFOp::create(e, e.f32s(), halves);
}

PanelReader::Factors PanelReader::getBlockFactors(Value block) {
  Value at = e.add(block, info.subscales ? 0 : layout.codesBytes);
  Factors factors;
  if (info.hasTable()) {
    // A byte e means 2^(e - 127). The scale is half of that, as the table has twice the values.
    Value exponents = e.extend(e.load(e.i8s(R), segment, at), e.getI32Type());
    factors.scale = e.mul(e.bitcast(e.f32s(), e.shl(exponents, 23)), e.number(e.f32s(), 0.5));
  } else {
    factors.scale = f16s(at);
    if (raised)
      factors.scale = e.mul(factors.scale, e.number(e.f32s(), 1.0 / (1 << raised)));
  }
  if (info.minimum)
    factors.minimum = f16s(e.add(at, 2 * R));
  return factors;
}

PanelReader::Factors PanelReader::getRunFactors(const Factors &block, Value run) {
  if (!info.subscales)
    return block;
  auto subscales = [&](int64_t index, bool isSigned) {
    Value bytes = e.load(e.i8s(R), segment, e.add(run, layout.codesBytes + index * R));
    return e.toF32(isSigned ? e.extendSigned(bytes, e.getI32Type()) : e.extend(bytes, e.getI32Type()));
  };
  bool isSplit = info.group == 16;
  Factors factors;
  factors.scale = e.mul(block.scale, subscales(0, isSplit));
  if (isSplit)
    factors.scale2 = e.mul(block.scale, subscales(1, isSplit));
  else
    factors.minimum = e.mul(block.minimum, subscales(1, isSplit));
  return factors;
}

SmallVector<Value> PanelReader::loadHighBits(Value run) {
  SmallVector<Value> high;
  for (int64_t i = 0; i < info.bits - 4; ++i)
    high.push_back(e.load(e.i8s(4 * R), segment, e.add(run, layout.highOffset + i * 4 * R)));
  return high;
}

std::pair<Value, Value> PanelReader::unpackSteps(Value run, ArrayRef<Value> high, int64_t j) {
  Value bytes = e.load(e.i8s(4 * R), segment, e.add(run, j * 4 * R));
  // Moves the bits of `mask` from bit `from` to bit `to`. A quantised value begins at bit `raised`.
  auto moved = [&](Value bits, int64_t from, int64_t to, int64_t mask) {
    return e.andBits(from <= to ? e.shl(bits, to - from) : e.shr(bits, from - to), mask << to);
  };
  Value low = moved(bytes, 0, raised, 15), up = moved(bytes, 4, raised, 15);
  if (info.hasTable()) {
    SmallVector<int8_t> numbers;
    for (int64_t i = 0; i < 4 * R; ++i)
      numbers.push_back(static_cast<int8_t>(kMXFP4Values[i % 16]));
    Value values = arith::ConstantOp::create(e, DenseIntElementsAttr::get(e.i8s(4 * R), ArrayRef(numbers)));
    return {cpu::LookupOp::create(e, low.getType(), values, low), cpu::LookupOp::create(e, up.getType(), values, up)};
  }
  if (info.bits == 5) {
    low = e.orBits(low, moved(high[0], j, raised + 4, 1));
    up = e.orBits(up, moved(high[0], j + 4, raised + 4, 1));
  } else if (info.bits == 6) {
    low = e.orBits(low, moved(high[0], 2 * j, raised + 4, 3));
    up = e.orBits(up, moved(high[1], 2 * j, raised + 4, 3));
  }
  return {low, up};
}

Value RowReader::getStart(Value row, Value block, int64_t offset, std::optional<int64_t> half, int64_t outputs) {
  if (!offset)
    return e.number(e.i32s(outputs), 0);
  Value sum = e.splat(number(e.getI32Type(), row, block, half ? layout.halfSums + 4 * *half : layout.sum), outputs);
  // offset = odd * 2^n
  int64_t odd = offset, divisor = -QuantizedRow::kSumFactor;
  for (; odd % 2 == 0; odd /= 2)
    divisor /= 2;
  if (divisor > 1)
    sum = arith::ShRSIOp::create(e, sum, e.number(sum.getType(), llvm::Log2_64(divisor)));
  return e.mul(sum, odd);
}

Value RowReader::getValues(Value row, Value block, Value step, int64_t outputs) {
  Value four = e.loadBytes(e.getI32Type(), rows, {row, e.add(block, e.mul(step, 4))});
  Type type = isWide ? e.vec(2 * outputs, e.getI16Type()) : e.i8s(4 * outputs);
  return e.bitcast(type, e.splat(four, outputs));
}
