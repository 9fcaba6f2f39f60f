#include "compiler/weights/Blocks.h"
#include "compiler/weights/Decode.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <cmath>

using namespace lathe;
using llvm::support::endian::read16le;
using llvm::support::endian::read32le;

// Low nibbles are values 0 to 15, high ones 16 to 31.
static void readNibbles(const uint8_t *nibbles, uint8_t *codes) {
  for (int j = 0; j < 16; ++j) {
    codes[j] = nibbles[j] & 15;
    codes[j + 16] = nibbles[j] >> 4;
  }
}

static void addFifthBits(uint32_t bits, uint8_t *codes) {
  for (int j = 0; j < 32; ++j)
    codes[j] |= (bits >> j & 1) << 4;
}

// Eight scales and eight minima of 6 bits in 12 bytes: four of each whole, the others' upper two bits above those.
static void readSixBits(const uint8_t *packed, Block &block) {
  for (int j = 0; j < 4; ++j) {
    block.subscales[j] = packed[j] & 63;
    block.subminima[j] = packed[j + 4] & 63;
    block.subscales[j + 4] = (packed[j + 8] & 15) | (packed[j] >> 6) << 4;
    block.subminima[j + 4] = (packed[j + 8] >> 4) | (packed[j + 4] >> 6) << 4;
  }
}

// 64 values from 32 bytes: low nibbles first.
static void readNibbleRuns(const uint8_t *nibbles, uint8_t *codes) {
  for (int chunk = 0; chunk < 4; ++chunk)
    for (int l = 0; l < 32; ++l) {
      codes[64 * chunk + l] = nibbles[32 * chunk + l] & 15;
      codes[64 * chunk + 32 + l] = nibbles[32 * chunk + l] >> 4;
    }
}

static void readQ6_K(const uint8_t *bytes, Block &block) {
  const uint8_t *low = bytes, *high = bytes + 128;
  for (int half = 0; half < 2; ++half, low += 64, high += 32) {
    uint8_t *codes = block.codes.data() + 128 * half;
    for (int l = 0; l < 32; ++l) {
      codes[l] = (low[l] & 15) | (high[l] & 3) << 4;
      codes[l + 32] = (low[l + 32] & 15) | (high[l] >> 2 & 3) << 4;
      codes[l + 64] = (low[l] >> 4) | (high[l] >> 4 & 3) << 4;
      codes[l + 96] = (low[l + 32] >> 4) | (high[l] >> 6) << 4;
    }
  }
  std::copy_n(bytes + 192, 16, block.subscales.begin());
  block.scale = read16le(bytes + 208);
}

Block lathe::readBlock(Format format, const uint8_t *bytes) {
  Block block;
  if (format == Format::MXFP4)
    block.scale = *bytes;
  else if (format != Format::Q6_K)
    block.scale = read16le(bytes);
  // ggml adds q4_1's and q5_1's minimum where the panels subtract it.
  auto negated = [](uint16_t half) { return static_cast<uint16_t>(half ^ 0x8000); };
  switch (format) {
  case Format::Q4_0:
    readNibbles(bytes + 2, block.codes.data());
    break;
  case Format::Q4_1:
    block.minimum = negated(read16le(bytes + 2));
    readNibbles(bytes + 4, block.codes.data());
    break;
  case Format::Q5_0:
    readNibbles(bytes + 6, block.codes.data());
    addFifthBits(read32le(bytes + 2), block.codes.data());
    break;
  case Format::Q5_1:
    block.minimum = negated(read16le(bytes + 2));
    readNibbles(bytes + 8, block.codes.data());
    addFifthBits(read32le(bytes + 4), block.codes.data());
    break;
  case Format::Q8_0:
    for (int j = 0; j < 32; ++j)
      block.codes[j] = bytes[2 + j] ^ 0x80; // signed + 128
    break;
  case Format::Q4_K:
    block.minimum = read16le(bytes + 2);
    readSixBits(bytes + 4, block);
    readNibbleRuns(bytes + 16, block.codes.data());
    break;
  case Format::Q5_K:
    block.minimum = read16le(bytes + 2);
    readSixBits(bytes + 4, block);
    readNibbleRuns(bytes + 48, block.codes.data());
    for (int run = 0; run < 8; ++run)
      for (int l = 0; l < 32; ++l)
        block.codes[32 * run + l] |= (bytes[16 + l] >> run & 1) << 4;
    break;
  case Format::Q6_K:
    readQ6_K(bytes, block);
    break;
  case Format::MXFP4:
    readNibbles(bytes + 1, block.codes.data());
    break;
  case Format::F8E4M3:
  case Format::F32:
  case Format::F16:
  case Format::BF16:
    llvm_unreachable("not stored in blocks");
  }
  return block;
}

/// Rounds halves away from zero, as roundf does, but without a function call for every value.
static int roundAway(float value) {
  const int whole = static_cast<int>(value);
  const float rest = value - static_cast<float>(whole); // exact
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

std::optional<float> lathe::quantizeBlock(Format format, const float *values, Block &block) {
  constexpr float rounding = 0x1p-11f; // of a number to a normal f16
  uint32_t magnitude = 0;              // the order of magnitudes is that of their bits
  for (int j = 0; j < 32; ++j)
    magnitude = std::max(magnitude, llvm::bit_cast<uint32_t>(values[j]) & 0x7fffffff);
  if (magnitude > llvm::bit_cast<uint32_t>(65504.0f * 127)) // infinity and NaN too
    return std::nullopt;
  // As an f16, a scale of 0 says the same as one that small.
  auto invert = [](float scale) { return scale > 0x1p-100f ? 1 / scale : 0; };
  const float largestMagnitude = llvm::bit_cast<float>(magnitude);
  if (format == Format::Q8_0) {
    const float scale = largestMagnitude / 127, inverse = invert(scale);
    block.scale = floatToHalf(scale);
    for (int j = 0; j < 32; ++j)
      block.codes[j] = static_cast<uint8_t>(roundAway(values[j] * inverse) + 128);
    return scale / 2 + largestMagnitude * rounding;
  }
  assert(format == Format::Q4_1 && "the only other format weights are converted to");
  float smallest = values[0], largest = values[0];
  for (int j = 1; j < 32; ++j) {
    smallest = std::min(smallest, values[j]);
    largest = std::max(largest, values[j]);
  }
  if (largest - smallest > 65504.0f * 15 || magnitude > llvm::bit_cast<uint32_t>(65504.0f))
    return std::nullopt;
  const float scale = (largest - smallest) / 15, inverse = invert(scale);
  block.scale = floatToHalf(scale);
  block.minimum = floatToHalf(-smallest);
  for (int j = 0; j < 32; ++j)
    block.codes[j] = static_cast<uint8_t>(std::min(15, static_cast<int>((values[j] - smallest) * inverse + 0.5f)));
  return scale / 2 + (largest - smallest + std::abs(smallest)) * rounding;
}

bool lathe::hasCoarseScales(const FormatInfo &info, const Block &block) {
  constexpr uint16_t minNormal = 0x0400;
  auto isCoarse = [](uint16_t half) { return (half & 0x7fff) < minNormal; };
  return isCoarse(block.scale) || (info.minimum && isCoarse(block.minimum));
}

float lathe::measureError(const FormatInfo &info, const Block &block, const float *values) {
  std::array<float, 256> rounded;
  dequantizeBlock(info, block, rounded.data());
  float error = 0;
  for (int j = 0; j < info.block; ++j)
    error = std::max(error, std::abs(values[j] - rounded[j]));
  return error;
}

void lathe::dequantizeBlock(const FormatInfo &info, const Block &block, float *values) {
  const float scale = info.hasTable() ? std::ldexp(1.0f, block.scale - 128) : halfToFloat(block.scale);
  const float minimum = halfToFloat(block.minimum);
  for (int j = 0; j < info.block; ++j) {
    const int own = info.hasTable() ? kMXFP4Values[block.codes[j]] : block.codes[j];
    const float code = static_cast<float>(own - info.offset);
    if (!info.subscales) {
      values[j] = scale * code - minimum;
    } else if (info.minimum) {
      const float product = scale * block.subscales[j / 32];
      const float offset = minimum * block.subminima[j / 32];
      values[j] = product * code - offset;
    } else {
      values[j] = scale * static_cast<int8_t>(block.subscales[j / 16]) * code;
    }
  }
}
