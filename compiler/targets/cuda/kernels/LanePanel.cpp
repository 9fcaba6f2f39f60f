#include "compiler/targets/cuda/kernels/LanePanel.h"
#include "dialects/lm/QuantizedRow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace lathe;

namespace {

//===--------------------------------------------------------------------------------------------------------------===//
// f32, f16, bf16, f8_e4m3
//===--------------------------------------------------------------------------------------------------------------===//

class FloatPanel final : public LanePanel {
public:
  FloatPanel(BlockEmitter &e, const FormatInfo &info, int64_t depth, Value segment, Value columns)
      : LanePanel(e, segment, columns, BlockEmitter::kWarp * kLaneBytes / (kPanelRows * bytesOf(info)),
                  kLaneBytes / (bytesOf(info) * depth)),
        info(info), depth(depth) {
    if (info.isScaled()) // f32 scales come before the values, padded to 64 bytes
      scalesBytes = e.mul(e.ceilDiv(e.mul(e.ceilDiv(columns, e.index(kScaleBlock)), 4), e.index(64)), 64);
  }

  Value firstColumn(Value step) override {
    Value group = e.div(e.lane(), e.index(lanesPerColumn()));
    return e.add(e.mul(step, stepColumns), e.mul(group, depth));
  }

  Values load(Value panel, Value step) override {
    Value values = scalesBytes ? e.add(panel, scalesBytes) : panel;
    Value at = e.add(e.add(values, e.mul(step, BlockEmitter::kWarp * kLaneBytes)), e.mul(e.lane(), kLaneBytes));
    Values loaded = {loadVector(kLaneBytes, e.getI8Type(), at, kLaneBytes)};
    if (scalesBytes) {
      Value block = e.div(firstColumn(step), e.index(kScaleBlock));
      loaded.push_back(e.loadBytes(e.getF32Type(), segment, e.add(panel, e.mul(block, 4)), 4));
    }
    return loaded;
  }

  Values loadRow(Value rows, Value row, Value step, bool isWhole) override {
    Values values;
    for (int64_t d = 0; d < depth; ++d) {
      Value column = e.add(firstColumn(step), d);
      // Weights beyond the last column are 0.
      Value value = e.loadScalar(rows, {row, isWhole ? column : e.minimum(column, e.add(columns, -1))});
      values.push_back(value.getType().isBF16() ? arith::ExtFOp::create(e, e.getF32Type(), value).getResult() : value);
    }
    return values;
  }

  void multiply(ArrayRef<Value> weights, ArrayRef<Value> row, MutableArrayRef<Value> sums) override {
    Values x(row);
    if (scalesBytes)
      for (Value &value : x)
        value = e.mul(value, weights[1]);
    for (int64_t d = 0; d < depth; ++d)
      for (auto [output, weight] : llvm::enumerate(widen(e, info.format, weights[0], depth, d)))
        sums[output] = e.fma(weight, x[d], sums[output]);
  }

private:
  static int64_t bytesOf(const FormatInfo &info) { return info.bits / 8; }

  const FormatInfo &info;
  int64_t depth;
  Value scalesBytes; // null: none
};

//===--------------------------------------------------------------------------------------------------------------===//
// Quantised formats
//===--------------------------------------------------------------------------------------------------------------===//

class QuantisedPanel : public LanePanel {
protected:
  QuantisedPanel(BlockEmitter &e, const FormatInfo &info, int64_t depth, Value segment, Value columns,
                 int64_t stepColumns, int64_t outputs)
      : LanePanel(e, segment, columns, stepColumns, outputs), info(info), layout(blockOf(e, info, depth)),
        row(/*wide=*/depth == 2) {}

  /// a . b + c of four bytes or, with 16-bit values in a, of the lower or upper two bytes of b. All are signed.
  Value dot(Value a, Value b, Value c) { return intrinsic("llvm.nvvm.idp4a.s.s", {a, b, c}); }
  Value dotPair(Value a, Value b, bool isUpper, Value c) {
    return intrinsic("llvm.nvvm.idp2a.s.s", {a, b, e.number(e.getI1Type(), isUpper), c});
  }
  /// Byte i of the result is the byte of (low, high) that digit i of `digits` names.
  Value permute(Value low, Value high, Value digits) { return intrinsic("llvm.nvvm.prmt", {low, high, digits}); }
  Value i32(int64_t number) { return e.number(e.getI32Type(), number); }

  /// The run of 32 columns that the lane reads in a step.
  virtual Value runOf(Value step) = 0;
  Value firstColumn(Value step) override { return e.mul(runOf(step), QuantizedRow::kBlock); }

  struct Place {
    Value block, run; // bytes
  };
  Place placeOf(Value panel, Value step) {
    Value run = runOf(step);
    const int64_t runs = info.block / QuantizedRow::kBlock;
    Value block = e.add(panel, e.mul(runs == 1 ? run : e.div(run, e.index(runs)), layout.blockBytes));
    if (runs == 1)
      return {block, block};
    return {block, e.add(e.add(block, layout.headBytes), e.mul(e.rem(run, e.index(runs)), layout.runBytes))};
  }

  /// The lane's quantised values.
  Value loadQuantised(const Place &place, Value laneOfRun) {
    return loadVector(4, e.getI32Type(), e.add(place.run, e.mul(laneOfRun, kLaneBytes)), kLaneBytes);
  }
  /// f16s[R] at byte `at`: those of the lane's outputs.
  Value loadHalves(Value at) {
    return loadVector(outputs, e.getF16Type(), e.add(at, e.mul(firstOutput(), 2)), 2 * outputs);
  }
  Value toF32(Value halves, int64_t i) { return arith::ExtFOp::create(e, e.getF32Type(), extract(halves, i)); }
  Value rowNumber(Type type, Value rows, Value row, Value block, int64_t offset) {
    return e.loadBytes(type, rows, {row, e.add(block, offset)}, 4);
  }

  const FormatInfo &info;
  PanelLayout layout; // of one block
  QuantizedRow row;

private:
  static PanelLayout blockOf(BlockEmitter &e, const FormatInfo &info, int64_t depth) {
    auto panels = lm::PanelsAttr::get(e.getContext(), kPanelRows, depth);
    return PanelLayout(lm::WeightType::get(e.getContext(), {kPanelRows, info.block}, info.format, panels));
  }
  Value intrinsic(StringRef name, ValueRange arguments) {
    return LLVM::CallIntrinsicOp::create(e, e.getI32Type(), e.getStringAttr(name), arguments).getResult(0);
  }
};

/// 4 to 6 bits: a run is 256 bytes (and the upper bits), so half a warp reads it. Byte d of word r of a lane has
/// columns 4 j + d and 4 (j + 4) + d of its output r, where j is a quarter of the lane's number in its half.
class NibblePanel final : public QuantisedPanel {
public:
  NibblePanel(BlockEmitter &e, const FormatInfo &info, Value segment, Value columns)
      : QuantisedPanel(e, info, /*depth=*/4, segment, columns, /*stepColumns=*/64, /*outputs=*/4) {}

  Value runOf(Value step) override { return e.add(e.mul(step, 2), e.div(e.lane(), e.index(16))); }

  /// Quantised values, upper bits, factors of the block and of the run.
  Values load(Value panel, Value step) override {
    Place place = placeOf(panel, step);
    Values loaded = {loadQuantised(place, laneOfRun())};
    for (int64_t i = 0; i < info.bits - 4; ++i)
      loaded.push_back(loadVector(4, e.getI32Type(), e.add(upperBits(place.run), i * 4 * kPanelRows), kLaneBytes));
    Value factors = e.add(place.block, info.subscales ? 0 : layout.codesBytes);
    loaded.push_back(info.hasTable() ? loadBytes4(factors) : loadHalves(factors));
    if (info.minimum)
      loaded.push_back(loadHalves(e.add(factors, 2 * kPanelRows)));
    if (info.subscales)
      for (int64_t i = 0; i < 2; ++i)
        loaded.push_back(loadBytes4(e.add(place.run, layout.codesBytes + i * kPanelRows)));
    return loaded;
  }

  /// Four values of step j, four of step j + 4, the scale.
  Values loadRow(Value rows, Value rowIndex, Value step, bool) override {
    Value block = e.mul(runOf(step), row.blockBytes), at = e.add(block, e.mul(quarter(), 4));
    return {rowNumber(e.getI32Type(), rows, rowIndex, at, 0), rowNumber(e.getI32Type(), rows, rowIndex, at, 16),
            rowNumber(e.getF32Type(), rows, rowIndex, block, row.scale)};
  }

  void multiply(ArrayRef<Value> weights, ArrayRef<Value> row, MutableArrayRef<Value> sums) override {
    Value first = row[0], second = row[1], scale = row[2];
    const bool isSplit = info.group == 16; // each half of a run has its own scale
    auto sumOf = [&](Value x, Value before) { return dot(i32(0x01010101), x, before); };
    auto start = [&](Value sum) { return info.offset && !info.hasTable() ? e.mul(sum, -info.offset) : i32(0); };
    Value sum, start1, start2;
    if (isSplit) {
      start1 = start(sumOf(first, i32(0)));
      start2 = start(sumOf(second, i32(0)));
    } else {
      sum = info.minimum || info.offset ? sumOf(first, sumOf(second, i32(0))) : Value();
      start1 = start(sum);
    }
    Factors factors(*this, weights.drop_front(info.bits - 3));
    for (int64_t output = 0; output < outputs; ++output) {
      auto [low, up] = unpack(weights, output);
      if (isSplit) {
        addScaled(sums[output], dot(low, first, start1), e.mul(scale, factors.getScale(output, 0)));
        addScaled(sums[output], dot(up, second, start2), e.mul(scale, factors.getScale(output, 1)));
        continue;
      }
      addScaled(sums[output], dot(low, first, dot(up, second, start1)), e.mul(scale, factors.getScale(output, 0)));
      if (info.minimum)
        addScaled(sums[output], e.sub(i32(0), sum), e.mul(scale, factors.getMinimum(output)));
    }
  }

private:
  Value laneOfRun() { return e.rem(e.lane(), e.index(16)); }
  Value quarter() { return e.div(laneOfRun(), e.index(4)); }
  Value upperBits(Value run) { return e.add(e.add(run, layout.highOffset), e.mul(e.rem(e.lane(), e.index(4)), 16)); }
  /// Bytes [R] at `at`: those of the lane's outputs.
  Value loadBytes4(Value at) { return loadVector(4, e.getI8Type(), e.add(at, firstOutput()), 4); }
  void addScaled(Value &sum, Value integer, Value scale) { sum = e.fma(e.toF32(integer), scale, sum); }

  /// What load() returned after the quantised values.
  struct Factors {
    Factors(NibblePanel &p, ArrayRef<Value> loaded) : p(p), scale(loaded[0]) {
      if (p.info.minimum)
        minimum = loaded[1];
      if (p.info.subscales)
        subscales = loaded.take_back(2);
    }
    Value getScale(int64_t output, int64_t half) {
      if (p.info.hasTable()) {
        // A byte e means 2^(e - 127). The scale is half of that, as the table has twice the values.
        Value exponent = p.e.shl(p.e.extend(p.extract(scale, output), p.e.getI32Type()), 23);
        return p.e.mul(p.e.bitcast(p.e.getF32Type(), exponent), p.e.number(p.e.getF32Type(), 0.5));
      }
      Value factor = p.toF32(scale, output);
      return subscales.empty() ? factor : p.e.mul(factor, integer(half, output, p.info.group == 16));
    }
    Value getMinimum(int64_t output) {
      Value factor = p.toF32(minimum, output);
      return subscales.empty() ? factor : p.e.mul(factor, integer(1, output, /*isSigned=*/false));
    }
    Value integer(int64_t which, int64_t output, bool isSigned) {
      Value byte = p.extract(subscales[which], output);
      return p.e.toF32(isSigned ? p.e.extendSigned(byte, p.e.getI32Type()) : p.e.extend(byte, p.e.getI32Type()));
    }
    NibblePanel &p;
    Value scale, minimum;
    ArrayRef<Value> subscales;
  };

  /// The bytes of an output at steps j and j + 4.
  std::pair<Value, Value> unpack(ArrayRef<Value> weights, int64_t output) {
    Value word = extract(weights[0], output);
    if (info.hasTable())
      return lookUp(word);
    Value low = e.andBits(word, 0x0f0f0f0f), up = e.andBits(e.shr(word, 4), 0x0f0f0f0f);
    // Bits of a step: `mask` from bit `from` on of each byte.
    auto upper = [&](Value bits, Value from, int64_t mask) {
      return e.shl(e.andBits(arith::ShRUIOp::create(e, bits, from), mask), 4);
    };
    Value j = e.cast(quarter(), e.getI32Type());
    if (info.bits == 5) {
      Value bits = extract(weights[1], output);
      return {e.orBits(low, upper(bits, j, 0x01010101)), e.orBits(up, upper(bits, e.add(j, 4), 0x01010101))};
    }
    if (info.bits == 6)
      return {e.orBits(low, upper(extract(weights[1], output), e.mul(j, 2), 0x03030303)),
              e.orBits(up, upper(extract(weights[2], output), e.mul(j, 2), 0x03030303))};
    return {low, up};
  }

  /// The signed bytes kMXFP4Values[digit] - 12 for the low digits and for the high digits of a word's bytes.
  std::pair<Value, Value> lookUp(Value word) {
    uint32_t table[4] = {};
    for (int i = 0; i < 16; ++i)
      table[i / 4] |= uint32_t(uint8_t(kMXFP4Values[i] - 12)) << (8 * (i % 4));
    // The values of the four digits in the lower half of `digits`.
    auto values = [&](Value digits) {
      Value inHalf = e.andBits(digits, 0x7777);
      Value low = permute(i32(table[0]), i32(table[1]), inHalf), high = permute(i32(table[2]), i32(table[3]), inHalf);
      Value isHigh = permute(i32(0xff00), i32(0), e.andBits(e.shr(digits, 3), 0x1111));
      Value difference = arith::XOrIOp::create(e, low, high);
      return arith::XOrIOp::create(e, low, arith::AndIOp::create(e, difference, isHigh)).getResult();
    };
    Value first = values(word), second = values(e.shr(word, 16));
    return {permute(first, second, i32(0x6420)), permute(first, second, i32(0x7531))};
  }
};

/// 8 bits: a run is 512 bytes, so a warp reads it.
class BytePanel final : public QuantisedPanel {
public:
  BytePanel(BlockEmitter &e, const FormatInfo &info, int64_t depth, Value segment, Value columns)
      : QuantisedPanel(e, info, depth, segment, columns, QuantizedRow::kBlock, /*outputs=*/kLaneBytes / depth),
        isWide(depth == 2) {}

  Value runOf(Value step) override { return step; }

  Values load(Value panel, Value step) override {
    Place place = placeOf(panel, step);
    return {loadQuantised(place, e.lane()), loadHalves(e.add(place.block, layout.codesBytes))};
  }

  /// The values of the lane's columns, four bytes or two of 16 bits, and the scale.
  Values loadRow(Value rows, Value rowIndex, Value step, bool) override {
    Value block = e.mul(runOf(step), row.blockBytes);
    Value group = e.div(e.lane(), e.index(lanesPerColumn()));
    return {rowNumber(e.getI32Type(), rows, rowIndex, e.add(block, e.mul(group, 4)), 0),
            rowNumber(e.getF32Type(), rows, rowIndex, block, row.scale)};
  }

  void multiply(ArrayRef<Value> weights, ArrayRef<Value> row, MutableArrayRef<Value> sums) override {
    for (int64_t output = 0; output < outputs; ++output) {
      // Stored is the signed value + 128.
      Value word = extract(weights[0], isWide ? output / 2 : output);
      Value values = arith::XOrIOp::create(e, word, i32(0x80808080));
      Value product = isWide ? dotPair(row[0], values, output % 2, i32(0)) : dot(values, row[0], i32(0));
      Value scale = e.mul(row[1], toF32(weights[1], output));
      sums[output] = e.fma(e.toF32(product), scale, sums[output]);
    }
  }

private:
  bool isWide; // rows of 16 bits
};

} // namespace

SmallVector<Value> lathe::widen(BlockEmitter &e, Format format, Value bytes, int64_t depth, int64_t d) {
  SmallVector<Value> result;
  const int64_t elementBytes = getFormatInfo(format).bits / 8, outputs = kLaneBytes / (elementBytes * depth);
  auto as = [&](Type element) {
    return e.bitcast(VectorType::get({kLaneBytes * 8 / element.getIntOrFloatBitWidth()}, element), bytes);
  };
  auto extract = [&](Value vector, int64_t i) -> Value { return vector::ExtractOp::create(e, vector, i); };
  Type f32 = e.getF32Type();
  for (int64_t output = 0; output < outputs; ++output) {
    const int64_t at = output * depth + d;
    switch (format) {
    case Format::F32:
      result.push_back(extract(as(f32), at));
      break;
    case Format::F16:
      result.push_back(arith::ExtFOp::create(e, f32, extract(as(e.getF16Type()), at)));
      break;
    case Format::F8E4M3: {
      // The f16 with the same sign, exponent and fraction is 256 times too small; the packed scale is 256 times as
      // large.
      Value byte = e.extendSigned(extract(bytes, at), e.getI16Type());
      Value bits = e.andBits(e.shl(byte, 7), 0xbfff);
      result.push_back(arith::ExtFOp::create(e, f32, e.bitcast(e.getF16Type(), bits)));
      break;
    }
    default: {
      // A bf16 is the upper half of an f32.
      Value pair = extract(as(e.getI32Type()), at / 2);
      result.push_back(e.bitcast(f32, at % 2 ? e.andBits(pair, 0xffff0000) : e.shl(pair, 16)));
    }
    }
  }
  return result;
}

std::unique_ptr<LanePanel> LanePanel::create(BlockEmitter &e, Format format, int64_t depth, Value segment,
                                             Value columns) {
  const FormatInfo &info = getFormatInfo(format);
  if (!info.isQuantised())
    return std::make_unique<FloatPanel>(e, info, depth, segment, columns);
  if (info.bits == 8)
    return std::make_unique<BytePanel>(e, info, depth, segment, columns);
  return std::make_unique<NibblePanel>(e, info, segment, columns);
}
