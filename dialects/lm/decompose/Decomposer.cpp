//===- Decomposer.cpp - builds decompositions of ops of lm --------------------------------------------------------===//

#include "dialects/lm/decompose/Decomposer.h"
#include <numbers>

using namespace mlir;
using namespace mlir::lm;

Value Decomposer::activate(Value x, Activation activation) {
  switch (activation) {
  case Activation::Silu:
    return div(x, add(f32(1), math::ExpOp::create(*this, arith::NegFOp::create(*this, x))));
  case Activation::GeluTanh: {
    Value cubic = add(x, mul(f32(0.044715), mul(x, mul(x, x))));
    Value tanh = math::TanhOp::create(*this, mul(f32(std::sqrt(2 / std::numbers::pi)), cubic));
    return mul(mul(f32(0.5), x), add(f32(1), tanh));
  }
  case Activation::Tanh:
    return math::TanhOp::create(*this, x);
  case Activation::Sigmoid:
    return sigmoid(x);
  case Activation::QuickGelu:
    return div(x, add(f32(1), math::ExpOp::create(*this, mul(f32(-1.702), x))));
  }
  llvm_unreachable("an activation");
}

SmallVector<OpFoldResult> Decomposer::shape(Value first, ArrayRef<int64_t> rest) {
  SmallVector<OpFoldResult> result = {first};
  for (int64_t size : rest)
    result.push_back(getIndexAttr(size));
  return result;
}

/// Reassociation of [rows, a, b, ...] with `parts` parts and [rows, a * b * ...].
static SmallVector<ReassociationIndices> grouping(size_t parts) {
  return {{0}, llvm::to_vector<2>(llvm::seq<int64_t>(1, parts + 1))};
}

Value Decomposer::split(Value rows, ArrayRef<int64_t> parts) {
  SmallVector<int64_t> sizes = {ShapedType::kDynamic};
  sizes.append(parts.begin(), parts.end());
  return tensor::ExpandShapeOp::create(*this, RankedTensorType::get(sizes, getF32Type()), rows, grouping(parts.size()),
                                       shape(rowsOf(rows), parts));
}

Value Decomposer::join(Value tensor) {
  int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
  return tensor::CollapseShapeOp::create(*this, tensor, grouping(rank - 1));
}

Value Decomposer::generic(int64_t loops, ArrayRef<SmallVector<int64_t>> dims, ValueRange ins, Value init, Body body) {
  using Iterator = utils::IteratorType;
  SmallVector<AffineMap> maps;
  for (ArrayRef<int64_t> of : dims) {
    SmallVector<AffineExpr> exprs;
    for (int64_t dim : of)
      exprs.push_back(getAffineDimExpr(dim));
    maps.push_back(AffineMap::get(loops, 0, exprs, getContext()));
  }
  SmallVector<Iterator> iterators(loops, Iterator::reduction);
  for (int64_t dim : dims.back())
    iterators[dim] = Iterator::parallel;
  auto op = linalg::GenericOp::create(*this, TypeRange{init.getType()}, ins, ValueRange{init}, maps, iterators,
                                      [&](OpBuilder &, Location, ValueRange) {});
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToEnd(op.getBody());
  linalg::YieldOp::create(*this, body(op.getBody()->getArguments()));
  return op.getResult(0);
}

Value Decomposer::elementwise(ValueRange ins, Body body) {
  auto type = cast<RankedTensorType>(ins[0].getType());
  auto all = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return generic(type.getRank(), SmallVector<SmallVector<int64_t>>(ins.size() + 1, all), ins,
                 empty(rowsOf(ins[0]), type), body);
}
