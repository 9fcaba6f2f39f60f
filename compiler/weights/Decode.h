//===- Decode.h - stored numbers -> float -------------------------------------------------------------------------===//
//
// What a checkpoint's bytes mean, exactly: the same float32 values, bit for bit, as ggml's and gguf-py's
// dequantisation.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_DECODE_H
#define LATHE_COMPILER_WEIGHTS_DECODE_H

#include "dialects/lm/Formats.h"
#include <cstdint>

namespace lathe {

float halfToFloat(uint16_t bits);
float bfloatToFloat(uint16_t bits);
/// The value of an f8 e4m3 number, a format without infinities.
float float8ToFloat(uint8_t bits);
/// Rounds to the nearest value, ties to even. A value that is too large becomes infinity; a NaN stays a NaN.
uint16_t floatToHalf(float value);
uint16_t floatToBfloat(float value);

/// Bytes of `n` values; n is a multiple of the format's block.
uint64_t rowBytes(Format format, int64_t n);

/// `row` need not be aligned and has rowBytes(format, n) bytes. n is a multiple of the format's block.
void decodeRow(Format format, const uint8_t *row, int64_t n, float *out);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_DECODE_H
