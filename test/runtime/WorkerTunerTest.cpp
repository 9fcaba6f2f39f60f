//===- WorkerTunerTest.cpp - how many workers take part in a step -------------------------------------------------===//

#include "runtime/workers/WorkerTuner.h"

#include <gtest/gtest.h>

#include <vector>

using namespace lrt;

namespace {

/// Steps with each number of workers, when `seconds[n]` is what n workers take.
std::vector<int> simulate(WorkerTuner &tuner, const std::vector<double> &seconds, bool isDisturbed, int steps) {
  std::vector<int> counts(seconds.size());
  for (int i = 0; i < steps; ++i) {
    int64_t workers = tuner.next();
    ++counts[workers];
    tuner.finished(seconds[workers], isDisturbed && workers > 1);
  }
  return counts;
}

} // namespace

TEST(WorkerTuner, isTheWholeTeamWhileNobodyDisturbs) {
  WorkerTuner tuner(4);
  EXPECT_EQ(simulate(tuner, {0, 1, 9, 9, 9}, false, 1000)[4], 1000);
}

TEST(WorkerTuner, isNotMisledByWhatHappensOnce) {
  WorkerTuner tuner(2);
  for (int step = 0; step < 1000; ++step) {
    ASSERT_EQ(tuner.next(), 2) << step;
    bool isHeldUp = step % 10 == 0 || step == 1; // the first ones touch memory for the first time
    tuner.finished(isHeldUp ? 5 : 1, isHeldUp);
  }
}

TEST(WorkerTuner, shrinksWhenOneWorkerAloneIsFaster) {
  WorkerTuner tuner(2);
  EXPECT_GT(simulate(tuner, {0, 1, 1.4}, true, 1000)[1], 850);
}

TEST(WorkerTuner, staysWhenTwoAreFasterAllTheSame) {
  WorkerTuner tuner(2);
  EXPECT_GT(simulate(tuner, {0, 2, 1}, true, 1000)[2], 920);
}

TEST(WorkerTuner, growsAgainSoonAfterTheNeighbourHasGone) {
  WorkerTuner tuner(2);
  simulate(tuner, {0, 1, 1.4}, true, 1000);
  EXPECT_GT(simulate(tuner, {0, 1, 0.5}, false, 200)[2], 100);
}

TEST(WorkerTuner, aTrialThatIsClearlyWorseEndsAfterTwoSteps) {
  WorkerTuner tuner(2);
  simulate(tuner, {0, 1, 1.4}, true, 200);
  EXPECT_LE(simulate(tuner, {0, 1, 1.4}, true, 660)[2], 20);
}

TEST(WorkerTuner, findsTheBestOfMany) {
  WorkerTuner tuner(8);
  EXPECT_GT(simulate(tuner, {0, 9, 8, 7, 6, 4, 5, 6, 7}, true, 4000)[5], 3400);
}

TEST(WorkerTuner, ofOneIsOne) {
  WorkerTuner tuner(1);
  EXPECT_EQ(simulate(tuner, {0, 1}, true, 100)[1], 100);
}
