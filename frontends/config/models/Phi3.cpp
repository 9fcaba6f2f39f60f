#include "frontends/config/models/Model.h"

/// Phi 3, 3.5 and 4: Llama with one matrix for queries, keys and values, and one for gate and up; rotation may cover
/// only a part of a head.
const lathe::Model lathe::models::Phi3 = {
    .huggingFace = {.modelTypes = {"phi3"},
                    .defaults = R"({"max_position_embeddings": 4096, "original_max_position_embeddings": 4096,
                                    "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 32000,
                                    "pad_token_id": 32000})",
                    .fused = {{"self_attn.qkv_proj.weight", {Slot::Q, Slot::K, Slot::V}, 3},
                              {"mlp.gate_up_proj.weight", {Slot::Gate, Slot::Up}, 2}}},
    .gguf = {.architectures = {"phi3"},
             .window = true,
             .fused = {{"attn_qkv.weight", {Slot::Q, Slot::K, Slot::V}, 3},
                       {"ffn_up.weight", {Slot::Gate, Slot::Up}, 2}}},
    .window = WindowRule::Every,
    .partialRotary = true,
};
