//===- QuantizedRow.h - a row of quantised activations ------------------------------------------------------------===//
//
// One layout for all weight formats: blocks of 32 values, one after another, so that a range of columns is a range of
// bytes, and a product reads one or two cache lines of a block. A block has the quantised values (32 x i8), the scale
// (f32), -128 * the sum of the values (i32), -scale * their sum (f32), and -128 * the sums of its halves (2 x i32).
// Weights are stored as unsigned bytes, value + 128, so a product starts at -128 * the sum; for weights with another
// offset it starts at a multiple of that.
//
// Some products widen 8-bit weights to 16 bits; their activations can then have 16 bits at no cost. A `wide` block has
// 32 x i16 values with a 256 times smaller step, their scale, and -128 * their sum. The sum of a block's products fits
// into 32 bits: 32 * 255 * 127 * 256 < 2^31.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_QUANTIZEDROW_H
#define LATHE_DIALECTS_LM_QUANTIZEDROW_H

#include <cstdint>

namespace lathe {

/// Byte offsets in a block.
struct QuantizedRow {
  static constexpr int64_t kBlock = 32;
  static constexpr int64_t kWideSteps = 256; // 16-bit steps in one 8-bit step
  static constexpr int64_t kSumFactor = -128;

  explicit QuantizedRow(bool wide)
      : scale(wide ? 2 * kBlock : kBlock), sum(scale + 4), scaledSum(sum + 4), halfSums(scaledSum + 4),
        blockBytes(wide ? sum + 4 : halfSums + 8) {}

  /// Bytes of a row of `columns` values, a multiple of 32.
  int64_t bytesOf(int64_t columns) const { return columns / kBlock * blockBytes; }

  int64_t scale, sum, scaledSum, halfSums, blockBytes;
};

} // namespace lathe

#endif // LATHE_DIALECTS_LM_QUANTIZEDROW_H
