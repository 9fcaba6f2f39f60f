//===- Rope.h - rotations that an op states -----------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_RULES_ROPE_H
#define LATHE_FRONTENDS_ONNX_RULES_ROPE_H

#include "frontends/onnx/Raise.h"

namespace lathe::onnx {

absl::StatusOr<const Term *> rotateHeads(RuleContext &context, const Term *input, const RopeInfo &info);

/// Input i must be the positions of the tokens.
absl::Status checkPositions(const RuleContext &context, size_t i);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_RULES_ROPE_H
