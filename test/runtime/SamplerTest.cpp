//===- SamplerTest.cpp - which token comes next -------------------------------------------------------------------===//

#include "runtime/sampling/Sampler.h"
#include "runtime/sampling/Penalties.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace lrt;

namespace {

std::vector<int> histogram(const std::vector<float> &logits, SamplerOptions options, int draws) {
  Sampler sampler(options, int64_t(logits.size()));
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i)
    ++counts[sampler.sample(logits.data())];
  return counts;
}

struct Golden {
  SamplerOptions sampler;
  PenaltyOptions penalties;
  std::vector<double> shares; // of every token
};

#include "SamplerGoldens.inc"

std::vector<float> penalised(const PenaltyOptions &options, std::vector<float> logits) {
  Penalties penalties(options, int64_t(logits.size()));
  for (int32_t token : prompt)
    penalties.addPrompt(token);
  for (int32_t token : answer)
    penalties.addAnswer(token);
  penalties.apply(logits.data());
  return logits;
}

} // namespace

TEST(Argmax, firstOfEqualsWins) {
  std::vector<float> logits(100, 1.0f);
  EXPECT_EQ(argmax(logits.data(), 100), 0);
  logits[37] = logits[90] = 2;
  EXPECT_EQ(argmax(logits.data(), 100), 37);
}

TEST(Argmax, everyPlaceCanWin) {
  for (int64_t count : {1, 15, 16, 17, 50})
    for (int64_t place = 0; place < count; ++place) {
      std::vector<float> logits(count, -3.0f);
      logits[place] = -2;
      EXPECT_EQ(argmax(logits.data(), count), place);
    }
}

TEST(Argmax, whatIsNotANumberNeverWins) {
  std::vector<float> logits(40, NAN);
  EXPECT_EQ(argmax(logits.data(), 40), -1);
  logits[33] = -1e30f;
  EXPECT_EQ(argmax(logits.data(), 40), 33);
  logits[2] = INFINITY;
  EXPECT_EQ(argmax(logits.data(), 40), 2);
}

TEST(Sampler, withoutTemperatureIsGreedy) {
  std::vector<float> logits = {0, 3, 2};
  EXPECT_EQ(histogram(logits, {.topK = 2, .seed = 1}, 100), std::vector<int>({0, 100, 0}));
}

TEST(Sampler, drawsAsOftenAsTheSoftmaxSays) {
  std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f), -200.0f};
  constexpr int draws = 100'000;
  std::vector<int> counts = histogram(logits, {.temperature = 1, .seed = 7}, draws);
  EXPECT_NEAR(counts[0], 0.5 * draws, 0.01 * draws);
  EXPECT_NEAR(counts[1], 0.3 * draws, 0.01 * draws);
  EXPECT_NEAR(counts[2], 0.2 * draws, 0.01 * draws);
  EXPECT_EQ(counts[3], 0);
}

TEST(Sampler, temperatureSharpens) {
  std::vector<float> logits = {std::log(0.6f), std::log(0.3f)}; // at 0.5: 4 to 1
  std::vector<int> counts = histogram(logits, {.temperature = 0.5, .seed = 7}, 50'000);
  EXPECT_NEAR(counts[0], 40'000, 500);
}

TEST(Sampler, topKKeepsTheLikeliestAndOfEqualsTheFirst) {
  std::vector<float> logits(1000, 0.0f);
  logits[700] = 1;
  std::vector<int> counts = histogram(logits, {.temperature = 1, .topK = 3, .seed = 3}, 3000);
  EXPECT_GT(counts[700], 0);
  EXPECT_GT(counts[0], 0);
  EXPECT_GT(counts[1], 0);
  EXPECT_EQ(counts[0] + counts[1] + counts[700], 3000);
}

TEST(Sampler, topPKeepsTheFewestThatReachIt) {
  std::vector<float> logits = {std::log(0.2f), std::log(0.5f), std::log(0.3f)};
  std::vector<int> counts = histogram(logits, {.temperature = 1, .topP = 0.75, .seed = 3}, 8000);
  EXPECT_EQ(counts[0], 0);
  EXPECT_NEAR(counts[1], 5000, 200);
  counts = histogram(logits, {.temperature = 1, .topP = 0, .seed = 3}, 100); // never none
  EXPECT_EQ(counts[1], 100);
}

TEST(Sampler, topPCountsWhatTopKLeft) {
  // Of the two kept tokens the first has probability 0.625: alone it reaches 0.6, though it has only half of the total.
  std::vector<float> logits = {std::log(0.2f), std::log(0.5f), std::log(0.3f)};
  std::vector<int> counts = histogram(logits, {.temperature = 1, .topK = 2, .topP = 0.6, .seed = 3}, 1000);
  EXPECT_EQ(counts[1], 1000);
}

TEST(Sampler, sameSeedSameTokens) {
  std::vector<float> logits(500);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = float(i % 7);
  for (double topP : {1.0, 0.9}) {
    SamplerOptions options = {.temperature = 1, .topP = topP, .seed = 42};
    Sampler first(options, 500), second(options, 500);
    options.seed = 43;
    Sampler other(options, 500);
    int differences = 0;
    for (int i = 0; i < 100; ++i) {
      int64_t token = first.sample(logits.data());
      EXPECT_EQ(token, second.sample(logits.data()));
      differences += token != other.sample(logits.data());
    }
    EXPECT_GT(differences, 50);
  }
}

TEST(Sampler, survivesWhatIsNotANumber) {
  std::vector<float> logits(300, NAN);
  for (SamplerOptions options :
       {SamplerOptions{.temperature = 1, .seed = 1}, SamplerOptions{.temperature = 1, .topK = 5, .seed = 1},
        SamplerOptions{.temperature = 1, .topP = 0.5, .seed = 1}}) {
    logits.assign(300, NAN);
    EXPECT_EQ(Sampler(options, 300).sample(logits.data()), -1);
    logits[7] = 1;
    logits[8] = -INFINITY;
    EXPECT_EQ(Sampler(options, 300).sample(logits.data()), 7);
    logits[9] = INFINITY;
    EXPECT_EQ(Sampler(options, 300).sample(logits.data()), 9);
  }
}

TEST(Sampler, drawsFromWhatTransformersDrawsFrom) {
  constexpr int draws = 200'000;
  for (const Golden &golden : goldens) {
    std::vector<int> counts = histogram(penalised(golden.penalties, logits), golden.sampler, draws);
    for (size_t token = 0; token < counts.size(); ++token) {
      const double share = golden.shares[token];
      const double deviation = std::sqrt(share * (1 - share) * draws);
      EXPECT_NEAR(counts[token], share * draws, share == 0 || share == 1 ? 0 : 5 * deviation + 1)
          << "case " << &golden - goldens << ", token " << token;
    }
  }
}

TEST(Sampler, minPNeedsNoOtherCut) {
  std::vector<float> logits(1000, std::log(0.05f));
  logits[500] = 0;
  logits[501] = std::log(0.2f);
  std::vector<int> counts = histogram(logits, {.temperature = 1, .minP = 0.1, .seed = 3}, 6000);
  EXPECT_EQ(counts[500] + counts[501], 6000);
  EXPECT_NEAR(counts[501], 1000, 150);
}

TEST(Sampler, aTemperatureNextToNothingIsGreedy) {
  std::vector<float> logits = {1, 3, 2.9f};
  for (double temperature : {1e-300, 1e-40, 1e-20})
    for (SamplerOptions options : {SamplerOptions{.temperature = temperature, .seed = 1},
                                   SamplerOptions{.temperature = temperature, .topK = 2, .seed = 1},
                                   SamplerOptions{.temperature = temperature, .topP = 0.9, .seed = 1},
                                   SamplerOptions{.temperature = temperature, .minP = 0.5, .seed = 1}})
      EXPECT_EQ(histogram(logits, options, 50), std::vector<int>({0, 50, 0}));
}

TEST(Penalties, areTransformersAndOpenAIs) {
  // 2: answer, once; 3: prompt; 5: answer, three times; 7: both; 11: prompt.
  std::vector<float> found = penalised({.repeat = 2, .presence = 0.5, .frequency = 0.25}, logits);
  std::vector<float> expected = logits;
  expected[2] = expected[2] / 2 - 0.75f;
  expected[3] *= 2;
  expected[5] = expected[5] * 2 - 1.25f;
  expected[7] = expected[7] * 2 - 0.75f;
  expected[11] *= 2;
  for (size_t i = 0; i < logits.size(); ++i)
    EXPECT_FLOAT_EQ(found[i], expected[i]) << i;
  EXPECT_EQ(penalised({}, logits), logits);
}

TEST(LogProbabilities, areTheModels) {
  std::vector<float> scores = {std::log(0.2f), std::log(0.5f), std::log(0.25f), std::log(0.05f), NAN}, scratch(5);
  for (float &score : scores)
    score += 40; // logits are only known up to a constant
  LogProbabilities found = logProbabilities(scores.data(), 5, 3, 2, scratch.data());
  EXPECT_NEAR(found.chosen.value, std::log(0.05), 1e-5);
  ASSERT_EQ(found.best.size(), 2u);
  EXPECT_EQ(found.best[0].token, 1);
  EXPECT_NEAR(found.best[0].value, std::log(0.5), 1e-5);
  EXPECT_EQ(found.best[1].token, 2);
  EXPECT_NEAR(found.best[1].value, std::log(0.25), 1e-5);
  EXPECT_EQ(logProbabilities(scores.data(), 5, 0, 0, scratch.data()).best.size(), 0u);
  EXPECT_EQ(logProbabilities(scores.data(), 5, 0, 100, scratch.data()).best.size(), 4u);
}
