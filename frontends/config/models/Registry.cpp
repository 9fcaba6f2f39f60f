#include "frontends/config/models/Model.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace lathe;

static const NamedModel named[] = {
#define LATHE_MODEL(name) {#name, &models::name},
#include "frontends/config/models/Models.inc"
#undef LATHE_MODEL
};

llvm::ArrayRef<NamedModel> lathe::allModels() { return named; }

llvm::SmallVector<llvm::StringRef, 4> lathe::namesIn(const char *const (&list)[4]) {
  llvm::SmallVector<llvm::StringRef, 4> out;
  for (const char *name : list)
    if (name)
      out.push_back(name);
  return out;
}

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

const Model *lathe::findModelType(llvm::StringRef modelType, bool &isWrapper) {
  for (const NamedModel &entry : named) {
    isWrapper = llvm::is_contained(namesIn(entry.model->wrapperTypes), modelType);
    if (isWrapper || llvm::is_contained(namesIn(entry.model->modelTypes), modelType))
      return entry.model;
  }
  return nullptr;
}

const Model *lathe::findClass(llvm::ArrayRef<std::string> architectures) {
  for (const NamedModel &entry : named)
    if (entry.model->className && llvm::is_contained(architectures, entry.model->className))
      return entry.model;
  return nullptr;
}

const Model *lathe::findGgufArchitecture(llvm::StringRef architecture, Scoring scoring) {
  const Model *found = nullptr;
  for (const NamedModel &entry : named)
    if (llvm::is_contained(namesIn(entry.model->ggufArchitectures), architecture) &&
        (!found || entry.model->experts.scoring == scoring))
      found = entry.model;
  return found;
}

static std::vector<llvm::StringRef> sorted(std::vector<llvm::StringRef> names) {
  llvm::sort(names);
  names.erase(llvm::unique(names), names.end());
  return names;
}

std::vector<llvm::StringRef> lathe::knownModelTypes() {
  std::vector<llvm::StringRef> names;
  for (const NamedModel &entry : named) {
    llvm::append_range(names, namesIn(entry.model->modelTypes));
    llvm::append_range(names, namesIn(entry.model->wrapperTypes));
  }
  return sorted(std::move(names));
}

std::vector<llvm::StringRef> lathe::knownGgufArchitectures() {
  std::vector<llvm::StringRef> names;
  for (const NamedModel &entry : named)
    llvm::append_range(names, namesIn(entry.model->ggufArchitectures));
  return sorted(std::move(names));
}
