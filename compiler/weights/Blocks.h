//===- Blocks.h - quantised blocks taken apart --------------------------------------------------------------------===//
//
// A block of any format as codes and scales, between its bytes in a checkpoint and its place in a panel: taking a
// stored block apart and putting it into a panel moves bits and rounds nothing.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_BLOCKS_H
#define LATHE_COMPILER_WEIGHTS_BLOCKS_H

#include "dialects/lm/Formats.h"
#include <array>
#include <cstdint>
#include <optional>

namespace lathe {

/// One block: info.block codes and what turns them into values. Parts a format does not have are 0.
struct Block {
  std::array<uint8_t, 256> codes; // unsigned; q8_0: stored + 128
  uint16_t scale = 0,
           minimum = 0; // f16, mxfp4: exponent + 127; value = scale * [subscale *] code - minimum [* subminimum]
  std::array<uint8_t, 16> subscales{}; // q4_k, q5_k: of 32 values each, q6_k: i8, of 16 values each
  std::array<uint8_t, 8> subminima{};
};

/// Takes the stored block at `bytes` apart.
Block readBlock(Format format, const uint8_t *bytes);

/// Quantises 32 values as ggml's reference code does; q8_0 or q4_1. Returns the largest error of a value that so many
/// bits promise: half a step, and the rounding of scale and minimum to a normal f16. Nothing when a value is not finite
/// or too large for f16 scales.
std::optional<float> quantizeBlock(Format format, const float *values, Block &block);

/// Whether scale or minimum of a quantised block are rounded more than a normal f16 is: the values are small.
bool hasCoarseScales(const FormatInfo &info, const Block &block);

/// The largest distance of 32 values from those of their block.
float measureError(const FormatInfo &info, const Block &block, const float *values);

/// The values of a block: the same float32 as decodeRow's.
void dequantizeBlock(const FormatInfo &info, const Block &block, float *values);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_BLOCKS_H
