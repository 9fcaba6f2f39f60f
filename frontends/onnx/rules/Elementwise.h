//===- Elementwise.h - what sums and products complete ------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_RULES_ELEMENTWISE_H
#define LATHE_FRONTENDS_ONNX_RULES_ELEMENTWISE_H

#include "frontends/onnx/Raise.h"

namespace lathe::onnx {

/// Equal as numbers that went through float32.
bool isNear(double a, double b);

/// a * b where one is an activation of the other, or of a gate. Null: it is something else.
Term *makeActivation(RuleContext &context, const Term *a, const Term *b);

/// x cos + rotated(x) sin.
absl::Status setRotation(RuleContext &context);

/// Whether the view is of scores of queries and keys.
bool isScores(const View &view);
/// Adds a constant to scores: the mask.
absl::Status setMasked(RuleContext &context, size_t data, size_t constant);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_RULES_ELEMENTWISE_H
