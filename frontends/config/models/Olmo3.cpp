#include "frontends/config/models/Model.h"

/// OLMo 3: OLMo 2 with three sliding layers, then one full layer; rotary scaling applies only to full layers. In GGUF
/// both are olmo2; OLMo 2's files have no window.
const lathe::Model lathe::models::Olmo3 = {
    .huggingFace = {.modelTypes = {"olmo3"},
                    .defaults = R"({"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "sliding_window": 4096,
                                    "eos_token_id": 50279, "pad_token_id": 1})"},
    .gguf = {.architectures = {"olmo2"}, .window = true},
    .norms = NormPlacement::Post,
    .qkNorm = QKNorm::Whole,
    .theta = 5e5,
    .localTheta = 5e5,
    .window = WindowRule::Periodic,
    .windowPeriod = 4,
    .readsAttentionBias = true,
};
