//===- Work.h - the bytes and operations of a forward call --------------------------------------------------------===//
//
// The only place that computes the bytes and operations of a call from the compiler's numbers (lrt_phase). `bench`,
// `bench --phases` and `info` use it.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_ENGINE_WORK_H
#define LRT_ENGINE_WORK_H

#include "lrt/abi.h"

namespace lrt {

/// The minimum that a call must read and compute.
struct Work {
  double weightBytes = 0; // matrices and vectors, each read once
  double lookupBytes = 0; // rows of tables: an embedding
  double cacheBytes = 0;  // caches; states, read and written
  double ops[LRT_PEAKS] = {};

  double bytes() const { return weightBytes + lookupBytes + cacheBytes; }
  void operator+=(const Work &work);
  void operator*=(double factor);
};

/// The work of a phase in a call of `rows` rows from `position` on.
Work workOf(const lrt_phase &phase, int64_t rows, int64_t position);

/// The work of all phases of such a call.
Work workOf(const lrt_entry &entry, int64_t rows, int64_t position);

/// Peak rates of the machine, per second.
struct Peaks {
  double bytes = 0;
  double ops[LRT_PEAKS] = {};

  /// A lower bound: the time to read the bytes or the time to do the operations, whichever is longer.
  double seconds(const Work &work) const;
  bool isBoundByBytes(const Work &work) const { return work.bytes() / bytes >= seconds(work); }
};

} // namespace lrt

#endif // LRT_ENGINE_WORK_H
