#include "frontends/config/models/Model.h"

/// OLMo 2: norms after attention and MLP, inside the residual, none before; queries and keys are normed over all heads
/// together.
const lathe::Model lathe::models::Olmo2 = {
    .huggingFace = {.modelTypes = {"olmo2"},
                    .defaults = R"({"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "eos_token_id": 50279,
                                    "pad_token_id": 1})"},
    .norms = NormPlacement::Post,
    .qkNorm = QKNorm::Whole,
    .readsAttentionBias = true,
};
