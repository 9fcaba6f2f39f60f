#include "compiler/codegen/kernels/Emitter.h"

using namespace lathe;

SmallVector<Value> Emitter::turn(SmallVector<Value> rows) {
  constexpr int64_t n = kLanes;
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n / 2; ++i) {
    low.append({i, n + i});
    high.append({n / 2 + i, n + n / 2 + i});
  }
  for (int64_t round = 1; round < n; round *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < n / 2; ++i)
      for (ArrayRef<int64_t> half : {ArrayRef(low), ArrayRef(high)})
        next.push_back(vector::ShuffleOp::create(*this, rows[i], rows[i + n / 2], half));
    rows = next;
  }
  return rows;
}

Value Emitter::asRows(Value row, int64_t columns) {
  auto type = mlir::cast<MemRefType>(row.getType());
  int64_t parts = type.getDimSize(1) / columns;
  if (parts == 1)
    return row;
  auto layout = StridedLayoutAttr::get(getContext(), type.getStridesAndOffset().second, 1);
  auto flat = MemRefType::get({parts * columns}, type.getElementType(), layout);
  Value line = memref::CollapseShapeOp::create(*this, flat, row, ArrayRef<ReassociationIndices>{{0, 1}});
  return memref::ExpandShapeOp::create(*this, {parts, columns}, line, ArrayRef<ReassociationIndices>{{0, 1}});
}

Value Emitter::asLine(Value rows) {
  Type element = mlir::cast<MemRefType>(rows.getType()).getElementType();
  auto layout = StridedLayoutAttr::get(getContext(), ShapedType::kDynamic, 1);
  Value line = memref::CollapseShapeOp::create(*this, rows, ArrayRef<ReassociationIndices>{{0, 1}});
  return memref::CastOp::create(*this, MemRefType::get({ShapedType::kDynamic}, element, layout), line);
}

// exp(x) = 2^n e^r with n = round(x / ln 2): six terms for e^r on [-ln2/2, ln2/2], the power by exponent bits. Relative
// error below 2e-7 on [-87, 88]; smaller arguments give 2^-126 at most, larger are clamped.
Value Emitter::exp(Value x) {
  Type type = x.getType(), integers = like(x, getI32Type());
  auto c = [&](double value) { return number(type, value); };
  x = maximum(minimum(x, c(88.37)), c(-87.33));
  Value magic = c(12582912.0); // 1.5 * 2^23: adding it rounds to an integer in the low mantissa bits
  Value shifted = fma(x, c(1.44269504088896341), magic);
  Value n = sub(shifted, magic);
  Value r = fma(n, c(-0.693145751953125), x);
  r = fma(n, c(-1.42860682030941723212e-6), r);
  Value p = c(1.0 / 720);
  for (double coefficient : {1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0})
    p = fma(p, r, c(coefficient));
  Value exponent = shl(bitcast(integers, shifted), 23); // the magic's own bits leave at the top
  return bitcast(type, add(bitcast(integers, p), exponent));
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

std::pair<Value, Value> lathe::getAreaAndPlace(Value weightOrCache) {
  auto cast = weightOrCache.getDefiningOp<UnrealizedConversionCastOp>();
  assert(cast && cast.getNumOperands() == 2 && "lower-phases makes these casts");
  return {cast.getOperand(0), cast.getOperand(1)};
}
