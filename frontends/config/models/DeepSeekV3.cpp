#include "frontends/config/models/Model.h"

/// DeepSeek-V3 and R1, Kimi K2: V2's latent attention; experts by corrected sigmoids, from groups that count as their
/// two best. The layer for predicting a second token that checkpoints hold is left out.
const lathe::Model lathe::models::DeepSeekV3 = {
    .modelTypes = {"deepseek_v3", "kimi_k2"},
    .ggufArchitectures = {"deepseek2"},
    .defaults = R"({"vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "num_hidden_layers": 61,
                    "num_attention_heads": 128, "max_position_embeddings": 4096, "first_k_dense_replace": 3,
                    "kv_lora_rank": 512, "q_lora_rank": 1536, "n_routed_experts": 256, "n_shared_experts": 1,
                    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "routed_scaling_factor": 2.5,
                    "moe_intermediate_size": 2048, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4,
                    "norm_topk_prob": true, "bos_token_id": 0, "eos_token_id": 1})",
    .required = R"({"attention_bias": false, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "moe_layer_freq": 1,
                    "rope_interleave": true})",
    .keyNames = {{"num_experts", "n_routed_experts"}},
    .experts = {.layers = SparseLayers::Behind,
                .scoring = Scoring::Sigmoid,
                .corrected = true,
                .normalized = Normalized::Key,
                .scaled = true,
                .groupTerms = 2,
                .shared = SharedExpert::Counted},
    .predicts = true,
    .latent = true,
    .interleaved = true,
    .names = {{Slot::SharedGate, "mlp.shared_experts.gate_proj.weight", "ffn_gate_shexp.weight"},
              {Slot::SharedUp, "mlp.shared_experts.up_proj.weight", "ffn_up_shexp.weight"},
              {Slot::SharedDown, "mlp.shared_experts.down_proj.weight", "ffn_down_shexp.weight"}},
    .fused = {{"self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa.weight", {Slot::KVDown, Slot::KRope}, 2}},
};
