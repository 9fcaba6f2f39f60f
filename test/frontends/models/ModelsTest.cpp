#include "frontends/config/models/Model.h"
#include "test/frontends/Builders.h"
#include "test/frontends/Sources.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace lathe;
using namespace lathe::testing;

TEST(Models, PublishedConfigsHaveThePublishedParameters) {
  const std::pair<const char *, int64_t> published[] = {
      {"llama-3-8b", 8030261248},
      {"llama-3.1-8b", 8030261248},
      {"llama-3.2-1b", 1235814400},
      {"mistral-7b-v0.1", 7241732096},
      {"mistral-7b-v0.3", 7248023552},
      {"mistral-small-3.1-24b", 23572403200},
      {"qwen3-0.6b", 596049920},
      {"qwen3-4b", 4022468096},
      {"gemma-3-270m", 268098176},
      {"gemma-3-1b", 999885952},
      {"gemma-3-4b", 3880263168},
      {"gemma-3-27b", 27009346304},
      {"gpt2", 124439808},
      {"gpt2-xl", 1557611200},
      {"olmo-2-7b", 7298617344},
      {"olmo-2-32b", 32234279936},
      {"olmo-3-7b", 7298011136},
      {"smollm3-3b", 3075098624},
      {"gemma-2-2b", 2614341888},
      {"gemma-2-27b", 27227128320},
      {"qwen3-30b-a3b", 30532122624},
      {"qwen2-57b-a14b", 57408658944},
      {"glm-4.5-air", 106852251264},
      {"deepseek-r1", 671026419200},
      {"deepseek-v2", 235741434880},
      {"deepseek-v2-lite", 15706484224},
      {"deepseek-v3", 671026419200},
      {"gemma-2-9b", 9241705984},
      {"gemma-3-12b", 11766034176},
      {"gemma-3n-e2b", 4456156768},
      {"gemma-3n-e4b", 6866696688},
      {"glm-4.5", 352797829024},
      {"gpt-oss-120b", 116829156672},
      {"gpt-oss-20b", 20914757184},
      {"gpt2-large", 774030080},
      {"gpt2-medium", 354823168},
      {"grok-2", 269515497472},
      {"kimi-k2", 1026408232448},
      {"llama-3.2-3b", 3212749824},
      {"llama-4-maverick-17b-128e-instruct", 400711848960},
      {"llama-4-scout-17b-16e-instruct", 107769861120},
      {"olmo-2-13b", 13716198400},
      {"olmo-3-32b", 32233522176},
      {"qwen1.5-moe-a2.7b", 14315784192},
      {"qwen3-1.7b", 1720574976},
      {"qwen3-14b", 14768307200},
      {"qwen3-235b-a22b", 235093634560},
      {"qwen3-32b", 32762123264},
      {"qwen3-8b", 8190735360},
      {"qwen3-next-80b-a3b", 79674391296},
  };
  for (auto [name, count] : published) {
    auto source = openModel(std::string(LATHE_TEST_DIR "/frontends/models/Inputs/") + name + ".json");
    ASSERT_EQ(messageOf(source), "");
    EXPECT_EQ(countParameters(*source->model, source->config).all, count) << name;
    EXPECT_FALSE(source->checkpoint);
    EXPECT_EQ(messageOf(source->bind(Slot::FinalNorm, 0)), "");
    EXPECT_FALSE(source->bind(Slot::FinalNorm, 0)->tensor);
  }
}

// Published numbers are rounded, except those of Qwen3-Next.
TEST(Models, ATokenMeetsThePublishedParameters) {
  const std::pair<const char *, double> published[] = {
      {"qwen1.5-moe-a2.7b", 2.69e9},
      {"qwen2-57b-a14b", 14.25e9},
      {"qwen3-30b-a3b", 3.35e9},
      {"qwen3-235b-a22b", 22.19e9},
      {"deepseek-v2-lite", 2.66e9},
      {"deepseek-v2", 21.4e9},
      {"deepseek-v3", 37.55e9},
      {"kimi-k2", 32.86e9},
      {"glm-4.5", 33.6e9},
      {"glm-4.5-air", 13.4e9},
      {"grok-2", 114.9e9},
      {"llama-4-scout-17b-16e-instruct", 17.17e9},
      {"llama-4-maverick-17b-128e-instruct", 17.18e9},
  };
  auto active = [](const char *name) {
    auto source = openModel(std::string(LATHE_TEST_DIR "/frontends/models/Inputs/") + name + ".json");
    return countParameters(*source->model, source->config).active;
  };
  for (auto [name, count] : published)
    EXPECT_NEAR(active(name), count, 0.004 * count) << name;
  EXPECT_EQ(active("qwen3-next-80b-a3b"), 3874929408);
  // Counted without the input embedding.
  EXPECT_NEAR(active("gpt-oss-20b") - 201088 * 2880, 3.61e9, 0.01e9);
  EXPECT_NEAR(active("gpt-oss-120b") - 201088 * 2880, 5.13e9, 0.01e9);
  EXPECT_EQ(active("llama-3-8b"), 8030261248);
}

TEST(Models, WhatTheLargeConfigsSay) {
  auto open = [](const char *name) {
    return openModel(std::string(LATHE_TEST_DIR "/frontends/models/Inputs/") + name + ".json")->config;
  };
  EXPECT_DOUBLE_EQ(open("gemma-3-27b").attentionScale, 1 / std::sqrt(168.));
  EXPECT_EQ(open("gemma-3-4b").heads, 8); // not in the file
  EXPECT_EQ(open("gemma-3-4b").rope.factor, 8);
  EXPECT_EQ(llvm::count(open("gemma-3-27b").kinds, LayerKind::Full), 10);
  EXPECT_EQ(open("mistral-7b-v0.1").slidingWindow, 4096);
  EXPECT_EQ(open("mistral-7b-v0.3").slidingWindow, 0);
  EXPECT_EQ(open("mistral-small-3.1-24b").rope.theta, 1e9);
}

TEST(Models, NamesAreUnique) {
  for (auto names : {knownModelTypes(), knownGgufArchitectures()})
    EXPECT_EQ(llvm::unique(names), names.end());
  bool isWrapper = false;
  EXPECT_EQ(findModelType("gemma3", isWrapper), &models::Gemma3);
  EXPECT_TRUE(isWrapper);
  EXPECT_EQ(findModelType("gemma3_text", isWrapper), &models::Gemma3);
  EXPECT_FALSE(isWrapper);
  EXPECT_EQ(findModelType("", isWrapper), nullptr);
}

TEST(Models, DefaultsAndRequiredValuesAreJson) {
  for (const NamedModel &entry : allModels())
    for (const char *text : {entry.model->huggingFace.defaults, entry.model->huggingFace.required}) {
      auto object = llvm::json::parse(text);
      ASSERT_TRUE(bool(object)) << entry.name.str();
      EXPECT_TRUE(object->getAsObject()) << entry.name.str();
    }
}
