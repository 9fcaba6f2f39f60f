#include "frontends/config/models/Model.h"

/// GLM-4.5 and Air: half of a head is rotated; after the first layers, experts with sigmoid scores and a selection
/// bias, and a shared expert. The layer of multi-token prediction in checkpoints is left out.
const lathe::Model lathe::models::Glm4MoE = {
    .huggingFace = {.modelTypes = {"glm4_moe"},
                    .defaults = R"({"vocab_size": 151552, "hidden_size": 4096, "intermediate_size": 10944,
                                    "num_hidden_layers": 46, "num_attention_heads": 96,
                                    "num_key_value_heads": 8, "max_position_embeddings": 131072,
                                    "rms_norm_eps": 1e-5, "moe_intermediate_size": 1408,
                                    "num_experts_per_tok": 8, "n_shared_experts": 1, "n_routed_experts": 128,
                                    "routed_scaling_factor": 1.0, "first_k_dense_replace": 1,
                                    "norm_topk_prob": true, "n_group": 1, "topk_group": 1})",
                    .keyNames = {{"num_experts", "n_routed_experts"}},
                    .names = {{Slot::SharedGate, "mlp.shared_experts.gate_proj.weight"},
                              {Slot::SharedUp, "mlp.shared_experts.up_proj.weight"},
                              {Slot::SharedDown, "mlp.shared_experts.down_proj.weight"}}},
    .gguf = {.architectures = {"glm4moe"}, .names = {{Slot::PreFFNNorm, "post_attention_norm.weight"}}},
    .partialRotary = true,
    .rotaryPart = 0.5,
    .experts = {.layers = SparseLayers::AfterDense,
                .scoring = Scoring::Sigmoid,
                .corrected = true,
                .normalized = Normalized::Key,
                .scaled = true,
                .groupTerms = 2,
                .shared = SharedExpert::Counted},
    .readsQKVBias = true,
    .readsQKNorm = true,
    .predicts = true,
};
