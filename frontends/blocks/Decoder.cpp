//===- Decoder.cpp - one decoder layer
//--------------------------------------------------------------------------------===//

#include "frontends/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

RankedTensorType lathe::rowsType(Builder &builder, int64_t columns) {
  return RankedTensorType::get({ShapedType::kDynamic, columns}, builder.getF32Type());
}

Value LayerBuilder::norm(Value input, Slot slot, int64_t groups) {
  Location loc = NameLoc::get(builder.getStringAttr(slotName(slot)));
  return lm::NormOp::create(builder, loc, input, weight(slot), config.normEps, groups);
}

Value LayerBuilder::linear(Value input, Slot matrix, Slot bias) {
  Location loc = NameLoc::get(builder.getStringAttr(slotName(matrix)));
  auto type = cast<lm::WeightType>(weight(matrix).getType());
  return lm::LinearOp::create(builder, loc, rowsType(builder, type.getRows()), input, weight(matrix), weight(bias));
}

Value lathe::buildLayer(LayerBuilder &layer, Value stream) {
  OpBuilder &builder = layer.builder;
  Location loc = NameLoc::get(builder.getStringAttr("residual"));
  auto add = [&](Value block) { stream = lm::AddOp::create(builder, loc, stream.getType(), stream, block); };

  Value attention = buildAttention(layer, layer.norm(stream, Slot::InputNorm));
  if (layer.weight(Slot::PostAttentionNorm))
    attention = layer.norm(attention, Slot::PostAttentionNorm);
  add(attention);
  Value feedForward = buildFeedForward(layer, layer.norm(stream, Slot::PreFFNNorm));
  if (layer.weight(Slot::PostFFNNorm))
    feedForward = layer.norm(feedForward, Slot::PostFFNNorm);
  add(feedForward);
  return stream;
}
