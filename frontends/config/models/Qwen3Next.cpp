#include "frontends/config/models/Model.h"

/// Qwen3-Next: gated DeltaNet in three of four layers, gated attention in the fourth; part of a head is rotated; norms
/// have weights 1 + w, except the one after the delta rule; many small experts and a gated shared expert. The layer of
/// multi-token prediction in checkpoints (mtp.*) is left out.
const lathe::Model lathe::models::Qwen3Next = {
    .huggingFace = {.modelTypes = {"qwen3_next"},
                    .defaults = R"({"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632,
                                    "num_hidden_layers": 48, "num_attention_heads": 16,
                                    "num_key_value_heads": 2, "head_dim": 256, "max_position_embeddings": 32768,
                                    "full_attention_interval": 4, "linear_conv_kernel_dim": 4,
                                    "linear_key_head_dim": 128, "linear_value_head_dim": 128,
                                    "linear_num_key_heads": 16, "linear_num_value_heads": 32,
                                    "decoder_sparse_step": 1, "moe_intermediate_size": 512,
                                    "shared_expert_intermediate_size": 512, "num_experts_per_tok": 10,
                                    "num_experts": 512, "norm_topk_prob": true})",
                    .required = R"({"attention_bias": false, "use_sliding_window": false})",
                    .fused = {{"linear_attn.in_proj_qkvz.weight", {Slot::DeltaQ, Slot::DeltaK, Slot::DeltaV}, 3}}},
    .gguf = {.architectures = {"qwen3next"},
             .normalizedExperts = true,
             .names = {{Slot::PreFFNNorm, "post_attention_norm.weight"}},
             .fused = {{"attn_qkv.weight", {Slot::DeltaQ, Slot::DeltaK, Slot::DeltaV}, 3}}},
    .qkNorm = QKNorm::PerHead,
    .normOffset = 1,
    .window = WindowRule::Linear,
    .partialRotary = true,
    .rotaryPart = 0.25,
    .experts = {.layers = SparseLayers::Stepped, .normalized = Normalized::Key, .shared = SharedExpert::Gated},
    .predicts = true,
    .attentionGate = true,
};
