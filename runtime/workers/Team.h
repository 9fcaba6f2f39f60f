//===- Team.h - the workers of a forward step ---------------------------------------------------------------------===//
//
// A team is the calling thread (worker 0) and threads that live as long as it does. A phase's tiles are divided by
// worker id, so that each reads memory in one stream; of the second half of its tiles others, when they are done with
// theirs, take from the end. Who waits spins, because a phase ends in microseconds, unless the one waited for was last
// seen on the same core, or the wait gets long: then it sleeps, which gives the core to the worker that needs it. It
// never calls sched_yield: that forfeits a whole time slice to whatever else wants the core (README.md has the
// numbers).
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
  Long,         // slept after spinning in vain: another worker must have lost its core to a neighbour
};

/// A number that only grows; one or more threads wait until it is large enough.
/// Memory that will be read soon, asked for line by line while there is nothing else to do.
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

class Signal {
public:
  /// Everything written before post(n) is visible after wait(n).
  void post(uint32_t number);

  /// `isWanted(cpu)` says whether somebody else who is not there yet needs the core; asked only when the wait gets
  /// long. Returns how the wait ended.
  template <typename IsWanted> Waited wait(uint32_t number, Prefetch &prefetch, IsWanted isWanted);

private:
  /// Number times two; the lowest bit says that somebody sleeps, so that post() knows without a second access.
  std::atomic<uint32_t> state{0};
  /// Where the last post() came from: who spins on that very core keeps the next post() from happening.
  std::atomic<int> cpu{-1};
};

/// When the workers of a run came to its barriers, the one at its end included, by now().
struct Stamps {
  /// Room for so many workers and barriers; what comes after is counted, not kept.
  Stamps(int64_t workers, int64_t barriers) : arrived(workers, std::vector<double>(barriers)), left(barriers) {}

  int64_t workers = 0, barriers = 0; // of the last run
  double begin = 0;
  std::vector<std::vector<double>> arrived; // [worker][barrier]
  std::vector<double> left;                 // worker 0 alone: the others leave when it does, but may be late to say so
};

class Team {
public:
  /// Work of one worker.
  using Function = void (*)(void *context, int64_t worker);

  /// With fewer workers than asked for if the system starts no more threads.
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

  /// Whether neighbours kept the workers of the last run() from running side by side.
  bool wasDisturbed() const;

  /// Every run() from now on leaves its times there; null: none. A barrier then looks at the clock once, that of worker
  /// 0 twice.
  void setStamps(Stamps *wanted) { stamps = wanted; }

  /// Inside run(): returns when every worker has come here as often as this one.
  void barrier(int64_t worker, Prefetch prefetch = {});

  /// Inside run(), for one number of `tiles` (below 2^31) between two barriers: a tile that nobody was given before, -1
  /// when there is none.
  int64_t nextTile(int64_t worker, int64_t tiles);

private:
  // A dissemination barrier: in round r a worker signals the one 2^r further on and waits for the one 2^r before. Two
  // workers exchange one cache line each way, n workers need log2(n) such exchanges and no common counter.
  struct alignas(128) Place {
    Signal arrived;
  };
  struct alignas(128) Record {
    std::atomic<uint32_t> barriers{0};             // this worker has reached
    std::atomic<int> cpu{-1};                      // where it was then
    std::atomic<int> sharedWaits{0}, longWaits{0}; // waits of the job that ended in these ways
    // Posted by worker 0 to those that take part in a job; the others sleep on and look at nothing.
    alignas(128) Signal started;
    uint32_t jobs = 0; // posted
  };

  /// A worker's tiles: the first half is its own, [common, end) are whoever's comes first.
  struct Part {
    int64_t begin, common, end;
  };
  /// What has been given away of a worker's part between two barriers.
  struct alignas(128) Taken {
    /// Of [common, end): in the lower half how many from the front, by the worker, in the upper how many from the end.
    std::atomic<uint64_t> common{0};
    // Of [begin, common), 0 before the first; the worker alone looks at these.
    int64_t next = 0, end = 0;
  };

  struct Start;
  void workerLoop(int64_t worker);
  void startWorkers(int64_t count);
  Part partOf(int64_t worker, int64_t tiles) const;
  /// One of two for each worker: while those of a phase are in use, a worker clears the next phase's.
  Taken &takenOf(int64_t worker, uint32_t barriers) { return taken[2 * worker + barriers % 2]; }
  static void clear(Taken &some);
  bool isWanted(int cpu, uint32_t number, int64_t workers) const;

  int64_t size = 1;
  int64_t mostRounds = 0;
  std::unique_ptr<Place[]> places;   // [worker][round]
  std::unique_ptr<Record[]> records; // [worker]
  std::unique_ptr<Taken[]> taken;    // [worker][number of the barrier before % 2]
  std::vector<pthread_t> threads;

  // The current job. `firstBarrier`: how many barriers worker 0 had reached before; who did not take part in the last
  // job counts on from there.
  Function function = nullptr; // null: the team ends
  void *context = nullptr;
  int64_t active = 1;
  int64_t rounds = 0; // 2^rounds >= active
  uint32_t firstBarrier = 0;
  Stamps *stamps = nullptr;
};

} // namespace lrt

#endif // LRT_WORKERS_TEAM_H
