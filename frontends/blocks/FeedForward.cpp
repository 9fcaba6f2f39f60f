//===- FeedForward.cpp - gated MLP
//------------------------------------------------------------------------------------===//

#include "frontends/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

Value lathe::buildFeedForward(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  Location loc = NameLoc::get(builder.getStringAttr("feed_forward"));
  auto activation = layer.config.activation == Activation::SiLU ? lm::Activation::Silu : lm::Activation::GeluTanh;
  Value gate = layer.linear(input, Slot::Gate, Slot::GateBias);
  Value up = layer.linear(input, Slot::Up, Slot::UpBias);
  Value product = lm::GluOp::create(builder, loc, gate.getType(), gate, up, activation);
  return layer.linear(product, Slot::Down, Slot::DownBias);
}
