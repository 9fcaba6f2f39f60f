//===- Attention.cpp - grouped-query attention
//------------------------------------------------------------------------===//

#include "frontends/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

static StringRef nameOf(RopeScaling scaling) {
  switch (scaling) {
  case RopeScaling::None:
    return "none";
  case RopeScaling::Linear:
    return "linear";
  case RopeScaling::Llama3:
    return "llama3";
  case RopeScaling::Yarn:
    return "yarn";
  case RopeScaling::Divisors:
    return "divisors";
  }
  llvm_unreachable("all enumerators are handled");
}

lm::RopeAttr lathe::ropeAttr(MLIRContext *context, const Rope &rope) {
  std::vector<float> frequencies = rope.frequencies();
  return lm::RopeAttr::get(context, rope.dims, rope.theta, StringAttr::get(context, nameOf(rope.scaling)),
                           rope.attentionFactor, SmallVector<lm::Real>(frequencies.begin(), frequencies.end()));
}

Value lathe::buildAttention(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  Location loc = NameLoc::get(builder.getStringAttr("attention"));
  const Config &config = layer.config;

  Value q = layer.linear(input, Slot::Q, Slot::QBias);
  Value k = layer.linear(input, Slot::K, Slot::KBias);
  Value v = layer.linear(input, Slot::V, Slot::VBias);
  if (layer.weight(Slot::QNorm)) {
    bool isWhole = config.qkNorm == QKNorm::Whole;
    q = layer.norm(q, Slot::QNorm, isWhole ? 1 : config.heads);
    k = layer.norm(k, Slot::KNorm, isWhole ? 1 : config.kvHeads);
  }
  if (layer.model.positions == Positions::Rotary && config.rotatesIn(layer.layer)) {
    lm::RopeAttr rope = ropeAttr(builder.getContext(), config.ropeOf(layer.layer));
    q = lm::RopeOp::create(builder, loc, q.getType(), q, layer.position, config.heads, rope);
    k = lm::RopeOp::create(builder, loc, k.getType(), k, layer.position, config.kvHeads, rope);
  }
  lm::AppendOp::create(builder, loc, k, v, layer.cache, layer.position);
  Value o = lm::AttentionOp::create(builder, loc, q, layer.cache, layer.position, config.heads, config.attentionScale,
                                    config.attentionSoftcap);
  return layer.linear(o, Slot::O, Slot::OBias, config.residualScale);
}
