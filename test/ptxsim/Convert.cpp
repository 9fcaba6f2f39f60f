//===- Convert.cpp - cvt ------------------------------------------------------------------------------------------===//

#include "Handlers.h"

using namespace ptxsim;

namespace {

// Instruction::mode of a conversion.
enum : uint32_t {
  RoundingMask = 3,
  ToIntegral = 4, // .rni and the like: the result is a whole number
  Saturate = 8,
  Relu = 16,
  FromShift = 8, // the index of the source's type, and of the result's
  ToShift = 16,
};

const Type kTypes[] = {{'u', 8},  {'u', 16}, {'u', 32}, {'u', 64}, {'s', 8},  {'s', 16},
                       {'s', 32}, {'s', 64}, {'h', 16}, {'w', 16}, {'f', 32}, {'f', 64}};
enum { FirstFloat = 8, IsHalf = 8, IsBFloat = 9, IsFloat = 10, IsDouble = 11 };

int indexOf(Type type) {
  if (type.kind == 'b')
    type.kind = 'u';
  for (size_t k = 0; k < std::size(kTypes); ++k)
    if (kTypes[k] == type)
      return int(k);
  refuse("unknown type");
}

double toDouble(uint64_t bits, int type) {
  switch (type) {
  case IsHalf:
    return Half::toFloat(uint16_t(bits));
  case IsBFloat:
    return BFloat::toFloat(uint16_t(bits));
  case IsFloat:
    return as<float>(bits);
  default:
    return as<double>(bits);
  }
}

uint64_t fromDouble(double value, int type, Rounding rounding) {
  switch (type) {
  case IsHalf:
    return Half::fromFloat(oddFloat(value), rounding == Rounding::Zero);
  case IsBFloat:
    return BFloat::fromFloat(oddFloat(value), rounding == Rounding::Zero);
  case IsFloat: {
    if (std::isnan(value))
      return 0x7fffffff;
    if (rounding == Rounding::Nearest)
      return bitsOf(float(value));
    volatile double exact = value;
    return bitsOf(withRounding(rounding, [&] { return float(exact); }));
  }
  default:
    return bitsOf(value);
  }
}

double rounded(double value, Rounding rounding) {
  switch (rounding) {
  case Rounding::Nearest:
    return std::nearbyint(value);
  case Rounding::Zero:
    return std::trunc(value);
  case Rounding::Down:
    return std::floor(value);
  default:
    return std::ceil(value);
  }
}

/// Out of range: the nearest value that the type has. NaN: 0.
uint64_t toInteger(double value, Type type) {
  if (std::isnan(value))
    return 0;
  uint64_t mask = type.bits == 64 ? ~uint64_t(0) : (uint64_t(1) << type.bits) - 1;
  if (type.kind == 'u')
    return value <= 0 ? 0 : value >= std::ldexp(1.0, type.bits) ? mask : uint64_t(value);
  double limit = std::ldexp(1.0, type.bits - 1);
  if (value >= limit)
    return mask >> 1;
  return uint64_t(value < -limit ? INT64_MIN >> (64 - type.bits) : int64_t(value)) & mask;
}

/// Sign or zero extended to 64 bits.
uint64_t extended(uint64_t bits, Type type) {
  int unused = 64 - type.bits;
  return type.kind == 's' ? uint64_t(int64_t(bits << unused) >> unused) : bits << unused >> unused;
}

uint64_t integerToFloat(uint64_t bits, Type from, int to, Rounding rounding) {
  bits = extended(bits, from);
  bool isSigned = from.kind == 's';
  if (to == IsFloat && rounding == Rounding::Nearest)
    return bitsOf(isSigned ? float(int64_t(bits)) : float(bits));
  if (to == IsFloat) {
    volatile uint64_t exact = bits;
    return bitsOf(withRounding(rounding, [&] {
      uint64_t value = exact;
      return isSigned ? float(int64_t(value)) : float(value);
    }));
  }
  volatile uint64_t exact = bits;
  double value = withRounding(rounding, [&] {
    uint64_t copy = exact;
    return isSigned ? double(int64_t(copy)) : double(copy);
  });
  return to == IsDouble ? bitsOf(value) : fromDouble(value, to, rounding);
}

uint64_t saturatedInteger(uint64_t bits, Type from, Type to) {
  bits = extended(bits, from);
  __int128 value = from.kind == 's' ? __int128(int64_t(bits)) : __int128(bits);
  __int128 low = to.kind == 's' ? -(__int128(1) << (to.bits - 1)) : 0;
  __int128 high = (__int128(1) << (to.bits - (to.kind == 's'))) - 1;
  return uint64_t(value < low ? low : value > high ? high : value);
}

uint64_t convert(uint64_t bits, uint32_t mode) {
  int from = mode >> FromShift & 15, to = mode >> ToShift & 15;
  Rounding rounding = Rounding(mode & RoundingMask);
  if (from < FirstFloat && to < FirstFloat) {
    if (mode & Saturate)
      return extended(saturatedInteger(bits, kTypes[from], kTypes[to]), {'u', kTypes[to].bits});
    // The upper bits are of no matter when the register is as wide as the result, and right when it is wider.
    return extended(extended(bits, kTypes[from]), kTypes[to]);
  }
  if (from < FirstFloat)
    return integerToFloat(bits, kTypes[from], to, rounding);
  double value = toDouble(bits, from);
  if (to < FirstFloat)
    return toInteger(rounded(value, rounding), kTypes[to]);
  if (mode & ToIntegral)
    value = rounded(value, rounding);
  if (mode & Saturate)
    value = std::isnan(value) || value < 0 ? 0 : value > 1 ? 1 : value;
  if ((mode & Relu) && value < 0)
    value = 0;
  return fromDouble(value, to, mode & ToIntegral ? Rounding::Nearest : rounding);
}

void convertOne(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) { w.set(i.d, lane, convert(w.get(i.a, lane), i.mode)); });
}

/// a becomes the upper half.
void convertTwo(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    w.set(i.d, lane, convert(w.get(i.a, lane), i.mode) << 16 | convert(w.get(i.b, lane), i.mode));
  });
}

void decodeCvt(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  int rounding = op.takeOneOf({"rn", "rz", "rm", "rp"}), integral = op.takeOneOf({"rni", "rzi", "rmi", "rpi"});
  bool isSaturating = op.take("sat"), isRelu = op.take("relu");
  Type to = op.takeType(), from = op.takeType();
  uint32_t mode = (rounding > 0   ? rounding
                   : integral > 0 ? integral
                                  : 0) |
                  (integral >= 0 ? ToIntegral : 0) | (isSaturating ? Saturate : 0) | (isRelu ? Relu : 0);
  if (to.isPacked) {
    plainOperands(s, i, 2);
    if (!(from == Type{'f', 32}) || rounding > 1)
      refuse("expected .rn or .rz from f32");
    to = {to.kind, 16};
    i.run = convertTwo;
  } else {
    plainOperands(s, i, 1);
    i.run = convertOne;
  }
  int toIndex = indexOf(to), fromIndex = indexOf(from);
  if (fromIndex >= FirstFloat && toIndex < FirstFloat && integral < 0)
    refuse("expected .rni, .rzi, .rmi or .rpi from a float to an integer");
  if ((to.kind == 'h' || to.kind == 'w') && rounding > 1)
    refuse("expected .rn or .rz for 16 bits");
  i.mode = mode | uint32_t(fromIndex) << FromShift | uint32_t(toIndex) << ToShift;
}

} // namespace

std::span<const DecoderEntry> ptxsim::convertDecoders() {
  static const DecoderEntry table[] = {{"cvt", decodeCvt}};
  return table;
}
