//===- Numbers.h - 16-bit floats, roundings and bit casts ---------------------------------------------------------===//

#ifndef PTXSIM_NUMBERS_H
#define PTXSIM_NUMBERS_H

#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace ptxsim {

/// The value of type T in the low bits of a register.
template <typename T> inline T as(uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename T> inline uint64_t bitsOf(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

/// Rounds to `keep` bits of mantissa below bit `drop`, ties to even, or towards zero.
inline uint32_t roundMantissa(uint32_t bits, int drop, bool towardsZero) {
  if (!towardsZero)
    bits += (uint32_t(1) << (drop - 1)) - 1 + ((bits >> drop) & 1);
  return bits >> drop;
}

struct Half {
  uint16_t bits;
  static float toFloat(uint16_t bits) {
    uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    if (exponent == 31)
      return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
    if (exponent == 0)
      return (sign ? -1.0f : 1.0f) * float(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  }
  static uint16_t fromFloat(float value, bool towardsZero = false) {
    uint32_t bits = std::bit_cast<uint32_t>(value), sign = (bits >> 16) & 0x8000;
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
      return 0x7fff;
    if (bits == 0x7f800000)
      return sign | 0x7c00;
    if (bits >= 0x477ff000 && !towardsZero) // 65520 and above
      return sign | 0x7c00;
    if (bits >= 0x47800000)
      return sign | 0x7bff;
    if (bits < 0x38800000) { // subnormal: a multiple of 2^-24
      float scaled = std::bit_cast<float>(bits) * 0x1p24f;
      return sign | uint16_t(towardsZero ? std::trunc(scaled) : std::nearbyint(scaled));
    }
    return sign | uint16_t(roundMantissa(bits - (112u << 23), 13, towardsZero));
  }
};

struct BFloat {
  uint16_t bits;
  static float toFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }
  static uint16_t fromFloat(float value, bool towardsZero = false) {
    uint32_t bits = std::bit_cast<uint32_t>(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
      return 0x7fff;
    return uint16_t(roundMantissa(bits, 16, towardsZero));
  }
};

/// From double with one rounding: a float that keeps, in its last bit, whether anything was lost.
inline float oddFloat(double value) {
  float near = float(value);
  if (double(near) == value || std::isnan(value) || std::isinf(near))
    return near;
  uint32_t bits = std::bit_cast<uint32_t>(near);
  if (std::fabs(double(near)) > std::fabs(value))
    --bits; // towards zero
  return std::bit_cast<float>(bits | 1);
}

inline float flushed(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}

enum class Rounding : uint8_t { Nearest, Zero, Down, Up };

/// Runs `compute` with the given rounding of the processor. `compute` must read its operands from volatile variables.
template <typename F> __attribute__((noinline)) auto withRounding(Rounding rounding, F compute) {
  static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  std::fesetround(modes[int(rounding)]);
  volatile auto result = compute();
  std::fesetround(FE_TONEAREST);
  return std::remove_cvref_t<decltype(compute())>(result);
}

} // namespace ptxsim

#endif
