#include "frontends/config/models/Model.h"

/// DeepSeek-V2 and V2-Lite: latent attention, with queries from a low-rank vector (V2) or from the stream (Lite); a
/// dense layer first, then experts with softmax scores, in groups scored by their best expert, and shared experts. In
/// GGUF, V3 has the same architecture name; the softmax marks V2.
const lathe::Model lathe::models::DeepSeekV2 = {
    .huggingFace = {.modelTypes = {"deepseek_v2"},
                    .defaults = R"({"vocab_size": 102400, "hidden_size": 4096, "intermediate_size": 11008,
                                    "num_hidden_layers": 32, "num_attention_heads": 32,
                                    "max_position_embeddings": 2048, "first_k_dense_replace": 0,
                                    "kv_lora_rank": 512, "q_lora_rank": 1536, "n_routed_experts": 64,
                                    "n_shared_experts": 2, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
                                    "v_head_dim": 128, "routed_scaling_factor": 1.0, "topk_method": "greedy",
                                    "moe_intermediate_size": 1407, "bos_token_id": 1, "eos_token_id": 2})",
                    .required = R"({"attention_bias": false, "mlp_bias": false, "scoring_func": "softmax",
                                    "moe_layer_freq": 1, "norm_topk_prob": false})",
                    .keyNames = {{"num_experts", "n_routed_experts"}},
                    .names = {{Slot::SharedGate, "mlp.shared_experts.gate_proj.weight"},
                              {Slot::SharedUp, "mlp.shared_experts.up_proj.weight"},
                              {Slot::SharedDown, "mlp.shared_experts.down_proj.weight"}},
                    .fused = {{"self_attn.kv_a_proj_with_mqa.weight", {Slot::KVDown, Slot::KRope}, 2}},
                    .interleaved = true},
    .gguf = {.architectures = {"deepseek2"},
             .fused = {{"attn_kv_a_mqa.weight", {Slot::KVDown, Slot::KRope}, 2}},
             .interleaved = true},
    .experts = {.layers = SparseLayers::AfterDense,
                .scaled = true,
                .groupTerms = 1,
                .groupMethod = "group_limited_greedy",
                .shared = SharedExpert::Counted},
    .latent = true,
};
