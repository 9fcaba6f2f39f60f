#include "compiler/support/Errors.h"
#include "frontends/huggingface/HuggingFace.h"
#include "test/frontends/Builders.h"
#include "llvm/ADT/SmallVector.h"
#include <cmath>

using namespace lathe;
using namespace lathe::testing;
namespace json = llvm::json;

namespace {

constexpr const char *llama = R"({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 4,
  "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96, "vocab_size": 128})";
constexpr const char *mistral = R"({"model_type": "mistral", "hidden_size": 64, "num_hidden_layers": 4,
  "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96, "vocab_size": 128})";
constexpr const char *qwen3 = R"({"model_type": "qwen3", "hidden_size": 64, "num_hidden_layers": 4,
  "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96, "vocab_size": 128})";
constexpr const char *gemma3 = R"({"model_type": "gemma3_text", "num_hidden_layers": 7})";

Config read(llvm::StringRef text) {
  const Model *model = nullptr;
  absl::StatusOr<Config> config = readConfig("config.json", text, model);
  EXPECT_EQ(messageOf(config), "");
  EXPECT_EQ(config.ok(), model != nullptr);
  return config.ok() ? *config : Config();
}

std::string refusal(llvm::StringRef text) {
  const Model *model = nullptr;
  return messageOf(readConfig("config.json", text, model));
}

std::string kindsOf(const Config &config) {
  std::string out;
  for (LayerKind kind : config.kinds)
    out += kind == LayerKind::Full ? 'F' : 's';
  return out;
}

} // namespace

TEST(Config, LeftOutKeysHaveTheClassDefaults) {
  Config config = read(llama);
  EXPECT_EQ(config.headDim, 16);
  EXPECT_EQ(config.maxPositions, 2048);
  EXPECT_EQ(config.normEps, 1e-6);
  EXPECT_EQ(config.rope.theta, 10000);
  EXPECT_EQ(config.rope.dims, 16);
  EXPECT_EQ(config.attentionScale, 0.25);
  EXPECT_EQ(config.bosToken, 1);
  EXPECT_EQ(config.endTokens, std::vector<int64_t>{2});
  EXPECT_FALSE(config.padToken);
  EXPECT_FALSE(config.tied);
  EXPECT_EQ(kindsOf(config), "FFFF");
  EXPECT_EQ(read(with(llama, R"({"num_key_value_heads": null})")).kvHeads, 4);
  EXPECT_EQ(read(with(mistral, R"({"num_key_value_heads": null, "num_attention_heads": 16})")).kvHeads, 8);
  EXPECT_EQ(read(with(mistral, R"({"num_key_value_heads": "null"})")).kvHeads, 4);
  EXPECT_EQ(read(qwen3).headDim, 128);
  EXPECT_FALSE(read(qwen3).bosToken);
}

TEST(Config, SparseGemmaHasEveryDefault) {
  Config config = read(R"({"model_type": "gemma3_text"})");
  EXPECT_EQ(config.vocabulary, 262208);
  EXPECT_EQ(config.hidden, 2304);
  EXPECT_EQ(config.heads, 8);
  EXPECT_EQ(config.kvHeads, 4);
  EXPECT_EQ(config.headDim, 256);
  EXPECT_EQ(config.layers, 26);
  EXPECT_EQ(config.slidingWindow, 4096);
  EXPECT_EQ(config.rope.theta, 1e6);
  EXPECT_EQ(config.slidingRope.theta, 1e4);
  EXPECT_EQ(config.attentionScale, 1. / 16);
  EXPECT_EQ(config.embeddingScale, 48);
  EXPECT_EQ(config.activation, Activation::GeluTanh);
  EXPECT_TRUE(config.tied);
}

TEST(Config, BiasKeysBelongToWhoReadsThem) {
  EXPECT_TRUE(read(with(llama, R"({"attention_bias": true})")).qkvBias);
  EXPECT_TRUE(read(with(llama, R"({"attention_bias": true})")).oBias);
  EXPECT_FALSE(read(with(llama, R"({"attention_bias": true})")).mlpBias);
  EXPECT_TRUE(read(with(llama, R"({"mlp_bias": true})")).mlpBias);
  EXPECT_TRUE(read(with(qwen3, R"({"attention_bias": true})")).oBias);
  EXPECT_FALSE(read(with(qwen3, R"({"mlp_bias": true})")).mlpBias);
  EXPECT_FALSE(read(with(mistral, R"({"attention_bias": true})")).qkvBias);
}

TEST(Config, RopeInTheOldForm) {
  Config config = read(with(llama, R"({"rope_theta": 500000.0, "max_position_embeddings": 131072, "rope_scaling":
    {"rope_type": "llama3", "factor": 32, "low_freq_factor": 1, "high_freq_factor": 4,
     "original_max_position_embeddings": 8192}})"));
  EXPECT_EQ(config.rope.scaling, RopeScaling::Llama3);
  EXPECT_EQ(config.rope.theta, 500000);
  EXPECT_EQ(config.rope.factor, 32);
  EXPECT_EQ(config.rope.originalPositions, 8192);
  EXPECT_TRUE(config.rope == config.slidingRope);
  // `type` is the older name of `rope_type`.
  EXPECT_EQ(read(with(llama, R"({"rope_scaling": {"type": "linear", "factor": 2}})")).rope.factor, 2);
  EXPECT_EQ(read(with(llama, R"({"rope_scaling": {"rope_type": "default"}})")).rope.scaling, RopeScaling::None);
}

TEST(Config, RopeInTheNewForm) {
  Config config = read(with(llama, R"({"rope_parameters": {"rope_theta": 7.0, "rope_type": "linear", "factor": 3}})"));
  EXPECT_EQ(config.rope.theta, 7);
  EXPECT_EQ(config.rope.scaling, RopeScaling::Linear);
  // The older key takes precedence, as in transformers. rope_theta may be at the top level.
  config = read(with(llama, R"({"rope_theta": 9.0, "rope_parameters": {"rope_type": "linear", "factor": 3},
                                "rope_scaling": {"rope_type": "linear", "factor": 5}})"));
  EXPECT_EQ(config.rope.theta, 9);
  EXPECT_EQ(config.rope.factor, 5);
}

TEST(Config, YarnNumbers) {
  const char *yarn = R"({"max_position_embeddings": 400, "rope_scaling": {"rope_type": "yarn", "factor": 4,
                         "original_max_position_embeddings": 100}})";
  Config config = read(with(qwen3, yarn));
  EXPECT_EQ(config.rope.betaFast, 32);
  EXPECT_EQ(config.rope.betaSlow, 1);
  EXPECT_TRUE(config.rope.truncate);
  EXPECT_DOUBLE_EQ(config.rope.attentionFactor, 0.1 * std::log(4.) + 1);
  config = read(with(qwen3, R"({"max_position_embeddings": 800, "rope_scaling": {"rope_type": "yarn", "factor": null,
    "original_max_position_embeddings": 100, "beta_fast": 16, "beta_slow": 2, "truncate": false,
    "attention_factor": 1.5}})"));
  EXPECT_EQ(config.rope.factor, 8);
  EXPECT_EQ(config.rope.betaFast, 16);
  EXPECT_EQ(config.rope.betaSlow, 2);
  EXPECT_FALSE(config.rope.truncate);
  EXPECT_EQ(config.rope.attentionFactor, 1.5);
  config = read(with(qwen3, R"({"rope_scaling": {"rope_type": "yarn", "factor": 40,
    "original_max_position_embeddings": 100, "mscale": 0.5, "mscale_all_dim": 1.0}})"));
  EXPECT_DOUBLE_EQ(config.rope.attentionFactor, (0.05 * std::log(40.) + 1) / (0.1 * std::log(40.) + 1));
}

TEST(Config, LongRope) {
  // In older files the type is su, and original_max_position_embeddings is at the top level.
  Config config = read(with(llama, R"({"max_position_embeddings": 131072, "original_max_position_embeddings": 4096,
    "rope_scaling": {"type": "su", "short_factor": [1, 1, 1, 1, 1, 1, 1, 1.5],
                     "long_factor": [2, 2, 2, 2, 2, 2, 2, 8]}})"));
  EXPECT_EQ(config.rope.scaling, RopeScaling::LongRope);
  EXPECT_EQ(config.rope.originalPositions, 4096);
  EXPECT_DOUBLE_EQ(config.rope.attentionFactor, std::sqrt(1 + std::log(32.) / std::log(4096.)));
  EXPECT_EQ(config.rope.divisors, (std::vector<float>{1, 1, 1, 1, 1, 1, 1, 1.5}));
  EXPECT_EQ(config.rope.longDivisors, (std::vector<float>{2, 2, 2, 2, 2, 2, 2, 8}));
  EXPECT_EQ(config.slidingRope, config.rope);
  config = read(with(llama, R"({"rope_parameters": {"rope_type": "longrope", "attention_factor": 1.5, "factor": 9,
    "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [2, 2, 2, 2, 2, 2, 2, 2],
    "original_max_position_embeddings": 64}})"));
  EXPECT_EQ(config.rope.attentionFactor, 1.5);
  // original_max_position_embeddings has a default of Phi 3's class. If only a part of a head is rotated, there are
  // fewer factors. The attention factor is 1 if the context is not extended.
  config = read(with(llama, R"({"model_type": "phi3", "partial_rotary_factor": 0.25, "rope_scaling": {
    "type": "longrope", "short_factor": [1, 1], "long_factor": [2, 2]}})"));
  EXPECT_EQ(config.rope.originalPositions, 4096);
  EXPECT_EQ(config.rope.divisors, (std::vector<float>{1, 1}));
  EXPECT_EQ(config.rope.attentionFactor, 1);
}

TEST(Config, GemmaHasTwoRopes) {
  Config config = read(with(gemma3, R"({"rope_theta": 5e5, "rope_local_base_freq": 500,
                                        "rope_scaling": {"rope_type": "linear", "factor": 8}})"));
  EXPECT_EQ(config.rope.theta, 5e5);
  EXPECT_EQ(config.rope.factor, 8);
  EXPECT_EQ(config.slidingRope.theta, 500);
  EXPECT_EQ(config.slidingRope.scaling, RopeScaling::None);
  EXPECT_EQ(config.ropeOf(0).theta, 500);
  EXPECT_EQ(config.ropeOf(5).theta, 5e5);

  config = read(with(gemma3, R"({"rope_parameters": {
      "full_attention": {"rope_type": "linear", "factor": 4, "rope_theta": 5000},
      "sliding_attention": {"rope_type": "default", "rope_theta": 100}}})"));
  EXPECT_EQ(config.rope.theta, 5000);
  EXPECT_EQ(config.rope.scaling, RopeScaling::Linear);
  EXPECT_EQ(config.slidingRope.theta, 100);
  EXPECT_EQ(config.slidingRope.scaling, RopeScaling::None);
}

TEST(Config, WhatStandsBesideOneKindsRopeIsNotAboutIt) {
  Config config = read(with(gemma3, R"({"original_max_position_embeddings": 7, "rope_parameters": {"full_attention":
      {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 100, "truncate": false}}})"));
  EXPECT_EQ(config.rope.originalPositions, 100);
  EXPECT_TRUE(config.rope.truncate); // transformers does not read it inside full_attention
  config = read(with(qwen3, R"({"original_max_position_embeddings": 7, "rope_parameters": {"rope_type": "yarn",
      "factor": 4, "original_max_position_embeddings": 100, "truncate": false}})"));
  EXPECT_EQ(config.rope.originalPositions, 7);
  EXPECT_FALSE(config.rope.truncate);
}

TEST(Config, WhichLayersSlide) {
  EXPECT_EQ(kindsOf(read(mistral)), "ssss"); // the class default is 4096
  EXPECT_EQ(read(mistral).slidingWindow, 4096);
  Config config = read(with(mistral, R"({"sliding_window": "null"})"));
  EXPECT_EQ(kindsOf(config), "FFFF");
  EXPECT_EQ(config.slidingWindow, 0);
  // transformers uses the class Ministral for it.
  EXPECT_EQ(kindsOf(read(with(mistral, R"({"layer_types": ["full_attention", "sliding_attention", "sliding_attention",
                                           "full_attention"]})"))),
            "FssF");
  EXPECT_EQ(kindsOf(read(with(llama, R"({"sliding_window": 8})"))), "FFFF"); // not read for this architecture

  EXPECT_EQ(kindsOf(read(with(qwen3, R"({"sliding_window": 8, "max_window_layers": 1})"))), "FFFF");
  config = read(with(qwen3, R"({"sliding_window": 8, "max_window_layers": 1, "use_sliding_window": true})"));
  EXPECT_EQ(kindsOf(config), "Fsss");
  EXPECT_EQ(config.slidingWindow, 8);

  EXPECT_EQ(kindsOf(read(gemma3)), "sssssFs");
  EXPECT_EQ(kindsOf(read(with(gemma3, R"({"sliding_window_pattern": 2})"))), "sFsFsFs");
  EXPECT_EQ(kindsOf(read(with(gemma3, R"({"_sliding_window_pattern": 3})"))), "sssssFs"); // written, never read
  EXPECT_EQ(kindsOf(read(with(gemma3, R"({"num_hidden_layers": 2, "sliding_window_pattern": 2,
                                          "layer_types": ["full_attention", "sliding_attention"]})"))),
            "Fs");
}

TEST(Config, SoftCapsWhereTheyAreApplied) {
  Config config = read(with(gemma3, R"({"final_logit_softcapping": 30.0, "attn_logit_softcapping": 50.0})"));
  EXPECT_EQ(config.finalSoftcap, 30);
  EXPECT_EQ(config.attentionSoftcap, 0); // transformers reads it for Gemma 3, but does not use it
  EXPECT_EQ(read(with(llama, R"({"final_logit_softcapping": 30.0})")).finalSoftcap, 0);
}

TEST(Config, EndTokensAreAListOrOne) {
  EXPECT_EQ(read(with(llama, R"({"eos_token_id": [9, 3]})")).endTokens, (std::vector<int64_t>{3, 9}));
  EXPECT_EQ(read(with(llama, R"({"eos_token_id": "null"})")).endTokens, std::vector<int64_t>{});
  EXPECT_FALSE(read(with(llama, R"({"pad_token_id": -1})")).padToken);
}

TEST(Config, WrappersHoldADecoder) {
  std::string wrapper = R"({"model_type": "mistral3", "eos_token_id": [1, 106], "text_config": )" +
                        with(mistral, R"({"head_dim": 24})") + "}";
  Config config = read(wrapper);
  EXPECT_EQ(config.modelType, "mistral");
  EXPECT_EQ(config.headDim, 24);
  EXPECT_EQ(config.endTokens, (std::vector<int64_t>{1, 106}));
  EXPECT_FALSE(config.tied);
  EXPECT_TRUE(config.tiedUnlessStored);
  config = read(with(wrapper, R"({"tie_word_embeddings": true})"));
  EXPECT_TRUE(config.tied);
  EXPECT_FALSE(config.tiedUnlessStored);
}

TEST(Config, Refusals) {
  struct {
    const char *base, *changes, *message;
  } cases[] = {
      {llama, R"({"hidden_size": null})",
       "config.json: hidden_size: expected an integer from 1 to 1048576, got no such key"},
      {llama, R"({"hidden_size": -64})", "config.json: hidden_size: expected an integer from 1 to 1048576, got -64"},
      {llama, R"({"num_hidden_layers": 0})",
       "config.json: num_hidden_layers: expected an integer from 1 to 4096, got 0"},
      {llama, R"({"intermediate_size": 1099511627776})",
       "config.json: intermediate_size: expected an integer from 1 to 4194304, got 1099511627776"},
      {llama, R"({"vocab_size": "many"})",
       R"(config.json: vocab_size: expected an integer from 1 to 16777216, got "many")"},
      {llama, R"({"vocab_size": 1e30})", "config.json: vocab_size: expected an integer from 1 to 16777216, got 1e+30"},
      {llama, R"({"max_position_embeddings": 0})",
       "config.json: max_position_embeddings: expected an integer from 1 to 2147483648, got 0"},
      {llama, R"({"rms_norm_eps": 0})", "config.json: rms_norm_eps: expected a number greater than 0, got 0"},
      {llama, R"({"num_key_value_heads": 3})",
       "config.json: num_key_value_heads: expected a divisor of num_attention_heads (4), got 3"},
      {llama, R"({"num_attention_heads": 6})",
       "config.json: num_attention_heads: expected a divisor of hidden_size (64) as there is no head_dim, got 6"},
      {llama, R"({"head_dim": 15})", "config.json: head_dim: expected an even number, as rotation takes pairs, got 15"},
      {llama, R"({"hidden_size": 524288, "num_attention_heads": 1, "num_key_value_heads": 1})",
       "config.json: head_dim: expected at most 16384, got 524288"},
      {llama, R"({"hidden_act": "relu6"})",
       R"(config.json: hidden_act: expected one of silu, swish, gelu_pytorch_tanh, gelu_new, got "relu6")"},
      {gemma3, R"({"hidden_activation": "gelu"})",
       R"(config.json: hidden_activation: expected one of silu, swish, gelu_pytorch_tanh, gelu_new, got "gelu")"},
      {llama, R"({"rope_scaling": {"rope_type": "linear", "factor": "8x"}})",
       R"(config.json: rope_scaling.factor: expected a number, got "8x")"},
      {llama, R"({"rope_scaling": {"rope_type": "linear", "factor": -2}})",
       "config.json: rope_scaling.factor: expected a number greater than 0, got -2"},
      {llama, R"({"rope_scaling": {"rope_type": "linear"}})",
       "config.json: rope_scaling.factor: expected a number, got no such key"},
      {llama, R"({"rope_scaling": {"factor": 2}})",
       "config.json: rope_scaling.rope_type: expected one of default, linear, llama3, yarn, longrope beside a factor, "
       "got no "
       "such "
       "key"},
      {llama, R"({"rope_scaling": {"rope_type": "dynamic", "factor": 2}})",
       R"(config.json: rope_scaling.rope_type: expected one of default, linear, llama3, yarn, longrope, got "dynamic")"},
      {llama, R"({"rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 1]}})",
       "config.json: rope_scaling.original_max_position_embeddings: expected an integer from 2 to 2147483648, got no "
       "such key"},
      {llama, R"({"original_max_position_embeddings": 1, "rope_scaling": {"type": "longrope"}})",
       "config.json: original_max_position_embeddings: expected an integer from 2 to 2147483648, got 1"},
      {llama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope"}})",
       "config.json: rope_scaling.short_factor: expected an array of numbers greater than 0, got no such key"},
      {llama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope",
           "short_factor": [1, 1, 1, 1, 1, 1, 1], "long_factor": []}})",
       "config.json: rope_scaling.short_factor: expected one for each of the 8 pairs that are rotated, got 7"},
      {llama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope",
           "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [1, 1, 1, 1, 1, 1, 1, 1, 1]}})",
       "config.json: rope_scaling.long_factor: expected one for each of the 8 pairs that are rotated, got 9"},
      {llama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope",
           "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [1, 1, 1, "8x", 1, 1, 1, 1]}})",
       R"(config.json: rope_scaling.long_factor: expected an array of numbers greater than 0, got one with "8x")"},
      {llama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope",
           "short_factor": [1, 1, 1, 1, 1, 1, 1, 0], "long_factor": []}})",
       "config.json: rope_scaling.short_factor: expected an array of numbers greater than 0, got one with 0"},
      {llama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope",
           "short_factor": [-1.5, 1, 1, 1, 1, 1, 1, 1], "long_factor": []}})",
       "config.json: rope_scaling.short_factor: expected an array of numbers greater than 0, got one with -1.5"},
      {llama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope",
           "short_factor": [1e300, 1, 1, 1, 1, 1, 1, 1], "long_factor": []}})",
       "config.json: rope_scaling.short_factor: expected an array of numbers greater than 0, got one with 1e+300"},
      {llama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope",
           "short_factor": 1, "long_factor": []}})",
       "config.json: rope_scaling.short_factor: expected an array of numbers greater than 0, got 1"},
      {llama, R"({"original_max_position_embeddings": 64, "rope_scaling": {"type": "longrope",
           "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [1e-44, 1, 1, 1, 1, 1, 1, 1]}})",
       "config.json: rope_theta: expected rotary parameters that make finite frequencies, got 10000"},
      {llama, R"({"rope_scaling": []})", "config.json: rope_scaling: expected an object, got an array"},
      {llama, R"({"rope_parameters": {"rope_type": "llama3", "factor": 8, "high_freq_factor": 4}})",
       "config.json: rope_parameters.low_freq_factor: expected a number, got no such key"},
      {llama,
       R"({"rope_parameters": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1}})",
       "config.json: rope_parameters.high_freq_factor: expected at least low_freq_factor (4), got 1"},
      {llama, R"({"rope_parameters": {"rope_theta": 0}})",
       "config.json: rope_parameters.rope_theta: expected a number greater than 0, got 0"},
      {llama, R"({"partial_rotary_factor": 0.5})",
       "config.json: partial_rotary_factor: expected 1 for this architecture, got 0.5"},
      {llama, R"({"rope_parameters": {"partial_rotary_factor": 0.25}})",
       "config.json: rope_parameters.partial_rotary_factor: expected 1 for this architecture, got 0.25"},
      {qwen3, R"({"rope_scaling": {"rope_type": "yarn", "factor": 4, "beta_fast": -1}})",
       "config.json: rope_scaling.beta_fast: expected a number not below 0, got -1"},
      {qwen3, R"({"rope_scaling": {"rope_type": "yarn", "factor": 4, "mscale": -100, "mscale_all_dim": 1}})",
       "config.json: rope_scaling.mscale: expected values that make a positive attention factor, got "
       "-11.296865515018865"},
      {qwen3, R"({"rope_scaling": {"rope_type": "yarn", "factor": 4}, "rope_theta": 1})",
       "config.json: rope_scaling.rope_theta: expected another value than 1 for yarn, got 1"},
      {gemma3, R"({"rope_parameters": {"rope_type": "linear", "factor": 8}})",
       "config.json: rope_parameters.full_attention: expected an object, as for sliding_attention, got no such key"},
      {gemma3, R"({"rope_parameters": {"sliding_attention": {"rope_type": "ntk"}}})",
       R"(config.json: rope_parameters.sliding_attention.rope_type: expected one of default, )"
       R"(linear, llama3, yarn, longrope, got "ntk")"},
      {gemma3, R"({"layer_types": ["full_attention"]})",
       "config.json: layer_types: expected one for each of the 7 layers, got 1"},
      {gemma3, R"({"num_hidden_layers": 1, "layer_types": ["chunked_attention"]})",
       R"(config.json: layer_types: expected full_attention or sliding_attention, )"
       R"(got "chunked_attention" for layer 0)"},
      {gemma3, R"({"sliding_window": "null"})",
       "config.json: sliding_window: expected an integer from 1 to 2147483648, got null"},
      {gemma3, R"({"sliding_window": 0})",
       "config.json: sliding_window: expected an integer from 1 to 2147483648, got 0"},
      {gemma3, R"({"sliding_window_pattern": 0})",
       "config.json: sliding_window_pattern: expected an integer from 1 to 4096, got 0"},
      {gemma3, R"({"query_pre_attn_scalar": 0})",
       "config.json: query_pre_attn_scalar: expected a number greater than 0, got 0"},
      {gemma3, R"({"final_logit_softcapping": "30"})",
       R"(config.json: final_logit_softcapping: expected a number, got "30")"},
      {gemma3, R"({"use_bidirectional_attention": true})",
       "config.json: use_bidirectional_attention: expected false, as text is generated left to right, got true"},
      {qwen3, R"({"num_hidden_layers": 1, "layer_types": ["sliding_attention"]})",
       "config.json: use_sliding_window: expected true, as layer_types has sliding_attention"},
      {llama, R"({"tie_word_embeddings": "yes"})",
       R"(config.json: tie_word_embeddings: expected true or false, got "yes")"},
      {llama, R"({"eos_token_id": [1, "x"]})",
       R"(config.json: eos_token_id: expected an integer from -1 to 16777216, got "x")"},
      {llama, R"({"quantization_config": {"quant_method": "awq", "bits": 4}})",
       R"(config.json: quantization_config.quant_method: expected fp8, mxfp4 for gpt-oss, or weights in F32, F16 or BF16 )"
       R"((or a GGUF file), got "awq", which is not supported)"},
      {llama, R"({"quantization_config": {"load_in_4bit": true}})",
       R"(config.json: quantization_config.quant_method: expected fp8, mxfp4 for gpt-oss, or weights in F32, F16 or BF16 )"
       R"((or a GGUF file), got "unknown", which is not supported)"},
      {llama, R"({"model_type": "smollm3", "no_rope_layers": [1, 0, 1]})",
       "config.json: no_rope_layers: expected one for each of the 4 layers, got 3"},
      {llama, R"({"model_type": "smollm3", "no_rope_layer_interval": 0})",
       "config.json: no_rope_layer_interval: expected an integer from 1 to 4096, got 0"},
      {llama, R"({"model_type": "phi3", "partial_rotary_factor": 0.1})",
       "config.json: partial_rotary_factor: expected a part of 16 values that is an even number of them, got 0.1"},
      {llama, R"({"model_type": "granite", "logits_scaling": 0})",
       "config.json: logits_scaling: expected a number greater than 0, got 0"},
      {llama, R"({"model_type": "gpt2", "n_embd": 64, "n_head": 3})",
       "config.json: n_head: expected a divisor of n_embd (64) as there is no head_dim, got 3"},
      {llama, R"({"model_type": "gpt2", "scale_attn_weights": false})",
       "config.json: scale_attn_weights: expected true for this architecture, got false"},
      {llama, R"({"model_type": "qwen2_moe", "use_sliding_window": true})",
       "config.json: use_sliding_window: expected false for this architecture, got true"},
      {llama, R"({"model_type": "qwen3_moe", "num_experts": 4, "num_experts_per_tok": 5})",
       "config.json: num_experts_per_tok: expected at most num_experts (4), got 5"},
      {llama, R"({"model_type": "qwen3_moe", "num_experts": 4096, "num_experts_per_tok": 4096})",
       "config.json: num_experts_per_tok: expected an integer from 1 to 128, got 4096"},
      {llama, R"({"model_type": "qwen3_moe", "decoder_sparse_step": 0})",
       "config.json: decoder_sparse_step: expected an integer from 1 to 4096, got 0"},
      {llama, R"({"model_type": "glm4_moe", "n_routed_experts": 0})",
       "config.json: n_routed_experts: expected an integer from 1 to 65536, got 0"},
      {llama, R"({"model_type": null})", "config.json: model_type: expected a string, got no such key"},
      {llama, R"({"model_type": 7})", "config.json: model_type: expected a string, got 7"},
      {mistral, R"({"model_type": "mistral3"})", "config.json: text_config: expected an object, got no such key"},
      {mistral, R"({"model_type": "mistral3", "text_config": {"model_type": "ministral3"}})",
       R"(config.json: text_config.model_type: expected mistral inside mistral3, got "ministral3")"},
      {mistral, R"({"model_type": "mistral3", "text_config": {"hidden_size": 0}})",
       "config.json: text_config.hidden_size: expected an integer from 1 to 1048576, got 0"},
  };
  for (const auto &row : cases)
    EXPECT_EQ(refusal(with(row.base, row.changes)), row.message) << row.changes;
}

TEST(Config, AbsurdSizesAreRefusedForEveryKey) {
  for (const char *key :
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size",
        "vocab_size", "max_position_embeddings", "head_dim", "sliding_window", "sliding_window_pattern"})
    for (const char *value :
         {"-1", "-1099511627776", "0", "1099511627776", "10000000000000000", "1.5", "\"8x\"", "true", "[]", "{}"}) {
      // Gemma reads all of them.
      const std::string change = ("{\"" + llvm::Twine(key) + "\": " + value + "}").str();
      const std::string message = refusal(with(gemma3, change)), found = value;
      EXPECT_EQ(message.find("config.json: " + std::string(key) + ": expected an integer from 1 to "), 0u)
          << message << " for " << change;
      EXPECT_NE(message.find(found == "[]"   ? "got an array"
                             : found == "{}" ? "got an object"
                                             : "got " + found),
                std::string::npos)
          << message;
    }
}

TEST(Config, UnknownTypesGetTheListAndTheNearest) {
  for (const char *name : {"lama", "mamba\n2", ""}) {
    json::Value config = json::Object{{"model_type", name}};
    std::string text;
    llvm::raw_string_ostream(text) << config;
    EXPECT_EQ(refusal(text), "config.json: model_type: " + expectedOneOf(knownModelTypes(), name));
  }
  EXPECT_NE(refusal(R"({"model_type": "lama"})").find(R"(got "lama"; the nearest is "llama")"), std::string::npos);
}

TEST(Config, RefusesWhatIsNoConfig) {
  EXPECT_EQ(refusal("[1, 2]"), "config.json: not a model: expected a config.json with an object, got an array");
  EXPECT_EQ(refusal(llvm::StringRef(llama).drop_back(20)),
            "config.json: expected JSON, got an error at [2:77, byte=144]: Expected , or } after object property");
  std::string deep = "{\"model_type\": ";
  deep.append(400'000, '[');
  EXPECT_EQ(refusal(deep), "config.json: expected JSON nested at most 128 deep, got more");
}
