#include "frontends/GenerationConfig.h"
#include <gtest/gtest.h>

using namespace lathe;

namespace {

SamplingValues read(llvm::StringRef text) {
  absl::StatusOr<GenerationConfig> config = readGenerationConfig("dir/generation_config.json", text);
  EXPECT_TRUE(config.ok()) << config.status().message();
  EXPECT_TRUE(config.ok() && config->sampling.has_value()) << text.str();
  return config.ok() ? config->sampling.value_or(SamplingValues()) : SamplingValues();
}

std::string messageOf(llvm::StringRef text) {
  return std::string(readGenerationConfig("dir/generation_config.json", text).status().message());
}

} // namespace

TEST(GenerationConfig, SamplingNeedsDoSample) {
  SamplingValues values = read(R"({"temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.1})");
  EXPECT_EQ(values.origin, "generation_config.json");
  EXPECT_EQ(values.temperature, 0);
  EXPECT_EQ(values.repeatPenalty, 1.1);
  values = read(R"({"do_sample": true, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "min_p": 0.05})");
  EXPECT_EQ(values.temperature, 0.7);
  EXPECT_EQ(values.topK, 20);
  EXPECT_EQ(values.topP, 0.8);
  EXPECT_EQ(values.minP, 0.05);
  EXPECT_EQ(values.repeatPenalty, 1);
}

TEST(GenerationConfig, WhatIsLeftOutIsTransformersDefault) {
  SamplingValues values = read(R"({"do_sample": true, "top_k": null})");
  EXPECT_EQ(values.temperature, 1);
  EXPECT_EQ(values.topK, 50);
  EXPECT_EQ(values.topP, 1);
  EXPECT_EQ(values.minP, 0);
  values = read(R"({"do_sample": true, "top_k": 0, "top_p": 1.5, "temperature": 0})");
  EXPECT_EQ(values.topK, 0);
  EXPECT_EQ(values.topP, 1);
  EXPECT_EQ(values.temperature, 0);
  EXPECT_EQ(read(R"({"do_sample": true, "top_k": -1})").topK, 0);
}

TEST(GenerationConfig, NothingAboutSamplingIsNothing) {
  absl::StatusOr<GenerationConfig> config =
      readGenerationConfig("g", R"({"eos_token_id": 2, "max_new_tokens": 100, "typical_p": 1.0,
                                    "no_repeat_ngram_size": 0, "bad_words_ids": null, "num_beams": 1})");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_FALSE(config->sampling);
  EXPECT_EQ(config->endTokens, std::vector<int64_t>{2});
}

TEST(GenerationConfig, NamesWhatIsNotFollowed) {
  SamplingValues values = read(R"({"do_sample": true, "typical_p": 0.9, "eta_cutoff": 0.0003, "no_repeat_ngram_size": 3,
                                   "bad_words_ids": [[5]], "suppress_tokens": [], "epsilon_cutoff": 0.0,
                                   "num_beams": 1, "remove_invalid_values": false, "forced_eos_token_id": 7})");
  EXPECT_EQ(values.unfollowed, (std::vector<std::string>{"no_repeat_ngram_size", "bad_words_ids", "forced_eos_token_id",
                                                         "typical_p", "eta_cutoff"}));
  // Without do_sample typical_p has no effect; the others have.
  values = read(R"({"typical_p": 0.9, "num_beams": 4, "token_healing": true})");
  EXPECT_EQ(values.unfollowed, (std::vector<std::string>{"num_beams", "token_healing"}));
}

TEST(GenerationConfig, BadValuesAreRefusedWhereTheyMatter) {
  const std::string path = "dir/generation_config.json: ";
  EXPECT_EQ(messageOf(R"({"do_sample": true, "temperature": "hot"})"),
            path + R"(temperature: expected a number, got "hot")");
  EXPECT_EQ(messageOf(R"({"do_sample": true, "temperature": -1})"),
            path + "temperature: expected a number not below 0, got -1");
  EXPECT_EQ(messageOf(R"({"do_sample": true, "top_k": 1.5})"),
            path + "top_k: expected an integer from -1 to 16777216, got 1.5");
  EXPECT_EQ(messageOf(R"({"do_sample": true, "top_p": -0.5})"),
            path + "top_p: expected a number not below 0, got -0.5");
  EXPECT_EQ(messageOf(R"({"do_sample": true, "min_p": -0.5})"),
            path + "min_p: expected a number not below 0, got -0.5");
  EXPECT_EQ(messageOf(R"({"do_sample": "yes"})"), path + R"(do_sample: expected true or false, got "yes")");
  EXPECT_EQ(messageOf(R"({"repetition_penalty": 0})"),
            path + "repetition_penalty: expected a number greater than 0, got 0");
  EXPECT_EQ(messageOf(R"({"temperature": "hot", "top_p": -1})"), "");
}
