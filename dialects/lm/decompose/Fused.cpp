//===- Fused.cpp - fused ops mean the ops that they were fused from -----------------------------------------------===//

#include "dialects/lm/decompose/Decomposer.h"

using namespace mlir;
using namespace mlir::lm;

Decomposed AddNormOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value pending = getPending();
  if (getPost())
    pending = NormOp::create(d, pending, getPost(), getEps().convertToDouble(), 1);
  Value sum = AddOp::create(d, getInput(), pending);
  return SmallVector<Value>{sum, NormOp::create(d, sum, getWeight(), getEps().convertToDouble(), 1)};
}

Decomposed QKVOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto cache = cast<CacheType>(getCache().getType());
  auto project = [&](Value weight, Value bias, Value norm, int64_t heads, bool isTurned) -> Value {
    auto type = RankedTensorType::get({ShapedType::kDynamic, heads * cache.getDim()}, d.getF32Type());
    Value rows = LinearOp::create(d, type, getInput(), weight, bias);
    if (norm)
      rows = NormOp::create(d, rows, norm, getEps().convertToDouble(), heads);
    if (isTurned && getRope())
      rows = RopeOp::create(d, type, rows, getPosition(), heads, *getRope());
    return rows;
  };
  Value q = project(getQ(), getQBias(), getQNorm(), getHeads(), true);
  Value k = project(getK(), getKBias(), getKNorm(), cache.getHeads(), true);
  Value v = project(getV(), getVBias(), Value(), cache.getHeads(), false);
  AppendOp::create(d, k, v, getCache(), getPosition());
  return SmallVector{q};
}

Decomposed GatedLinearOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value gate = LinearOp::create(d, getType(), getInput(), getGate(), getGateBias());
  Value up = LinearOp::create(d, getType(), getInput(), getUp(), getUpBias());
  return SmallVector<Value>{GluOp::create(d, gate, up, getActivation())};
}
