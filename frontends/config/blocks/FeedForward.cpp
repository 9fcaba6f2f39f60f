//===- FeedForward.cpp - the MLP, or a mixture of experts ---------------------------------------------------------===//

#include "frontends/config/blocks/Blocks.h"

using namespace mlir;
using namespace lathe;

static lm::Activation nameOf(Activation activation) {
  switch (activation) {
  case Activation::SiLU:
    return lm::Activation::Silu;
  case Activation::GeluTanh:
    return lm::Activation::GeluTanh;
  case Activation::QuickGelu:
    return lm::Activation::QuickGelu;
  }
  llvm_unreachable("all enumerators are handled");
}

Value lathe::buildFeedForward(LayerBuilder &layer, Value input) {
  OpBuilder &builder = layer.builder;
  Location loc = NameLoc::get(builder.getStringAttr("feed_forward"));
  lm::Activation activation = nameOf(layer.config.activation);
  Value product;
  if (layer.model.gated) {
    Value gate = layer.linear(input, Slot::Gate, Slot::GateBias);
    Value up = layer.linear(input, Slot::Up, Slot::UpBias);
    if (double deviations = layer.config.deviationsOf(layer.layer); deviations != 0)
      gate = lm::SparsifyOp::create(builder, loc, gate.getType(), gate, builder.getF64FloatAttr(deviations));
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
  const Config &config = layer.config;
  int64_t top = config.expertsPerToken;
  lm::Activation activation = nameOf(config.activation);
  std::optional<Slot> routerBias;
  if (layer.weight(Slot::RouterBias))
    routerBias = Slot::RouterBias;
  Value scores = layer.linear(input, Slot::Router, routerBias), shared, sharedGate;
  if (config.routerSoftcap != 0)
    scores =
        lm::SoftcapOp::create(builder, loc, scores.getType(), scores, builder.getF64FloatAttr(config.routerSoftcap));
  // Ops that read the same rows are next to each other: they become one phase.
  if (layer.weight(Slot::SharedExpertGate))
    sharedGate = layer.linear(input, Slot::SharedExpertGate);
  if (layer.weight(Slot::SharedGate)) {
    Value gate = layer.linear(input, Slot::SharedGate), up = layer.linear(input, Slot::SharedUp);
    shared = lm::GluOp::create(builder, loc, gate.getType(), gate, up, activation);
    shared = layer.linear(shared, Slot::SharedDown, std::nullopt, config.sharedScale);
  }
  lm::Scoring scoring = config.scoring == Scoring::Softmax ? lm::Scoring::Softmax : lm::Scoring::Sigmoid;
  auto choice = RankedTensorType::get({ShapedType::kDynamic, top}, builder.getI32Type());
  auto route = lm::RouteOp::create(
      builder, loc, rowsType(builder, top), choice, scores, layer.weight(Slot::Correction),
      builder.getI64IntegerAttr(top), lm::ScoringAttr::get(builder.getContext(), scoring),
      builder.getF64FloatAttr(config.routingScale), config.normalizesRouting ? builder.getUnitAttr() : UnitAttr(),
      builder.getI64IntegerAttr(config.expertGroups), builder.getI64IntegerAttr(config.topGroups),
      builder.getI64IntegerAttr(layer.model.experts.groupTerms == 2 ? 2 : 1));
  return lm::ExpertsOp::create(
      builder, loc, input.getType(), input, route.getWeights(), route.getExperts(), layer.weight(Slot::ExpertGate),
      layer.weight(Slot::ExpertUp), layer.weight(Slot::ExpertDown), shared, sharedGate,
      layer.weight(Slot::ExpertGateBias), layer.weight(Slot::ExpertUpBias), layer.weight(Slot::ExpertDownBias),
      lm::ActivationAttr::get(builder.getContext(), nameOf(config.expertActivation)),
      builder.getF64FloatAttr(config.expertLimit), builder.getF64FloatAttr(config.expertUpOffset),
      layer.model.experts.scalesInput ? builder.getUnitAttr() : UnitAttr());
}
