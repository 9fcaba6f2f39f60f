//===- Profile.h - the time of phases, beside their limits --------------------------------------------------------===//
//
// The compiler describes the work between two barriers of an entry point, with the minimum that it must read and
// compute (lrt_phase); the team records when its workers reached every barrier. Calls of one size at one position are
// repetitions. The time between two barriers is their median, because other processes slow some of them down.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_ENGINE_PROFILE_H
#define LRT_ENGINE_PROFILE_H

#include "lrt/abi.h"
#include "runtime/engine/Work.h"
#include "runtime/workers/Team.h"

#include <string>
#include <vector>

namespace lrt {

/// One phase in all calls of a pass: a decode step, or the calls of a prompt. Sums over its `count` occurrences; times
/// in seconds.
struct PhaseTimes {
  const lrt_phase *phase = nullptr;
  int64_t count = 0;
  Work work;
  double limit = 0;
  bool isBoundByBytes = true;
  double measured = 0; // wall time, its barrier included
  double waited = 0;   // in the barrier: mean of the workers
  double handover = 0; // part of `waited` after the last worker arrived: the cost of the barrier itself

  double loss() const { return measured - limit; }
};

struct Pass {
  const lrt_entry *entry = nullptr;
  int64_t calls = 0;    // of a pass
  int64_t rows = 0;     // of all calls
  int64_t position = 0; // of the first call; its median over the samples
  int64_t samples = 0;  // minimum over the calls
  int64_t barriers = 0; // occurrences of phases, each of which ends with one
  double measured = 0, waited = 0, handover = 0, limit = 0;
  double median = 0; // of whole passes, with all disturbances
  Work work;
  std::vector<PhaseTimes> phases; // by loss, the largest first
};

class Profile {
public:
  Profile(const lrt_program &program, int64_t workers);

  /// Adds the last call, whose times are in `stamps`.
  void add(const lrt_entry &entry, int64_t rows, int64_t position);

  /// `result` gets a Pass for each entry point that was called. Returns false when the barriers of a call are not those
  /// that the program describes.
  bool passes(const Peaks &peaks, std::vector<Pass> &result, std::string &error) const;

  Stamps stamps;

private:
  struct Sample {
    int64_t position;
    double whole;
    std::vector<float> measured, waited, handover; // [lrt_entry.num_order]
  };
  /// Calls that are repetitions of each other. Decode steps are, at any position.
  struct Calls {
    const lrt_entry *entry;
    int64_t rows, position;
    std::vector<Sample> samples;
  };

  std::vector<Calls> calls;
  std::string problem;
};

} // namespace lrt

#endif // LRT_ENGINE_PROFILE_H
