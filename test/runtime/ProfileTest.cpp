//===- ProfileTest.cpp - times of phases, summed over calls -------------------------------------------------------===//

#include "runtime/engine/Profile.h"

#include "FakeModel.h"
#include "lrt/functions.h"
#include "runtime/commands/PhaseReport.h"
#include "runtime/cpu/Probe.h"

#include <gtest/gtest.h>

#include <unistd.h>

using namespace lrt;

namespace {

const Peaks peaks = {.bytes = 100, .ops = {10, 20, 40}};

/// A program of two kinds of phases, "a" twice and then "b".
struct TwoPhases {
  lrt_phase phases[2] = {};
  int32_t order[3] = {0, 0, 1};
  lrt_program program = {};

  TwoPhases() {
    phases[0].name = "a";
    phases[1].name = "b";
    phases[0].kind = phases[1].kind = "";
    for (lrt_entry *entry : {&program.decode, &program.prefill, &program.logits}) {
      entry->phases = phases;
      entry->num_phases = 2;
      entry->order = order;
      entry->num_order = 3;
      entry->rows = 8;
    }
    program.decode.name = "decode";
    program.decode.rows = 1;
    program.prefill.name = "prefill";
  }
};

struct Barrier {
  double first, second, left; // arrivals of two workers, and when the first goes on
};

void add(Profile &profile, const lrt_entry &entry, int64_t rows, int64_t position, std::vector<Barrier> barriers) {
  profile.stamps.workers = 2;
  profile.stamps.begin = 100;
  profile.stamps.barriers = int64_t(barriers.size());
  for (size_t i = 0; i < barriers.size() && i < profile.stamps.left.size(); ++i) {
    profile.stamps.arrived[0][i] = 100 + barriers[i].first;
    profile.stamps.arrived[1][i] = 100 + barriers[i].second;
    profile.stamps.left[i] = 100 + barriers[i].left;
  }
  profile.add(entry, rows, position);
}

} // namespace

TEST(Work, growsWithRowsAndWithWhatTheySee) {
  lrt_phase phase = {};
  phase.weight_bytes = 1000;
  phase.lookup_bytes = 7;
  phase.row_ops[LRT_PEAK_INT8] = 3;
  phase.position_bytes = 2;
  phase.seen_ops[LRT_PEAK_F32] = 10;
  Work work = workOf(phase, 4, 6);
  EXPECT_EQ(work.weightBytes, 1000);
  EXPECT_EQ(work.lookupBytes, 4 * 7);
  EXPECT_EQ(work.cacheBytes, 10 * 2); // positions 0 .. 9
  EXPECT_EQ(work.ops[LRT_PEAK_INT8], 12);
  EXPECT_EQ(work.ops[LRT_PEAK_F32], 10 * (7 + 8 + 9 + 10));
}

TEST(Work, aWindowEndsAtTheRow) {
  lrt_phase phase = {};
  phase.position_bytes = 1;
  phase.seen_ops[LRT_PEAK_F32] = 1;
  phase.window = 3;
  EXPECT_EQ(workOf(phase, 1, 0).cacheBytes, 1);
  EXPECT_EQ(workOf(phase, 1, 10).cacheBytes, 3);
  Work work = workOf(phase, 4, 10); // the first row sees 8, 9, 10, the last 11, 12, 13
  EXPECT_EQ(work.cacheBytes, 6);
  EXPECT_EQ(work.ops[LRT_PEAK_F32], 12);
  EXPECT_EQ(workOf(phase, 4, 0).ops[LRT_PEAK_F32], 1 + 2 + 3 + 3);
}

TEST(Work, aChunkBeginsAtAMultiple) {
  lrt_phase phase = {};
  phase.position_bytes = 1;
  phase.seen_ops[LRT_PEAK_F32] = 1;
  phase.chunk = 4;
  EXPECT_EQ(workOf(phase, 1, 8).cacheBytes, 1);
  EXPECT_EQ(workOf(phase, 1, 11).cacheBytes, 4);
  Work work = workOf(phase, 3, 6); // sees 4..6, 4..7, 8
  EXPECT_EQ(work.cacheBytes, 5);
  EXPECT_EQ(work.ops[LRT_PEAK_F32], 3 + 4 + 1);
}

TEST(Work, rowsChooseExpertsUntilThereAreNoMore) {
  lrt_phase phase = {};
  phase.expert_bytes = 100;
  phase.experts = 8;
  phase.chosen = 2;
  EXPECT_EQ(workOf(phase, 1, 0).weightBytes, 200);
  EXPECT_EQ(workOf(phase, 3, 0).weightBytes, 600);
  EXPECT_EQ(workOf(phase, 50, 0).weightBytes, 800);
}

TEST(Work, aStateIsReadAndWritten) {
  lrt_phase phase = {};
  phase.state_bytes = 5;
  EXPECT_EQ(workOf(phase, 1, 3).cacheBytes, 10);
}

TEST(Work, ofACallIsTheSumOfItsPhases) {
  TwoPhases model;
  model.phases[0].weight_bytes = 100; // twice in the order
  model.phases[0].lookup_bytes = 1;
  model.phases[1].position_bytes = 10;
  model.phases[1].chunk = 4;
  model.phases[1].row_ops[LRT_PEAK_BF16] = 5;
  Work work = workOf(model.program.decode, 1, 5); // sees 4 and 5
  EXPECT_EQ(work.weightBytes, 200);
  EXPECT_EQ(work.lookupBytes, 2);
  EXPECT_EQ(work.cacheBytes, 20);
  EXPECT_EQ(work.bytes(), 222);
  EXPECT_EQ(work.ops[LRT_PEAK_BF16], 5);
}

TEST(Share, ofALimitIsAtMostAHundredPercent) {
  EXPECT_EQ(shareOf(30, 40).kind, Share::Percent);
  EXPECT_EQ(shareOf(30, 40).percent, 75);
  EXPECT_EQ(shareOf(41, 40).kind, Share::Percent); // as exact as probes are
  EXPECT_EQ(shareOf(41, 40).percent, 100);
}

TEST(Share, aboveTheLimitIsADisturbedProbe) {
  EXPECT_EQ(shareOf(62, 40).kind, Share::Disturbed);
  EXPECT_EQ(shareOf(62, 40).percent, 0);
  EXPECT_EQ(shareOf(62, 40, /*bytes=*/1000, /*cacheBytes=*/0).kind, Share::Disturbed);
}

TEST(Share, unlessACacheCanHoldTheRest) {
  EXPECT_EQ(shareOf(62, 40, 1000, 400).kind, Share::Cached); // 600 of 1000 bytes from memory: 37.2
  EXPECT_EQ(shareOf(62, 40, 1000, 100).kind, Share::Disturbed);
  EXPECT_EQ(shareOf(4000, 40, 1000, 2000).kind, Share::Cached);
  EXPECT_EQ(shareOf(20, 40, 1000, 2000).percent, 50);
}

TEST(Spread, ofProbes) {
  EXPECT_EQ(spreadOf({}).best, 0);
  Spread spread = spreadOf({3, 9, 4});
  EXPECT_EQ(spread.lowest, 3);
  EXPECT_EQ(spread.median, 4);
  EXPECT_EQ(spread.best, 9);
}

TEST(Peaks, theSlowerOfReadingAndComputingIsTheLimit) {
  Work work = {.weightBytes = 100, .cacheBytes = 100, .ops = {10, 0, 20}};
  EXPECT_EQ(peaks.seconds(work), 2); // reading; 1 + 0.5 to compute
  EXPECT_TRUE(peaks.isBoundByBytes(work));
  work.ops[LRT_PEAK_F32] = 20;
  EXPECT_EQ(peaks.seconds(work), 2.5);
  EXPECT_FALSE(peaks.isBoundByBytes(work));
}

TEST(Profile, phasesAreSortedByWhatIsLost) {
  TwoPhases model;
  model.phases[0].weight_bytes = 100; // one second each
  Profile profile(model.program, 2);
  // a: 2 s, a: 3 s, b: 4 s.
  add(profile, model.program.decode, 1, 5, {{1, 2, 2}, {5, 4, 5}, {8, 6, 9}});
  std::vector<Pass> passes;
  std::string error;
  ASSERT_TRUE(profile.passes(peaks, passes, error)) << error;
  ASSERT_EQ(passes.size(), 1u);
  const Pass &pass = passes[0];
  EXPECT_EQ(pass.entry, &model.program.decode);
  EXPECT_EQ(pass.position, 5);
  EXPECT_EQ(pass.barriers, 3);
  EXPECT_FLOAT_EQ(pass.measured, 9);
  EXPECT_FLOAT_EQ(pass.median, 9);
  EXPECT_FLOAT_EQ(pass.limit, 2);
  ASSERT_EQ(pass.phases.size(), 2u);
  EXPECT_STREQ(pass.phases[0].phase->name, "b");
  EXPECT_EQ(pass.phases[0].count, 1);
  EXPECT_FLOAT_EQ(pass.phases[0].loss(), 4);
  EXPECT_FLOAT_EQ(pass.phases[0].waited, 2);   // 1 and 3
  EXPECT_FLOAT_EQ(pass.phases[0].handover, 1); // all were there at 8
  EXPECT_STREQ(pass.phases[1].phase->name, "a");
  EXPECT_EQ(pass.phases[1].count, 2);
  EXPECT_FLOAT_EQ(pass.phases[1].measured, 5);
  EXPECT_FLOAT_EQ(pass.phases[1].limit, 2);
  EXPECT_FLOAT_EQ(pass.phases[1].waited, 1);
  EXPECT_FLOAT_EQ(pass.phases[1].handover, 0);
}

TEST(Profile, oneSlowStepOfThreeCountsForNothing) {
  TwoPhases model;
  Profile profile(model.program, 2);
  for (double more : {0.0, 50.0, 1.0}) // positions of decode do not matter
    add(profile, model.program.decode, 1, int64_t(more),
        {{1, 1, 1}, {2 + more, 2, 2 + more}, {3 + more, 3 + more, 3 + more}});
  std::vector<Pass> passes;
  std::string error;
  ASSERT_TRUE(profile.passes(peaks, passes, error)) << error;
  ASSERT_EQ(passes.size(), 1u);
  EXPECT_EQ(passes[0].samples, 3);
  EXPECT_EQ(passes[0].calls, 1);
  EXPECT_FLOAT_EQ(passes[0].measured, 4);
  EXPECT_FLOAT_EQ(passes[0].phases[0].measured, 3); // 1 + 2
  EXPECT_FLOAT_EQ(passes[0].phases[0].waited, 0.5);
}

TEST(Profile, theCallsOfAPromptAreOnePass) {
  TwoPhases model;
  model.phases[1].row_ops[LRT_PEAK_F32] = 10; // a second for each row
  Profile profile(model.program, 2);
  for (int round = 0; round < 2; ++round) {
    add(profile, model.program.prefill, 8, 0, {{1, 1, 1}, {2, 2, 2}, {20, 20, 20}});
    add(profile, model.program.prefill, 3, 8, {{1, 1, 1}, {2, 2, 2}, {6, 6, 6}});
  }
  std::vector<Pass> passes;
  std::string error;
  ASSERT_TRUE(profile.passes(peaks, passes, error)) << error;
  ASSERT_EQ(passes.size(), 1u);
  EXPECT_EQ(passes[0].calls, 2);
  EXPECT_EQ(passes[0].rows, 11);
  EXPECT_EQ(passes[0].samples, 2);
  EXPECT_EQ(passes[0].barriers, 6);
  EXPECT_FLOAT_EQ(passes[0].limit, 11);
  EXPECT_FLOAT_EQ(passes[0].measured, 26);
}

TEST(Profile, theBarrierAtTheEndBelongsToTheLastPhase) {
  TwoPhases model;
  Profile profile(model.program, 2);
  add(profile, model.program.decode, 1, 0, {{1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {3, 7, 8}});
  std::vector<Pass> passes;
  std::string error;
  ASSERT_TRUE(profile.passes(peaks, passes, error)) << error;
  EXPECT_STREQ(passes[0].phases[0].phase->name, "b");
  EXPECT_FLOAT_EQ(passes[0].phases[0].measured, 6);
  EXPECT_FLOAT_EQ(passes[0].phases[0].waited, 3);
}

TEST(Profile, otherBarriersThanDescribedAreRefused) {
  for (size_t barriers : {2, 5}) {
    TwoPhases model;
    Profile profile(model.program, 2);
    add(profile, model.program.decode, 1, 0, std::vector<Barrier>(barriers, {1, 1, 1}));
    std::vector<Pass> passes;
    std::string error;
    EXPECT_FALSE(profile.passes(peaks, passes, error));
    EXPECT_EQ(error,
              "a call of decode has " + std::to_string(barriers - 1) + " barriers, but the program describes 3 phases");
  }
}

TEST(Stamps, sayWhoWaitedForWhom) {
  constexpr int64_t workers = 3;
  Team team(workers);
  Stamps stamps(workers, 4);
  lrt_step step = {};
  step.workers = workers;
  step.team = &team;
  auto work = [](void *context, int64_t worker) {
    if (worker == 1)
      usleep(20'000);
    lrt_barrier(context, worker, 0, 0);
    if (worker == 0)
      usleep(20'000);
    lrt_barrier(context, worker, 0, 0);
  };
  team.setStamps(&stamps);
  for (int job = 0; job < 2; ++job) {
    team.run(work, &step, workers);
    EXPECT_EQ(stamps.workers, workers);
    EXPECT_EQ(stamps.barriers, 3); // and the end
    EXPECT_GE(stamps.arrived[1][0] - stamps.arrived[0][0], 0.01);
    EXPECT_GE(stamps.arrived[0][1] - stamps.arrived[2][1], 0.01);
    double before = stamps.begin;
    for (int64_t barrier = 0; barrier < 3; ++barrier) {
      for (int64_t worker = 0; worker < workers; ++worker) {
        EXPECT_GE(stamps.arrived[worker][barrier], before);
        EXPECT_LE(stamps.arrived[worker][barrier], stamps.left[barrier]);
      }
      before = stamps.left[barrier] - 0.01; // others may go on a little before worker 0 says that it does
    }
  }
  // Nothing is left where nothing is wanted, nor beyond what there is room for.
  team.setStamps(nullptr);
  stamps.barriers = 0;
  team.run(work, &step, 2);
  EXPECT_EQ(stamps.barriers, 0);
  Stamps small(workers, 1);
  team.setStamps(&small);
  team.run(work, &step, 2);
  EXPECT_EQ(small.barriers, 3);
  EXPECT_EQ(small.left.size(), 1u);
}

TEST(PhaseReport, namesAreEscaped) {
  TwoPhases model;
  model.phases[0].name = "a<&>\"";
  Profile profile(model.program, 2);
  add(profile, model.program.decode, 1, 0, {{1, 1, 1}, {2, 2, 2}, {3, 3, 3}});
  std::vector<Pass> passes;
  std::string error;
  ASSERT_TRUE(profile.passes(peaks, passes, error)) << error;
  std::string chart = phaseChart(passes, "x & y");
  EXPECT_NE(chart.find("a&lt;&amp;&gt;&quot;"), std::string::npos);
  EXPECT_NE(chart.find("x &amp; y"), std::string::npos);
  EXPECT_EQ(chart.find("a<"), std::string::npos);
  Json json;
  addPhases(json, passes);
  EXPECT_NE(json.str().find("\"a<&>\\\"\""), std::string::npos);
}
