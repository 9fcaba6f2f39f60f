//===- Quantized.h - the operands of products of codes ------------------------------------------------------------===//
//
// What lies in a packed panel of a quantised format (dialects/lm/Layout.h) as vectors of its 16 outputs, and the
// numbers of a quantised row (dialects/lm/QuantizedRow.h).
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
  /// `area` holds panels of `format`, `depth` columns side by side. Where products of the largest bytes fit, a code
  /// that has an offset is read at the upper end of a byte: the offset is then 128, and sums start from a number of the
  /// row as it is.
  PanelReader(VectorEmitter &e, Value segment, Format format, int64_t depth, bool fitsBytes);

  /// What is subtracted from a code.
  int64_t getOffset() const { return static_cast<int64_t>(info.offset) << raised; }
  /// value = scale * (code - offset) - minimum, each f32 for every output; `minimum` only where the format has one,
  /// `scale2` (of the run's second half) only where a run has two groups.
  struct Factors {
    Value scale, scale2, minimum;
  };
  /// Of the block at `block`.
  Factors getBlockFactors(Value block);
  /// Of the run at `run`, in a block with those factors.
  Factors getRunFactors(const Factors &block, Value run);

  /// The words with the fifth (and sixth) bits of the run at `run`.
  SmallVector<Value> loadHighBits(Value run);
  /// Codes of the steps j and j + 4 of the run at `run`, of 4 to 6 bits; `high` is what loadHighBits returned.
  std::pair<Value, Value> unpackSteps(Value run, ArrayRef<Value> high, int64_t j);

  /// Codes of 8 bits that are multiplied as 16-bit numbers.
  bool hasWideValues() const { return info.bits == 8 && layout.depth == 2; }

  const FormatInfo &info;
  const PanelLayout layout; // of any matrix: its panels, panelBytes are nobody's

private:
  static constexpr int64_t R = kPanelRows;
  Value f16s(Value at);

  VectorEmitter &e;
  Value segment;
  int64_t raised; // bits that codes are read higher
};

class RowReader {
public:
  RowReader(VectorEmitter &e, Value rows, bool wide) : e(e), rows(rows), isWide(wide), layout(wide) {}

  /// Where the numbers of `run`'s 32 columns begin in each row.
  Value getBlock(Value run) { return e.mul(run, layout.blockBytes); }
  Value getScale(Value row, Value block) { return number(e.getF32Type(), row, block, layout.scale); }
  /// -scale * sum of codes: what a minimum is multiplied by.
  Value getScaledSum(Value row, Value block) { return number(e.getF32Type(), row, block, layout.scaledSum); }
  /// -offset * sum of codes, of all or of the first (0) or second (1) half, as often as there are `outputs`.
  Value getStart(Value row, Value block, int64_t offset, std::optional<int64_t> half = {},
                 int64_t outputs = kPanelRows);
  /// The codes of a `step`, as often as there are `outputs`: 4 of 8 bits or 2 of 16.
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
