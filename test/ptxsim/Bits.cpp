//===- Bits.cpp - logic, shifts, bit fields, bytes ----------------------------------------------------------------===//

#include "Handlers.h"

#include <algorithm>
#include <bit>

using namespace ptxsim;

namespace {

/// Truncates a value to `bits` bits.
uint64_t cut(uint64_t value, int bits) { return bits >= 64 ? value : value & ((uint64_t(1) << bits) - 1); }
int64_t extended(uint64_t value, int bits) { return int64_t(value << (64 - bits)) >> (64 - bits); }

template <typename F> Handler lanes() {
  return [](Warp &w, const Instruction &i, uint32_t on) {
    eachLane(on, [&](int lane) {
      w.set(i.d, lane, F::call(w.get(i.a, lane), w.get(i.b, lane), w.get(i.c, lane), int(i.mode)));
    });
  };
}

// Each gets the three operands and the mode: mostly the number of bits.
struct And {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t, int) { return a & b; }
};
struct Or {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t, int) { return a | b; }
};
struct Xor {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t, int) { return a ^ b; }
};
struct Not {
  static uint64_t call(uint64_t a, uint64_t, uint64_t, int bits) { return cut(~a, bits); }
};
struct CNot {
  static uint64_t call(uint64_t a, uint64_t, uint64_t, int bits) { return cut(a, bits) == 0; }
};
// An amount above the width gives the result of so many shifts by one.
struct Shl {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t, int bits) {
    uint32_t by = uint32_t(b);
    return by >= uint32_t(bits) ? 0 : cut(a << by, bits);
  }
};
struct ShrU {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t, int bits) {
    uint32_t by = uint32_t(b);
    return by >= uint32_t(bits) ? 0 : cut(a, bits) >> by;
  }
};
struct ShrS {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t, int bits) {
    return cut(uint64_t(extended(a, bits) >> std::min<uint32_t>(uint32_t(b), bits - 1)), bits);
  }
};
struct Popc {
  static uint64_t call(uint64_t a, uint64_t, uint64_t, int bits) { return std::popcount(cut(a, bits)); }
};
struct Clz {
  static uint64_t call(uint64_t a, uint64_t, uint64_t, int bits) {
    return std::countl_zero(cut(a, bits)) - (64 - bits);
  }
};
struct Brev {
  static uint64_t call(uint64_t a, uint64_t, uint64_t, int bits) { return __builtin_bitreverse64(a) >> (64 - bits); }
};
/// mode: bits, +128: signed, +256: the shift that brings the bit to the top.
struct Bfind {
  static uint64_t call(uint64_t a, uint64_t, uint64_t, int mode) {
    int bits = mode & 127;
    a = cut(a, bits);
    if ((mode & 128) && extended(a, bits) < 0)
      a = cut(~a, bits);
    if (!a)
      return 0xffffffff;
    int top = 63 - std::countl_zero(a);
    return mode & 256 ? bits - 1 - top : top;
  }
};
/// mode: bits, +128: signed.
struct Bfe {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t c, int mode) {
    int bits = mode & 127, from = int(b & 255), count = int(c & 255);
    bool isSigned = mode & 128;
    a = cut(a, bits);
    if (count == 0)
      return 0;
    bool sign = isSigned && (a >> std::min(from + count - 1, bits - 1) & 1);
    uint64_t field = from >= bits ? 0 : a >> from;
    int have = std::min(count, std::max(bits - from, 0));
    field = have == 0 ? 0 : cut(field, have);
    if (sign)
      field |= have >= 64 ? 0 : ~uint64_t(0) << have;
    return cut(field, bits);
  }
};
/// prmt in its default mode: four bytes of eight, by the digits of c; bit 3 of a digit spreads the sign.
struct Prmt {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t c, int) {
    uint64_t bytes = (a & 0xffffffff) | b << 32, result = 0;
    for (int k = 0; k < 4; ++k) {
      unsigned digit = c >> 4 * k & 15;
      uint8_t byte = uint8_t(bytes >> 8 * (digit & 7));
      if (digit & 8)
        byte = byte & 0x80 ? 0xff : 0;
      result |= uint64_t(byte) << 8 * k;
    }
    return result;
  }
};
/// The other modes of prmt choose by the two low bits of c.
struct PrmtMode {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t c, int mode) {
    unsigned n = c & 3;
    static const uint16_t forward[] = {0x3210, 0x4321, 0x5432, 0x6543}, backward[] = {0x5670, 0x6701, 0x7012, 0x0123},
                          left[] = {0x3210, 0x3211, 0x3222, 0x3333}, right[] = {0x0000, 0x1110, 0x2210, 0x3210};
    uint16_t digits = mode == 0   ? forward[n]
                      : mode == 1 ? backward[n]
                      : mode == 2 ? n * 0x1111
                      : mode == 3 ? left[n]
                      : mode == 4 ? right[n]
                                  : (n & 1 ? 0x3232 : 0x1010);
    return Prmt::call(a, b, digits, 0);
  }
};
/// mode: 1 right, 2 wraps (else clamps to 32). The pair is b:a.
struct Shf {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t c, int mode) {
    uint32_t by = mode & 2 ? uint32_t(c) & 31 : std::min<uint32_t>(uint32_t(c), 32);
    uint64_t pair = (a & 0xffffffff) | b << 32;
    return mode & 1 ? uint32_t(pair >> by) : uint32_t(by == 32 ? a : pair << by >> 32);
  }
};
struct Lop3 {
  static uint64_t call(uint64_t a, uint64_t b, uint64_t c, int table) {
    uint32_t result = 0;
    for (int k = 0; k < 8; ++k)
      if (table >> k & 1)
        result |= (k & 4 ? a : ~a) & (k & 2 ? b : ~b) & (k & 1 ? c : ~c);
    return result;
  }
};

/// d = b with `count` bits of it from `from` on replaced by those of a.
void bitFieldInsert(Warp &w, const Instruction &i, uint32_t on) {
  int bits = int(i.mode);
  eachLane(on, [&](int lane) {
    uint64_t a = w.get(i.a, lane), b = w.get(i.b, lane);
    int from = int(w.get(i.c, lane) & 255), count = int(w.get(i.more[0], lane) & 255);
    uint64_t mask =
        from >= bits || count == 0 ? 0 : cut(count >= 64 ? ~uint64_t(0) : (uint64_t(1) << count) - 1, 64) << from;
    w.set(i.d, lane, cut((b & ~mask) | ((from >= 64 ? 0 : a << from) & mask), bits));
  });
}

template <typename F, int Sources> void decodeBits(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Type type = op.takeType();
  plainOperands(s, i, Sources);
  if (!type.kind)
    refuse("unknown type");
  i.mode = type.kind == 'p' ? 1 : type.bits;
  i.run = lanes<F>();
}

void decodeShr(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Type type = op.takeType();
  plainOperands(s, i, 2);
  i.mode = type.bits;
  i.run = type.kind == 's' ? lanes<ShrS>() : lanes<ShrU>();
}

void decodeField(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  bool isShift = op.take("shiftamt");
  Type type = op.takeType();
  bool isFind = op.first == "bfind";
  plainOperands(s, i, isFind ? 1 : 3);
  i.mode = type.bits | (type.kind == 's' ? 128 : 0) | (isShift ? 256 : 0);
  i.run = isFind ? lanes<Bfind>() : lanes<Bfe>();
}

void decodeInsert(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  Type type = op.takeType();
  s.expect(5, 5);
  i.d = s.scalar(0), i.a = s.scalar(1), i.b = s.scalar(2), i.c = s.scalar(3);
  pool.keep(i, {}, {s.scalar(4)});
  i.mode = type.bits;
  i.run = bitFieldInsert;
}

void decodePrmt(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  op.takeType();
  plainOperands(s, i, 3);
  int mode = op.takeOneOf({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
  i.mode = uint32_t(std::max(mode, 0));
  i.run = mode < 0 ? lanes<Prmt>() : lanes<PrmtMode>();
}

void decodeFunnel(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  int isRight = op.takeOneOf({"l", "r"}), isWrapping = op.takeOneOf({"clamp", "wrap"});
  op.takeType();
  plainOperands(s, i, 3);
  if (isRight < 0 || isWrapping < 0)
    refuse("expected .l or .r, and .wrap or .clamp");
  i.mode = isRight | isWrapping << 1;
  i.run = lanes<Shf>();
}

void decodeLop3(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  op.takeType();
  s.expect(5, 5);
  i.d = s.scalar(0), i.a = s.scalar(1), i.b = s.scalar(2), i.c = s.scalar(3);
  if (s.scalar(4).reg != Operand::Constant || s.scalar(4).value > 255)
    refuse("expected a table of 8 bits");
  i.mode = uint32_t(s.scalar(4).value);
  i.run = lanes<Lop3>();
}

} // namespace

std::span<const DecoderEntry> ptxsim::bitDecoders() {
  static const DecoderEntry table[] = {
      {"and", decodeBits<And, 2>},
      {"or", decodeBits<Or, 2>},
      {"xor", decodeBits<Xor, 2>},
      {"not", decodeBits<Not, 1>},
      {"cnot", decodeBits<CNot, 1>},
      {"shl", decodeBits<Shl, 2>},
      {"shr", decodeShr},
      {"popc", decodeBits<Popc, 1>},
      {"clz", decodeBits<Clz, 1>},
      {"brev", decodeBits<Brev, 1>},
      {"bfind", decodeField},
      {"bfe", decodeField},
      {"bfi", decodeInsert},
      {"prmt", decodePrmt},
      {"shf", decodeFunnel},
      {"lop3", decodeLop3},
  };
  return table;
}
