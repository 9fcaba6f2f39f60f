//===- Rope.h - rotations that an op states -----------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_RULES_ROPE_H
#define LATHE_FRONTENDS_ONNX_RULES_ROPE_H

#include "frontends/onnx/Raise.h"

namespace lathe::onnx {

/// `isInterleaved`: pairs are neighbours. Then the input must be a projection, whose rows are stored as halves instead;
/// queries and keys with columns in the same other order have the same products.
absl::StatusOr<const Term *> rotateHeads(RuleContext &context, const Term *input, const RopeInfo &info,
                                         bool isInterleaved = false);

/// Input i must be the positions of the tokens.
absl::Status checkPositions(const RuleContext &context, size_t i);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_RULES_ROPE_H
