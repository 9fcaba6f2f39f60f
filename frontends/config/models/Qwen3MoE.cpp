#include "frontends/config/models/Model.h"

/// Qwen3 with experts: Qwen3's attention; a softmax router, its weights normalised if norm_topk_prob is true.
const lathe::Model lathe::models::Qwen3MoE = {
    .huggingFace = {.modelTypes = {"qwen3_moe"},
                    .defaults = R"({"max_position_embeddings": 32768, "num_key_value_heads": 4,
                                    "intermediate_size": 6144, "sliding_window": 4096, "max_window_layers": 28,
                                    "decoder_sparse_step": 1, "moe_intermediate_size": 768,
                                    "num_experts_per_tok": 8, "num_experts": 128, "norm_topk_prob": false})"},
    .gguf = {.architectures = {"qwen3moe"}, .normalizedExperts = true},
    .qkNorm = QKNorm::PerHead,
    .window = WindowRule::Switched,
    .experts = {.layers = SparseLayers::Stepped, .normalized = Normalized::Key},
    .readsAttentionBias = true,
};
