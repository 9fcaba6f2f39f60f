#include "compiler/support/Json.h"
#include "frontends/config/models/Model.h"
#include <cmath>

static void readTemperature(const lathe::JsonObject &keys, lathe::Config &config) {
  if (!keys.has("attn_temperature_len"))
    return;
  const int64_t length = keys.integer("attn_temperature_len", 2, lathe::limits::positions);
  // The factor is max(1, log2(p) / log2(length)) = max(1, 1 + ln(p / length) / ln(length)).
  config.temperature = {.length = length, .scale = 1 / std::log(static_cast<double>(length))};
}

// The converter writes yarn for rope_type "original", which means no scaling.
static void completeGguf(lathe::Config &config) {
  config.rope = config.slidingRope = {.theta = config.rope.theta, .dims = config.rope.dims};
}

/// Grok 2, as in SGLang, xAI's runtime: norms before and after attention and MLP; softcaps of attention scores, router
/// logits and logits; two of eight large experts, and an MLP for every token. Its config.json has no model_type of its
/// own.
const lathe::Model lathe::models::Grok2 = {
    .huggingFace = {.modelTypes = {"grok2"},
                    .className = "Grok1ForCausalLM",
                    .defaults = R"({"residual_moe": true, "tie_word_embeddings": false})",
                    .required = R"({"residual_moe": true, "rope_type": "original", "global_attn_every_n": 1,
                                    "sliding_window_size": -1})",
                    .keyNames = {{"num_experts", "num_local_experts"},
                                 {"embedding_multiplier", "embedding_multiplier_scale"},
                                 {"logits_multiplier", "output_multiplier_scale"}},
                    .names = {{Slot::InputNorm, "pre_attn_norm.weight"},
                              {Slot::PostAttentionNorm, "post_attn_norm.weight"},
                              {Slot::PreFFNNorm, "pre_moe_norm.weight"},
                              {Slot::PostFFNNorm, "post_moe_norm.weight"},
                              {Slot::SharedGate, "mlp.gate_proj.weight"},
                              {Slot::SharedUp, "mlp.up_proj.weight"},
                              {Slot::SharedDown, "mlp.down_proj.weight"},
                              {Slot::Router, "block_sparse_moe.gate.weight"},
                              {Slot::ExpertGate, "block_sparse_moe.experts.{e}.w1.weight"},
                              {Slot::ExpertUp, "block_sparse_moe.experts.{e}.w3.weight"},
                              {Slot::ExpertDown, "block_sparse_moe.experts.{e}.w2.weight"}}},
    .gguf = {.architectures = {"grok"},
             .names = {{Slot::PostAttentionNorm, "attn_output_norm.weight"},
                       {Slot::SharedGate, "ffn_gate.weight"},
                       {Slot::SharedUp, "ffn_up.weight"},
                       {Slot::SharedDown, "ffn_down.weight"}},
             .complete = completeGguf},
    .norms = NormPlacement::Sandwich,
    .activation = Activation::GeluTanh,
    .experts = {.layers = SparseLayers::Every, .shared = SharedExpert::Dense, .softcap = true},
    .readsAttentionSoftcap = true,
    .readsFinalSoftcap = true,
    .readsScales = true,
    .readTemperature = readTemperature,
};
