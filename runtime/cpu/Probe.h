//===- Probe.h - what this machine can do at most -----------------------------------------------------------------===//

#ifndef LRT_CPU_PROBE_H
#define LRT_CPU_PROBE_H

#include "../src/Support.h"
#include "../src/Team.h"
#include "lrt/abi.h"

namespace lrt {

/// Measures the machine with the workers of a team, a few milliseconds at a time, so that a benchmark can do so between
/// its own measurements: on a shared machine both drift together.
class Probe {
public:
  explicit Probe(Team &team) : team(team) {}

  bool open(std::string &error);

  /// One more measurement of everything; the peaks below are the best so far. Returns its own bytes/s of reads.
  double measure();

  double readBytes() const { return bestRead; }                 // bytes/s of streaming reads from memory
  double operations(lrt_peak kind) const { return best[kind]; } // multiplications and additions/s

  /// The instructions measured for a kind: "vdpbf16ps", "vfmadd, 8 lanes".
  const char *instruction(lrt_peak kind) const;

private:
  Team &team;
  Memory buffer;
  double bestRead = 0;
  double best[LRT_PEAKS] = {};
};

/// "f32", "bf16", "int8".
const char *peakName(lrt_peak kind);

} // namespace lrt

#endif // LRT_CPU_PROBE_H
