#include "frontends/config/models/Model.h"

/// OLMo 2: norms after attention and MLP, before the residual addition, and none before them; a norm over all query
/// heads and one over all key heads.
const lathe::Model lathe::models::Olmo2 = {
    .huggingFace = {.modelTypes = {"olmo2"},
                    .defaults = R"({"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "eos_token_id": 50279,
                                    "pad_token_id": 1})"},
    .norms = NormPlacement::Post,
    .qkNorm = QKNorm::Whole,
    .readsAttentionBias = true,
};
