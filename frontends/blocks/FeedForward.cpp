//===- FeedForward.cpp - the MLP, or experts in its place
//------------------------------------------------------------------------------------===//

#include "frontends/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

static lm::Activation activationOf(const Config &config) {
  return config.activation == Activation::SiLU ? lm::Activation::Silu : lm::Activation::GeluTanh;
}

Value lathe::buildFeedForward(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  Location loc = NameLoc::get(builder.getStringAttr("feed_forward"));
  lm::Activation activation = activationOf(layer.config);
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

Value lathe::buildExperts(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  Location loc = NameLoc::get(builder.getStringAttr("experts"));
  int64_t top = layer.config.expertsPerToken;
  lm::Activation activation = activationOf(layer.config);
  Value scores = layer.linear(input, Slot::Router), shared, sharedGate;
  // What reads the same rows stands together: it becomes one phase.
  if (layer.weight(Slot::SharedExpertGate))
    sharedGate = layer.linear(input, Slot::SharedExpertGate);
  if (layer.weight(Slot::SharedGate)) {
    Value gate = layer.linear(input, Slot::SharedGate), up = layer.linear(input, Slot::SharedUp);
    shared = lm::GluOp::create(builder, loc, gate.getType(), gate, up, activation);
    shared = layer.linear(shared, Slot::SharedDown);
  }
  lm::Scoring scoring = layer.config.scoring == Scoring::Softmax ? lm::Scoring::Softmax : lm::Scoring::Sigmoid;
  auto choice = RankedTensorType::get({ShapedType::kDynamic, top}, builder.getI32Type());
  auto route = lm::RouteOp::create(builder, loc, rowsType(builder, top), choice, scores, layer.weight(Slot::Correction),
                                   builder.getI64IntegerAttr(top), lm::ScoringAttr::get(builder.getContext(), scoring),
                                   builder.getF64FloatAttr(layer.config.routingScale),
                                   layer.config.normalizesRouting ? builder.getUnitAttr() : UnitAttr());
  return lm::ExpertsOp::create(builder, loc, input.getType(), input, route.getWeights(), route.getExperts(),
                               layer.weight(Slot::ExpertGate), layer.weight(Slot::ExpertUp),
                               layer.weight(Slot::ExpertDown), shared, sharedGate, activation);
}
