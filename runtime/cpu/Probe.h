//===- Probe.h - what this machine can do at most -----------------------------------------------------------------===//

#ifndef LRT_CPU_PROBE_H
#define LRT_CPU_PROBE_H

#include "lrt/abi.h"
#include "runtime/support/Support.h"
#include "runtime/workers/Team.h"

#include <vector>

namespace lrt {

/// Of repeated measurements of one rate.
struct Spread {
  double lowest = 0, median = 0, best = 0; // all 0: never measured
};
Spread spreadOf(const std::vector<double> &rates);

/// What a program reached of what a probe of the same run reached at best.
struct Share {
  enum Kind {
    Percent,   // `percent` holds, at most 100
    Cached,    // more than memory gives: at least a part came from the last-level cache
    Disturbed, // more than the probe can explain: something else slowed the probe down
  };
  Kind kind = Percent;
  double percent = 0; // of Percent
};
/// `bytes` of every repetition are read at `rate`, and a cache of `cacheBytes` may keep some of them until the next
/// one. Without a cache, rates of anything.
Share shareOf(double rate, double limit, double bytes = 0, double cacheBytes = 0);

/// Measures the machine with the workers of a team, a few milliseconds at a time, so that a benchmark can do so between
/// its own measurements: on a shared machine both drift together.
class Probe {
public:
  explicit Probe(Team &team) : team(team) {}

  bool open(std::string &error);

  /// Memory that open() touches.
  static int64_t bufferBytes();

  /// One more measurement of everything. Returns its own bytes/s of reads.
  double measure();

  Spread readBytes() const { return spreadOf(reads); }                   // bytes/s of streaming reads from memory
  Spread operations(lrt_peak kind) const { return spreadOf(ops[kind]); } // multiplications and additions/s

  /// The instructions measured for a kind: "vdpbf16ps", "vfmadd, 8 lanes".
  const char *instruction(lrt_peak kind) const;

private:
  Team &team;
  Memory buffer;
  std::vector<double> reads, ops[LRT_PEAKS]; // one for each measure()
};

/// "f32", "bf16", "int8".
const char *peakName(lrt_peak kind);

} // namespace lrt

#endif // LRT_CPU_PROBE_H
