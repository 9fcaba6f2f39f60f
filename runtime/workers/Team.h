//===- Team.h - the workers of a forward step ---------------------------------------------------------------------===//
//
// A team is the calling thread (worker 0) and threads that live as long as the team. Each worker owns a range of a
// phase's tiles and goes through it from the start, so it reads memory in one stream. An idle worker takes tiles from
// the end of another worker's range, from its second half only.
//
// A waiting worker spins, because a phase takes microseconds. It sleeps when the worker it waits for was last seen on
// the same core, or when the wait gets long: this gives the core to the worker that needs it. It never calls
// sched_yield, which would give away a whole time slice (README.md has the numbers).
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_WORKERS_TEAM_H
#define LRT_WORKERS_TEAM_H

#include "lrt/abi.h"

#include <pthread.h>

#include <atomic>
#include <memory>
#include <type_traits>
#include <vector>

namespace lrt {

enum class Waited {
  Briefly,
  OnSharedCore, // slept: another worker needed the core
  Long,         // slept after spinning: another worker must have lost its core to another process
};

/// Memory that a worker reads after a barrier. It is prefetched one cache line at a time while the worker waits.
struct Prefetch {
  const char *next = nullptr;
  int64_t bytes = 0;

  bool isEmpty() const { return bytes <= 0; }
  void nextLine() {
    constexpr int64_t line = 64;
    __builtin_prefetch(next);
    next += line;
    bytes -= line;
  }
};

/// A number that only grows; one or more threads wait until it is large enough.
class Signal {
public:
  /// Everything written before post(n) is visible after wait(n).
  void post(uint32_t number);

  /// Returns how the wait ended. `isWanted(cpu)` says whether a worker that has not reached the barrier was last seen
  /// on that core; it is called only when the wait gets long.
  template <typename IsWanted> Waited wait(uint32_t number, Prefetch &prefetch, IsWanted isWanted);

private:
  /// Number times two; the lowest bit says that a thread sleeps, so that post() needs no second access.
  std::atomic<uint32_t> state{0};
  /// The core of the last post(). A thread that spins on the same core keeps the next post() from happening.
  std::atomic<int> cpu{-1};
};

/// The times, by now(), at which the workers of a run reached its barriers. The barrier at the end of a run counts,
/// too.
struct Stamps {
  /// Room for so many workers and barriers of a call. Later barriers are counted, but their times are not kept.
  Stamps(int64_t workers, int64_t barriers) : arrived(workers, std::vector<double>(barriers)), left(barriers) {}

  int64_t workers = 0, barriers = 0; // of the last run
  double begin = 0;
  std::vector<std::vector<double>> arrived; // [worker][barrier]
  std::vector<double> left;                 // [barrier], by worker 0; the others leave at the same time
};

class Team {
public:
  /// Work of one worker.
  using Function = void (*)(void *context, int64_t worker);

  /// The team has fewer workers than requested if the system cannot start more threads.
  explicit Team(int64_t workers);
  Team(const Team &) = delete;
  Team &operator=(const Team &) = delete;
  ~Team();

  int64_t workers() const { return size; }

  /// Runs function(context, worker) on workers [0, active); returns when all are done.
  void run(Function function, void *context, int64_t active);

  /// The same on all workers, for a callable taking the worker's id.
  template <typename Callable> void each(Callable &&callable) {
    run([](void *context, int64_t worker) { (*static_cast<std::remove_reference_t<Callable> *>(context))(worker); },
        &callable, size);
  }

  /// Whether other processes kept the workers of the last run() from running at the same time.
  bool wasDisturbed() const;

  /// Every run() from now on writes its times there; null: none. A barrier then reads the clock once, on worker 0
  /// twice.
  void setStamps(Stamps *wanted) { stamps = wanted; }

  /// Inside run(): returns when every worker has called it as many times as this one.
  void barrier(int64_t worker, Prefetch prefetch = {});

  /// Inside run(): a tile of [0, tiles) that no worker was given since the last barrier, or -1 when none is left. All
  /// calls between two barriers name the same number of tiles, below 2^31.
  int64_t nextTile(int64_t worker, int64_t tiles);

private:
  // A dissemination barrier: in round r a worker signals the one 2^r further on and waits for the one 2^r before. Two
  // workers exchange one cache line each way, n workers need log2(n) such exchanges and no common counter.
  struct alignas(128) Arrival {
    Signal arrived;
  };
  struct alignas(128) Record {
    std::atomic<uint32_t> barriers{0};             // this worker has reached
    std::atomic<int> cpu{-1};                      // where it was then
    std::atomic<int> sharedWaits{0}, longWaits{0}; // waits of the job that ended in these ways
    // Posted by worker 0 to the workers of a job; the others stay asleep.
    alignas(128) Signal started;
    uint32_t jobs = 0; // posted
  };

  /// A worker's tiles: the first half, [begin, common), is its own; others may take from [common, end).
  struct Part {
    int64_t begin, common, end;
  };
  /// The tiles of a worker's part that are taken, since the last barrier.
  struct alignas(128) Taken {
    /// Tiles of [common, end) that are taken: low 32 bits from the front, by the worker; high 32 bits from the end.
    std::atomic<uint64_t> common{0};
    // The rest of [begin, common); both 0 before the first call. Only the worker itself reads these.
    int64_t next = 0, end = 0;
  };

  struct Start;
  void workerLoop(int64_t worker);
  void startWorkers(int64_t count);
  Part partOf(int64_t worker, int64_t tiles) const;
  /// Each worker has two: one is in use, the other is cleared for the next phase.
  Taken &takenOf(int64_t worker, uint32_t barriers) { return taken[2 * worker + barriers % 2]; }
  static void clear(Taken &some);
  bool isWanted(int cpu, uint32_t number, int64_t workers) const;

  int64_t size = 1;
  int64_t maxRounds = 0;
  std::unique_ptr<Arrival[]> arrivals; // [worker][round]
  std::unique_ptr<Record[]> records;   // [worker]
  std::unique_ptr<Taken[]> taken;      // [worker][number of the previous barrier % 2]
  std::vector<pthread_t> threads;

  // The current job. `firstBarrier`: how many barriers worker 0 had reached before it. Workers that did not take part
  // in the last job continue counting from there.
  Function function = nullptr; // null: the team ends
  void *context = nullptr;
  int64_t active = 1;
  int64_t rounds = 0; // 2^rounds >= active
  uint32_t firstBarrier = 0;
  Stamps *stamps = nullptr;
};

} // namespace lrt

#endif // LRT_WORKERS_TEAM_H
