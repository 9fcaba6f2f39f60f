//===- Attention.h - caches ---------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_RULES_ATTENTION_H
#define LATHE_FRONTENDS_ONNX_RULES_ATTENTION_H

#include "frontends/onnx/Raise.h"

namespace lathe::onnx {

/// New keys or values [1, heads, rows, dim] after past ones. `grown`: the layout of all positions; may be null.
absl::StatusOr<const Term *> append(RuleContext &context, const View &past, const View &added, Layout *grown);

/// Scores beside one more for each head, which is part of the softmax and has no value.
absl::Status setSinks(RuleContext &context);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_RULES_ATTENTION_H
