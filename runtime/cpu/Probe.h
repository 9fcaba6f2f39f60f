//===- Probe.h - peak rates of this machine -----------------------------------------------------------------------===//

#ifndef LRT_CPU_PROBE_H
#define LRT_CPU_PROBE_H

#include "lrt/abi.h"
#include "runtime/support/Support.h"
#include "runtime/workers/Team.h"

#include <vector>

namespace lrt {

/// Repeated measurements of one rate.
struct Spread {
  double lowest = 0, median = 0, best = 0; // all 0: never measured
};
Spread spreadOf(const std::vector<double> &rates);

/// The rate of a program, as a share of the best rate of the probe in the same run.
struct Share {
  enum Kind {
    Percent,   // `percent` holds, at most 100
    Cached,    // faster than memory: at least a part came from the last-level cache
    Disturbed, // faster than memory and cache can explain: other work slowed the probe down
  };
  Kind kind = Percent;
  double percent = 0; // of Percent
};
/// Compares the `rate` of a program with the `limit` that the probe measured, both in bytes/s. Each repetition of the
/// program reads `bytes`, of which a cache of `cacheBytes` may keep a part until the next repetition. Without `bytes`
/// and `cacheBytes`, both rates may be in any unit.
Share shareOf(double rate, double limit, double bytes = 0, double cacheBytes = 0);

/// Measures the machine with the workers of a team. One measurement takes a few milliseconds, so a benchmark can make
/// it between its own: on a shared machine other work then slows down both.
class Probe {
public:
  explicit Probe(Team &team) : team(team) {}

  bool open(std::string &error);

  /// Memory that open() touches.
  static int64_t bufferBytes();

  /// Measures the read bandwidth and every kind of dot product once, and keeps the rates. Returns this read bandwidth
  /// in bytes/s.
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
