#ifndef LATHE_DIALECTS_KERNEL_KERNELOPS_H
#define LATHE_DIALECTS_KERNEL_KERNELOPS_H

#include "dialects/kernel/KernelInterface.h"
#include "dialects/lm/LMOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"

#include "dialects/kernel/KernelDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/kernel/KernelOps.h.inc"

namespace mlir::kernel {

/// The room of a kernel.absorbed_attention, in values from its beginning: of blocks of so many positions kValues of the
/// `values` (a row each), `weights` and `scores` of `lanes` rows, these in whole vectors; of all rows `sums` (a row for
/// each value) and the `state`, each row's largest score, its sum of weights and the last position it sees.
struct AbsorbedRoom {
  static constexpr int64_t kValues = 32;
  AbsorbedRoom(lm::CacheType cache, int64_t rows, int64_t positions);

  int64_t lanes, sumRows;
  int64_t values, sums, weights, scores, state;
  int64_t size;
};

/// The room of a kernel.latent_attention, in values.
struct LatentRoom {
  LatentRoom(lm::WeightType keys, lm::WeightType values, lm::CacheType cache, int64_t positions);

  /// What makes values and, behind it, what makes keys: a row for each value, a column for each of the latent vector's.
  int64_t matrixRows, matrixColumns;
  /// In rows of 16. For every 16 positions `made` rows, a column for each position: values, then keys. Behind those of
  /// all positions the values again, turned: from `turned` on for every 16 values a row for each position.
  int64_t panelRows, made, turned;
  /// Of a row: its query, its scores from `scores` on, its sums from `sums` on, the largest score and the sum of
  /// weights from `state` on.
  int64_t rowColumns, scores, sums, state;
};

} // namespace mlir::kernel

#endif // LATHE_DIALECTS_KERNEL_KERNELOPS_H
