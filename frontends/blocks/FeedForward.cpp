//===- FeedForward.cpp - the MLP
//------------------------------------------------------------------------------------===//

#include "frontends/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

Value lathe::buildFeedForward(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  Location loc = NameLoc::get(builder.getStringAttr("feed_forward"));
  auto activation = layer.config.activation == Activation::SiLU ? lm::Activation::Silu : lm::Activation::GeluTanh;
  Value product;
  if (layer.model.gated) {
    Value gate = layer.linear(input, Slot::Gate, Slot::GateBias);
    Value up = layer.linear(input, Slot::Up, Slot::UpBias);
    product = lm::GluOp::create(builder, loc, gate.getType(), gate, up, activation);
  } else {
    Value up = layer.linear(input, Slot::Up, Slot::UpBias);
    product = lm::ActivationOp::create(builder, loc, up.getType(), up, activation);
  }
  return layer.linear(product, Slot::Down, Slot::DownBias, layer.config.residualScale);
}
