//===- OnlineSoftmax.h - scores of a block of positions become weights -------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CUDA_KERNELS_ONLINESOFTMAX_H
#define LATHE_COMPILER_TARGETS_CUDA_KERNELS_ONLINESOFTMAX_H

#include "compiler/targets/cuda/kernels/BlockEmitter.h"

namespace lathe {

/// A row's softmax over blocks of positions (FlashAttention).
struct OnlineSoftmax {
  enum State { Peak, Total, Factor }; // the largest score, the sum of weights, the factor of earlier sums
  using Place = SmallVector<Value>;

  Value scores, state; // memrefs of f32
  function_ref<Place(Value column)> scoreAt;
  function_ref<Place(int64_t which)> stateAt;
  int64_t maxColumns; // of a block

  /// No score so far. One thread does it.
  void begin(BlockEmitter &e) const;
  /// Replaces the first `columns` scores by exp(score - peak), where peak is the largest score so far, and updates the
  /// state. Scores of -inf are hidden. A warp does it; all its lanes come here.
  void addBlock(BlockEmitter &e, Value columns) const;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_KERNELS_ONLINESOFTMAX_H
