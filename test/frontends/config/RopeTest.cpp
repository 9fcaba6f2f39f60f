#include "frontends/config/Config.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace lathe;

namespace {
void expectClose(float found, double expected) { EXPECT_NEAR(found / expected, 1, 4e-7) << expected; }
} // namespace

// Numbers computed in double precision from the published formulas.

TEST(Rope, Plain) {
  std::vector<float> w = Rope{.theta = 5e5, .dims = 128}.frequencies();
  ASSERT_EQ(w.size(), 64u);
  EXPECT_EQ(w[0], 1);
  expectClose(w[1], 0.814617234);
  expectClose(w[32], 1.41421356e-3);
  expectClose(w[63], 2.45514079e-6);
}

TEST(Rope, Linear) {
  Rope rope{.theta = 1e6, .dims = 256, .scaling = RopeScaling::Linear, .factor = 8};
  EXPECT_EQ(rope.frequencies()[0], 0.125f);
}

TEST(Rope, Llama3KeepsBlendsAndSlows) {
  Rope rope{.theta = 5e5,
            .dims = 64,
            .scaling = RopeScaling::Llama3,
            .factor = 32,
            .lowFrequency = 1,
            .highFrequency = 4,
            .originalPositions = 8192};
  std::vector<float> w = rope.frequencies();
  expectClose(w[14], 3.21144599e-3); // kept
  expectClose(w[15], 1.29054793e-3); // blended
  expectClose(w[16], 4.29556797e-4);
  expectClose(w[17], 9.7082878e-5);
  expectClose(w[18], 1.94616382e-5); // divided by the factor
  expectClose(w[31], 9.41830673e-8);
}

TEST(Rope, Llama3WithoutABandDoesNotDivideByZero) {
  Rope rope{.theta = 5e5,
            .dims = 128,
            .scaling = RopeScaling::Llama3,
            .factor = 16,
            .lowFrequency = 1,
            .highFrequency = 1,
            .originalPositions = 8192};
  std::vector<float> w = rope.frequencies();
  expectClose(w[34], 9.3847387e-4);
  expectClose(w[35], 4.77810618e-5);
}

TEST(Rope, YarnRoundsItsRangeOutwardsOrNot) {
  Rope deepseek{.theta = 1e4, .dims = 64, .scaling = RopeScaling::Yarn, .factor = 40, .originalPositions = 4096};
  std::vector<float> w = deepseek.frequencies();
  expectClose(w[10], 5.62341325e-2);
  expectClose(w[16], 5.5e-3);
  expectClose(w[24], 2.5e-5);
  Rope gptOss{.theta = 150000,
              .dims = 64,
              .scaling = RopeScaling::Yarn,
              .factor = 32,
              .originalPositions = 4096,
              .truncate = false};
  w = gptOss.frequencies();
  expectClose(w[8], 5.08132748e-2);
  expectClose(w[9], 3.17056962e-2);
  expectClose(w[16], 4.56483919e-4);
  expectClose(w[24], 4.09997848e-6);
}

TEST(Rope, Divisors) {
  Rope rope{.theta = 100, .dims = 4, .scaling = RopeScaling::Divisors, .divisors = {2, 4}};
  EXPECT_EQ(rope.frequencies(), (std::vector<float>{0.5f, 0.025f}));
}

TEST(Rope, LongRopeChoosesByTheContext) {
  const Rope rope{.theta = 100,
                  .dims = 4,
                  .scaling = RopeScaling::LongRope,
                  .originalPositions = 4096,
                  .divisors = {1, 2},
                  .longDivisors = {2, 4}};
  const std::vector<float> shortOnes = {1, 0.05f}, longOnes = {0.5f, 0.025f};
  EXPECT_EQ(rope.in(1).frequencies(), shortOnes);
  EXPECT_EQ(rope.in(4096).frequencies(), shortOnes);
  EXPECT_EQ(rope.in(4097).frequencies(), longOnes);
  EXPECT_FALSE(rope.isLongIn(4096));
  EXPECT_TRUE(rope.isLongIn(4097));
}
