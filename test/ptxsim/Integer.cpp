//===- Integer.cpp - add, mul, mad, div, min, compare and select on integers --------------------------------------===//

#include "Handlers.h"

#include <algorithm>

using namespace ptxsim;

namespace {

template <typename T> using U = std::make_unsigned_t<T>;

template <typename T> struct Wider;
template <> struct Wider<uint16_t> {
  using type = uint32_t;
};
template <> struct Wider<int16_t> {
  using type = int32_t;
};
template <> struct Wider<uint32_t> {
  using type = uint64_t;
};
template <> struct Wider<int32_t> {
  using type = int64_t;
};
template <> struct Wider<uint64_t> {
  using type = unsigned __int128;
};
template <> struct Wider<int64_t> {
  using type = __int128;
};
template <typename T> using Wide = typename Wider<T>::type;

PTXSIM_OP(Add, (T a, T b), return T(U<T>(a) + U<T>(b));)
PTXSIM_OP(Sub, (T a, T b), return T(U<T>(a) - U<T>(b));)
PTXSIM_OP(MulLo, (T a, T b), return T(uint64_t(a) * uint64_t(b));)
PTXSIM_OP(MulHi, (T a, T b), return T((Wide<T>(a) * Wide<T>(b)) >> (sizeof(T) * 8));)
PTXSIM_OP(MulWide, (T a, T b), return Wide<T>(Wide<T>(a) * Wide<T>(b));)
PTXSIM_OP(Min, (T a, T b), return a < b ? a : b;)
PTXSIM_OP(Max, (T a, T b), return a > b ? a : b;)
// Division by zero: the result is not specified; devices give all ones.
PTXSIM_OP(Div, (T a, T b),
          return b == 0                              ? T(~T(0))
                 : b == T(-1) && std::is_signed_v<T> ? T(U<T>(0) - U<T>(a))
                                                     : T(a / b);)
PTXSIM_OP(Rem, (T a, T b), return b == 0 ? T(~T(0)) : b == T(-1) && std::is_signed_v<T> ? T(0) : T(a % b);)
PTXSIM_OP(Abs, (T a), return T(a < 0 ? U<T>(0) - U<T>(a) : U<T>(a));)
PTXSIM_OP(Neg, (T a), return T(U<T>(0) - U<T>(a));)

struct MadLo {
  template <typename T> static T call(T a, T b, T c) { return T(uint64_t(a) * uint64_t(b) + uint64_t(c)); }
};
struct MadHi {
  template <typename T> static T call(T a, T b, T c) { return T(U<T>(MulHi::call(a, b)) + U<T>(c)); }
};
struct MadWide {
  template <typename T> static Wide<T> call(T a, T b, Wide<T> c) {
    return Wide<T>(U<Wide<T>>(Wide<T>(a) * Wide<T>(b)) + U<Wide<T>>(c));
  }
};
struct Sad {
  template <typename T> static T call(T a, T b, T c) {
    return T(U<T>(c) + (a < b ? U<T>(b) - U<T>(a) : U<T>(a) - U<T>(b)));
  }
};

/// The instantiation of a handler for a type. `b` types count as unsigned.
#define FOR_INTEGER(TYPE, HANDLER)                                                                                     \
  [&]() -> Handler {                                                                                                   \
    bool isSigned = (TYPE).kind == 's';                                                                                \
    switch ((TYPE).bits) {                                                                                             \
    case 16:                                                                                                           \
      return isSigned ? Handler(HANDLER(int16_t)) : Handler(HANDLER(uint16_t));                                        \
    case 32:                                                                                                           \
      return isSigned ? Handler(HANDLER(int32_t)) : Handler(HANDLER(uint32_t));                                        \
    case 64:                                                                                                           \
      return isSigned ? Handler(HANDLER(int64_t)) : Handler(HANDLER(uint64_t));                                        \
    }                                                                                                                  \
    refuse("unknown type");                                                                                            \
  }()

template <typename Op> Handler binaryFor(Type type) {
#define BINARY(T) (binary<T, Op>)
  return FOR_INTEGER(type, BINARY);
}
template <typename Op> Handler unaryFor(Type type) {
#define UNARY(T) (unary<T, Op>)
  return FOR_INTEGER(type, UNARY);
}
template <typename Op> Handler ternaryFor(Type type) {
#define TERNARY(T) (ternary<T, T, Op>)
  return FOR_INTEGER(type, TERNARY);
}
template <typename T> struct WideOrSame {
  using type = std::conditional_t<(sizeof(T) < 8), Wide<T>, T>;
};
struct MadWideChecked {
  template <typename T, typename C> static C call(T a, T b, C c) {
    if constexpr (sizeof(T) < 8)
      return MadWide::call(a, b, c);
    else
      return c;
  }
};
struct MulWideChecked {
  template <typename T> static auto call(T a, T b) {
    if constexpr (sizeof(T) < 8)
      return MulWide::call(a, b);
    else
      return a;
  }
};
Handler madWideFor(Type type) {
#define MAD_WIDE(T) (ternary<T, WideOrSame<T>::type, MadWideChecked>)
  return FOR_INTEGER(type, MAD_WIDE);
}

bool isInteger(Type type) { return type.kind == 'u' || type.kind == 's' || type.kind == 'b'; }
bool isSub64(Type type) { return type.bits < 64; }

/// add.cc, addc, sub.cc, subc: mode bit 0 subtracts, bit 1 takes the carry, bit 2 gives it.
template <typename T> void withCarry(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    T a = as<T>(w.get(i.a, lane)), b = as<T>(w.get(i.b, lane));
    if (i.mode & 1)
      b = ~b;
    unsigned carryIn = i.mode & 2 ? w.carry >> lane & 1 : i.mode & 1; // of a subtraction: 1 means nothing was borrowed
    unsigned __int128 sum = (unsigned __int128)(a) + b + carryIn;
    if (i.mode & 4)
      w.carry = (w.carry & ~(1u << lane)) | uint32_t(sum >> (sizeof(T) * 8) & 1) << lane;
    w.set(i.d, lane, T(sum));
  });
}

void decodeSum(Modifiers &op, const Statement &s, Instruction &i, bool isSub) {
  bool takesCarry = op.first.ends_with('c'), givesCarry = op.take("cc"), isSaturating = op.take("sat");
  Type type = op.takeType();
  plainOperands(s, i, 2);
  if (takesCarry || givesCarry) {
    i.mode = (isSub ? 1 : 0) | (takesCarry ? 2 : 0) | (givesCarry ? 4 : 0);
    i.run = type.bits == 64 ? withCarry<uint64_t> : withCarry<uint32_t>;
  } else if (isSaturating) {
    if (!(type == Type{'s', 32}))
      refuse("unknown modifier .sat");
    i.run = isSub ? Handler([](Warp &w, const Instruction &i, uint32_t on) {
      eachLane(on, [&](int lane) {
        int64_t sum = int64_t(as<int32_t>(w.get(i.a, lane))) - as<int32_t>(w.get(i.b, lane));
        w.set(i.d, lane, uint32_t(std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX)));
      });
    })
                  : Handler([](Warp &w, const Instruction &i, uint32_t on) {
                      eachLane(on, [&](int lane) {
                        int64_t sum = int64_t(as<int32_t>(w.get(i.a, lane))) + as<int32_t>(w.get(i.b, lane));
                        w.set(i.d, lane, uint32_t(std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX)));
                      });
                    });
  } else {
    i.run = isSub ? binaryFor<Sub>(type) : binaryFor<Add>(type);
  }
}

void decodeMul(Modifiers &op, const Statement &s, Instruction &i) {
  int part = op.takeOneOf({"lo", "hi", "wide"});
  Type type = op.takeType();
  plainOperands(s, i, 2);
  if (part < 0 || (part == 2 && !isSub64(type)))
    refuse("expected .lo, .hi or .wide with 16 or 32 bits");
  if (part == 0)
    i.run = binaryFor<MulLo>(type);
  else if (part == 1)
    i.run = binaryFor<MulHi>(type);
  else
    i.run = binaryFor<MulWideChecked>(type);
}

void decodeMad(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  int part = op.takeOneOf({"lo", "hi", "wide"});
  Type type = op.takeType();
  plainOperands(s, i, 3);
  if (part < 0 || !isInteger(type) || (part == 2 && !isSub64(type)))
    refuse("expected .lo, .hi or .wide with integers; .wide with 16 or 32 bits");
  i.run = part == 0 ? ternaryFor<MadLo>(type) : part == 1 ? ternaryFor<MadHi>(type) : madWideFor(type);
}

template <typename Op> void decodeTwo(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Type type = op.takeType();
  plainOperands(s, i, 2);
  i.run = binaryFor<Op>(type);
}

/// dp4a and dp2a: mode bits: a is signed, b is signed, dp2a takes the high half of b.
template <bool IsPairs> void dotProduct(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    uint32_t a = uint32_t(w.get(i.a, lane)), b = uint32_t(w.get(i.b, lane)), sum = uint32_t(w.get(i.c, lane));
    for (int k = 0; k < (IsPairs ? 2 : 4); ++k) {
      uint32_t x = IsPairs ? a >> 16 * k & 0xffff : a >> 8 * k & 0xff;
      uint32_t y = b >> (8 * k + (IsPairs && (i.mode & 4) ? 16 : 0)) & 0xff;
      int32_t left = i.mode & 1 ? (IsPairs ? int32_t(int16_t(x)) : int32_t(int8_t(x))) : int32_t(x);
      int32_t right = i.mode & 2 ? int32_t(int8_t(y)) : int32_t(y);
      sum += uint32_t(left * right);
    }
    w.set(i.d, lane, sum);
  });
}

template <bool IsPairs> void decodeDot(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  if (IsPairs) {
    int half = op.takeOneOf({"lo", "hi"});
    if (half < 0)
      refuse("expected .lo or .hi");
    i.mode = half ? 4 : 0;
  }
  Type a = op.takeType(), b = op.takeType();
  plainOperands(s, i, 3);
  if (!isInteger(a) || !isInteger(b) || a.bits != 32 || b.bits != 32)
    refuse("expected two types of 32 bits");
  i.mode |= (a.kind == 's' ? 1 : 0) | (b.kind == 's' ? 2 : 0);
  i.run = dotProduct<IsPairs>;
}

} // namespace

namespace ptxsim {

// add, sub, mul, min, max, div, abs and neg of floats begin with the same word: Float.cpp asks here for integers.
void decodeIntegerForm(Modifiers &op, const Statement &s, Instruction &i) {
  if (op.first == "add" || op.first == "sub")
    return decodeSum(op, s, i, op.first == "sub");
  if (op.first == "mul")
    return decodeMul(op, s, i);
  bool isRelu = op.take("relu");
  Type type = op.takeType();
  if (isRelu)
    refuse("unknown modifier .relu");
  bool isUnary = op.first == "abs" || op.first == "neg";
  plainOperands(s, i, isUnary ? 1 : 2);
  i.run = op.first == "abs"   ? unaryFor<Abs>(Type{'s', type.bits})
          : op.first == "neg" ? unaryFor<Neg>(type)
          : op.first == "min" ? binaryFor<Min>(type)
          : op.first == "max" ? binaryFor<Max>(type)
                              : binaryFor<Div>(type);
}

std::span<const DecoderEntry> integerDecoders() {
  static const DecoderEntry table[] = {
      {"mad", decodeMad},
      {"rem", decodeTwo<Rem>},
      {"addc", [](Modifiers &op, const Statement &s, Instruction &i, Pool &) { decodeSum(op, s, i, false); }},
      {"subc", [](Modifiers &op, const Statement &s, Instruction &i, Pool &) { decodeSum(op, s, i, true); }},
      {"sad",
       [](Modifiers &op, const Statement &s, Instruction &i, Pool &) {
         Type type = op.takeType();
         plainOperands(s, i, 3);
         i.run = ternaryFor<Sad>(type);
       }},
      {"dp4a", decodeDot<false>},
      {"dp2a", decodeDot<true>},
  };
  return table;
}

} // namespace ptxsim
