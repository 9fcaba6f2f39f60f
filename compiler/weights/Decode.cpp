#include "compiler/weights/Decode.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/ErrorHandling.h"
#include <cassert>
#include <cmath>
#include <cstring>

using namespace lathe;
using llvm::bit_cast;
using llvm::support::endian::read16le;
using llvm::support::endian::read32le;

float lathe::halfToFloat(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff;
  if (exponent == 0x1f)
    return bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent)
    return bit_cast<float>(sign | (exponent + 127 - 15) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f; // subnormal, exact
  return sign ? -magnitude : magnitude;
}

// Four bits of exponent, three of fraction; no infinities, all ones is no number.
float lathe::float8ToFloat(uint8_t bits) {
  const uint32_t sign = uint32_t(bits & 0x80) << 24, exponent = bits >> 3 & 15, fraction = bits & 7;
  if (exponent == 15 && fraction == 7)
    return bit_cast<float>(sign | 0x7fc00000);
  if (exponent)
    return bit_cast<float>(sign | (exponent + 127 - 7) << 23 | fraction << 20);
  const float magnitude = static_cast<float>(fraction) * 0x1p-9f;
  return sign ? -magnitude : magnitude;
}

float lathe::bfloatToFloat(uint16_t bits) { return bit_cast<float>(uint32_t(bits) << 16); }

uint16_t lathe::floatToHalf(float value) {
  const uint32_t bits = bit_cast<uint32_t>(value);
  const uint16_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00;
  if (magnitude >= 0x477ff000) // 65520, halfway to what would be next, and above
    return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below the smallest normal: adding 0.5 leaves multiples of 2^-24 in the low bits, rounded by the addition.
    const float shifted = bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<uint16_t>(bit_cast<uint32_t>(shifted) - bit_cast<uint32_t>(0.5f));
  }
  const uint32_t odd = (magnitude >> 13) & 1;
  return sign | static_cast<uint16_t>((magnitude - (uint32_t(127 - 15) << 23) + 0xfff + odd) >> 13);
}

uint16_t lathe::floatToBfloat(float value) {
  const uint32_t bits = bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

uint64_t lathe::rowBytes(Format format, int64_t n) {
  const FormatInfo &info = getFormatInfo(format);
  return static_cast<uint64_t>(n) / info.block * info.bytes;
}

static float halfAt(const uint8_t *at) { return halfToFloat(read16le(at)); }

// Blocks of 32. The low nibbles are values 0 to 15, the high ones 16 to 31; the fifth bit of value j is bit j of a
// word.

static void decodeQ4_0(const uint8_t *block, float *out) {
  const float scale = halfAt(block);
  for (int j = 0; j < 16; ++j) {
    out[j] = scale * ((block[2 + j] & 15) - 8);
    out[j + 16] = scale * ((block[2 + j] >> 4) - 8);
  }
}

static void decodeQ4_1(const uint8_t *block, float *out) {
  const float scale = halfAt(block), minimum = halfAt(block + 2);
  for (int j = 0; j < 16; ++j) {
    // Two roundings, as in ggml: never one fused operation.
    const float low = scale * (block[4 + j] & 15), high = scale * (block[4 + j] >> 4);
    out[j] = low + minimum;
    out[j + 16] = high + minimum;
  }
}

static void decodeQ5_0(const uint8_t *block, float *out) {
  const float scale = halfAt(block);
  const uint32_t fifth = read32le(block + 2);
  for (int j = 0; j < 16; ++j) {
    const int low = (block[6 + j] & 15) | (fifth >> j & 1) << 4;
    const int high = (block[6 + j] >> 4) | (fifth >> (j + 16) & 1) << 4;
    out[j] = scale * (low - 16);
    out[j + 16] = scale * (high - 16);
  }
}

static void decodeQ5_1(const uint8_t *block, float *out) {
  const float scale = halfAt(block), minimum = halfAt(block + 2);
  const uint32_t fifth = read32le(block + 4);
  for (int j = 0; j < 16; ++j) {
    const float low = scale * static_cast<float>((block[8 + j] & 15) | (fifth >> j & 1) << 4);
    const float high = scale * static_cast<float>((block[8 + j] >> 4) | (fifth >> (j + 16) & 1) << 4);
    out[j] = low + minimum;
    out[j + 16] = high + minimum;
  }
}

static void decodeQ8_0(const uint8_t *block, float *out) {
  const float scale = halfAt(block);
  for (int j = 0; j < 32; ++j)
    out[j] = scale * static_cast<int8_t>(block[2 + j]);
}

/// The six-bit scale and minimum of group g of eight, from twelve bytes: the first four pairs lie in the low six bits
/// of bytes 0-3 and 4-7, the others in nibbles of bytes 8-11 with their upper two bits on top of the first.
static void unpackScales(const uint8_t *packed, int g, int &scale, int &minimum) {
  if (g < 4) {
    scale = packed[g] & 63;
    minimum = packed[g + 4] & 63;
  } else {
    scale = (packed[g + 4] & 15) | packed[g - 4] >> 6 << 4;
    minimum = packed[g + 4] >> 4 | packed[g] >> 6 << 4;
  }
}

// Blocks of 256 in groups of 32: groups 2c and 2c + 1 are the low and high nibbles of the same 32 bytes.

static void decodeQ4_K(const uint8_t *block, float *out) {
  const float scales = halfAt(block), minima = halfAt(block + 2);
  for (int g = 0; g < 8; ++g) {
    int scale, minimum;
    unpackScales(block + 4, g, scale, minimum);
    const float d = scales * scale, m = minima * minimum;
    const uint8_t *codes = block + 16 + g / 2 * 32;
    for (int j = 0; j < 32; ++j) {
      const float product = d * (codes[j] >> g % 2 * 4 & 15);
      out[g * 32 + j] = product - m;
    }
  }
}

static void decodeQ5_K(const uint8_t *block, float *out) {
  const float scales = halfAt(block), minima = halfAt(block + 2);
  const uint8_t *fifth = block + 16; // bit g of byte j: value j of group g
  for (int g = 0; g < 8; ++g) {
    int scale, minimum;
    unpackScales(block + 4, g, scale, minimum);
    const float d = scales * scale, m = minima * minimum;
    const uint8_t *codes = block + 48 + g / 2 * 32;
    for (int j = 0; j < 32; ++j) {
      const int code = (codes[j] >> g % 2 * 4 & 15) | (fifth[j] >> g & 1) << 4;
      const float product = d * code;
      out[g * 32 + j] = product - m;
    }
  }
}

// Two halves of 128, four quarters of 32 in each: the low four bits of quarters 0 and 2 are nibbles of the same 32
// bytes, so are those of 1 and 3; the upper two bits of all four share 32 bytes. A scale belongs to 16 values.
static void decodeQ6_K(const uint8_t *block, float *out) {
  const float scales = halfAt(block + 208);
  for (int half = 0; half < 2; ++half) {
    const uint8_t *low = block + half * 64, *high = block + 128 + half * 32;
    const int8_t *sub = reinterpret_cast<const int8_t *>(block + 192 + half * 8);
    for (int quarter = 0; quarter < 4; ++quarter)
      for (int j = 0; j < 32; ++j) {
        const int nibble = low[quarter % 2 * 32 + j] >> quarter / 2 * 4 & 15;
        const int code = nibble | (high[j] >> quarter * 2 & 3) << 4;
        const float d = scales * sub[quarter * 2 + j / 16];
        out[half * 128 + quarter * 32 + j] = d * (code - 32);
      }
  }
}

/// A power of two, then 16 bytes: value j in the low nibble of byte j, value j + 16 in the high one.
static void decodeMXFP4(const uint8_t *block, float *out) {
  const float half = std::ldexp(1.0f, block[0] - 128);
  for (int j = 0; j < 16; ++j) {
    out[j] = half * static_cast<float>(kMXFP4Values[block[1 + j] & 15] - 12);
    out[j + 16] = half * static_cast<float>(kMXFP4Values[block[1 + j] >> 4] - 12);
  }
}

void lathe::decodeRow(Format format, const uint8_t *row, int64_t n, float *out) {
  const FormatInfo &info = getFormatInfo(format);
  assert(n % info.block == 0 && "a row is whole blocks: readers refuse others");
  auto blocks = [&](auto decode) {
    for (int64_t i = 0; i < n; i += info.block, row += info.bytes)
      decode(row, out + i);
  };
  switch (format) {
  case Format::F32:
    if constexpr (llvm::endianness::native == llvm::endianness::little)
      std::memcpy(out, row, n * sizeof(float));
    else
      blocks([](const uint8_t *at, float *value) { *value = bit_cast<float>(read32le(at)); });
    return;
  case Format::F16:
    return blocks([](const uint8_t *at, float *value) { *value = halfAt(at); });
  case Format::BF16:
    return blocks([](const uint8_t *at, float *value) { *value = bfloatToFloat(read16le(at)); });
  case Format::Q4_0:
    return blocks(decodeQ4_0);
  case Format::Q4_1:
    return blocks(decodeQ4_1);
  case Format::Q5_0:
    return blocks(decodeQ5_0);
  case Format::Q5_1:
    return blocks(decodeQ5_1);
  case Format::Q8_0:
    return blocks(decodeQ8_0);
  case Format::Q4_K:
    return blocks(decodeQ4_K);
  case Format::Q5_K:
    return blocks(decodeQ5_K);
  case Format::Q6_K:
    return blocks(decodeQ6_K);
  case Format::MXFP4:
    return blocks(decodeMXFP4);
  case Format::F8E4M3:
    return blocks([](const uint8_t *at, float *value) { *value = float8ToFloat(*at); });
  }
  llvm_unreachable("every format is decoded");
}
