//===- Attention.cpp - grouped-query attention and latent attention -----------------------------------------------===//

#include "frontends/config/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

/// The name of a scaling of frequencies in the rope attribute; empty if they are not scaled.
static StringRef nameOf(RopeScaling scaling) {
  switch (scaling) {
  case RopeScaling::None:
    return "";
  case RopeScaling::Linear:
    return "linear";
  case RopeScaling::Llama3:
    return "llama3";
  case RopeScaling::Yarn:
    return "yarn";
  case RopeScaling::Divisors:
    return "divisors";
  case RopeScaling::LongRope:
    return "longrope";
  }
  llvm_unreachable("all enumerators are handled");
}

lm::RopeAttr lathe::ropeAttr(MLIRContext *context, const Rope &rope) {
  std::vector<float> frequencies = rope.frequencies();
  const StringRef scaling = nameOf(rope.scaling);
  return lm::RopeAttr::get(context, rope.dims, rope.theta,
                           scaling.empty() ? StringAttr() : StringAttr::get(context, scaling), rope.attentionFactor,
                           SmallVector<lm::Single>(frequencies.begin(), frequencies.end()));
}

static lm::TemperatureAttr temperatureOf(const LayerBuilder &layer) {
  const Temperature &temperature = layer.config.temperature;
  if (!temperature.length || (temperature.unrotated && layer.config.rotatesIn(layer.layer)))
    return {};
  return lm::TemperatureAttr::get(layer.builder.getContext(), temperature.length, temperature.scale,
                                  temperature.stepped);
}

Value lathe::buildLatentAttention(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  Value cache = layer.states.lookup("cache");
  Location loc = NameLoc::get(builder.getStringAttr("attention"));
  const Config &config = layer.config;
  lm::RopeAttr rope = ropeAttr(builder.getContext(), config.ropeOf(layer.layer));

  // In transformers' and DeepSeek's code these two norms have the default eps of their class, not rms_norm_eps.
  constexpr double latentEps = 1e-6;
  // Ops that read the same rows are next to each other: they become one phase.
  Value q = layer.linear(input, layer.weight(Slot::QDown) ? Slot::QDown : Slot::Q);
  Value latent = layer.linear(input, Slot::KVDown), rotated = layer.linear(input, Slot::KRope);
  if (layer.weight(Slot::QDown))
    q = layer.linear(layer.norm(q, Slot::QDownNorm, 1, latentEps), Slot::QUp);
  latent = layer.norm(latent, Slot::KVDownNorm, 1, latentEps);
  q = lm::RopeOp::create(builder, loc, q.getType(), q, layer.position, config.heads, rope, config.nopeDim);
  rotated = lm::RopeOp::create(builder, loc, rotated.getType(), rotated, layer.position, 1, rope);
  lm::AppendLatentOp::create(builder, loc, latent, rotated, cache, layer.position);
  Value o = lm::LatentAttentionOp::create(builder, loc, rowsType(builder, config.heads * config.valueDim), q,
                                          layer.weight(Slot::KUp), layer.weight(Slot::VUp), cache, layer.position,
                                          builder.getF64FloatAttr(config.attentionScale));
  return layer.linear(o, Slot::O, Slot::OBias, config.residualScale);
}

Value lathe::buildAttention(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  Value cache = layer.states.lookup("cache");
  Location loc = NameLoc::get(builder.getStringAttr("attention"));
  const Config &config = layer.config;

  Value gate = layer.weight(Slot::QGate) ? layer.linear(input, Slot::QGate) : Value();
  // Without k_proj and v_proj, the layer attends to another layer's cache.
  Value q = layer.linear(input, Slot::Q, Slot::QBias), k, v;
  if (layer.weight(Slot::K)) {
    k = layer.linear(input, Slot::K, Slot::KBias);
    v = layer.linear(input, Slot::V, Slot::VBias);
  }
  bool isWhole = config.qkNorm == QKNorm::Whole;
  if (layer.weight(Slot::QNorm))
    q = layer.norm(q, Slot::QNorm, isWhole ? 1 : config.heads);
  if (layer.weight(Slot::KNorm))
    k = layer.norm(k, Slot::KNorm, isWhole ? 1 : config.kvHeads);
  if (v && config.valueNorm)
    v = lm::NormOp::create(builder, loc, v, Value(), config.normEps, config.kvHeads);
  if (layer.model.positions == Positions::Rotary && config.rotatesIn(layer.layer)) {
    lm::RopeAttr rope = ropeAttr(builder.getContext(), config.ropeOf(layer.layer));
    q = lm::RopeOp::create(builder, loc, q.getType(), q, layer.position, config.heads, rope);
    if (k)
      k = lm::RopeOp::create(builder, loc, k.getType(), k, layer.position, config.kvHeads, rope);
    if (config.normsRotated) {
      q = lm::NormOp::create(builder, loc, q, Value(), config.normEps, config.heads);
      k = lm::NormOp::create(builder, loc, k, Value(), config.normEps, config.kvHeads);
    }
  }
  if (k)
    lm::AppendOp::create(builder, loc, k, v, cache, layer.position);
  Value o = lm::AttentionOp::create(builder, loc, q, cache, layer.position, config.heads, config.attentionScale,
                                    config.attentionSoftcap, layer.weight(Slot::Sinks), temperatureOf(layer));
  if (gate)
    o = lm::GluOp::create(builder, loc, o.getType(), gate, o, lm::Activation::Sigmoid);
  return layer.linear(o, Slot::O, Slot::OBias, config.residualScale);
}
