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

/// The scratch buffer of a kernel.absorbed_attention. Offsets and sizes count f32 values. For a block of positions:
/// `values` [positions, kValues], `weights` and `scores` for `lanes` rows (whole vectors). For all rows: `sums` (a row
/// for each value) and `state`: each row's largest score, its sum of weights, and the last position that it sees.
struct AbsorbedScratch {
  static constexpr int64_t kValues = 32;
  AbsorbedScratch(lm::CacheType cache, int64_t rows, int64_t positions);

  int64_t lanes, sumRows;
  int64_t values, sums, weights, scores, state;
  int64_t size;
};

/// The scratch buffers of a kernel.latent_attention. Offsets and sizes count f32 values.
struct LatentScratch {
  LatentScratch(lm::WeightType keys, lm::WeightType values, lm::CacheType cache, int64_t positions);

  /// The matrix for values, then the matrix for keys: [values or keys, latent].
  int64_t matrixRows, matrixColumns;
  /// Rows of 16 values. For each 16 positions `rowsPerPanel` rows with a column for each position: values, then keys.
  /// After those of all positions, from `transposed` on, the values transposed: for each 16 values a row for each
  /// position.
  int64_t panelRows, rowsPerPanel, transposed;
  /// Columns for each row: the query, from `scores` on its scores, from `sums` on its sums, from `state` on the largest
  /// score and the sum of weights.
  int64_t rowColumns, scores, sums, state;
};

} // namespace mlir::kernel

#endif // LATHE_DIALECTS_KERNEL_KERNELOPS_H
