//===- QuantizedRow.h - a row of activations as codes -------------------------------------------------------------===//
//
// One layout for every weight format: blocks of 32 values, one behind another, so that some columns of a row are some
// of its bytes and what a product takes from a block lies in one or two cache lines. A block is its codes (32 x i8),
// the scale (f32), -128 * the sum of the codes (i32), -scale * that sum (f32) and -128 * the sums of its halves
// (2 x i32). -128 times: where products begin whose weights are codes less 128, and a multiple of where others do.
//
// Where a product widens 8-bit weights to 16 bits its activations may as well be finer: `wide` blocks have 32 x i16,
// each 1/256 of a code, their scale, and -128 times their sum. The sum of a block's products stays within 32 bits:
// 32 * 255 * 127 * 256 < 2^31.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_QUANTIZEDROW_H
#define LATHE_DIALECTS_LM_QUANTIZEDROW_H

#include <cstdint>

namespace lathe {

/// Byte offsets in a block.
struct QuantizedRow {
  static constexpr int64_t kBlock = 32;
  static constexpr int64_t kWideSteps = 256; // of a 16-bit code to one of 8 bits
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
