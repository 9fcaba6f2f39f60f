#ifndef LATHE_DIALECTS_LM_LMDIALECT_H
#define LATHE_DIALECTS_LM_LMDIALECT_H

#include "mlir/IR/Dialect.h"

#include "dialects/lm/LMDialect.h.inc"

namespace mlir::lm {
/// Argument attribute of a layer kind: the name of the weight or state of the layer that the argument is bound to.
inline constexpr llvm::StringLiteral kSlotAttr = "lm.slot";
/// The slot that is bound to the layer's number.
inline constexpr llvm::StringLiteral kLayerSlot = "layer";
/// Module attribute: everything about the model that is not a weight (names, sizes, paths), see
/// frontends/Describe.h.
inline constexpr llvm::StringLiteral kModelAttr = "lm.model";
/// Module attribute: what the model's files say about sampling. Absent when they say nothing.
inline constexpr llvm::StringLiteral kSamplingAttr = "lm.sampling";
} // namespace mlir::lm

#endif // LATHE_DIALECTS_LM_LMDIALECT_H
