//===- DeltaNet.cpp - linear attention by the gated delta rule ----------------------------------------------------===//

#include "frontends/config/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

Value lathe::buildDeltaNet(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  const Config &config = layer.config;
  Location loc = NameLoc::get(builder.getStringAttr("delta_net"));
  // Ops that read the same rows are next to each other: they become one phase. So do the convolutions.
  Value q = layer.linear(input, Slot::DeltaQ), k = layer.linear(input, Slot::DeltaK);
  Value v = layer.linear(input, Slot::DeltaV), z = layer.linear(input, Slot::DeltaZ);
  Value b = layer.linear(input, Slot::DeltaB), a = layer.linear(input, Slot::DeltaA);
  auto convolve = [&](Value rows, Slot weight, StringRef state) -> Value {
    return lm::CausalConv1dOp::create(builder, loc, rows, layer.weight(weight), layer.states.lookup(state),
                                      layer.position, builder.getI64IntegerAttr(config.convWidth));
  };
  q = convolve(q, Slot::ConvQ, "conv_q");
  k = convolve(k, Slot::ConvK, "conv_k");
  v = convolve(v, Slot::ConvV, "conv_v");
  Value o = lm::GatedDeltaRuleOp::create(builder, loc, v.getType(), q, k, v, a, b, layer.weight(Slot::DeltaDecay),
                                         layer.weight(Slot::DeltaBias), layer.states.lookup("delta"), layer.position,
                                         builder.getI64IntegerAttr(config.deltaKeyHeads));
  o = layer.norm(o, Slot::DeltaNorm, config.deltaValueHeads);
  o = lm::GluOp::create(builder, loc, o.getType(), z, o, lm::Activation::Silu);
  return layer.linear(o, Slot::DeltaOut, std::nullopt, config.residualScale);
}
