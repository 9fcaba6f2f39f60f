#include "frontends/config/models/Model.h"

static void completeGguf(lathe::Config &config) {
  config.expertLimit = 7;
  config.rope.truncate = config.slidingRope.truncate = false;
}

/// gpt-oss: every second layer has a sliding window; sinks, biases everywhere, experts with a clamped gate. Published
/// files have MXFP4 experts; in bf16, rows of gate and up are interleaved. GGUF has no key for the clamp or for yarn's
/// unrounded range.
const lathe::Model lathe::models::GptOss = {
    .huggingFace = {.modelTypes = {"gpt_oss"},
                    .defaults = R"({"vocab_size": 201088, "hidden_size": 2880, "intermediate_size": 2880,
                                    "num_hidden_layers": 36, "num_attention_heads": 64,
                                    "num_key_value_heads": 8, "head_dim": 64, "rms_norm_eps": 1e-5,
                                    "max_position_embeddings": 131072, "num_local_experts": 128,
                                    "num_experts_per_tok": 4, "sliding_window": 128, "swiglu_limit": 7.0,
                                    "attention_bias": true, "rope_parameters": {"rope_type": "yarn",
                                    "factor": 32.0, "truncate": false,
                                    "original_max_position_embeddings": 4096}})",
                    .required = R"({"swiglu_alpha": 1.702})",
                    .keyNames = {{"num_experts", "num_local_experts"}, {"moe_intermediate_size", "intermediate_size"}},
                    .names = {{Slot::Router, "mlp.router.weight"},
                              {Slot::ExpertGate, "mlp.experts.gate_up_proj"},
                              {Slot::ExpertUp, "mlp.experts.gate_up_proj"},
                              {Slot::ExpertDown, "mlp.experts.down_proj"}},
                    .experts = ExpertTensors::Interleaved},
    .gguf = {.architectures = {"gpt-oss"},
             .window = true,
             .windowRequired = true,
             .normalizedExperts = true,
             .names = {{Slot::PreFFNNorm, "post_attention_norm.weight"}},
             .complete = completeGguf},
    .theta = 150000,
    .window = WindowRule::Periodic,
    .windowPeriod = 2,
    .experts = {.layers = SparseLayers::Every, .normalized = Normalized::Always, .biased = true, .clamped = true},
    .readsAttentionBias = true,
    .sinks = true,
};
