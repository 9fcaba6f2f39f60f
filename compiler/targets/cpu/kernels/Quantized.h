//===- Quantized.h - the operands of quantised products -----------------------------------------------------------===//
//
// PanelReader reads a packed panel of a quantised format (dialects/lm/Layout.h) as vectors of its 16 outputs. RowReader
// reads a quantised row of activations (dialects/lm/QuantizedRow.h).
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELS_QUANTIZED_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELS_QUANTIZED_H

#include "compiler/targets/cpu/CPUInfo.h"
#include "compiler/targets/cpu/kernels/VectorEmitter.h"
#include "dialects/lm/Layout.h"
#include "dialects/lm/QuantizedRow.h"

namespace lathe {

class PanelReader {
public:
  /// `segment` holds panels of `format` with `depth` columns side by side. With `fitsBytes` (sums of byte products do
  /// not overflow), quantised values that have an offset are read in the upper bits of a byte: the offset is then 128,
  /// and the sums start from a number that the row has (docs/experiments/2026-11-27-offset-of-128.md).
  PanelReader(VectorEmitter &e, Value segment, Format format, int64_t depth, bool fitsBytes);

  /// The number that is subtracted from a quantised value.
  int64_t getOffset() const { return static_cast<int64_t>(info.offset) << raised; }
  /// value = scale * (quantised - offset) - minimum. Each is a vector of f32, one for each output. `minimum` is null if
  /// the format has none; `scale2` (of the run's second half) is null unless a run has two groups.
  struct Factors {
    Value scale, scale2, minimum;
  };
  /// The factors of the block at byte `block`.
  Factors getBlockFactors(Value block);
  /// The factors of the run at byte `run`, in a block with the factors `block`.
  Factors getRunFactors(const Factors &block, Value run);

  /// The vectors with the fifth (and sixth) bits of the run at byte `run`.
  SmallVector<Value> loadHighBits(Value run);
  /// The quantised values of 4 to 6 bits of the steps j and j + 4; `high` is what loadHighBits returned.
  std::pair<Value, Value> unpackSteps(Value run, ArrayRef<Value> high, int64_t j);

  /// Whether values of 8 bits are multiplied as 16-bit numbers.
  bool hasWideValues() const { return info.bits == 8 && layout.depth == 2; }

  const FormatInfo &info;
  const PanelLayout layout; // of one block: do not use `panels` and `panelBytes`

private:
  static constexpr int64_t R = kPanelRows;
  Value f16s(Value at);

  VectorEmitter &e;
  Value segment;
  int64_t raised; // how many bits quantised values are shifted up
};

class RowReader {
public:
  RowReader(VectorEmitter &e, Value rows, bool wide) : e(e), rows(rows), isWide(wide), layout(wide) {}

  /// The byte of each row where the block for the 32 columns of `run` begins.
  Value getBlock(Value run) { return e.mul(run, layout.blockBytes); }
  Value getScale(Value row, Value block) { return number(e.getF32Type(), row, block, layout.scale); }
  /// -scale * sum of quantised values: the factor of a minimum.
  Value getScaledSum(Value row, Value block) { return number(e.getF32Type(), row, block, layout.scaledSum); }
  /// -offset * sum of quantised values, of all or of the first (0) or second (1) half, broadcast to `outputs` lanes.
  Value getStart(Value row, Value block, int64_t offset, std::optional<int64_t> half = {},
                 int64_t outputs = kPanelRows);
  /// The quantised values of a `step`, 4 of 8 bits or 2 of 16 bits, repeated `outputs` times.
  Value getValues(Value row, Value block, Value step, int64_t outputs = kPanelRows);

private:
  Value number(Type type, Value row, Value block, int64_t offset) {
    return e.loadBytes(type, rows, {row, e.add(block, offset)});
  }

  VectorEmitter &e;
  Value rows;
  bool isWide;
  QuantizedRow layout;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELS_QUANTIZED_H
