#include "compiler/support/Errors.h"
#include "frontends/config/models/Model.h"
#include "frontends/gguf/Gguf.h"
#include "test/frontends/Builders.h"
#include <cmath>
#include <limits>

using namespace lathe;
using namespace lathe::testing;

namespace {

/// Metadata of a small model, without the keys `without`.
GgufBuilder metadata(llvm::StringRef architecture, llvm::ArrayRef<llvm::StringRef> without = {}) {
  GgufBuilder builder;
  builder.text("general.architecture", architecture);
  const std::pair<llvm::StringRef, uint32_t> numbers[] = {
      {"embedding_length", 64},       {"block_count", 7},          {"attention.head_count", 4},
      {"attention.head_count_kv", 2}, {"feed_forward_length", 96}, {"context_length", 512},
  };
  for (auto [key, value] : numbers)
    if (!llvm::is_contained(without, key))
      builder.u32((architecture + "." + key).str(), value);
  builder.f32((architecture + ".attention.layer_norm_rms_epsilon").str(), 1e-6f);
  if (!llvm::is_contained(without, "tokens"))
    builder.texts("tokenizer.ggml.tokens", {"<s>", "</s>", "a", "<|im_end|>", "b", "<end_of_turn>"});
  return builder;
}

absl::StatusOr<Config> tryRead(const GgufBuilder &builder, const Model *&model) {
  auto gguf = Gguf::parse(MappedFile::fromBytes("m.gguf", builder.build()));
  if (!gguf.ok())
    return gguf.status();
  return readGgufConfig(**gguf, model);
}

Config read(const GgufBuilder &builder) {
  const Model *model = nullptr;
  absl::StatusOr<Config> config = tryRead(builder, model);
  EXPECT_EQ(messageOf(config), "");
  return config.ok() ? *config : Config();
}

std::string refusal(const GgufBuilder &builder) {
  const Model *model = nullptr;
  return messageOf(tryRead(builder, model));
}

std::string kindsOf(const Config &config) {
  std::string out;
  for (LayerKind kind : config.kinds)
    out += kind == LayerKind::Full ? 'F' : kind == LayerKind::Chunked ? 'c' : kind == LayerKind::Linear ? 'L' : 's';
  return out;
}

/// The same with four experts in the layers from `first` on, two per token.
GgufBuilder withExperts(const std::string &architecture, int first = 0, llvm::ArrayRef<llvm::StringRef> without = {}) {
  GgufBuilder builder = metadata(architecture, without);
  if (!llvm::is_contained(without, "expert_used_count"))
    builder.u32(architecture + ".expert_used_count", 2);
  builder.u32(architecture + ".expert_count", 4).u32(architecture + ".expert_feed_forward_length", 32);
  for (int i = first; i < 7; ++i)
    builder.tensor("blk." + std::to_string(i) + ".ffn_gate_inp.weight", {64, 4});
  return builder;
}

/// A DeepSeek with nopeDim 24, ropeDim 8, valueDim 16 and latentRank 40.
GgufBuilder deepseek(llvm::ArrayRef<llvm::StringRef> without = {}) {
  GgufBuilder builder = withExperts("deepseek2", 1, {"attention.head_count_kv"});
  const std::pair<llvm::StringRef, uint32_t> numbers[] = {
      {"attention.head_count_kv", 1},     {"attention.kv_lora_rank", 40}, {"attention.key_length", 48},
      {"attention.value_length", 40},     {"rope.dimension_count", 8},    {"attention.key_length_mla", 32},
      {"attention.value_length_mla", 16},
  };
  for (auto [key, value] : numbers)
    if (!llvm::is_contained(without, key))
      builder.u32(("deepseek2." + key).str(), value);
  return builder;
}

/// A Qwen3-Next in which every third layer is attention and the others are linear.
GgufBuilder qwen3next(llvm::ArrayRef<llvm::StringRef> without = {}) {
  GgufBuilder builder = withExperts("qwen3next");
  builder.u32("qwen3next.expert_shared_feed_forward_length", 48).u32("qwen3next.rope.dimension_count", 4);
  const std::pair<llvm::StringRef, uint32_t> numbers[] = {
      {"conv_kernel", 4}, {"state_size", 8}, {"group_count", 2}, {"time_step_rank", 4}, {"inner_size", 48}};
  for (auto [key, value] : numbers)
    if (!llvm::is_contained(without, key))
      builder.u32(("qwen3next.ssm." + key).str(), value);
  for (int i : {0, 1, 3, 4, 6})
    builder.tensor("blk." + std::to_string(i) + ".ssm_conv1d.weight", {4, 80});
  return builder;
}

GgufBuilder gemma3n() {
  GgufBuilder builder = metadata("gemma3n");
  builder.u32("gemma3n.attention.sliding_window", 5).u32("gemma3n.embedding_length_per_layer_input", 8);
  return builder.tensor("blk.0.laurel_l.weight", {64, 12}).tensor("per_layer_token_embd.weight", {56, 6});
}

std::string numbersOf(std::initializer_list<float> values) {
  std::string bytes;
  for (float value : values)
    bytes += littleEndian(llvm::bit_cast<uint32_t>(value), 4);
  return bytes;
}

} // namespace

TEST(GgufConfig, ReadsLlama) {
  GgufBuilder builder = metadata("llama");
  builder.f32("llama.rope.freq_base", 5e5).u32("tokenizer.ggml.bos_token_id", 0).u32("tokenizer.ggml.eos_token_id", 1);
  builder.u32("tokenizer.ggml.padding_token_id", 0xffffffff);
  Config config = read(builder);
  EXPECT_EQ(config.modelType, "llama");
  EXPECT_EQ(config.hidden, 64);
  EXPECT_EQ(config.layers, 7);
  EXPECT_EQ(config.kvHeads, 2);
  EXPECT_EQ(config.headDim, 16);
  EXPECT_EQ(config.vocabulary, 6);
  EXPECT_EQ(config.normEps, 1e-6) << "the decimal number, not its float";
  EXPECT_EQ(config.rope.theta, 5e5);
  EXPECT_EQ(config.rope.scaling, RopeScaling::None);
  EXPECT_TRUE(config.tied);
  EXPECT_EQ(config.bosToken, 0);
  EXPECT_FALSE(config.padToken);
  // One end id by its key, two by the texts of tokens, as in llama.cpp.
  EXPECT_EQ(config.endTokens, (std::vector<int64_t>{1, 3, 5}));
  EXPECT_EQ(kindsOf(config), "FFFFFFF");
}

TEST(GgufConfig, ReadsSampling) {
  EXPECT_FALSE(read(metadata("llama")).sampling);
  GgufBuilder builder = metadata("llama");
  builder.f32("general.sampling.temp", 0.75f).u32("general.sampling.top_k", 20);
  builder.f32("general.sampling.penalty_repeat", 1.25f);
  std::optional<SamplingValues> values = read(builder).sampling;
  ASSERT_TRUE(values);
  EXPECT_EQ(values->origin, "general.sampling of the GGUF");
  EXPECT_EQ(values->temperature, 0.75);
  EXPECT_EQ(values->topK, 20);
  EXPECT_EQ(values->topP, 1) << "what is left out changes nothing";
  EXPECT_EQ(values->minP, 0);
  EXPECT_EQ(values->repeatPenalty, 1.25);
  EXPECT_TRUE(values->unfollowed.empty());
  builder.u32("general.sampling.penalty_last_n", 64).u32("general.sampling.mirostat", 2);
  builder.f32("general.sampling.xtc_probability", 0);
  EXPECT_EQ(read(builder).sampling->unfollowed, (std::vector<std::string>{"mirostat", "penalty_last_n"}));
  GgufBuilder bad = metadata("llama");
  bad.f32("general.sampling.top_p", 2);
  EXPECT_EQ(refusal(bad), "m.gguf: general.sampling.top_p: expected a number from 0 to 1, got 2");
}

TEST(GgufConfig, TensorsTellWhichLayersHaveExperts) {
  auto moe = [](uint32_t used) {
    GgufBuilder builder = metadata("qwen3moe");
    builder.u32("qwen3moe.expert_count", 4).u32("qwen3moe.expert_used_count", used);
    builder.u32("qwen3moe.expert_feed_forward_length", 32);
    builder.tensor("blk.1.ffn_gate_inp.weight", {64, 4}).tensor("blk.99.ffn_gate_inp.weight", {64, 4});
    return builder;
  };
  Config config = read(moe(2));
  EXPECT_EQ(config.experts, 4);
  EXPECT_EQ(config.expertsPerToken, 2);
  EXPECT_TRUE(config.normalizesRouting);
  EXPECT_FALSE(config.isSparse(0));
  EXPECT_TRUE(config.isSparse(1));
  EXPECT_EQ(refusal(moe(5)), "m.gguf: qwen3moe.expert_used_count: expected at most qwen3moe.expert_count (4), got 5");
}

TEST(GgufConfig, ReadsGlm) {
  GgufBuilder builder = withExperts("glm4moe", 2);
  builder.u32("glm4moe.nextn_predict_layers", 1).u32("glm4moe.expert_shared_count", 2);
  builder.u32("glm4moe.leading_dense_block_count", 2).f32("glm4moe.expert_weights_scale", 2.5);
  builder.u32("glm4moe.expert_gating_func", 2).u32("glm4moe.expert_group_count", 1);
  builder.boolean("glm4moe.expert_weights_norm", true).u32("glm4moe.rope.dimension_count", 8);
  Config config = read(builder);
  EXPECT_EQ(config.layers, 6);
  EXPECT_FALSE(config.isSparse(1));
  EXPECT_TRUE(config.isSparse(2));
  EXPECT_EQ(config.scoring, Scoring::Sigmoid);
  EXPECT_TRUE(config.correctsRouting);
  EXPECT_TRUE(config.normalizesRouting);
  EXPECT_EQ(config.routingScale, 2.5);
  EXPECT_EQ(config.sharedIntermediate, 64);
  EXPECT_EQ(config.rope.dims, 8);
  EXPECT_EQ(config.qkNorm, QKNorm::None);
  EXPECT_EQ(read(builder.tensor("blk.0.attn_q_norm.weight", {16})).qkNorm, QKNorm::PerHead);

  EXPECT_EQ(refusal(withExperts("glm4moe").u32("glm4moe.nextn_predict_layers", 7)),
            "m.gguf: glm4moe.nextn_predict_layers: expected less than glm4moe.block_count (7), got 7");
  EXPECT_EQ(refusal(withExperts("glm4moe", 2).u32("glm4moe.leading_dense_block_count", 1)),
            "m.gguf: glm4moe.leading_dense_block_count: expected what the tensors say, that layer 1 has none, got 1");
  EXPECT_EQ(refusal(withExperts("glm4moe").u32("glm4moe.expert_gating_func", 1)),
            "m.gguf: glm4moe.expert_gating_func: expected 2 for this architecture, got 1");
  EXPECT_EQ(refusal(withExperts("glm4moe").u32("glm4moe.expert_gating_func", 4)),
            "m.gguf: glm4moe.expert_gating_func: expected an integer from 0 to 3, got 4");
  EXPECT_EQ(refusal(withExperts("glm4moe").u32("glm4moe.expert_group_count", 5)),
            "m.gguf: glm4moe.expert_group_count: expected a divisor of glm4moe.expert_count (4), got 5");
  EXPECT_EQ(refusal(withExperts("glm4moe").u32("glm4moe.expert_shared_count", 1 << 20)),
            "m.gguf: glm4moe.expert_shared_count: expected an integer from 0 to 131072, got 1048576");
}

TEST(GgufConfig, ReadsGptOss) {
  GgufBuilder builder = withExperts("gpt-oss");
  builder.u32("gpt-oss.attention.sliding_window", 5).text("gpt-oss.rope.scaling.type", "yarn");
  builder.f32("gpt-oss.rope.scaling.factor", 32).u32("gpt-oss.expert_gating_func", 3);
  Config config = read(builder);
  EXPECT_EQ(kindsOf(config), "sFsFsFs");
  EXPECT_EQ(config.expertLimit, 7);
  EXPECT_EQ(config.expertUpOffset, 1);
  EXPECT_EQ(config.expertActivation, Activation::QuickGelu);
  EXPECT_TRUE(config.normalizesRouting);
  EXPECT_FALSE(config.rope.truncate);
  EXPECT_FALSE(config.slidingRope.truncate);
  builder.boolean("gpt-oss.expert_weights_norm", false);
  EXPECT_EQ(refusal(builder), "m.gguf: gpt-oss.expert_weights_norm: expected true for this architecture, got false");
  EXPECT_EQ(refusal(withExperts("gpt-oss").f32("gpt-oss.expert_weights_scale", 2)),
            "m.gguf: gpt-oss.expert_weights_scale: expected 1 for this architecture, got 2");
  EXPECT_EQ(refusal(withExperts("gpt-oss")),
            "m.gguf: gpt-oss.attention.sliding_window: expected an integer greater than 0, got none");
}

TEST(GgufConfig, ReadsDeepSeek) {
  GgufBuilder builder = deepseek();
  builder.text("deepseek2.rope.scaling.type", "yarn").f32("deepseek2.rope.scaling.factor", 40);
  builder.f32("deepseek2.rope.scaling.yarn_log_multiplier", 0.0707f).u32("deepseek2.attention.q_lora_rank", 20);
  builder.u32("deepseek2.expert_group_count", 2).u32("deepseek2.expert_group_used_count", 1);
  Config config = read(builder);
  EXPECT_EQ(config.kvHeads, 4);
  EXPECT_EQ(config.latentRank, 40);
  EXPECT_EQ(config.queryRank, 20);
  EXPECT_EQ(config.nopeDim, 24);
  EXPECT_EQ(config.ropeDim, 8);
  EXPECT_EQ(config.rope.dims, 8);
  EXPECT_EQ(config.valueDim, 16);
  EXPECT_EQ(config.expertGroups, 2);
  EXPECT_EQ(config.topGroups, 1);
  EXPECT_EQ(config.rope.attentionFactor, 1);
  const double magnitude = 0.0707f * std::log(40.) + 1;
  EXPECT_DOUBLE_EQ(config.attentionScale, magnitude * magnitude / std::sqrt(32.));
  EXPECT_FALSE(config.normalizesRouting);
}

TEST(GgufConfig, ScoringTellsDeepSeekV2FromV3) {
  auto termsOf = [](const GgufBuilder &builder) {
    const Model *model = nullptr;
    EXPECT_EQ(messageOf(tryRead(builder, model)), "");
    return model ? model->experts.groupTerms : 0;
  };
  EXPECT_EQ(termsOf(deepseek()), 1);
  EXPECT_EQ(termsOf(deepseek().u32("deepseek2.expert_gating_func", 1)), 1);
  EXPECT_EQ(termsOf(deepseek().u32("deepseek2.expert_gating_func", 2)), 2);
  EXPECT_EQ(termsOf(deepseek().tensor("blk.1.exp_probs_b.bias", {4})), 2);
}

TEST(GgufConfig, OlderDeepSeekFilesHaveTheHeadsOwnLengths) {
  GgufBuilder builder = deepseek({"attention.key_length", "attention.value_length", "attention.key_length_mla",
                                  "attention.value_length_mla", "attention.head_count_kv"});
  builder.u32("deepseek2.attention.head_count_kv", 4);
  builder.u32("deepseek2.attention.key_length", 32).u32("deepseek2.attention.value_length", 16);
  Config config = read(builder);
  EXPECT_EQ(config.nopeDim, 24);
  EXPECT_EQ(config.valueDim, 16);
}

TEST(GgufConfig, RefusesDeepSeek) {
  EXPECT_EQ(refusal(deepseek({"attention.kv_lora_rank"})),
            "m.gguf: deepseek2.attention.kv_lora_rank: expected an integer from 1 to 1048576, got no such key");
  EXPECT_EQ(refusal(deepseek({"attention.key_length"}).u32("deepseek2.attention.key_length", 47)),
            "m.gguf: deepseek2.attention.key_length: expected 48 for deepseek2.attention.kv_lora_rank 40, got 47");
  EXPECT_EQ(refusal(deepseek({"rope.dimension_count"}).u32("deepseek2.rope.dimension_count", 32)),
            "m.gguf: deepseek2.attention.key_length_mla: expected an integer from 33 to 16384, got 32");
  EXPECT_EQ(refusal(deepseek({"rope.dimension_count", "attention.key_length"})
                        .u32("deepseek2.rope.dimension_count", 7)
                        .u32("deepseek2.attention.key_length", 47)),
            "m.gguf: deepseek2.rope.dimension_count: expected an even number, as rotation takes pairs, got 7");
  EXPECT_EQ(refusal(deepseek().u32("deepseek2.expert_group_count", 3)),
            "m.gguf: deepseek2.expert_group_count: expected a divisor of deepseek2.expert_count (4), got 3");
  EXPECT_EQ(refusal(deepseek().u32("deepseek2.expert_group_count", 4).u32("deepseek2.expert_group_used_count", 1)),
            "m.gguf: deepseek2.expert_used_count: expected at most the 1 experts of "
            "deepseek2.expert_group_used_count groups, got 2");
  EXPECT_EQ(refusal(deepseek().u32("deepseek2.expert_group_used_count", 2)),
            "m.gguf: deepseek2.expert_group_used_count: expected at most deepseek2.expert_group_count (1), got 2");
  EXPECT_EQ(refusal(deepseek().boolean("deepseek2.expert_weights_norm", true)),
            "m.gguf: deepseek2.expert_weights_norm: expected false for this architecture, got true");
}

TEST(GgufConfig, ReadsLlama4) {
  GgufBuilder builder = withExperts("llama4", 0, {"expert_used_count"});
  builder.u32("llama4.expert_used_count", 1).u32("llama4.interleave_moe_layer_step", 1);
  Config config = read(builder);
  EXPECT_EQ(kindsOf(config), "cccFccc");
  EXPECT_EQ(config.slidingWindow, 8192);
  EXPECT_FALSE(config.rotatesIn(3));
  EXPECT_TRUE(config.normsRotated);
  EXPECT_EQ(config.temperature.length, 8192);
  EXPECT_EQ(config.temperature.scale, 0.1);
  EXPECT_EQ(config.sharedIntermediate, 32);
  builder.u32("llama4.attention.sliding_window", 16).u32("llama4.attention.temperature_length", 4);
  config = read(builder);
  EXPECT_EQ(config.slidingWindow, 16);
  EXPECT_EQ(config.temperature.length, 4);
  EXPECT_EQ(refusal(withExperts("llama4")), "m.gguf: llama4.expert_used_count: expected 1, as an expert's weight "
                                            "scales its input, got 2");
  EXPECT_EQ(refusal(withExperts("llama4", 0, {"expert_used_count"})
                        .u32("llama4.expert_used_count", 1)
                        .u32("llama4.interleave_moe_layer_step", 2)),
            "m.gguf: llama4.interleave_moe_layer_step: expected what the tensors say, that layer 0 has experts, got 2");
}

TEST(GgufConfig, Llama4With128ExpertsHasNoNorms) {
  GgufBuilder builder = metadata("llama4");
  builder.u32("llama4.expert_count", 128).u32("llama4.expert_used_count", 1);
  EXPECT_FALSE(read(builder.u32("llama4.expert_feed_forward_length", 32)).normsRotated);
}

TEST(GgufConfig, ReadsQwen3Next) {
  Config config = read(qwen3next().u32("qwen3next.full_attention_interval", 3));
  EXPECT_EQ(kindsOf(config), "LLFLLFL");
  EXPECT_EQ(config.deltaKeyHeads, 2);
  EXPECT_EQ(config.deltaValueHeads, 4);
  EXPECT_EQ(config.deltaKeyDim, 8);
  EXPECT_EQ(config.deltaValueDim, 12);
  EXPECT_EQ(config.convWidth, 4);
  EXPECT_TRUE(config.attentionGate);
  EXPECT_TRUE(config.normalizesRouting);
  EXPECT_EQ(config.sharedIntermediate, 48);
  EXPECT_EQ(refusal(qwen3next().u32("qwen3next.full_attention_interval", 4)),
            "m.gguf: qwen3next.full_attention_interval: expected what the tensors say, that layer 2 attends, got 4");
  EXPECT_EQ(refusal(qwen3next({"time_step_rank"}).u32("qwen3next.ssm.time_step_rank", 3)),
            "m.gguf: qwen3next.ssm.time_step_rank: expected a multiple of qwen3next.ssm.group_count (2), got 3");
  EXPECT_EQ(refusal(qwen3next({"inner_size"}).u32("qwen3next.ssm.inner_size", 47)),
            "m.gguf: qwen3next.ssm.inner_size: expected a multiple of qwen3next.ssm.time_step_rank (4), got 47");
  EXPECT_EQ(refusal(qwen3next({"conv_kernel"}).u32("qwen3next.ssm.conv_kernel", 1)),
            "m.gguf: qwen3next.ssm.conv_kernel: expected an integer from 2 to 64, got 1");
}

TEST(GgufConfig, ReadsGemma3n) {
  GgufBuilder builder = gemma3n();
  Config config = read(builder);
  EXPECT_EQ(kindsOf(config), "ssssFss");
  EXPECT_EQ(config.streams, 4);
  EXPECT_EQ(config.laurelRank, 12);
  EXPECT_EQ(config.perLayerWidth, 8);
  EXPECT_EQ(config.perLayerVocabulary, 6);
  EXPECT_EQ(config.sharedFrom, 0);
  EXPECT_EQ(config.deviations, std::vector<double>(7, 0));
  EXPECT_EQ(config.attentionScale, 1);
  EXPECT_EQ(config.finalSoftcap, 30);
  const float none = -std::numeric_limits<float>::infinity();
  builder.u32("gemma3n.attention.shared_kv_layers", 2);
  builder.array("gemma3n.activation_sparsity_scale", 6, 7, numbersOf({1.5, none, -0.25, 0, 0, 0, 0}));
  config = read(builder);
  EXPECT_EQ(config.sharedFrom, 5);
  EXPECT_EQ(config.cacheOf(6), 3);
  EXPECT_EQ(config.deviations, (std::vector<double>{1.5, 0, -0.25, 0, 0, 0, 0}));
}

TEST(GgufConfig, LargeGemma3nSharesCachesWithoutAKey) {
  GgufBuilder builder = metadata("gemma3n", {"block_count"});
  builder.u32("gemma3n.attention.sliding_window", 5).u32("gemma3n.embedding_length_per_layer_input", 8);
  builder.tensor("blk.0.laurel_l.weight", {64, 12}).tensor("per_layer_token_embd.weight", {240, 6});
  Config config = read(builder.u32("gemma3n.block_count", 30));
  EXPECT_EQ(config.sharedFrom, 20);
  EXPECT_NEAR(config.deviationsOf(9), 1.6448536, 1e-7);
  EXPECT_EQ(config.deviationsOf(10), 0);
}

TEST(GgufConfig, RefusesGemma3n) {
  EXPECT_EQ(refusal(gemma3n().u32("gemma3n.altup.num_inputs", 3)),
            "m.gguf: gemma3n.altup.num_inputs: expected an integer from 4 to 4, got 3");
  EXPECT_EQ(refusal(gemma3n().u32("gemma3n.attention.shared_kv_layers", 7)),
            "m.gguf: gemma3n.attention.shared_kv_layers: expected an integer from 0 to 6, got 7");
  EXPECT_EQ(refusal(gemma3n().u32("gemma3n.attention.shared_kv_layers", 4)),
            "m.gguf: gemma3n.attention.shared_kv_layers: expected a layer before the shared ones of the kind of layer "
            "4, found none");
  EXPECT_EQ(refusal(gemma3n().array("gemma3n.activation_sparsity_scale", 6, 2, numbersOf({1, 1}))),
            "m.gguf: gemma3n.activation_sparsity_scale: expected one for each of the 7 layers, got 2");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(refusal(gemma3n().array("gemma3n.activation_sparsity_scale", 6, 7, numbersOf({1, nan, 0, 0, 0, 0, 0}))),
            "m.gguf: gemma3n.activation_sparsity_scale: expected numbers, got nan for layer 1");
  EXPECT_EQ(refusal(metadata("gemma3n")
                        .u32("gemma3n.attention.sliding_window", 5)
                        .u32("gemma3n.embedding_length_per_layer_input", 8)),
            "m.gguf: blk.0.laurel_l.weight: expected a matrix of 1 to 16777216 rows, found none of that name");
  GgufBuilder widths = metadata("gemma3n", {"feed_forward_length"});
  widths.array("gemma3n.feed_forward_length", 4, 2, littleEndian(96, 4) + littleEndian(64, 4));
  EXPECT_EQ(refusal(widths), "m.gguf: gemma3n.feed_forward_length: expected one for each of the 7 layers, got 2");
}

TEST(GgufConfig, ReadsGrok) {
  GgufBuilder builder = withExperts("grok");
  builder.f32("grok.embedding_scale", 7).f32("grok.logit_scale", 0.5).f32("grok.attention.output_scale", 0.125);
  builder.f32("grok.router_logit_softcapping", 30).u32("grok.attention.temperature_length", 1024);
  builder.text("grok.rope.scaling.type", "yarn").f32("grok.rope.scaling.factor", 16);
  Config config = read(builder);
  EXPECT_EQ(config.embeddingScale, 7);
  EXPECT_EQ(config.logitScale, 0.5);
  EXPECT_EQ(config.attentionScale, 0.125);
  EXPECT_EQ(config.routerSoftcap, 30);
  EXPECT_EQ(config.temperature.length, 1024);
  EXPECT_DOUBLE_EQ(config.temperature.scale, 1 / std::log(1024.));
  EXPECT_EQ(config.rope.scaling, RopeScaling::None);
  EXPECT_EQ(config.rope.attentionFactor, 1);
  EXPECT_EQ(config.sharedIntermediate, 96);
  EXPECT_DOUBLE_EQ(config.routingScale, std::sqrt(0.5));
  EXPECT_EQ(refusal(withExperts("grok")), "m.gguf: grok.embedding_scale: expected a number, got no such key");
  GgufBuilder short_ = withExperts("grok");
  short_.f32("grok.embedding_scale", 7).f32("grok.logit_scale", 0.5);
  EXPECT_EQ(refusal(short_.u32("grok.attention.temperature_length", 1)),
            "m.gguf: grok.attention.temperature_length: expected an integer greater than 1, or 0 for none, got 1");
  EXPECT_EQ(refusal(metadata("llama").u32("llama.attention.temperature_length", 4)),
            "m.gguf: llama.attention.temperature_length: expected 0 for this architecture, got 4");
}

TEST(GgufConfig, TensorsTellBiasesHeadAndScaling) {
  GgufBuilder builder = metadata("llama");
  builder.tensor("output.weight", {64, 6}).tensor("blk.0.attn_q.bias", {64}).tensor("blk.0.ffn_gate.bias", {96});
  builder.tensor("rope_freqs.weight", {8}, 4);
  Config config = read(builder);
  EXPECT_FALSE(config.tied);
  EXPECT_TRUE(config.qkvBias);
  EXPECT_FALSE(config.oBias);
  EXPECT_TRUE(config.mlpBias);
  EXPECT_EQ(config.rope.scaling, RopeScaling::Divisors);
  EXPECT_EQ(config.rope.divisors, std::vector<float>(8, 4));
  EXPECT_EQ(config.rope.frequencies()[0], 0.25f);
}

TEST(GgufConfig, TensorsHoldLongRopesFactors) {
  GgufBuilder builder = metadata("phi3");
  builder.tensor("rope_factors_short.weight", {8}, 2).tensor("rope_factors_long.weight", {8}, 4);
  builder.f32("phi3.rope.scaling.attn_factor", 1.25).u32("phi3.rope.scaling.original_context_length", 64);
  Config config = read(builder);
  EXPECT_EQ(config.rope.scaling, RopeScaling::LongRope);
  EXPECT_EQ(config.rope.divisors, std::vector<float>(8, 2));
  EXPECT_EQ(config.rope.longDivisors, std::vector<float>(8, 4));
  EXPECT_EQ(config.rope.originalPositions, 64);
  EXPECT_EQ(config.rope.attentionFactor, 1.25);
  // Some files have rope.scaling.type, too.
  EXPECT_EQ(read(builder.text("phi3.rope.scaling.type", "longrope")).rope, config.rope);
  // Without the key, the original context is the model's context: the short factors are used.
  GgufBuilder without = metadata("phi3");
  without.tensor("rope_factors_short.weight", {8}, 2).tensor("rope_factors_long.weight", {8}, 4);
  EXPECT_FALSE(read(without).rope.isLongIn(read(without).maxPositions));
}

TEST(GgufConfig, ReadsGemma) {
  GgufBuilder builder = metadata("gemma3");
  builder.u32("gemma3.attention.sliding_window", 512).u32("gemma3.attention.key_length", 32);
  builder.f32("gemma3.rope.freq_base", 1e6).text("gemma3.rope.scaling.type", "linear");
  builder.f32("gemma3.rope.scaling.factor", 8);
  Config config = read(builder);
  EXPECT_EQ(kindsOf(config), "sssssFs");
  EXPECT_EQ(config.slidingWindow, 512);
  EXPECT_EQ(config.headDim, 32);
  EXPECT_EQ(config.rope.theta, 1e6);
  EXPECT_EQ(config.rope.scaling, RopeScaling::Linear);
  EXPECT_EQ(config.slidingRope.theta, 1e4); // older files omit it
  EXPECT_EQ(config.slidingRope.scaling, RopeScaling::None);
  EXPECT_EQ(config.embeddingScale, 8);
  EXPECT_EQ(config.activation, Activation::GeluTanh);
  EXPECT_DOUBLE_EQ(config.attentionScale, 1 / std::sqrt(32.));
  builder.f32("gemma3.rope.freq_base_swa", 500).u32("gemma3.attention.sliding_window_pattern", 3);
  builder.f32("gemma3.final_logit_softcapping", 30);
  config = read(builder);
  EXPECT_EQ(config.slidingRope.theta, 500);
  EXPECT_EQ(kindsOf(config), "ssFssFs");
  EXPECT_EQ(config.finalSoftcap, 30);
}

TEST(GgufConfig, PatternsMayBeAList) {
  GgufBuilder builder = metadata("gemma3");
  builder.u32("gemma3.attention.sliding_window", 512);
  builder.array("gemma3.attention.sliding_window_pattern", 7, 7, llvm::StringRef("\1\0\0\1\1\1\1", 7));
  EXPECT_EQ(kindsOf(read(builder)), "sFFssss");
}

TEST(GgufConfig, TheLargestGemmaScalesByItsDepth) {
  GgufBuilder builder = metadata("gemma3", {"block_count"});
  builder.u32("gemma3.block_count", 62).u32("gemma3.attention.sliding_window", 8);
  builder.u32("gemma3.attention.key_length", 32);
  EXPECT_DOUBLE_EQ(read(builder).attentionScale, 1 / std::sqrt(64. / 4));
}

TEST(GgufConfig, WindowsOnEveryLayer) {
  EXPECT_EQ(kindsOf(read(metadata("llama").u32("llama.attention.sliding_window", 9))), "sssssss");
  EXPECT_EQ(kindsOf(read(metadata("mistral3").u32("mistral3.attention.sliding_window", 9))), "sssssss");
  EXPECT_EQ(kindsOf(read(metadata("qwen3").u32("qwen3.attention.sliding_window", 9))), "FFFFFFF");
}

TEST(GgufConfig, ReadsYarn) {
  GgufBuilder builder = metadata("qwen3");
  builder.text("qwen3.rope.scaling.type", "yarn").f32("qwen3.rope.scaling.factor", 4);
  builder.u32("qwen3.rope.scaling.original_context_length", 128);
  Config config = read(builder);
  EXPECT_EQ(config.rope.scaling, RopeScaling::Yarn);
  EXPECT_EQ(config.rope.originalPositions, 128);
  EXPECT_EQ(config.rope.betaFast, 32);
  EXPECT_DOUBLE_EQ(config.rope.attentionFactor, 0.1 * std::log(4.) + 1);
  builder.f32("qwen3.rope.scaling.yarn_attn_factor", 1.5).f32("qwen3.rope.scaling.yarn_beta_fast", 16);
  config = read(builder);
  EXPECT_EQ(config.rope.attentionFactor, 1.5);
  EXPECT_EQ(config.rope.betaFast, 16);
}

TEST(GgufConfig, NumbersMayBeRepeatedForEveryLayer) {
  GgufBuilder builder = metadata("llama", {"attention.head_count_kv"});
  builder.array("llama.attention.head_count_kv", 4, 2, littleEndian(2, 4) + littleEndian(2, 4));
  EXPECT_EQ(read(builder).kvHeads, 2);
}

TEST(GgufConfig, Refusals) {
  EXPECT_EQ(refusal(metadata("qwen4")),
            "m.gguf: general.architecture: " + expectedOneOf(knownGgufArchitectures(), "qwen4"));
  EXPECT_EQ(refusal(GgufBuilder()), "m.gguf: general.architecture: expected a string, got no such key");
  EXPECT_EQ(refusal(metadata("llama", {"embedding_length"})),
            "m.gguf: llama.embedding_length: expected an integer from 1 to 1048576, got no such key");
  EXPECT_EQ(refusal(metadata("llama", {"block_count"}).u32("llama.block_count", 0)),
            "m.gguf: llama.block_count: expected an integer from 1 to 4096, got 0");
  EXPECT_EQ(
      refusal(
          metadata("llama", {"context_length"}).raw("llama.context_length", 10, littleEndian(uint64_t(1) << 40, 8))),
      "m.gguf: llama.context_length: expected an integer from 1 to 2147483648, got 1099511627776");
  EXPECT_EQ(refusal(metadata("llama", {"attention.head_count_kv"}).u32("llama.attention.head_count_kv", 3)),
            "m.gguf: llama.attention.head_count_kv: expected a divisor of llama.attention.head_count (4), got 3");
  EXPECT_EQ(refusal(metadata("llama", {"attention.head_count"}).u32("llama.attention.head_count", 6)),
            "m.gguf: llama.attention.head_count: expected a divisor of llama.embedding_length (64) as there is no "
            "llama.attention.key_length, got 6");
  EXPECT_EQ(refusal(metadata("llama").u32("llama.attention.key_length", 15)),
            "m.gguf: llama.attention.key_length: expected an even number up to 16384, got 15");
  EXPECT_EQ(refusal(metadata("llama").u32("llama.attention.value_length", 8)),
            "m.gguf: llama.attention.value_length: expected the width of a head (16) for this architecture, got 8");
  EXPECT_EQ(refusal(metadata("llama").u32("llama.rope.dimension_count", 8)),
            "m.gguf: llama.rope.dimension_count: expected the width of a head (16) for this architecture, got 8");
  EXPECT_EQ(refusal(metadata("llama", {"feed_forward_length"})
                        .array("llama.feed_forward_length", 4, 2, littleEndian(8, 4) + littleEndian(9, 4))),
            "m.gguf: llama.feed_forward_length: expected the same for every layer, got 8 and 9");
  EXPECT_EQ(refusal(metadata("llama", {"feed_forward_length"}).array("llama.feed_forward_length", 4, 0, "")),
            "m.gguf: llama.feed_forward_length: expected an integer, got an empty array");
  EXPECT_EQ(refusal(metadata("llama", {"tokens"})),
            "m.gguf: llama.vocab_size: expected an integer from 1 to 16777216, got no such key");
  EXPECT_EQ(refusal(metadata("llama", {"tokens"}).u32("tokenizer.ggml.tokens", 5)),
            "m.gguf: tokenizer.ggml.tokens: expected an array of 1 to 16777216 strings, got 5");
  EXPECT_EQ(refusal(metadata("llama").f32("llama.rope.freq_base", 0)),
            "m.gguf: llama.rope.freq_base: expected a number greater than 0, got 0");
  EXPECT_EQ(refusal(metadata("llama").text("llama.rope.scaling.type", "ntk")),
            R"(m.gguf: llama.rope.scaling.type: expected one of none, linear, yarn, longrope, got "ntk")");
  EXPECT_EQ(refusal(metadata("llama").text("llama.rope.scaling.type", "longrope")),
            "m.gguf: rope_factors_short.weight: expected a tensor of that name for longrope scaling, found none");
  EXPECT_EQ(refusal(metadata("llama").text("llama.rope.scaling.type", "longrope").f32("llama.rope.scaling.factor", 4)),
            "m.gguf: llama.rope.scaling.factor: expected 1 for longrope, got 4");
  EXPECT_EQ(refusal(metadata("llama").f32("llama.rope.scaling.factor", -1)),
            "m.gguf: llama.rope.scaling.factor: expected a number not below 0, got -1");
  EXPECT_EQ(
      refusal(metadata("llama").text("llama.rope.scaling.type", "yarn").f32("llama.rope.scaling.yarn_ext_factor", 0)),
      "m.gguf: llama.rope.scaling.yarn_ext_factor: expected 1, got 0");
  EXPECT_EQ(refusal(metadata("llama").text("llama.rope.scaling.type", "yarn").f32("llama.rope.freq_base", 1)),
            "m.gguf: llama.rope.freq_base: expected another value than 1 for yarn, got 1");
  EXPECT_EQ(refusal(metadata("llama").tensor("rope_freqs.weight", {9}, 1)),
            "m.gguf: rope_freqs.weight: expected F32 of shape [8], got F32 of shape [9]");
  EXPECT_EQ(refusal(metadata("llama").tensor("rope_freqs.weight", {8}, 0)),
            "m.gguf: rope_freqs.weight: expected numbers greater than 0, got 0");
  EXPECT_EQ(refusal(metadata("llama").f32("llama.rope.scaling.factor", 2).tensor("rope_freqs.weight", {8}, 1)),
            R"(m.gguf: llama.rope.scaling.type: expected none or linear by 1 beside the tensor )"
            R"(rope_freqs.weight, got "linear")");
  EXPECT_EQ(refusal(metadata("llama").tensor("rope_freqs.weight", {8}, 1e-44f)),
            "m.gguf: llama.rope.freq_base: expected rotary parameters that make finite frequencies, got 10000");
  EXPECT_EQ(refusal(metadata("llama").tensor("rope_factors_long.weight", {8}, 1)),
            "m.gguf: rope_factors_short.weight: expected a tensor of that name beside rope_factors_long.weight, found "
            "none");
  EXPECT_EQ(refusal(metadata("llama").tensor("rope_factors_short.weight", {8}, 1)),
            "m.gguf: rope_factors_long.weight: expected a tensor of that name beside rope_factors_short.weight, found "
            "none");
  auto longrope = [](uint64_t shortOnes, float longOne) {
    return metadata("llama")
        .tensor("rope_factors_short.weight", {shortOnes}, 1)
        .tensor("rope_factors_long.weight", {8}, longOne);
  };
  EXPECT_EQ(refusal(longrope(7, 2)),
            "m.gguf: rope_factors_short.weight: expected F32 of shape [8], got F32 of shape [7]");
  EXPECT_EQ(refusal(longrope(8, -2)), "m.gguf: rope_factors_long.weight: expected numbers greater than 0, got -2");
  EXPECT_EQ(refusal(longrope(8, 2).f32("llama.rope.scaling.attn_factor", 0)),
            "m.gguf: llama.rope.scaling.attn_factor: expected a number greater than 0, got 0");
  EXPECT_EQ(refusal(longrope(8, 2).u32("llama.rope.scaling.original_context_length", 0)),
            "m.gguf: llama.rope.scaling.original_context_length: expected an integer from 1 to 2147483648, got 0");
  EXPECT_EQ(refusal(metadata("llama").u32("llama.expert_count", 8)),
            "m.gguf: llama.expert_count: expected 0 for this architecture, got 8");
  EXPECT_EQ(refusal(metadata("llama").f32("llama.logit_scale", 0.5)),
            "m.gguf: llama.logit_scale: expected 1 for this architecture, got 0.5");
  EXPECT_EQ(refusal(metadata("llama").boolean("llama.attention.causal", false)),
            "m.gguf: llama.attention.causal: expected true, as text is generated left to right, got false");
  EXPECT_EQ(refusal(metadata("gemma3")),
            "m.gguf: gemma3.attention.sliding_window: expected an integer greater than 0, got none");
  EXPECT_EQ(refusal(metadata("gemma3")
                        .u32("gemma3.attention.sliding_window", 9)
                        .array("gemma3.attention.sliding_window_pattern", 7, 2, llvm::StringRef("\1\0", 2))),
            "m.gguf: gemma3.attention.sliding_window_pattern: expected one for each of the 7 layers, got 2");
  EXPECT_EQ(refusal(metadata("llama").text("general.type", "adapter")),
            "m.gguf: general.type: expected a model, got an adapter (LoRA); merge it into its base model");
  EXPECT_EQ(refusal(metadata("llama").text("general.type", "mmproj")),
            "m.gguf: general.type: expected a model, got \"mmproj\", which goes with one");
  EXPECT_EQ(refusal(metadata("llama").text("tokenizer.ggml.eos_token_id", "x")),
            R"(m.gguf: tokenizer.ggml.eos_token_id: expected a token id, got "x")");
}
