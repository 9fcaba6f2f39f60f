//===- TeamTest.cpp - barriers keep phases apart ------------------------------------------------------------------===//

#include "runtime/workers/Team.h"

#include "lrt/functions.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <numeric>

using namespace lrt;

namespace {

/// The counts are not atomic: only the barrier orders them (and the thread sanitizer checks that).
struct Phases {
  lrt_step step = {};
  std::vector<int64_t> counts;   // [worker]
  std::vector<int64_t> mistakes; // [worker]
  int64_t phases = 0;
  int64_t slowPhase = -1; // in this one the last worker sleeps, longer than anybody spins
};

/// In every phase a worker increments its own count; in the next one it reads the counts of all workers.
void run(void *context, int64_t worker) {
  Phases &work = *static_cast<Phases *>(context);
  int64_t before = work.counts[worker];
  for (int64_t phase = 1; phase <= work.phases; ++phase) {
    if (phase == work.slowPhase && worker == work.step.workers - 1)
      usleep(20'000);
    ++work.counts[worker];
    lrt_barrier(&work.step, worker, 0, 0);
    for (int64_t count : work.counts)
      work.mistakes[worker] += count != before + phase;
    lrt_barrier(&work.step, worker, 0, 0);
  }
}

/// In every phase workers take tiles and record which worker got each. The number of tiles differs between phases.
struct TilePhases {
  lrt_step step = {};
  std::vector<std::vector<std::atomic<int>>> given; // [phase][tile]: how often
  std::vector<std::vector<int64_t>> order;          // [worker]: tiles of the last phase, as they were given
  int64_t sleeper = -1;                             // this worker sleeps in its first tile of every phase
};

void takeTiles(void *context, int64_t worker) {
  TilePhases &work = *static_cast<TilePhases *>(context);
  for (auto &given : work.given) {
    work.order[worker].clear();
    for (int64_t tile; (tile = lrt_next_tile(&work.step, worker, given.size())) >= 0;) {
      ASSERT_LT(tile, given.size());
      ++given[tile];
      if (worker == work.sleeper && work.order[worker].empty())
        usleep(20'000);
      work.order[worker].push_back(tile);
    }
    if (&given != &work.given.back())
      lrt_barrier(&work.step, worker, 0, 0);
  }
}

TilePhases takeTiles(Team &team, int64_t workers, const std::vector<int64_t> &tiles, int64_t sleeper = -1) {
  TilePhases work;
  work.step.workers = workers;
  work.step.team = &team;
  work.sleeper = sleeper;
  work.order.resize(workers);
  for (int64_t each : tiles)
    work.given.emplace_back(each);
  team.run(takeTiles, &work, workers);
  for (auto &given : work.given)
    for (size_t tile = 0; tile < given.size(); ++tile)
      EXPECT_EQ(given[tile], 1) << "tile " << tile << " of " << given.size() << ", " << workers << " workers";
  return work;
}

void check(int64_t workers, int64_t jobs, int64_t phases, int64_t slowPhase) {
  Team team(workers);
  Phases work;
  work.step.workers = workers;
  work.step.team = &team;
  work.counts.resize(workers);
  work.mistakes.resize(workers);
  work.phases = phases;
  work.slowPhase = slowPhase;
  for (int64_t job = 0; job < jobs; ++job)
    team.run(run, &work, workers);
  for (int64_t worker = 0; worker < workers; ++worker) {
    EXPECT_EQ(work.counts[worker], jobs * phases);
    EXPECT_EQ(work.mistakes[worker], 0) << "worker " << worker << " of " << workers;
  }
}

} // namespace

TEST(Team, barrierKeepsPhasesApart) {
  for (int64_t workers : {1, 2, 3, 4, 5, 7, 8, 9})
    check(workers, 10, 50, -1);
}

TEST(Team, manyShortJobs) { check(2, 2000, 1, -1); }

TEST(Team, whoWaitsLongSleepsAndWakesUp) {
  for (int64_t workers : {2, 3, 6})
    check(workers, 2, 5, 3);
}

TEST(Team, anyPartOfItMayWork) {
  Team team(4);
  Phases work;
  work.step.team = &team;
  work.phases = 20;
  std::vector<int64_t> total(4), expected(4);
  for (int job = 0; job < 300; ++job) {
    int64_t active = 1 + job * 7 % 4;
    work.step.workers = active;
    work.counts.assign(active, 0);
    work.mistakes.assign(active, 0);
    team.run(run, &work, active);
    for (int64_t worker = 0; worker < active; ++worker) {
      total[worker] += work.counts[worker];
      expected[worker] += 20;
      EXPECT_EQ(work.mistakes[worker], 0);
    }
  }
  EXPECT_EQ(total, expected);
}

TEST(Team, everyTileIsGivenOnce) {
  for (int64_t workers : {1, 2, 3, 4, 7}) {
    Team team(workers);
    // Few tiles after many: the counters of a phase must be cleared for the next. The number of phases is odd, so a
    // worker that was left out of some jobs comes back to either of its two counters.
    for (int job = 0; job < 50; ++job)
      takeTiles(team, 1 + job % workers, {500, 1, 0, 2, 3, 64, 7, 31, 1000, workers, 100});
  }
}

TEST(Team, tilesAreGivenInOrderAndTheOthersFromTheEnd) {
  Team team(2);
  TilePhases work = takeTiles(team, 2, {40}, /*sleeper=*/1);
  // The first ten of 20..39 are the sleeper's own.
  std::vector<int64_t> expected(20);
  std::iota(expected.begin(), expected.end(), 0);
  for (int64_t tile = 39; tile >= 30; --tile)
    expected.push_back(tile);
  EXPECT_EQ(work.order[0], expected);
  expected.resize(10);
  std::iota(expected.begin(), expected.end(), 20);
  EXPECT_EQ(work.order[1], expected);
}

TEST(Team, workersSleepBetweenJobsAndWakeUp) {
  Team team(3);
  std::vector<int64_t> runs(3);
  for (int job = 0; job < 3; ++job) {
    team.each([&](int64_t worker) { ++runs[worker]; });
    usleep(5000);
  }
  EXPECT_EQ(runs, std::vector<int64_t>({3, 3, 3}));
}

TEST(Team, endsWithoutAnyJob) { Team team(4); }

TEST(Team, hasAtLeastOneWorker) { EXPECT_EQ(Team(0).workers(), 1); }
