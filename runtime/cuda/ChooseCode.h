//===- ChooseCode.h - the code that a GPU can run -----------------------------------------------------------------===//

#ifndef LRT_CUDA_CHOOSECODE_H
#define LRT_CUDA_CHOOSECODE_H

#include "lrt/abi.h"

namespace lrt::cuda {

/// The newest of the program's codes that a GPU of compute capability major.minor (10 major + minor) runs; null: none.
/// Code for sm_80 runs on it and all later ones, sm_90a on 9.0 alone, sm_100f on 10.0 and later ones of its family
/// (CUDA C++ Programming Guide, "Feature Set Compiler Targets").
const lrt_device_code *chooseCode(const lrt_program &program, int capability);

} // namespace lrt::cuda

#endif // LRT_CUDA_CHOOSECODE_H
