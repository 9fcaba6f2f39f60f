//===- EngineTest.cpp - several sequences of one engine -----------------------------------------------------------===//

#include "runtime/cpu/FreeMemory.h"
#include "runtime/engine/Sequence.h"

#include "FakeModel.h"
#include "Files.h"

#include <gtest/gtest.h>

using namespace lrt;

namespace {

using Tokens = std::vector<int32_t>;

struct Opened {
  TemporaryDirectory directory;
  Engine engine;

  explicit Opened(const lrt_program &program = fake::program) : engine(program) {
    EngineOptions options;
    options.weights = directory.write("w", fake::weightsFile());
    options.device.threads = 2;
    std::string error;
    EXPECT_TRUE(engine.open(options, error)) << error;
  }
};

/// A sequence and the tokens it was fed.
struct Fed {
  Sequence sequence;
  Tokens tokens;
  std::vector<float> logits;

  explicit Fed(Engine &engine, int64_t positions = fake::context) : sequence(engine), logits(fake::vocabulary) {
    std::string error;
    EXPECT_TRUE(sequence.open(positions, error)) << error;
  }

  void feed(const Tokens &more) {
    EXPECT_TRUE(sequence.feed(more.data(), int64_t(more.size()), logits.data()));
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  /// Whether its logits are those of its own tokens.
  bool isRight() const { return logits == fake::logitsAfter(tokens); }
};

/// A program with sequences that each need six tenths of the free memory.
struct LargeProgram {
  lrt_cache cache = *fake::program.caches;
  lrt_program program = fake::program;

  LargeProgram() {
    program.context = cache.rows = 4000;
    cache.bytes_per_position = availableMemory("") / 10 * 6 / program.context;
    cache.bytes = program.cache_bytes = cache.bytes_per_position * program.context;
    program.caches = &cache;
  }
};

} // namespace

TEST(Engine, sequencesStepByStepInTurnsGiveWhatEachGivesAlone) {
  Opened opened;
  Fed first(opened.engine), second(opened.engine), third(opened.engine);
  first.feed({3, 1, 4});
  second.feed({2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4}); // in two passes
  third.feed({5});
  for (int32_t token : {9, 26, 5, 35, 8, 9}) {
    first.feed({token});
    EXPECT_TRUE(first.isRight());
    second.feed({token + 1, token + 2});
    EXPECT_TRUE(second.isRight());
    third.feed({token});
    EXPECT_TRUE(third.isRight());
    EXPECT_NE(first.logits, third.logits); // the test can tell them apart
  }
  EXPECT_EQ(first.sequence.position(), 9);
  EXPECT_EQ(second.sequence.left(), fake::context - 23);
}

TEST(Engine, everyRowOfAPrefillHasItsLogits) {
  Opened opened;
  Fed other(opened.engine), fed(opened.engine);
  fed.feed({6, 2});
  other.feed({40, 41, 42});
  const Tokens tokens = {8, 3, 1, 8, 5};
  fed.sequence.prefill(tokens.data(), 5);
  std::vector<float> logits(3 * fake::vocabulary);
  fed.sequence.logits(2, 3, logits.data());
  for (int64_t row = 0; row < 3; ++row) {
    Tokens before = {6, 2};
    before.insert(before.end(), tokens.begin(), tokens.begin() + 3 + row);
    const std::vector<float> found(logits.begin() + row * fake::vocabulary,
                                   logits.begin() + (row + 1) * fake::vocabulary);
    EXPECT_EQ(found, fake::logitsAfter(before)) << row;
  }
}

TEST(Engine, aSequenceBeginsEmptyWhereAnotherEnded) {
  Opened opened;
  Fed lasting(opened.engine);
  lasting.feed({11, 12, 13});
  for (int32_t round = 0; round < 3; ++round) {
    Fed brief(opened.engine);
    brief.feed({round, 20, 30});
    lasting.feed({round});
    EXPECT_TRUE(brief.isRight());
  }
  EXPECT_TRUE(lasting.isRight());
}

TEST(Engine, goingOnFromAnEarlierPositionForgetsTheRest) {
  Opened opened;
  Fed fed(opened.engine);
  fed.feed({1, 2, 3, 4});
  fed.sequence.rewind(2);
  fed.tokens.resize(2);
  fed.feed({9, 8});
  EXPECT_TRUE(fed.isRight());
}

TEST(Engine, everySequenceIsCheckedAgainstTheMemoryThatOthersLeave) {
  const LargeProgram large;
  const int64_t context = large.program.context;
  Opened opened(large.program);
  std::string error;
  {
    Sequence first(opened.engine), second(opened.engine);
    EXPECT_TRUE(first.open(context, error)) << error;
    EXPECT_FALSE(second.open(context, error));
    EXPECT_EQ(error.rfind("expected ", 0), 0u) << error;
    EXPECT_NE(error.find("for caches"), std::string::npos) << error;
    EXPECT_LT(second.positionsThatFit(), context);
    EXPECT_EQ(first.positionsThatFit(), context);
  }
  // A refused sequence and destroyed ones hold no memory.
  Sequence small(opened.engine), third(opened.engine);
  EXPECT_TRUE(small.open(1, error)) << error;
  EXPECT_TRUE(third.open(context, error)) << error;
}
