//===- GPUs.h - the GPUs that code is made for --------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CUDA_GPUS_H
#define LATHE_COMPILER_TARGETS_CUDA_GPUS_H

#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>
#include <vector>

namespace lathe {

/// LLVM's names of NVIDIA's GPUs from sm_80 on, which the kernels need; by number.
std::vector<std::string> knownGPUs();

/// A machine that emits PTX for one of knownGPUs(), of the lowest version that has this GPU and what the kernels use.
std::unique_ptr<llvm::TargetMachine> createGPUMachine(llvm::StringRef gpu);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_GPUS_H
