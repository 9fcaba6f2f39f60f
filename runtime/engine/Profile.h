//===- Profile.h - what the phases of forward calls took, beside what they must -----------------------------------===//
//
// The compiler says what lies between two barriers of an entry point and the least it must read and compute
// (lrt_phase); the team says when its workers came to every barrier. Calls of one size at one position are repetitions:
// what happens between two barriers took the median of them, because neighbours on a shared machine only take away.
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

/// One phase in all the calls that a pass takes: a decode step, or the calls of a prompt. Sums over `count` places,
/// unless a member says otherwise; times in seconds.
struct PhaseTimes {
  const lrt_phase *phase = nullptr;
  int64_t count = 0;
  Work work;
  double limit = 0;
  bool isBoundByBytes = true;
  double measured = 0; // wall time, its barrier included
  double waited = 0;   // in the barrier: mean of the workers
  double handover = 0; // of that, from the last worker's arrival on: what a barrier costs if all come together

  double loss() const { return measured - limit; }
};

struct Pass {
  const lrt_entry *entry = nullptr;
  int64_t calls = 0;    // of a pass
  int64_t rows = 0;     // of them together
  int64_t position = 0; // of the first call, or where the samples stand in the middle
  int64_t samples = 0;  // of the call that has the fewest
  int64_t barriers = 0; // that phases end with
  double measured = 0, waited = 0, handover = 0, limit = 0;
  double median = 0; // of whole passes: what neighbours took is in it
  Work work;
  std::vector<PhaseTimes> phases; // by loss, the largest first
};

class Profile {
public:
  Profile(const lrt_program &program, int64_t workers);

  /// The last call, whose times are in `stamps`.
  void add(const lrt_entry &entry, int64_t rows, int64_t position);

  /// One for each entry point that was called. Returns false when the barriers of a call are not those that the program
  /// describes.
  bool passes(const Peaks &peaks, std::vector<Pass> &result, std::string &error) const;

  Stamps stamps;

private:
  struct Sample {
    int64_t position;
    double whole;
    std::vector<float> measured, waited, handover; // [place in the order]
  };
  /// Calls that are repetitions of each other. Steps of decode are, wherever they stand.
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
