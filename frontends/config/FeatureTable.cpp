//===- FeatureTable.cpp - the table of --list-models --------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/config/models/Model.h"
#include <array>

using namespace lathe;

Features lathe::featuresOf(const Model &model) {
  Features features;
  auto add = [](std::string &to, bool isSo, llvm::StringRef what) {
    if (isSo)
      to += (to.empty() ? "" : ", ") + what.str();
  };
  std::string &attention = features.attention;
  add(attention, true, model.latent ? "latent" : model.grouped ? "grouped" : "multi-head");
  switch (model.window) {
  case WindowRule::None:
    break;
  case WindowRule::Every:
  case WindowRule::Switched:
    add(attention, true, "window");
    break;
  case WindowRule::Above:
    add(attention, true, "window on upper layers");
    break;
  case WindowRule::Periodic:
    add(attention, true, "window " + std::to_string(model.windowPeriod - 1) + ":1");
    break;
  case WindowRule::Unrotated:
    add(attention, true, "window without positions");
    break;
  case WindowRule::Linear:
    add(attention, true, "gated DeltaNet 3:1");
    break;
  case WindowRule::Chunked:
    add(attention, true, "chunks");
    break;
  }
  add(attention, model.qkvBias || model.readsAttentionBias || model.readsQKVBias, "bias");
  add(attention, model.qkNorm == QKNorm::PerHead || model.readsQKNorm, "q/k norm");
  add(attention, model.normsRotated, "norm of rotated q/k");
  add(attention, model.qkNorm == QKNorm::Whole, "whole q/k norm");
  add(attention, model.readsAttentionSoftcap, "softcap");
  add(attention, model.attentionGate, "gate");
  add(attention, model.sinks, "sinks");
  add(attention, model.readTemperature != nullptr, "temperature");

  add(features.norms, true, model.normKind == NormKind::Layer ? "layer norm" : "RMS");
  features.norms += model.norms == NormPlacement::Pre    ? " before"
                    : model.norms == NormPlacement::Post ? " after"
                                                         : " before and after";
  add(features.norms, model.normOffset == 1, "1 + w");

  add(features.positions, true,
      model.positions == Positions::Learned ? "learned"
      : model.partialRotary                 ? "partly rotary"
                                            : "rotary");
  add(features.positions, model.localTheta != 0, "windows unscaled");
  add(features.positions, model.noRopeInterval != 0, "not on every layer");

  add(features.norms, model.altUp, "alternating updates");
  features.mlp = model.activation == Activation::SiLU ? "SiLU" : "GELU";
  features.mlp += model.gated ? " gated" : "";
  const ExpertRule &experts = model.experts;
  if (!experts)
    return features;
  features.mlp += experts.scoring == Scoring::Softmax ? ", experts by softmax" : ", experts by sigmoid";
  features.mlp += experts.groupTerms ? " in groups" : "";
  add(features.mlp, experts.biased, "biased");
  add(features.mlp, experts.clamped, "clamped");
  add(features.mlp, experts.scalesInput, "scaled input");
  switch (experts.shared) {
  case SharedExpert::None:
    break;
  case SharedExpert::Wide:
  case SharedExpert::Counted:
  case SharedExpert::One:
    add(features.mlp, true, "one for all");
    break;
  case SharedExpert::Gated:
    add(features.mlp, true, "gated one for all");
    break;
  case SharedExpert::Dense:
    add(features.mlp, true, "MLP beside them");
    break;
  }
  return features;
}

std::string lathe::tableOfModels() {
  std::vector<std::array<std::string, 7>> rows = {
      {"file", "model_type", "GGUF", "attention", "norms", "positions", "MLP"}};
  for (const NamedModel &entry : allModels()) {
    llvm::SmallVector<llvm::StringRef, 8> types(namesIn(entry.model->huggingFace.modelTypes));
    llvm::append_range(types, namesIn(entry.model->huggingFace.wrapperTypes));
    llvm::SmallVector<llvm::StringRef, 4> gguf = namesIn(entry.model->gguf.architectures);
    const Features features = featuresOf(*entry.model);
    rows.push_back({entry.name.str(), commaSeparated(types), gguf.empty() ? "-" : commaSeparated(gguf),
                    features.attention, features.norms, features.positions, features.mlp});
  }
  std::string text;
  for (const auto &row : rows)
    for (size_t column = 0; column < row.size(); ++column) {
      size_t width = 0;
      for (const auto &other : rows)
        width = std::max(width, other[column].size());
      const bool isLast = column + 1 == row.size();
      text += row[column] + (isLast ? "\n" : std::string(width - row[column].size() + 1, ' '));
    }
  return text;
}
