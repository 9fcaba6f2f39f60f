#include "frontends/config/models/Model.h"

/// Llama 3, 3.1, 3.2 and models of the same architecture (SmolLM2, TinyLlama, ...). Mistral's GGUF files say llama,
/// too.
const lathe::Model lathe::models::Llama = {
    .huggingFace = {.modelTypes = {"llama"},
                    .defaults = R"({"max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 2})"},
    .gguf = {.architectures = {"llama"}, .window = true, .interleaved = true},
    .readsAttentionBias = true,
    .readsMlpBias = true,
};
