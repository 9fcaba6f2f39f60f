//===- Quantized.h - weights of few bits with scales and zero points of their own ---------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_RULES_QUANTIZED_H
#define LATHE_FRONTENDS_ONNX_RULES_QUANTIZED_H

#include "frontends/onnx/Raise.h"

namespace lathe::onnx {

/// The matrix of a MatMulNBits: [N, K].
absl::StatusOr<Weight> nBitsMatrix(const RuleContext &context);
/// The table of a GatherBlockQuantized.
absl::StatusOr<Weight> gatheredTable(const RuleContext &context);
/// The matrices of QMoE: [experts, rows, columns], with scales for blocks of block_size, or for whole rows.
absl::StatusOr<Weight> quantisedExperts(const RuleContext &context, size_t values, size_t scales, size_t zeroPoints,
                                        int64_t columns);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_RULES_QUANTIZED_H
