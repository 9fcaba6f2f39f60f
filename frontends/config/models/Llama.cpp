#include "frontends/config/models/Model.h"

/// Llama 3, 3.1, 3.2 and what was built in its image (SmolLM2, TinyLlama, ...). Mistral's GGUF files say llama, too.
const lathe::Model lathe::models::Llama = {
    .modelTypes = {"llama"},
    .ggufArchitectures = {"llama"},
    .defaults = R"({"max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 2})",
    .ggufWindow = true,
    .readsAttentionBias = true,
    .readsMlpBias = true,
    .ggufInterleaved = true,
};
