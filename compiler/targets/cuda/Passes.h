#ifndef LATHE_COMPILER_TARGETS_CUDA_PASSES_H
#define LATHE_COMPILER_TARGETS_CUDA_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::lm {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/targets/cuda/Passes.h.inc"
} // namespace mlir::lm

#endif // LATHE_COMPILER_TARGETS_CUDA_PASSES_H
