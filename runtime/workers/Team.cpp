//===- Team.cpp - the workers of a forward step -------------------------------------------------------------------===//

#include "runtime/workers/Team.h"

#include "lrt/functions.h"
#include "runtime/support/Support.h"

#include <immintrin.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

using namespace lrt;

namespace {

/// Longer than any imbalance within a phase of a decode step, shorter than the time slice of another process.
constexpr double longestSpin = 200e-6; // seconds
constexpr double shortSpin = 3e-6;     // most waits are shorter

void futex(std::atomic<uint32_t> &word, int operation, uint32_t value) {
  static_assert(sizeof(word) == sizeof(uint32_t));
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

bool hasReached(uint32_t state, uint32_t number) { return int32_t((state & ~1u) - (number << 1)) >= 0; }

} // namespace

void Signal::post(uint32_t number) {
  cpu.store(sched_getcpu(), std::memory_order_relaxed);
  uint32_t before = state.exchange(number << 1, std::memory_order_acq_rel);
  if (before & 1)
    futex(state, FUTEX_WAKE, INT32_MAX);
}

template <typename IsWanted> Waited Signal::wait(uint32_t number, Prefetch &prefetch, IsWanted isWanted) {
  auto isThere = [&] { return hasReached(state.load(std::memory_order_acquire), number); };
  if (isThere())
    return Waited::Briefly;

  Waited waited = Waited::Long;
  const double start = now();
  for (double spent = 0; spent < longestSpin; spent = now() - start) {
    int here = sched_getcpu();
    if (cpu.load(std::memory_order_relaxed) == here || (spent > shortSpin && isWanted(here))) {
      waited = Waited::OnSharedCore;
      break;
    }
    for (int pause = 0; pause < 16; ++pause) {
      if (isThere())
        return Waited::Briefly;
      if (prefetch.isEmpty())
        _mm_pause();
      else
        prefetch.nextLine();
    }
  }

  for (;;) {
    uint32_t seen = state.load(std::memory_order_acquire);
    if (hasReached(seen, number))
      return waited;
    if ((seen & 1) || state.compare_exchange_weak(seen, seen | 1, std::memory_order_acq_rel))
      futex(state, FUTEX_WAIT, seen | 1);
  }
}

struct Team::Start {
  Team *team;
  int64_t worker;
};

Team::Team(int64_t workers) {
  workers = std::max<int64_t>(workers, 1);
  while ((int64_t(1) << maxRounds) < workers)
    ++maxRounds;
  arrivals.reset(new Arrival[workers * maxRounds]);
  records.reset(new Record[workers]);
  taken.reset(new Taken[2 * workers]);
  auto loop = [](void *argument) -> void * {
    Start start = *static_cast<Start *>(argument);
    delete static_cast<Start *>(argument);
    start.team->workerLoop(start.worker);
    return nullptr;
  };
  for (; size < workers; ++size) {
    Start *start = new Start{this, size};
    pthread_t thread;
    if (pthread_create(&thread, nullptr, loop, start) != 0) {
      delete start;
      break;
    }
    threads.push_back(thread);
  }
}

Team::~Team() {
  function = nullptr;
  startWorkers(size);
  for (pthread_t thread : threads)
    pthread_join(thread, nullptr);
}

void Team::startWorkers(int64_t count) {
  active = count;
  rounds = 0;
  while ((int64_t(1) << rounds) < count)
    ++rounds;
  firstBarrier = records[0].barriers.load(std::memory_order_relaxed);
  for (int64_t worker = 0; worker < count; ++worker) // some may have been left out for a while
    clear(takenOf(worker, firstBarrier));
  for (int64_t worker = 1; worker < count; ++worker)
    records[worker].started.post(++records[worker].jobs);
}

void Team::run(Function work, void *argument, int64_t count) {
  function = work;
  context = argument;
  count = std::clamp<int64_t>(count, 1, size);
  if (stamps) {
    stamps->workers = count;
    stamps->begin = now();
  }
  startWorkers(count);
  records[0].sharedWaits = records[0].longWaits = 0;
  work(argument, 0);
  barrier(0);
  if (stamps)
    stamps->barriers = records[0].barriers.load(std::memory_order_relaxed) - firstBarrier;
}

void Team::workerLoop(int64_t worker) {
  Record &record = records[worker];
  for (uint32_t job = 1;; ++job) {
    Prefetch nothing;
    record.started.wait(job, nothing, [](int) { return false; });
    if (!function)
      return;
    record.barriers.store(firstBarrier, std::memory_order_relaxed);
    record.sharedWaits = record.longWaits = 0;
    function(context, worker);
    barrier(worker);
  }
}

void Team::barrier(int64_t worker, Prefetch prefetch) {
  Record &record = records[worker];
  const uint32_t number = record.barriers.load(std::memory_order_relaxed) + 1;
  // Copies: in the last barrier of a job another job may begin, and change these, before this worker leaves.
  const int64_t workers = active, last = rounds;
  Stamps *const times = stamps;
  const size_t index = number - firstBarrier - 1;
  if (times && index < times->left.size()) // before post(): worker 0 reads it after the last barrier
    times->arrived[worker][index] = now();
  record.cpu.store(sched_getcpu(), std::memory_order_relaxed);
  record.barriers.store(number, std::memory_order_relaxed);
  clear(
      takenOf(worker, number)); // every worker has left the phase that used it: this worker has passed a barrier since
  for (int64_t round = 0; round < last; ++round) {
    int64_t next = (worker + (int64_t(1) << round)) % workers;
    arrivals[next * maxRounds + round].arrived.post(number);
    Waited waited = arrivals[worker * maxRounds + round].arrived.wait(
        number, prefetch, [&](int cpu) { return workers > 2 && isWanted(cpu, number, workers); });
    if (waited == Waited::OnSharedCore)
      record.sharedWaits.fetch_add(1, std::memory_order_relaxed);
    else if (waited == Waited::Long)
      record.longWaits.fetch_add(1, std::memory_order_relaxed);
  }
  // No more lines than the core can load at once, so that these prefetches do not wait.
  for (int line = 0; line < 16 && !prefetch.isEmpty(); ++line)
    prefetch.nextLine();
  if (times && worker == 0 && index < times->left.size())
    times->left[index] = now();
}

void Team::clear(Taken &some) {
  some.common.store(0, std::memory_order_relaxed);
  some.next = some.end = 0;
}

Team::Part Team::partOf(int64_t worker, int64_t tiles) const {
  int64_t begin = worker * tiles / active, end = (worker + 1) * tiles / active;
  return {begin, end - (end - begin) / 2, end};
}

int64_t Team::nextTile(int64_t worker, int64_t tiles) {
  const uint32_t number = records[worker].barriers.load(std::memory_order_relaxed);
  Taken &mine = takenOf(worker, number);
  if (mine.next < mine.end)
    return mine.next++;
  Part part = partOf(worker, tiles);
  if (mine.end == 0) {
    mine.next = part.begin, mine.end = part.common;
    if (mine.next < mine.end)
      return mine.next++;
  }
  // The counts only grow. So a worker that sees that no tile is left can go on, and one that adds to a count has a tile
  // unless none was left before.
  auto front = [](uint64_t common) { return int64_t(common & UINT32_MAX); };
  auto back = [](uint64_t common) { return int64_t(common >> 32); };
  auto take = [&](Taken &some, uint64_t one, uint64_t &before) {
    auto isLeft = [&] { return part.common + front(before) + back(before) < part.end; };
    before = some.common.load(std::memory_order_relaxed);
    if (!isLeft())
      return false;
    before = some.common.fetch_add(one, std::memory_order_relaxed);
    return isLeft();
  };
  uint64_t before;
  if (take(mine, 1, before))
    return part.common + front(before);
  if (tiles <= active) // no worker has more than one
    return -1;
  for (int64_t i = 1; i < active; ++i) {
    int64_t other = (worker + i) % active;
    part = partOf(other, tiles);
    if (take(takenOf(other, number), uint64_t(1) << 32, before))
      return part.end - 1 - back(before);
  }
  return -1;
}

bool Team::wasDisturbed() const {
  int64_t barriers = records[0].barriers.load(std::memory_order_relaxed) - firstBarrier;
  int64_t sharedWaits = 0, longWaits = 0;
  for (int64_t worker = 0; worker < active; ++worker) {
    sharedWaits += records[worker].sharedWaits.load(std::memory_order_relaxed);
    longWaits += records[worker].longWaits.load(std::memory_order_relaxed);
  }
  return longWaits > 0 || sharedWaits * 4 > barriers;
}

/// Whether a worker that has not reached the barrier was last seen on this core.
bool Team::isWanted(int cpu, uint32_t number, int64_t workers) const {
  for (int64_t worker = 0; worker < workers; ++worker)
    if (records[worker].cpu.load(std::memory_order_relaxed) == cpu &&
        int32_t(records[worker].barriers.load(std::memory_order_relaxed) - number) < 0)
      return true;
  return false;
}

static Team &teamOf(const void *step) { return *static_cast<Team *>(static_cast<const lrt_step *>(step)->team); }

extern "C" void lrt_barrier(const void *step, int64_t worker, int64_t address, int64_t bytes) {
  teamOf(step).barrier(worker, {reinterpret_cast<const char *>(address), bytes});
}

extern "C" int64_t lrt_next_tile(const void *step, int64_t worker, int64_t tiles) {
  return teamOf(step).nextTile(worker, tiles);
}
