#include "frontends/config/models/Model.h"

/// Granite 3, dense: Llama with its own factors for embedding, attention scores, residuals and logits.
const lathe::Model lathe::models::Granite = {
    .huggingFace = {.modelTypes = {"granite"},
                    .defaults = R"({"max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 2})"},
    .gguf = {.architectures = {"granite"}, .interleaved = true},
    .readsAttentionBias = true,
    .readsMlpBias = true,
    .readsMultipliers = true,
};
