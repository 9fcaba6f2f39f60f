//===- Work.cpp - the bytes and operations of a forward call ------------------------------------------------------===//

#include "runtime/engine/Work.h"

#include <algorithm>

using namespace lrt;

void Work::operator+=(const Work &work) {
  weightBytes += work.weightBytes;
  lookupBytes += work.lookupBytes;
  cacheBytes += work.cacheBytes;
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    ops[kind] += work.ops[kind];
}

void Work::operator*=(double factor) {
  weightBytes *= factor;
  lookupBytes *= factor;
  cacheBytes *= factor;
  for (double &each : ops)
    each *= factor;
}

Work lrt::workOf(const lrt_phase &phase, int64_t rows, int64_t position) {
  const int64_t end = position + rows;
  // Row r attends to the positions [from(r), position + r].
  auto from = [&](int64_t row) -> int64_t {
    int64_t at = position + row;
    if (phase.chunk > 0)
      return at / phase.chunk * phase.chunk;
    return phase.window > 0 ? std::max<int64_t>(0, at + 1 - phase.window) : 0;
  };
  double seen = 0;
  for (int64_t row = 0; row < rows; ++row)
    seen += double(position + row + 1 - from(row));

  Work work;
  work.weightBytes =
      double(phase.weight_bytes) + double(phase.expert_bytes) * double(std::min(phase.experts, rows * phase.chosen));
  work.lookupBytes = double(phase.lookup_bytes) * double(rows);
  work.cacheBytes = 2.0 * double(phase.state_bytes) + double(phase.position_bytes) * double(end - from(0));
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    work.ops[kind] = double(phase.row_ops[kind]) * double(rows) + double(phase.seen_ops[kind]) * seen;
  return work;
}

Work lrt::workOf(const lrt_entry &entry, int64_t rows, int64_t position) {
  Work sum;
  for (int64_t i = 0; i < entry.num_order; ++i)
    sum += workOf(entry.phases[entry.order[i]], rows, position);
  return sum;
}

double Peaks::seconds(const Work &work) const {
  double computing = 0;
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    computing += work.ops[kind] / ops[kind];
  return std::max(work.bytes() / bytes, computing);
}
