#include "frontends/config/models/Model.h"

/// Qwen3, dense: a norm on every query and key head.
const lathe::Model lathe::models::Qwen3 = {
    .huggingFace = {.modelTypes = {"qwen3"},
                    .defaults = R"({"max_position_embeddings": 32768, "num_key_value_heads": 32,
                                    "head_dim": 128, "sliding_window": 4096, "max_window_layers": 28})"},
    .gguf = {.architectures = {"qwen3"}},
    .qkNorm = QKNorm::PerHead,
    .window = WindowRule::Above,
    .readsAttentionBias = true,
};
