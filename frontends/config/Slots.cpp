#include "frontends/config/Slots.h"
#include "frontends/config/models/Model.h"

using namespace lathe;

namespace {

enum class Width : uint8_t {
  H,
  Q,
  KV,
  QN,
  KN,
  O,
  I,
  V,
  P,
  E,
  EI,
  EEI,
  EH,
  SI,
  N,
  QR,
  KL,
  DN,
  DR,
  DV,
  LQ,
  LV,
  LH,
  LD,
  CQ,
  CV,
  S,
  SS,
  LA,
  PV,
  PA,
  PL,
  Row,
  One
};

struct SlotRow {
  llvm::StringLiteral name;
  Width rows, columns;
};

constexpr SlotRow slotRows[] = {
#define LATHE_SLOT_ROW(id, slot, rows, columns) {slot, Width::rows, Width::columns},
    LATHE_LAYER_SLOTS(LATHE_SLOT_ROW) LATHE_GLOBAL_SLOTS(LATHE_SLOT_ROW)
#undef LATHE_SLOT_ROW
};

const SlotRow &rowOf(Slot slot) { return slotRows[static_cast<int>(slot)]; }

int64_t widthOf(Width width, const Model &model, const Config &config, int64_t layer) {
  switch (width) {
  case Width::H:
    return config.hidden;
  case Width::Q:
    return config.heads * config.headDim;
  case Width::KV:
    return config.kvHeads * config.headDim;
  case Width::I:
    return config.intermediateOf(layer);
  case Width::S:
    return config.streams;
  case Width::SS:
    return config.streams * config.streams;
  case Width::LA:
    return config.laurelRank;
  case Width::PV:
    return config.perLayerVocabulary;
  case Width::PA:
    return config.perLayerWidth;
  case Width::PL:
    return config.perLayerWidth * config.layers;
  case Width::QN:
    return config.qkNorm == QKNorm::Whole ? config.heads * config.headDim : config.headDim;
  case Width::KN:
    return config.qkNorm == QKNorm::Whole ? config.kvHeads * config.headDim : config.headDim;
  case Width::O:
    return config.heads * (config.latentRank ? config.valueDim : config.headDim);
  case Width::E:
    return config.experts;
  case Width::EEI:
    return config.experts * config.expertIntermediate;
  case Width::EH:
    return config.experts * config.hidden;
  case Width::N:
    return config.heads;
  case Width::QR:
    return config.queryRank;
  case Width::KL:
    return config.latentRank;
  case Width::DN:
    return config.nopeDim;
  case Width::DR:
    return config.ropeDim;
  case Width::DV:
    return config.valueDim;
  case Width::LQ:
    return config.deltaKeyHeads * config.deltaKeyDim;
  case Width::LV:
    return config.deltaValueHeads * config.deltaValueDim;
  case Width::LH:
    return config.deltaValueHeads;
  case Width::LD:
    return config.deltaValueDim;
  case Width::CQ:
    return config.deltaKeyHeads * config.deltaKeyDim * config.convWidth;
  case Width::CV:
    return config.deltaValueHeads * config.deltaValueDim * config.convWidth;
  case Width::EI:
    return config.expertIntermediate;
  case Width::P:
    return config.maxPositions;
  case Width::V:
    return config.vocabulary;
  case Width::SI:
    return config.sharedIntermediate;
  case Width::Row:
  case Width::One:
    return 1;
  }
  llvm_unreachable("every width has a value");
}

} // namespace

llvm::StringRef lathe::slotName(Slot slot) { return rowOf(slot).name; }

bool lathe::isExperts(Slot slot) {
  return slot == Slot::ExpertGate || slot == Slot::ExpertUp || slot == Slot::ExpertDown;
}

bool lathe::isHeads(Slot slot) { return slot == Slot::KUp || slot == Slot::VUp; }

bool lathe::isExpertBias(Slot slot) {
  return slot == Slot::ExpertGateBias || slot == Slot::ExpertUpBias || slot == Slot::ExpertDownBias;
}

bool lathe::isGlobal(Slot slot) { return slot >= Slot::Embed; }

llvm::SmallVector<Slot, 40> lathe::layerSlots(const Model &model, const Config &config, int64_t layer) {
  llvm::SmallVector<Slot, 40> slots;
  auto addIf = [&](bool present, std::initializer_list<Slot> more) {
    if (present)
      slots.append(more.begin(), more.end());
  };
  const bool before = model.norms != NormPlacement::Post, after = model.norms != NormPlacement::Pre;
  const bool normBias = before && model.normKind == NormKind::Layer;
  addIf(before, {Slot::InputNorm});
  addIf(normBias, {Slot::InputNormBias});
  if (config.kindOf(layer) == LayerKind::Linear) {
    addIf(true, {Slot::DeltaQ, Slot::DeltaK, Slot::DeltaV, Slot::DeltaZ, Slot::DeltaB, Slot::DeltaA, Slot::ConvQ,
                 Slot::ConvK, Slot::ConvV, Slot::DeltaDecay, Slot::DeltaBias, Slot::DeltaNorm, Slot::DeltaOut});
  } else if (config.latentRank) {
    addIf(config.queryRank, {Slot::QDown, Slot::QDownNorm, Slot::QUp});
    addIf(!config.queryRank, {Slot::Q});
    addIf(true, {Slot::KVDown, Slot::KRope, Slot::KVDownNorm, Slot::KUp, Slot::VUp, Slot::O});
    addIf(config.oBias, {Slot::OBias});
  } else {
    addIf(config.attentionGate, {Slot::QGate});
    const bool isOwn = config.cacheOf(layer) == layer, hasNorm = config.qkNorm != QKNorm::None;
    addIf(true, {Slot::Q});
    addIf(isOwn, {Slot::K, Slot::V});
    addIf(config.qkvBias, {Slot::QBias});
    addIf(isOwn && config.qkvBias, {Slot::KBias, Slot::VBias});
    addIf(hasNorm, {Slot::QNorm});
    addIf(isOwn && hasNorm, {Slot::KNorm});
    addIf(model.sinks, {Slot::Sinks});
    addIf(true, {Slot::O});
    addIf(config.oBias, {Slot::OBias});
  }
  addIf(after, {Slot::PostAttentionNorm});
  addIf(before, {Slot::PreFFNNorm});
  addIf(normBias, {Slot::PreFFNNormBias});
  const bool sparse = config.isSparse(layer);
  addIf(sparse && config.correctsRouting, {Slot::Correction});
  addIf(sparse, {Slot::Router, Slot::ExpertGate, Slot::ExpertUp, Slot::ExpertDown});
  addIf(sparse && model.experts.biased,
        {Slot::RouterBias, Slot::ExpertGateBias, Slot::ExpertUpBias, Slot::ExpertDownBias});
  addIf(sparse && config.sharedIntermediate, {Slot::SharedGate, Slot::SharedUp, Slot::SharedDown});
  addIf(sparse && model.experts.shared == SharedExpert::Gated, {Slot::SharedExpertGate});
  addIf(!sparse && model.gated, {Slot::Gate});
  addIf(!sparse, {Slot::Up, Slot::Down});
  addIf(!sparse && config.mlpBias && model.gated, {Slot::GateBias});
  addIf(!sparse && config.mlpBias, {Slot::UpBias, Slot::DownBias});
  addIf(after, {Slot::PostFFNNorm});
  addIf(config.streams > 1, {Slot::AltUpRouterNorm, Slot::AltUpRouter, Slot::AltUpPrediction, Slot::AltUpCorrection,
                             Slot::AltUpScale, Slot::LaurelLeft, Slot::LaurelRight, Slot::LaurelNorm,
                             Slot::PerLayerGate, Slot::PerLayerProjection, Slot::PerLayerNorm});
  return slots;
}

llvm::SmallVector<Slot, 16> lathe::globalSlots(const Model &model, const Config &config) {
  llvm::SmallVector<Slot, 16> slots = {Slot::Embed};
  if (config.streams > 1)
    slots.append({Slot::PerLayerEmbed, Slot::PerLayerModel, Slot::PerLayerModelNorm, Slot::AltUp1, Slot::AltUp2,
                  Slot::AltUp3, Slot::Unembed1, Slot::Unembed2, Slot::Unembed3});
  if (model.positions == Positions::Learned)
    slots.push_back(Slot::Positions);
  slots.push_back(Slot::FinalNorm);
  if (model.normKind == NormKind::Layer)
    slots.push_back(Slot::FinalNormBias);
  if (!config.tied)
    slots.push_back(Slot::Head);
  return slots;
}

llvm::SmallVector<int64_t, 2> lathe::slotShape(const Model &model, const Config &config, Slot slot, int64_t layer) {
  const SlotRow &row = rowOf(slot);
  llvm::SmallVector<int64_t, 2> shape = {widthOf(row.rows, model, config, layer)};
  if (row.columns != Width::One)
    shape.push_back(widthOf(row.columns, model, config, layer));
  if (isExperts(slot) || isHeads(slot))
    shape.insert(shape.begin(), isHeads(slot) ? config.heads : config.experts);
  return shape;
}

ParameterCount lathe::countParameters(const Model &model, const Config &config) {
  ParameterCount count;
  auto add = [&](Slot slot, int64_t layer) {
    int64_t values = 1;
    for (int64_t size : slotShape(model, config, slot, layer))
      values *= size;
    count.all += values;
    count.active += isExperts(slot) || isExpertBias(slot) ? values / config.experts * config.expertsPerToken : values;
  };
  for (Slot slot : globalSlots(model, config))
    add(slot, 0);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (Slot slot : layerSlots(model, config, layer))
      add(slot, layer);
    // Layers that attend to another layer's cache have unused k_proj, v_proj and k_norm in the checkpoint.
    if (config.cacheOf(layer) == layer)
      continue;
    const int64_t active = count.active;
    for (Slot slot : {Slot::K, Slot::V, Slot::KNorm})
      add(slot, layer);
    count.active = active;
  }
  return count;
}
