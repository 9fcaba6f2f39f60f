//===- Attention.h - attention to latent vectors, by queries of any source ----------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_ATTENTION_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_ATTENTION_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"

namespace mlir::lm {

/// Query rows of one head, or heads of one row, that attend to latent vectors together.
struct LatentQueries {
  Value rows; // [rows, cache.dim]
  Value cache;
  Value position; // of the first row
  FloatAttr scale;
  int64_t maxRows;
  Value perHead = {}; // where rows are of several heads: rows of each; null: of one head
  Value split = {}, splits = {},
        statistics = {}; // the KV split of how many, and its softmax statistics; null: no splits
};

/// Emits the kernel; `out` is [rows, cache.latent].
void attendToLatents(ScheduleBuilder &b, const LatentQueries &queries, Value out);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_ATTENTION_H
