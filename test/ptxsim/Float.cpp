//===- Float.cpp - arithmetic on f32, f64, f16, bf16 and pairs of 16 bits -----------------------------------------===//
//
// 16-bit formats compute in double and round once. Approximate instructions (ex2.approx, rcp.approx ...) give the exact
// result, rounded: a device may differ in the last bits.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "Handlers.h"

using namespace ptxsim;

namespace ptxsim {
void decodeIntegerForm(Modifiers &op, const Statement &s, Instruction &i);
}

namespace {

// A format: how a register's bits become the number that is computed with, and back.
struct F32 {
  using Value = float;
  static float load(uint64_t bits) { return as<float>(bits); }
  static uint64_t store(float value) { return std::isnan(value) ? 0x7fffffff : bitsOf(value); }
};
struct F32Flush { // .ftz
  using Value = float;
  static float load(uint64_t bits) { return flushed(as<float>(bits)); }
  static uint64_t store(float value) { return F32::store(flushed(value)); }
};
struct F64 {
  using Value = double;
  static double load(uint64_t bits) { return as<double>(bits); }
  static uint64_t store(double value) { return bitsOf(value); }
};
template <typename Format> struct Small {
  using Value = double;
  static double load(uint64_t bits) { return Format::toFloat(uint16_t(bits)); }
  static uint64_t store(double value) { return Format::fromFloat(oddFloat(value)); }
};
using F16 = Small<Half>;
using BF16 = Small<BFloat>;

enum : uint32_t { RoundingMask = 3, Saturate = 4, Relu = 8 };

struct AddF {
  template <typename V> static V call(V a, V b, V) { return a + b; }
};
struct SubF {
  template <typename V> static V call(V a, V b, V) { return a - b; }
};
struct MulF {
  template <typename V> static V call(V a, V b, V) { return a * b; }
};
struct DivF {
  template <typename V> static V call(V a, V b, V) { return a / b; }
};
struct FmaF {
  template <typename V> static V call(V a, V b, V c) { return std::fma(a, b, c); }
};
/// A NaN gives the other operand; -0 is less than +0.
struct MinF {
  template <typename V> static V call(V a, V b, V) {
    return std::isnan(a) ? b : std::isnan(b) ? a : a < b || (a == b && std::signbit(a)) ? a : b;
  }
};
struct MaxF {
  template <typename V> static V call(V a, V b, V) {
    return std::isnan(a) ? b : std::isnan(b) ? a : a > b || (a == b && !std::signbit(a)) ? a : b;
  }
};
struct MinNaN {
  template <typename V> static V call(V a, V b, V c) {
    return std::isnan(a) || std::isnan(b) ? V(NAN) : MinF::call(a, b, c);
  }
};
struct MaxNaN {
  template <typename V> static V call(V a, V b, V c) {
    return std::isnan(a) || std::isnan(b) ? V(NAN) : MaxF::call(a, b, c);
  }
};
struct RcpF {
  template <typename V> static V call(V a, V, V) { return 1 / a; }
};
struct SqrtF {
  template <typename V> static V call(V a, V, V) { return std::sqrt(a); }
};
struct RsqrtF {
  template <typename V> static V call(V a, V, V) { return V(1 / std::sqrt(double(a))); }
};
struct Ex2F {
  template <typename V> static V call(V a, V, V) { return std::exp2(a); }
};
struct Lg2F {
  template <typename V> static V call(V a, V, V) { return std::log2(a); }
};
struct SinF {
  template <typename V> static V call(V a, V, V) { return std::sin(a); }
};
struct CosF {
  template <typename V> static V call(V a, V, V) { return std::cos(a); }
};
struct TanhF {
  template <typename V> static V call(V a, V, V) { return std::tanh(a); }
};

template <typename V> V finish(V value, uint32_t mode) {
  if (mode & Saturate)
    value = std::isnan(value) ? V(0) : value < 0 ? V(0) : value > 1 ? V(1) : value;
  if (mode & Relu)
    value = std::isnan(value) ? value : value < 0 ? V(0) : value;
  return value;
}

template <typename N, typename Op> uint64_t compute(uint32_t mode, uint64_t a, uint64_t b, uint64_t c) {
  if (!mode)
    return N::store(Op::call(N::load(a), N::load(b), N::load(c)));
  volatile typename N::Value x = N::load(a), y = N::load(b), z = N::load(c);
  using V = typename N::Value;
  V value = withRounding(Rounding(mode & RoundingMask), [&] { return Op::call(V(x), V(y), V(z)); });
  return N::store(finish(value, mode));
}

template <typename N, typename Op, bool IsPacked = false> void run(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    uint64_t a = w.get(i.a, lane), b = w.get(i.b, lane), c = w.get(i.c, lane);
    uint64_t result = compute<N, Op>(i.mode, a, b, c);
    if (IsPacked)
      result = (result & 0xffff) | compute<N, Op>(i.mode, a >> 16, b >> 16, c >> 16) << 16;
    w.set(i.d, lane, result);
  });
}

template <typename Op> Handler handlerFor(Type type, bool isFlushing) {
  if (isFlushing && !(type == Type{'f', 32}))
    if (type.kind != 'h')
      refuse("unknown modifier .ftz");
  switch (type.kind) {
  case 'f':
    return type.bits == 64 ? Handler(run<F64, Op>) : isFlushing ? Handler(run<F32Flush, Op>) : Handler(run<F32, Op>);
  case 'h':
    return type.isPacked ? Handler(run<F16, Op, true>) : Handler(run<F16, Op>);
  case 'w':
    return type.isPacked ? Handler(run<BF16, Op, true>) : Handler(run<BF16, Op>);
  }
  refuse("unknown type");
}

/// Takes .rn/.rz/.rm/.rp, .sat and .relu into the mode.
void takeMode(Modifiers &op, Instruction &i, Type type) {
  int rounding = op.takeOneOf({"rn", "rz", "rm", "rp"});
  if (rounding > 0 && type.kind != 'f')
    refuse("expected .rn for 16 bits");
  i.mode = std::max(rounding, 0) | (op.take("sat") ? Saturate : 0) | (op.take("relu") ? Relu : 0);
}

bool isFloat(Type type) { return type.kind == 'f' || type.kind == 'h' || type.kind == 'w'; }

template <typename Op> void decodeBinary(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Modifiers copy = op;
  if (!isFloat(copy.takeType()))
    return decodeIntegerForm(op, s, i);
  Type type = op.takeType();
  takeMode(op, i, type);
  plainOperands(s, i, 2);
  bool isFlushing = op.take("ftz");
  i.run = handlerFor<Op>(type, isFlushing);
}

template <typename Op, typename OpNaN> void decodeMinMax(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Modifiers copy = op;
  if (!isFloat(copy.takeType()))
    return decodeIntegerForm(op, s, i);
  Type type = op.takeType();
  plainOperands(s, i, 2);
  bool isFlushing = op.take("ftz");
  i.run = op.take("NaN") ? handlerFor<OpNaN>(type, isFlushing) : handlerFor<Op>(type, isFlushing);
}

void decodeFma(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Type type = op.takeType();
  takeMode(op, i, type);
  plainOperands(s, i, 3);
  bool isFlushing = op.take("ftz");
  i.run = handlerFor<FmaF>(type, isFlushing);
}

void decodeDiv(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Modifiers copy = op;
  if (!isFloat(copy.takeType()))
    return decodeIntegerForm(op, s, i);
  Type type = op.takeType();
  if (op.takeOneOf({"approx", "full"}) < 0)
    takeMode(op, i, type);
  plainOperands(s, i, 2);
  bool isFlushing = op.take("ftz");
  i.run = handlerFor<DivF>(type, isFlushing);
}

template <typename Op> void decodeUnary(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Type type = op.takeType();
  if (!op.take("approx"))
    takeMode(op, i, type);
  plainOperands(s, i, 1);
  bool isFlushing = op.take("ftz");
  i.run = handlerFor<Op>(type, isFlushing);
}

/// abs and neg change the sign bit alone, of NaNs too. mode: the bits to clear or to turn.
template <bool IsAbs> void changeSign(Warp &w, const Instruction &i, uint32_t on) {
  uint64_t sign = i.mode == 64 ? uint64_t(1) << 63 : i.mode;
  eachLane(on, [&](int lane) {
    uint64_t value = w.get(i.a, lane);
    w.set(i.d, lane, IsAbs ? value & ~sign : value ^ sign);
  });
}

template <bool IsAbs> void decodeSign(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Modifiers copy = op;
  Type type = copy.takeType();
  if (!isFloat(type))
    return decodeIntegerForm(op, s, i);
  op.takeType();
  op.take("ftz"); // subnormals become zero with their sign; LLVM uses .ftz with f32 only
  plainOperands(s, i, 1);
  i.mode = type.bits == 64 ? 64 : type.isPacked ? 0x80008000 : type.bits == 32 ? 0x80000000 : 0x8000;
  i.run = changeSign<IsAbs>;
}

template <typename T> void copySign(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) { // the sign of a, the rest of b
    w.set(i.d, lane, bitsOf(std::copysign(as<T>(w.get(i.b, lane)), as<T>(w.get(i.a, lane)))));
  });
}

template <typename T> void testProperty(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    int kind = std::fpclassify(as<T>(w.get(i.a, lane)));
    bool holds[] = {kind != FP_NAN && kind != FP_INFINITE,
                    kind == FP_INFINITE,
                    kind != FP_NAN,
                    kind == FP_NAN,
                    kind == FP_NORMAL,
                    kind == FP_SUBNORMAL};
    w.set(i.d, lane, holds[i.mode]);
  });
}

} // namespace

std::span<const DecoderEntry> ptxsim::floatDecoders() {
  static const DecoderEntry table[] = {
      {"add", decodeBinary<AddF>},
      {"sub", decodeBinary<SubF>},
      {"mul", decodeBinary<MulF>},
      {"fma", decodeFma},
      {"div", decodeDiv},
      {"min", decodeMinMax<MinF, MinNaN>},
      {"max", decodeMinMax<MaxF, MaxNaN>},
      {"rcp", decodeUnary<RcpF>},
      {"sqrt", decodeUnary<SqrtF>},
      {"rsqrt", decodeUnary<RsqrtF>},
      {"ex2", decodeUnary<Ex2F>},
      {"lg2", decodeUnary<Lg2F>},
      {"sin", decodeUnary<SinF>},
      {"cos", decodeUnary<CosF>},
      {"tanh", decodeUnary<TanhF>},
      {"abs", decodeSign<true>},
      {"neg", decodeSign<false>},
      {"copysign",
       [](Modifiers &op, const Statement &s, Instruction &i, Pool &) {
         Type type = op.takeType();
         plainOperands(s, i, 2);
         i.run = type.bits == 64 ? copySign<double> : copySign<float>;
       }},
      {"testp",
       [](Modifiers &op, const Statement &s, Instruction &i, Pool &) {
         int property = op.takeOneOf({"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
         Type type = op.takeType();
         plainOperands(s, i, 1);
         if (property < 0)
           refuse("expected a property");
         i.mode = uint32_t(property);
         i.run = type.bits == 64 ? testProperty<double> : testProperty<float>;
       }},
  };
  return table;
}
