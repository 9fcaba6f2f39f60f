#include "frontends/config/models/Model.h"

/// Qwen 2 and 2.5, dense: Llama with biases on queries, keys and values.
const lathe::Model lathe::models::Qwen2 = {
    .huggingFace = {.modelTypes = {"qwen2"},
                    .defaults = R"({"max_position_embeddings": 32768, "num_key_value_heads": 32,
                                    "sliding_window": 4096, "max_window_layers": 28})"},
    .gguf = {.architectures = {"qwen2"}},
    .window = WindowRule::Above,
    .qkvBias = true,
};
