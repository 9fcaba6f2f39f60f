#include "frontends/Frontend.h"
#include "frontends/models/Model.h"
#include "test/frontends/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace lathe;
using namespace lathe::testing;

namespace {

int64_t parameters(const ModelSource &source) {
  int64_t sum = 0;
  auto add = [&](Slot slot) {
    int64_t count = 1;
    for (int64_t size : slotShape(*source.model, source.config, slot))
      count *= size;
    sum += count;
  };
  for (Slot slot : globalSlots(*source.model, source.config))
    add(slot);
  for (int64_t layer = 0; layer < source.config.layers; ++layer)
    for (Slot slot : layerSlots(*source.model, source.config, layer))
      add(slot);
  return sum;
}

} // namespace

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

  };
  for (auto [name, count] : published) {
    auto source = openModel(std::string(LATHE_TEST_DIR "/frontends/models/Inputs/") + name + ".json");
    ASSERT_EQ(messageOf(source), "");
    EXPECT_EQ(parameters(*source), count) << name;
    EXPECT_FALSE(source->checkpoint);
    EXPECT_EQ(messageOf(source->bind(Slot::Q, 0)), "");
    EXPECT_FALSE(source->bind(Slot::Q, 0)->tensor);
  }
}

TEST(Models, WhatTheLargeConfigsSay) {
  auto open = [](const char *name) {
    return openModel(std::string(LATHE_TEST_DIR "/frontends/models/Inputs/") + name + ".json")->config;
  };
  EXPECT_DOUBLE_EQ(open("gemma-3-27b").attentionScale, 1 / std::sqrt(168.));
  EXPECT_EQ(open("gemma-3-4b").heads, 8); // left out in the file
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
    for (const char *text : {entry.model->defaults, entry.model->required}) {
      auto object = llvm::json::parse(text);
      ASSERT_TRUE(bool(object)) << entry.name.str();
      EXPECT_TRUE(object->getAsObject()) << entry.name.str();
    }
}
