//===- Driver.h - the CUDA driver, loaded when the program runs ---------------------------------------------------===//
//
// libcuda.so.1 comes with NVIDIA's driver. An executable must start without it, to say what is missing, so the library
// is loaded with dlopen and its functions are found by name.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_CUDA_DRIVER_H
#define LRT_CUDA_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include <string>

namespace lrt::cuda {

/// Results, attributes and flags of the driver API that the runtime uses, by their numbers there.
enum {
  success = 0,
  errorOutOfMemory = 2,
  errorDeviceUnavailable = 46,
  errorNoDevice = 100,
  errorInvalidPtx = 218,
  errorUnsupportedPtx = 222,
  errorNotReady = 600
};
enum Attribute {
  multiprocessors = 16,
  computeCapabilityMajor = 75,
  computeCapabilityMinor = 76,
  cooperativeLaunch = 95,
};
enum { hostAllocDeviceMap = 2, streamNonBlocking = 1 };
enum { jitErrorLogBuffer = 5, jitErrorLogBytes = 6 };

struct Driver {
  /// Error: the library is not there, or lacks a function.
  bool load(std::string &error);

  /// "CUDA_ERROR_OUT_OF_MEMORY: out of memory".
  std::string describe(int result) const;

#define FUNCTION(symbol, name, parameters) int(*name) parameters = nullptr;
#include "runtime/cuda/driver.def"
#undef FUNCTION
};

} // namespace lrt::cuda

#endif // LRT_CUDA_DRIVER_H
