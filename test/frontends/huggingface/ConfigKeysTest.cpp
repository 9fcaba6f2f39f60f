//===- ConfigKeysTest.cpp - keys that only some architectures read ------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/huggingface/HuggingFace.h"
#include "test/frontends/Builders.h"
#include "llvm/ADT/StringMap.h"

using namespace lathe;
using namespace lathe::testing;

namespace {

constexpr const char *sizes = R"({"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 96, "vocab_size": 128,
  "max_position_embeddings": 256})";

/// Keys that an architecture needs besides sizes.
const llvm::StringMap<const char *> bases = {
    {"gemma2", R"({"model_type": "gemma2"})"},
    {"gemma3", R"({"model_type": "gemma3_text"})"},
    {"gemma3n", R"({"model_type": "gemma3n_text", "num_kv_shared_layers": 1,
                    "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]})"},
    {"gpt_oss", R"({"model_type": "gpt_oss", "num_local_experts": 8, "num_experts_per_tok": 2})"},
    {"grok2", R"({"model_type": "grok2", "num_local_experts": 8, "num_experts_per_tok": 2,
                  "moe_intermediate_size": 32})"},
    {"llama4", R"({"model_type": "llama4_text", "num_local_experts": 8})"},
    {"deepseek_v2", R"({"model_type": "deepseek_v2", "n_routed_experts": 8, "num_experts_per_tok": 2, "n_group": 4,
                        "topk_group": 2, "topk_method": "group_limited_greedy"})"},
    {"deepseek_v3", R"({"model_type": "deepseek_v3", "n_routed_experts": 16})"},
    {"kimi_k2", R"({"model_type": "kimi_k2", "n_routed_experts": 16, "n_group": 1, "topk_group": 1})"},
    {"glm4_moe", R"({"model_type": "glm4_moe", "n_routed_experts": 16})"},
    {"qwen2_moe", R"({"model_type": "qwen2_moe"})"},
    {"qwen3", R"({"model_type": "qwen3", "use_sliding_window": true})"},
    {"qwen3_moe", R"({"model_type": "qwen3_moe"})"},
    {"qwen3_next", R"({"model_type": "qwen3_next"})"},
    {"smollm3", R"({"model_type": "smollm3"})"},
    {"mistral", R"({"model_type": "mistral"})"},
    {"phi3", R"({"model_type": "phi3"})"},
};

std::string refusalOf(llvm::StringRef architecture, llvm::StringRef changes) {
  const Model *model = nullptr;
  return messageOf(readConfig("config.json", with(with(sizes, bases.lookup(architecture)), changes), model));
}

} // namespace

TEST(ConfigKeys, BasesAreModels) {
  for (const auto &base : bases)
    EXPECT_EQ(refusalOf(base.getKey(), "{}"), "") << base.getKey().str();
}

TEST(ConfigKeys, NonsenseIsRefusedByName) {
  constexpr llvm::StringLiteral everywhere[] = {"gemma2",      "gemma3",      "gemma3n",  "gpt_oss",   "llama4",
                                                "deepseek_v2", "deepseek_v3", "glm4_moe", "qwen2_moe", "qwen3",
                                                "qwen3_moe",   "qwen3_next",  "smollm3",  "mistral",   "phi3"};
  for (llvm::StringRef architecture : everywhere) {
    // A finite number, also as float.
    EXPECT_EQ(refusalOf(architecture, R"({"rms_norm_eps": 1e-60})"),
              "config.json: rms_norm_eps: expected a number greater than 0 in single precision, too, got 1e-60");
    EXPECT_EQ(refusalOf(architecture, R"({"rope_theta": "1e4"})"),
              R"(config.json: rope_theta: expected a number, got "1e4")");
    EXPECT_EQ(refusalOf(architecture, R"({"rope_theta": 1e60})"),
              "config.json: rope_theta: expected a number that single precision holds, got 1e+60");
    EXPECT_EQ(refusalOf(architecture, R"({"rope_theta": 0.01, "rope_scaling": {"type": "linear", "factor": 1e-38}})"),
              "config.json: rope_theta: expected rotary parameters that make finite frequencies, got 0.01");
    EXPECT_EQ(refusalOf(architecture, R"({"quantization_config": "fp8"})"),
              R"(config.json: quantization_config: expected an object, got "fp8")");
    EXPECT_EQ(refusalOf(architecture, R"({"quantization_config": {"quant_method": "fp8", "fmt": "e5m2"}})"),
              R"(config.json: quantization_config.fmt: expected e4m3, got "e5m2")");
    EXPECT_EQ(
        refusalOf(architecture, R"({"quantization_config": {"quant_method": "fp8", "weight_block_size": [64, 64]}})"),
        "config.json: quantization_config.weight_block_size: expected [128, 128], got [64, 64]");
  }
}

TEST(ConfigKeys, Refusals) {
  const struct {
    const char *architecture, *changes, *message;
  } cases[] = {
      {"gemma2", R"({"attn_logit_softcapping": 0})", "attn_logit_softcapping: expected a number greater than 0, got 0"},
      {"gemma2", R"({"attn_logit_softcapping": -50})",
       "attn_logit_softcapping: expected a number greater than 0, got -50"},
      {"gemma2", R"({"final_logit_softcapping": 1e-300})",
       "final_logit_softcapping: expected a number greater than 0 in single precision, too, got 1e-300"},
      {"gemma2", R"({"query_pre_attn_scalar": -1})", "query_pre_attn_scalar: expected a number greater than 0, got -1"},

      {"gemma3n", R"({"altup_num_inputs": 3})", "altup_num_inputs: expected 4, got 3"},
      {"gemma3n", R"({"altup_active_idx": 1})", "altup_active_idx: expected 0 for this architecture, got 1"},
      {"gemma3n", R"({"laurel_rank": 0})", "laurel_rank: expected an integer from 1 to 1048576, got 0"},
      {"gemma3n", R"({"hidden_size_per_layer_input": 0})",
       "hidden_size_per_layer_input: expected an integer from 1 to 1048576, got 0"},
      {"gemma3n", R"({"vocab_size_per_layer_input": "many"})",
       R"(vocab_size_per_layer_input: expected an integer from 1 to 16777216, got "many")"},
      {"gemma3n", R"({"intermediate_size": [96, 96, 96]})",
       "intermediate_size: expected one for each of the 4 layers, got 3"},
      {"gemma3n", R"({"intermediate_size": []})", "intermediate_size: expected one for each of the 4 layers, got 0"},
      {"gemma3n", R"({"intermediate_size": [96, 0, 96, 96]})",
       "intermediate_size: expected an integer from 1 to 4194304, got 0"},
      {"gemma3n", R"({"activation_sparsity_pattern": [0.5]})",
       "activation_sparsity_pattern: expected a number for each of the 4 layers, got an array of 1"},
      {"gemma3n", R"({"activation_sparsity_pattern": 0.5})",
       "activation_sparsity_pattern: expected a number for each of the 4 layers, got 0.5"},
      {"gemma3n", R"({"activation_sparsity_pattern": [0, 0, 1, 0]})",
       "activation_sparsity_pattern: expected numbers from 0 to below 1, got 1 for layer 2"},
      {"gemma3n", R"({"activation_sparsity_pattern": [0, -0.5, 0, 0]})",
       "activation_sparsity_pattern: expected numbers from 0 to below 1, got -0.5 for layer 1"},
      {"gemma3n", R"({"activation_sparsity_pattern": [0, 0, 0, "x"]})",
       R"(activation_sparsity_pattern: expected numbers from 0 to below 1, got "x" for layer 3)"},
      {"gemma3n", R"({"num_kv_shared_layers": 4})", "num_kv_shared_layers: expected an integer from 0 to 3, got 4"},
      {"gemma3n", R"({"num_kv_shared_layers": 3})",
       "num_kv_shared_layers: expected a layer before the shared ones of the kind of layer 1, found none"},
      {"gemma3n", R"({"layer_types": ["full_attention"]})",
       "layer_types: expected one for each of the 4 layers, got 1"},

      {"gpt_oss", R"({"layer_types": ["sliding_attention", "full_attention", "chunked_attention", "full_attention"]})",
       R"(layer_types: expected full_attention or sliding_attention, got "chunked_attention" for layer 2)"},
      {"gpt_oss", R"({"layer_types": "full_attention"})",
       R"(layer_types: expected an array of strings, got "full_attention")"},
      {"gpt_oss", R"({"layer_types": [1, 2, 3, 4]})", "layer_types: expected an array of strings, got one with 1"},
      {"gpt_oss", R"({"sliding_window": 0})", "sliding_window: expected an integer from 1 to 2147483648, got 0"},
      {"gpt_oss", R"({"num_experts_per_tok": 9})",
       "num_experts_per_tok: expected at most num_local_experts (8), got 9"},
      {"gpt_oss", R"({"num_experts_per_tok": 0})", "num_experts_per_tok: expected an integer from 1 to 128, got 0"},
      {"gpt_oss", R"({"swiglu_limit": 0})", "swiglu_limit: expected a number greater than 0, got 0"},
      {"gpt_oss", R"({"swiglu_limit": -7})", "swiglu_limit: expected a number greater than 0, got -7"},
      {"gpt_oss", R"({"swiglu_alpha": 1.5})", "swiglu_alpha: expected 1.702 for this architecture, got 1.5"},
      {"gpt_oss", R"({"rope_scaling": {"rope_type": "ntk"}})",
       R"(rope_scaling.rope_type: expected one of default, linear, llama3, yarn, longrope, got "ntk")"},
      {"gpt_oss", R"({"rope_scaling": {"rope_type": "yarn", "factor": 32, "original_max_position_embeddings": 0}})",
       "rope_scaling.original_max_position_embeddings: expected an integer from 1 to 2147483648, got 0"},
      {"gpt_oss", R"({"quantization_config": {"quant_method": "bitsandbytes"}})",
       "quantization_config.quant_method: expected fp8, mxfp4 for gpt-oss, or weights in F32, F16 or BF16 (or a GGUF "
       "file), got \"bitsandbytes\", which is not supported"},

      {"gpt_oss", R"({"quantization_config": {"quant_method": "mxfp4"}, "hidden_size": 80})",
       "hidden_size: expected a multiple of 32 as experts are stored as mxfp4, got 80"},
      {"gpt_oss", R"({"quantization_config": {"quant_method": "mxfp4"}, "intermediate_size": 8})",
       "intermediate_size: expected a multiple of 32 as experts are stored as mxfp4, got 8"},

      {"grok2", R"({"router_logit_softcapping": 0})",
       "router_logit_softcapping: expected a number greater than 0, got 0"},
      {"grok2", R"({"attn_temperature_len": 1})",
       "attn_temperature_len: expected an integer from 2 to 2147483648, got 1"},
      {"grok2", R"({"residual_moe": false})", "residual_moe: expected true for this architecture, got false"},
      {"grok2", R"({"embedding_multiplier_scale": "8"})", R"(embedding_multiplier_scale: expected a number, got "8")"},

      {"llama4", R"({"interleave_moe_layer_step": 0})",
       "interleave_moe_layer_step: expected an integer from 1 to 4096, got 0"},
      {"llama4", R"({"moe_layers": [1, 4]})", "moe_layers: expected an integer from 0 to 3, got 4"},
      {"llama4", R"({"attention_chunk_size": 0})",
       "attention_chunk_size: expected an integer from 1 to 2147483648, got 0"},
      {"llama4", R"({"no_rope_layers": [1, 1, 0]})", "no_rope_layers: expected one for each of the 4 layers, got 3"},
      {"llama4", R"({"no_rope_layers": [1, 1, 1, 2]})", "no_rope_layers: expected an integer from 0 to 1, got 2"},
      {"llama4", R"({"no_rope_layer_interval": 0})",
       "no_rope_layer_interval: expected an integer from 1 to 4096, got 0"},
      {"llama4", R"({"floor_scale": 0})", "floor_scale: expected an integer from 1 to 2147483648, got 0"},
      {"llama4", R"({"attn_scale": "0.1"})", R"(attn_scale: expected a number, got "0.1")"},
      {"llama4", R"({"attn_temperature_tuning": 1e300})",
       "attn_temperature_tuning: expected true or false, got 1e+300"},
      {"llama4", R"({"num_experts_per_tok": 2})",
       "num_experts_per_tok: expected 1, as an expert's weight scales its input, got 2"},
      {"llama4", R"({"layer_types": ["chunked_attention", "sliding_attention", "full_attention", "full_attention"]})",
       R"(layer_types: expected full_attention or chunked_attention, got "sliding_attention" for layer 1)"},

      {"deepseek_v2", R"({"topk_method": "noaux_tc"})",
       R"(topk_method: expected greedy or group_limited_greedy, got "noaux_tc")"},
      {"deepseek_v2", R"({"n_group": 3})", "n_group: expected a divisor of n_routed_experts (8), got 3"},
      {"deepseek_v2", R"({"n_group": 0})", "n_group: expected an integer from 1 to 64, got 0"},
      {"deepseek_v2", R"({"topk_group": 5})", "topk_group: expected at most n_group (4), got 5"},
      {"deepseek_v2", R"({"topk_group": 1, "num_experts_per_tok": 3})",
       "num_experts_per_tok: expected at most the 2 experts of topk_group groups, got 3"},
      {"deepseek_v2", R"({"num_experts_per_tok": 9})",
       "num_experts_per_tok: expected at most n_routed_experts (8), got 9"},
      {"deepseek_v2", R"({"first_k_dense_replace": 5})",
       "first_k_dense_replace: expected an integer from 0 to 4, got 5"},
      {"deepseek_v2", R"({"first_k_dense_replace": -1})",
       "first_k_dense_replace: expected an integer from 0 to 4, got -1"},
      {"deepseek_v2", R"({"q_lora_rank": -8})", "q_lora_rank: expected an integer from 1 to 1048576, got -8"},
      {"deepseek_v2", R"({"v_head_dim": 0})", "v_head_dim: expected an integer from 1 to 16384, got 0"},
      {"deepseek_v2", R"({"moe_layer_freq": 2})", "moe_layer_freq: expected 1 for this architecture, got 2"},
      {"deepseek_v2", R"({"scoring_func": "sigmoid"})",
       R"(scoring_func: expected "softmax" for this architecture, got "sigmoid")"},

      {"deepseek_v3", R"({"kv_lora_rank": 0})", "kv_lora_rank: expected an integer from 1 to 1048576, got 0"},
      {"deepseek_v3", R"({"kv_lora_rank": -512})", "kv_lora_rank: expected an integer from 1 to 1048576, got -512"},
      {"deepseek_v3", R"({"kv_lora_rank": 1099511627776})",
       "kv_lora_rank: expected an integer from 1 to 1048576, got 1099511627776"},
      {"deepseek_v3", R"({"kv_lora_rank": 33})", "kv_lora_rank: expected an even number, got 33"},
      {"deepseek_v3", R"({"qk_rope_head_dim": 7})",
       "qk_rope_head_dim: expected an even number, as rotation takes pairs, got 7"},
      {"deepseek_v3", R"({"qk_nope_head_dim": 0})", "qk_nope_head_dim: expected an integer from 1 to 16384, got 0"},
      {"deepseek_v3", R"({"n_group": 16})", "n_group: expected groups of at least 2 experts, got 1"},
      {"deepseek_v3", R"({"n_shared_experts": -1})", "n_shared_experts: expected an integer from 0 to 65536, got -1"},
      {"deepseek_v3", R"({"moe_intermediate_size": 4194304, "n_shared_experts": 2})",
       "n_shared_experts: expected experts of at most 4194304 values together, got 8388608"},
      {"deepseek_v3", R"({"routed_scaling_factor": 0})",
       "routed_scaling_factor: expected a number greater than 0, got 0"},
      {"deepseek_v3", R"({"norm_topk_prob": 1})", "norm_topk_prob: expected true or false, got 1"},
      {"deepseek_v3", R"({"rope_scaling": {"type": "yarn", "factor": 40, "mscale_all_dim": "1"}})",
       R"(rope_scaling.mscale_all_dim: expected a number, got "1")"},
      {"kimi_k2", R"({"topk_group": 2})", "topk_group: expected at most n_group (1), got 2"},
      {"kimi_k2", R"({"num_experts_per_tok": 17})",
       "num_experts_per_tok: expected at most n_routed_experts (16), got 17"},

      {"glm4_moe", R"({"topk_group": 2})", "topk_group: expected at most n_group (1), got 2"},
      {"glm4_moe", R"({"first_k_dense_replace": 5})", "first_k_dense_replace: expected an integer from 0 to 4, got 5"},
      {"glm4_moe", R"({"use_qk_norm": "yes"})", R"(use_qk_norm: expected true or false, got "yes")"},
      {"glm4_moe", R"({"partial_rotary_factor": 0})",
       "partial_rotary_factor: expected a part of 16 values that is an even number of them, got 0"},
      {"glm4_moe", R"({"partial_rotary_factor": 1.5})",
       "partial_rotary_factor: expected a part of 16 values that is an even number of them, got 1.5"},
      {"glm4_moe", R"({"partial_rotary_factor": 0.3125})",
       "partial_rotary_factor: expected a part of 16 values that is an even number of them, got 0.3125"},

      {"qwen2_moe", R"({"mlp_only_layers": [0, 4]})", "mlp_only_layers: expected an integer from 0 to 3, got 4"},
      {"qwen3_moe", R"({"mlp_only_layers": [-1]})", "mlp_only_layers: expected an integer from 0 to 3, got -1"},
      {"qwen3_moe", R"({"decoder_sparse_step": 0})", "decoder_sparse_step: expected an integer from 1 to 4096, got 0"},
      {"qwen2_moe", R"({"shared_expert_intermediate_size": 0})",
       "shared_expert_intermediate_size: expected an integer from 1 to 4194304, got 0"},

      {"qwen3_next", R"({"linear_num_value_heads": 24})",
       "linear_num_value_heads: expected a multiple of linear_num_key_heads (16), got 24"},
      {"qwen3_next", R"({"linear_num_key_heads": 0})",
       "linear_num_key_heads: expected an integer from 1 to 4096, got 0"},
      {"qwen3_next", R"({"linear_key_head_dim": "128"})",
       R"(linear_key_head_dim: expected an integer from 1 to 16384, got "128")"},
      {"qwen3_next", R"({"linear_conv_kernel_dim": 0})",
       "linear_conv_kernel_dim: expected an integer from 2 to 64, got 0"},
      {"qwen3_next", R"({"linear_conv_kernel_dim": 1})",
       "linear_conv_kernel_dim: expected an integer from 2 to 64, got 1"},
      {"qwen3_next", R"({"linear_conv_kernel_dim": 1048576})",
       "linear_conv_kernel_dim: expected an integer from 2 to 64, got 1048576"},
      {"qwen3_next", R"({"full_attention_interval": 0})",
       "full_attention_interval: expected an integer from 1 to 4096, got 0"},
      {"qwen3_next",
       R"({"layer_types": ["linear_attention", "sliding_attention", "linear_attention", "full_attention"]})",
       R"(layer_types: expected full_attention or linear_attention, got "sliding_attention" for layer 1)"},
      {"qwen3_next", R"({"attention_bias": true})", "attention_bias: expected false for this architecture, got true"},
      {"qwen3_next", R"({"partial_rotary_factor": 0.0625})",
       "partial_rotary_factor: expected a part of 16 values that is an even number of them, got 0.0625"},

      {"qwen3", R"({"max_window_layers": -1})", "max_window_layers: expected an integer from 0 to 4096, got -1"},
      {"qwen3", R"({"sliding_window": -1, "max_window_layers": 0})",
       "sliding_window: expected an integer from 1 to 2147483648, got -1"},
      {"mistral", R"({"sliding_window": "4096"})",
       R"(sliding_window: expected an integer from 1 to 2147483648, got "4096")"},
  };
  for (const auto &row : cases)
    EXPECT_EQ(refusalOf(row.architecture, row.changes), "config.json: " + std::string(row.message))
        << row.architecture << " " << row.changes;
}
