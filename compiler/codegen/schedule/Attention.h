//===- Attention.h - attention to latent vectors, by queries of any source ----------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_ATTENTION_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_ATTENTION_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"

namespace mlir::lm {

/// Queries that attend to latent vectors in one kernel: rows of one head, or several heads of one row.
struct LatentQueries {
  Value rows; // [rows, cache.dim]
  Value cache;
  Value position; // of the first row
  FloatAttr scale;
  int64_t maxRows;
  Value perHead = {}; // rows of each head, where there are several; null: one head
  Value split = {}, splits = {},
        statistics = {}; // number of the KV split, number of splits, softmax statistics; null: no splits
};

/// Emits the kernel; `out` is [rows, cache.latent].
void attendToLatents(ScheduleBuilder &b, const LatentQueries &queries, Value out);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_ATTENTION_H
