//===- Work.h - the bytes and operations of a forward call --------------------------------------------------------===//
//
// The one place that turns what the compiler says of the phases (lrt_phase) into numbers of a call: `bench`,
// `bench --phases` and `info` all ask here.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_ENGINE_WORK_H
#define LRT_ENGINE_WORK_H

#include "lrt/abi.h"

namespace lrt {

/// The least that a call must read and compute.
struct Work {
  double weightBytes = 0; // matrices and vectors, each read once
  double lookupBytes = 0; // rows of tables: an embedding
  double cacheBytes = 0;  // caches; states, read and written
  double ops[LRT_PEAKS] = {};

  double bytes() const { return weightBytes + lookupBytes + cacheBytes; }
  void operator+=(const Work &work);
  void operator*=(double factor);
};

/// Of a phase in a call of `rows` rows from `position` on.
Work workOf(const lrt_phase &phase, int64_t rows, int64_t position);

/// Of all phases of such a call.
Work workOf(const lrt_entry &entry, int64_t rows, int64_t position);

/// What the machine can do, per second.
struct Peaks {
  double bytes = 0;
  double ops[LRT_PEAKS] = {};

  /// No phase can be faster than its bytes come in, or than its operations are done.
  double seconds(const Work &work) const;
  bool isBoundByBytes(const Work &work) const { return work.bytes() / bytes >= seconds(work); }
};

} // namespace lrt

#endif // LRT_ENGINE_WORK_H
