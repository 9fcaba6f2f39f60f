//===- CUDATarget.h - the target of NVIDIA's GPUs ----------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CUDA_CUDATARGET_H
#define LATHE_COMPILER_TARGETS_CUDA_CUDATARGET_H

#include "compiler/targets/Target.h"

namespace lathe {

/// `--target cuda`: PTX for NVIDIA's GPUs.
std::unique_ptr<Target> createCUDATarget();

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_CUDATARGET_H
