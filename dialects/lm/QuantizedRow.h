//===- QuantizedRow.h - a row of activations as 8-bit codes
//-----------------------------------------------------------===//
//
// One layout for every weight format: codes [K] i8, then per block of 32 the scale (f32), the sum of codes (i32),
// -scale * sum (f32), and the sums of its two halves (2 x i32). Where a product widens 8-bit weights to 16 bits its
// activations may as well be finer: `wide` rows have codes of scale / 256 [K] i16, too, and, per block, their sum
// (i32). The sum of a block's products stays within 32 bits: 32 * 255 * 127 * 256 < 2^31.
//
//===------------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_QUANTIZEDROW_H
#define LATHE_DIALECTS_LM_QUANTIZEDROW_H

#include "llvm/Support/MathExtras.h"
#include <cstdint>

namespace lathe {

/// Byte offsets in a row of `columns` values, a multiple of 32.
struct QuantizedRow {
  static constexpr int64_t kBlock = 32;

  QuantizedRow(int64_t columns, bool wide) {
    int64_t blocks = columns / kBlock;
    scales = llvm::alignTo(columns, 64);
    sums = scales + 4 * blocks;
    scaledSums = sums + 4 * blocks;
    halfSums = scaledSums + 4 * blocks;
    wideCodes = llvm::alignTo(halfSums + 8 * blocks, 64);
    wideSums = wideCodes + 2 * columns;
    bytes = llvm::alignTo(wide ? wideSums + 4 * blocks : wideCodes, 64);
  }

  static constexpr int64_t kWideSteps = 256; // of a 16-bit code to one of 8 bits
  int64_t scales, sums, scaledSums, halfSums, wideCodes, wideSums, bytes;
};

} // namespace lathe

#endif // LATHE_DIALECTS_LM_QUANTIZEDROW_H
