//===- ConfigExperts.cpp - reads the experts of a Config from GGUF metadata ---------------------------------------===//

#include "frontends/gguf/ConfigReader.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;

// expert_gating_func 3 is a softmax over the chosen experts only. It equals a softmax over all experts, normalised.
absl::StatusOr<Scoring> lathe::readGgufScoring(const ConfigReader &keys) {
  int64_t function = 0;
  LATHE_RETURN_IF_ERROR(keys.integer(function, "expert_gating_func", 0, 3, 0));
  if (function != 0)
    return function == 2 ? Scoring::Sigmoid : Scoring::Softmax;
  return llvm::any_of(
             keys.gguf.tensors(),
             [](const TensorInfo &tensor) { return llvm::StringRef(tensor.name).ends_with(".exp_probs_b.bias"); })
             ? Scoring::Sigmoid
             : Scoring::Softmax;
}

/// Layers with experts, by their tensors. Keys that give the same information must agree.
static absl::Status readSparseLayers(const ConfigReader &keys, const ExpertRule &rule, Config &config) {
  config.sparse = layersWith(keys.gguf, "ffn_gate_inp.weight", config);
  const bool isAfterDense = rule.layers == SparseLayers::AfterDense;
  const llvm::StringRef name = isAfterDense ? "leading_dense_block_count" : "interleave_moe_layer_step";
  if ((!isAfterDense && rule.layers != SparseLayers::Interleaved) || !keys.has(name))
    return absl::OkStatus();
  int64_t said = 0;
  LATHE_RETURN_IF_ERROR(keys.integer(said, name, isAfterDense ? 0 : 1, limits::layers));
  for (int64_t i = 0; i < config.layers; ++i)
    if (config.sparse[i] != (isAfterDense ? i >= said : (i + 1) % said == 0))
      return keys.error(name, "expected what the tensors say, that layer " + llvm::Twine(i) + " has " +
                                  (config.sparse[i] ? "experts" : "none") + ", got " + llvm::Twine(said));
  return absl::OkStatus();
}

absl::Status lathe::readGgufExperts(const ConfigReader &keys, const Model &model, Config &config) {
  const ExpertRule &rule = model.experts;
  if (!rule)
    return absl::OkStatus();
  LATHE_ASSIGN_OR_RETURN(Scoring scoring, readGgufScoring(keys));
  if (keys.has("expert_gating_func") && scoring != rule.scoring)
    return keys.error("expert_gating_func", "expected " + llvm::Twine(rule.scoring == Scoring::Softmax ? 1 : 2) +
                                                " for this architecture, got " +
                                                llvm::Twine(scoring == Scoring::Softmax ? 1 : 2));
  LATHE_RETURN_IF_ERROR(keys.integer(config.experts, "expert_count", 1, limits::experts));
  LATHE_RETURN_IF_ERROR(keys.integer(config.expertsPerToken, "expert_used_count", 1, limits::expertsPerToken));
  LATHE_RETURN_IF_ERROR(keys.integer(config.expertIntermediate, "expert_feed_forward_length", 1, limits::intermediate));

  config.normalizesRouting = rule.normalized == Normalized::Always || model.gguf.normalizedExperts;
  LATHE_ASSIGN_OR_RETURN(bool normalized, keys.gguf.boolean(keys.key("expert_weights_norm"), config.normalizesRouting));
  if (normalized != config.normalizesRouting && rule.normalized != Normalized::Key)
    return keys.error("expert_weights_norm", "expected " + llvm::Twine(normalized ? "false" : "true") +
                                                 " for this architecture, got " + (normalized ? "true" : "false"));
  config.normalizesRouting = normalized;
  LATHE_RETURN_IF_ERROR(keys.number(config.routingScale, "expert_weights_scale", 1));
  if (config.routingScale == 0)
    config.routingScale = 1; // in llama.cpp 0 means no scale
  if (!rule.scaled && config.routingScale != 1)
    return keys.error("expert_weights_scale",
                      "expected 1 for this architecture, got " + numberString(config.routingScale));
  LATHE_RETURN_IF_ERROR(
      keys.integer(config.expertGroups, "expert_group_count", 0, rule.groupTerms ? limits::expertGroups : 1, 1));
  LATHE_RETURN_IF_ERROR(
      keys.integer(config.topGroups, "expert_group_used_count", 0, rule.groupTerms ? limits::expertGroups : 1, 1));
  config.expertGroups = std::max<int64_t>(config.expertGroups, 1);
  config.topGroups = std::max<int64_t>(config.topGroups, 1);
  LATHE_RETURN_IF_ERROR(keys.check([&](Complain complain) {
    checkExperts(rule, config,
                 {keys.key("expert_count"), keys.key("expert_used_count"), keys.key("expert_group_count"),
                  keys.key("expert_group_used_count")},
                 complain);
  }));

  if (rule.softcap && keys.has("router_logit_softcapping"))
    LATHE_RETURN_IF_ERROR(keys.positive(config.routerSoftcap, "router_logit_softcapping"));
  if (rule.shared == SharedExpert::Gated)
    LATHE_RETURN_IF_ERROR(
        keys.integer(config.sharedIntermediate, "expert_shared_feed_forward_length", 1, limits::intermediate));
  if (rule.shared == SharedExpert::Counted) {
    int64_t count = 0;
    LATHE_RETURN_IF_ERROR(
        keys.integer(count, "expert_shared_count", 0, limits::intermediate / config.expertIntermediate, 0));
    config.sharedIntermediate = count * config.expertIntermediate;
  }
  completeExperts(rule, config);
  return readSparseLayers(keys, rule, config);
}
