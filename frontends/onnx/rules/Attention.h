//===- Attention.h - caches ---------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_RULES_ATTENTION_H
#define LATHE_FRONTENDS_ONNX_RULES_ATTENTION_H

#include "frontends/onnx/Raise.h"

namespace lathe::onnx {

/// New keys or values [1, heads, rows, dim] after past ones. `grown`: the layout of all positions; may be null.
absl::StatusOr<const Term *> append(RuleContext &context, const View &past, const View &added, Layout *grown);

/// Keys or values as a product reads them: for each query head, positions and `dim` values.
struct Heads {
  const Term *cache = nullptr; // Append
  int64_t kvHeads = 0, repeats = 1, dim = 0;
  double factor = 1;
};
/// `timeFirst`: [heads.., time, dim]; else [heads.., dim, time]. `batch`: the dimensions of the queries before the last
/// two, to which these are broadcast.
absl::StatusOr<Heads> headsOf(RuleContext &context, View view, llvm::ArrayRef<int64_t> batch, bool timeFirst);

/// Queries [heads.., rows, dim].
struct Queries {
  const Term *rows = nullptr;
  int64_t heads = 1, dim = 0;
  double factor = 1;
};
absl::StatusOr<Queries> queriesOf(RuleContext &context, View view);

/// [heads.., rows, X] like the queries, with X = positions or the columns of a head.
Layout layoutOfHeads(RuleContext &context, const View &queries, int64_t queryDim, Axis last, int64_t stride);

/// Scores beside one more for each head, which is part of the softmax and has no value.
absl::Status setSinks(RuleContext &context);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_RULES_ATTENTION_H
