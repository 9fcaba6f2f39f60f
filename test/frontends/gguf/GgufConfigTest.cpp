#include "frontends/Frontend.h"
#include "frontends/gguf/Gguf.h"
#include "frontends/support/Errors.h"
#include "test/frontends/Builders.h"
#include <cmath>

using namespace lathe;
using namespace lathe::testing;

namespace {

/// Metadata of a small model, keys in `without` left out.
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
    out += kind == LayerKind::Full ? 'F' : 's';
  return out;
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
  // One end id from its key, two tokens llama.cpp knows by their text.
  EXPECT_EQ(config.endTokens, (std::vector<int64_t>{1, 3, 5}));
  EXPECT_EQ(kindsOf(config), "FFFFFFF");
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
  EXPECT_EQ(refusal(metadata("llama").text("llama.rope.scaling.type", "longrope")),
            R"(m.gguf: llama.rope.scaling.type: expected one of none, linear, yarn, got "longrope")");
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
  EXPECT_EQ(refusal(metadata("llama").tensor("rope_factors_long.weight", {8}, 1)),
            "m.gguf: rope_factors_long.weight: expected no longrope scaling, which is not supported");
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
  EXPECT_EQ(refusal(metadata("llama").text("tokenizer.ggml.eos_token_id", "x")),
            R"(m.gguf: tokenizer.ggml.eos_token_id: expected integers, got "x")");
}
