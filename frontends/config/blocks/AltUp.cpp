//===- AltUp.cpp - Gemma 3n: alternating updates, learned residuals, per-layer embeddings -------------------------===//

#include "frontends/config/blocks/Blocks.h"
#include <cmath>
#include <numbers>

using namespace mlir;
using namespace lathe;

namespace {

constexpr Slot projections[] = {Slot::AltUp1, Slot::AltUp2, Slot::AltUp3};
constexpr Slot unprojections[] = {Slot::Unembed1, Slot::Unembed2, Slot::Unembed3};
/// Lower limit of the mean square that rows are divided by (lm.match_magnitude).
constexpr double kMinMeanSquare = 1e-5;

Value scale(OpBuilder &builder, Location loc, Value rows, double factor) {
  return lm::ScaleOp::create(builder, loc, rows.getType(), rows, builder.getF64FloatAttr(factor));
}

Value part(OpBuilder &builder, Location loc, Value rows, int64_t width, int64_t number) {
  return lm::PartOp::create(builder, loc, rowsType(builder, width), rows, Value(), builder.getI64IntegerAttr(number));
}

/// tanh(router(norm(rows)) / hidden): a number from -1 to 1 for each stream, from which the mixing coefficients are
/// projected. [rows, streams].
Value buildModalities(LayerBuilder &layer, Value rows) {
  Location loc = NameLoc::get(layer.builder.getStringAttr("altup"));
  Value routed = layer.linear(layer.norm(rows, Slot::AltUpRouterNorm), Slot::AltUpRouter, std::nullopt,
                              1.0 / static_cast<double>(layer.config.hidden));
  return lm::ActivationOp::create(layer.builder, loc, routed.getType(), routed, lm::Activation::Tanh);
}

} // namespace

SmallVector<Value> lathe::buildAltUpStreams(GlobalBuilder &global, Value ids, Value embedded) {
  OpBuilder &builder = global.builder;
  const Config &config = global.config;
  Location loc = NameLoc::get(builder.getStringAttr("per_layer_inputs"));
  RankedTensorType all = rowsType(builder, config.perLayerWidth * config.layers);
  Value own = lm::EmbedOp::create(builder, loc, all, ids, global.weight(Slot::PerLayerEmbed),
                                  builder.getF64FloatAttr(std::sqrt(static_cast<double>(config.perLayerWidth))));
  Value projected = lm::LinearOp::create(builder, loc, all, embedded, global.weight(Slot::PerLayerModel), Value(),
                                         1 / std::sqrt(static_cast<double>(config.hidden)));
  SmallVector<Value> streams = {embedded}, raw;
  loc = NameLoc::get(builder.getStringAttr("altup_projections"));
  for (Slot slot : projections)
    raw.push_back(lm::LinearOp::create(builder, loc, embedded.getType(), embedded, global.weight(slot)));
  projected = lm::NormOp::create(builder, loc, projected, global.weight(Slot::PerLayerModelNorm), config.normEps,
                                 config.layers);
  Value perLayer = lm::AddOp::create(builder, loc, all, projected, own);
  perLayer = scale(builder, loc, perLayer, std::numbers::sqrt2 / 2);
  for (Value stream : raw)
    streams.push_back(lm::MatchMagnitudeOp::create(builder, loc, stream.getType(), stream, embedded,
                                                   builder.getF64FloatAttr(kMinMeanSquare)));
  Value joined = lm::ConcatOp::create(builder, loc, rowsType(builder, config.hidden * config.streams), streams);
  return {joined, perLayer};
}

Value lathe::mergeAltUpStreams(GlobalBuilder &global, Value streams) {
  OpBuilder &builder = global.builder;
  const Config &config = global.config;
  Location loc = NameLoc::get(builder.getStringAttr("altup_unembed_projections"));
  Value first = part(builder, loc, streams, config.hidden, 0), sum = first;
  for (auto [index, slot] : llvm::enumerate(unprojections)) {
    Value own = part(builder, loc, streams, config.hidden, index + 1);
    Value stream = lm::LinearOp::create(builder, loc, first.getType(), own, global.weight(slot));
    stream = lm::MatchMagnitudeOp::create(builder, loc, stream.getType(), stream, first,
                                          builder.getF64FloatAttr(kMinMeanSquare));
    sum = lm::AddOp::create(builder, loc, sum.getType(), sum, stream);
  }
  return scale(builder, loc, sum, 1.0 / static_cast<double>(config.streams));
}

Value lathe::buildAltUpLayer(LayerBuilder &layer, Value streams, Value perLayer) {
  OpBuilder &builder = layer.builder;
  const Config &config = layer.config;
  Location loc = NameLoc::get(builder.getStringAttr("altup"));
  auto add = [&](Value lhs, Value rhs) -> Value { return lm::AddOp::create(builder, loc, lhs.getType(), lhs, rhs); };

  Value modalities = buildModalities(layer, part(builder, loc, streams, config.hidden, 0));
  Value predicted = lm::AltUpPredictOp::create(builder, loc, streams, layer.linear(modalities, Slot::AltUpPrediction));
  Value active = part(builder, loc, predicted, config.hidden, 0), normed = layer.norm(active, Slot::InputNorm);
  // The learned augmented residual is computed from the same rows as attention.
  Value laurel = layer.linear(normed, Slot::LaurelLeft);
  Value attention = buildAttention(layer, normed);
  laurel = add(normed, layer.norm(layer.linear(laurel, Slot::LaurelRight), Slot::LaurelNorm));
  Value attended = add(active, layer.norm(attention, Slot::PostAttentionNorm));
  Value stream = scale(builder, loc, add(attended, laurel), std::numbers::sqrt2 / 2);
  Value made = buildFeedForward(layer, layer.norm(stream, Slot::PreFFNNorm));
  stream = add(stream, layer.norm(made, Slot::PostFFNNorm));

  Value corrections = layer.linear(buildModalities(layer, stream), Slot::AltUpCorrection);
  Value corrected = lm::AltUpCorrectOp::create(builder, loc, predicted, stream, corrections);
  loc = NameLoc::get(builder.getStringAttr("per_layer_input"));
  Value first = part(builder, loc, corrected, config.hidden, 0);
  first = lm::MultiplyOp::create(builder, loc, first, layer.weight(Slot::AltUpScale));
  Value gate = layer.linear(first, Slot::PerLayerGate);
  Value own = lm::PartOp::create(builder, loc, gate.getType(), perLayer, layer.number, IntegerAttr());
  Value injected = lm::GluOp::create(builder, loc, gate.getType(), gate, own, lm::Activation::GeluTanh);
  injected = layer.norm(layer.linear(injected, Slot::PerLayerProjection), Slot::PerLayerNorm);
  return lm::AltUpInjectOp::create(builder, loc, corrected, injected);
}
