#include "frontends/config/models/Model.h"

/// Qwen1.5 and Qwen2 with experts: biases on queries, keys and values; a shared expert, multiplied by a sigmoid gate.
const lathe::Model lathe::models::Qwen2MoE = {
    .huggingFace = {.modelTypes = {"qwen2_moe"},
                    .defaults = R"({"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632,
                                    "num_hidden_layers": 24, "num_attention_heads": 16,
                                    "num_key_value_heads": 16, "max_position_embeddings": 32768,
                                    "decoder_sparse_step": 1, "moe_intermediate_size": 1408,
                                    "shared_expert_intermediate_size": 5632, "num_experts_per_tok": 4,
                                    "num_experts": 60, "norm_topk_prob": false})",
                    .required = R"({"use_sliding_window": false, "qkv_bias": true})"},
    .gguf = {.architectures = {"qwen2moe"}},
    .experts = {.layers = SparseLayers::Stepped, .normalized = Normalized::Key, .shared = SharedExpert::Gated},
    .qkvBias = true,
};
