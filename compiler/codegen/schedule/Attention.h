//===- Attention.h - attention to latent vectors, by queries of any source ----------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_ATTENTION_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_ATTENTION_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"

namespace mlir::lm {

/// The operands of one kernel that attends to latent vectors. Its queries are rows of one head, or several heads of one
/// row.
struct LatentQueries {
  Value rows; // [rows, cache.dim]
  Value cache;
  Value position; // of the first row
  FloatAttr scale;
  int64_t maxRows;
  Value perHead = {}; // rows of each head, where there are several; null: one head
  // If the positions are divided into KV splits; otherwise null.
  Value split = {}, splits = {}; // number of this split, number of splits
  Value statistics = {};         // where the kernel leaves its softmax statistics
};

/// Emits the attention kernel of these queries. It writes the weighted sums of latent vectors to `out`,
/// [rows, cache.latent].
void attendToLatents(ScheduleBuilder &b, const LatentQueries &queries, Value out);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_ATTENTION_H
