//===- Attention.cpp - grouped-query attention ------------------------------------------------------------------------===//

#include "frontends/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

lm::RopeAttr lathe::ropeAttr(MLIRContext *context, const Rope &rope) {
  lm::RopeScaling scaling = lm::RopeScaling::None;
  double factor = 1, low = 1, high = 1;
  int64_t original = 0;
  DenseF32ArrayAttr divisors;
  switch (rope.scaling) {
  case RopeScaling::None:
    break;
  case RopeScaling::Linear:
    scaling = lm::RopeScaling::Linear;
    factor = rope.factor;
    break;
  case RopeScaling::Llama3:
    scaling = lm::RopeScaling::Llama3;
    factor = rope.factor, low = rope.lowFrequency, high = rope.highFrequency;
    original = rope.originalPositions;
    break;
  case RopeScaling::Yarn:
    return {};
  case RopeScaling::Divisors:
    divisors = DenseF32ArrayAttr::get(context, rope.divisors);
    break;
  }
  return lm::RopeAttr::get(context, rope.dims, rope.theta, scaling, factor, low, high, original, divisors);
}

Value lathe::buildAttention(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  Location loc = NameLoc::get(builder.getStringAttr("attention"));
  const Config &config = layer.config;

  Value q = layer.linear(input, Slot::Q, Slot::QBias);
  Value k = layer.linear(input, Slot::K, Slot::KBias);
  Value v = layer.linear(input, Slot::V, Slot::VBias);
  if (layer.weight(Slot::QNorm)) {
    q = layer.norm(q, Slot::QNorm, config.heads);
    k = layer.norm(k, Slot::KNorm, config.kvHeads);
  }
  lm::RopeAttr rope = ropeAttr(builder.getContext(), config.ropeOf(layer.layer));
  q = lm::RopeOp::create(builder, loc, q.getType(), q, layer.position, config.heads, rope);
  k = lm::RopeOp::create(builder, loc, k.getType(), k, layer.position, config.kvHeads, rope);
  lm::AppendOp::create(builder, loc, k, v, layer.cache, layer.position);
  Value o = lm::AttentionOp::create(builder, loc, q, layer.cache, layer.position, config.heads, config.attentionScale,
                                    config.attentionSoftcap);
  return layer.linear(o, Slot::O, Slot::OBias);
}
