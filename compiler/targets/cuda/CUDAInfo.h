//===- CUDAInfo.h - every decision that depends on the GPU -------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CUDA_CUDAINFO_H
#define LATHE_COMPILER_TARGETS_CUDA_CUDAINFO_H

#include "compiler/support/TargetInfo.h"
#include "compiler/targets/Tuning.h"

namespace lathe {

struct CUDAInfo {
  int64_t blockThreads = 256; // a multiple of a warp
  int64_t warpPanels = 2;     // panels that a warp multiplies at once
  int64_t tileRows = 128, attentionRows = 16, attentionTiles = 16, splitPositions = 64; // #lm.tiles

  /// With the parameters of lm.tuning, or else those of lm.options.tuning. Emits an error for a wrong one.
  static mlir::FailureOr<CUDAInfo> get(mlir::ModuleOp module);

  /// The attributes lm.target and lm.tuning.
  TargetInfo describe(mlir::MLIRContext *context);

  /// The parameters of `--tuning`, which point into this object.
  llvm::SmallVector<TuningParameter> parameters();
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_CUDAINFO_H
