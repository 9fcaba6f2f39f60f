//===- Decoder.cpp - one decoder layer ----------------------------------------------------------------------------===//

#include "frontends/config/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

RankedTensorType lathe::rowsType(Builder &builder, int64_t columns) {
  return RankedTensorType::get({ShapedType::kDynamic, columns}, builder.getF32Type());
}

Value LayerBuilder::norm(Value input, Slot slot, int64_t groups, std::optional<double> eps) {
  Location loc = NameLoc::get(builder.getStringAttr(slotName(slot)));
  Value bias = slot == Slot::InputNorm    ? weight(Slot::InputNormBias)
               : slot == Slot::PreFFNNorm ? weight(Slot::PreFFNNormBias)
                                          : Value();
  return lm::NormOp::create(builder, loc, input, weight(slot), eps.value_or(config.normEps), groups, bias);
}

Value LayerBuilder::linear(Value input, Slot matrix, std::optional<Slot> bias, double scale) {
  Location loc = NameLoc::get(builder.getStringAttr(slotName(matrix)));
  auto type = cast<lm::WeightType>(weight(matrix).getType());
  return lm::LinearOp::create(builder, loc, rowsType(builder, type.getRows()), input, weight(matrix),
                              bias ? weight(*bias) : Value(), scale);
}

Value lathe::buildLayer(LayerBuilder &layer, Value stream) {
  OpBuilder &builder = layer.builder;
  Location loc = NameLoc::get(builder.getStringAttr("residual"));
  auto add = [&](Value block) { stream = lm::AddOp::create(builder, loc, stream.getType(), stream, block); };

  auto normIfAny = [&](Value rows, Slot slot) { return layer.weight(slot) ? layer.norm(rows, slot) : rows; };

  Value attended = normIfAny(stream, Slot::InputNorm);
  Value attention = layer.config.kinds[layer.layer] == LayerKind::Linear ? buildDeltaNet(layer, attended)
                    : layer.config.latentRank                            ? buildLatentAttention(layer, attended)
                                                                         : buildAttention(layer, attended);
  add(normIfAny(attention, Slot::PostAttentionNorm));
  Value normed = normIfAny(stream, Slot::PreFFNNorm);
  Value feedForward =
      layer.config.isSparse(layer.layer) ? buildExperts(layer, normed) : buildFeedForward(layer, normed);
  add(normIfAny(feedForward, Slot::PostFFNNorm));
  return stream;
}
