#include "compiler/codegen/kernels/Emitter.h"

using namespace lathe;

// exp(x) = 2^n 2^f with n = round(x log2 e): 2^n by its exponent bits, 2^f on [-1/2, 1/2] by the polynomial of degree 5
// that is 1 at 0 and has the smallest relative error, 9e-8. The relative error of exp is below 2e-7 + 2e-8 |x|.
Value Emitter::exp(Value x, double factor) {
  Type type = x.getType(), integers = like(x, getI32Type());
  auto c = [&](double value) { return number(type, value); };
  Value log2E = c(factor * 1.44269504088896341);
  Value magic = c(12582912.0); // 1.5 * 2^23: adding it rounds to an integer in the low mantissa bits
  Value shifted = fma(x, log2E, magic);
  Value f = fma(x, log2E, sub(magic, shifted));
  Value p = c(0.00132647272);
  for (double coefficient : {0.00967151269, 0.0555073374, 0.240222421, 0.693146978, 1.0})
    p = fma(p, f, c(coefficient));
  Value exponent = shl(bitcast(integers, shifted), 23); // shifts the bits of `magic` out at the top
  return bitcast(type, add(bitcast(integers, p), exponent));
}

Value Emitter::exp(Value x) { return exp(clampPower(x), 1); }

Value Emitter::expNegative(Value x, double factor) {
  return select(less(x, number(x.getType(), -87.33 / factor)), number(x.getType(), 0), exp(x, factor));
}

Value Emitter::sigmoid(Value x) {
  Value power = add(exp(clampPower(x), -1), number(x.getType(), 1));
  // The target may use an estimate and one Newton step: an error of an ulp or two.
  auto flags = arith::FastMathFlags::arcp | arith::FastMathFlags::ninf;
  return arith::DivFOp::create(*this, number(x.getType(), 1), power, flags);
}

Value Emitter::clampPower(Value x) {
  return maximum(minimum(x, number(x.getType(), 87.33)), number(x.getType(), -87.33));
}

// ln x = e ln 2 + ln m with m in [1/sqrt 2, sqrt 2); ln m = 2 atanh s, s = (m - 1) / (m + 1), by its series.
Value Emitter::log(Value x) {
  Type type = x.getType(), integers = like(x, getI32Type());
  auto c = [&](double value) { return number(type, value); };
  constexpr int32_t rootHalf = 0x3f3504f3;
  Value bits = bitcast(integers, x), above = sub(bits, number(integers, rootHalf));
  Value exponent = arith::ShRSIOp::create(*this, above, number(integers, 23));
  Value mantissa = bitcast(type, sub(bits, shl(exponent, 23)));
  Value s = div(sub(mantissa, c(1)), add(mantissa, c(1))), square = mul(s, s), p = c(2.0 / 9);
  for (double coefficient : {2.0 / 7, 2.0 / 5, 2.0 / 3, 2.0})
    p = fma(p, square, c(coefficient));
  return fma(toF32(exponent), c(0.693147180559945309), mul(p, s));
}

std::pair<Value, Value> lathe::getSegmentAndOffset(Value weightOrCache) {
  auto cast = weightOrCache.getDefiningOp<UnrealizedConversionCastOp>();
  assert(cast && cast.getNumOperands() == 2 && "lower-phases makes these casts");
  return {cast.getOperand(0), cast.getOperand(1)};
}
