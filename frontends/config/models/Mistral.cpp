#include "frontends/config/models/Model.h"

/// Mistral 7B (v0.1 has a sliding window on every layer), and the text part of Mistral Small 3.1.
const lathe::Model lathe::models::Mistral = {
    .huggingFace = {.modelTypes = {"mistral"},
                    .wrapperTypes = {"mistral3"},
                    .defaults = R"({"max_position_embeddings": 131072, "num_key_value_heads": 8,
                                    "sliding_window": 4096, "bos_token_id": 1, "eos_token_id": 2})"},
    .gguf = {.architectures = {"mistral3"}, .window = true, .interleaved = true},
    .window = WindowRule::Every,
};
