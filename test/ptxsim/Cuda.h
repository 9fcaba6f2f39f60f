//===- Cuda.h - the names of the driver API, and the driver's state -----------------------------------------------===//
//
// Names and numbers are those of the documentation of the driver API. The header also has the state that the driver's
// functions share.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef PTXSIM_CUDA_H
#define PTXSIM_CUDA_H

#include "Device.h"

#include <mutex>
#include <set>

enum CUresult : int {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NOT_INITIALIZED = 3,
  CUDA_ERROR_DEVICE_UNAVAILABLE = 46,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_INVALID_DEVICE = 101,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
  CUDA_ERROR_INVALID_PTX = 218,
  CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222,
  CUDA_ERROR_INVALID_HANDLE = 400,
  CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_NOT_READY = 600,
  CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES = 701,
  CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED = 712,
  CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED = 713,
  CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE = 720,
};

using CUdevice = int;
using CUdeviceptr = unsigned long long;
struct CUuuid {
  char bytes[16];
};

enum CUdevice_attribute : int {
  MAX_THREADS_PER_BLOCK = 1,
  MAX_BLOCK_DIM_X = 2,
  MAX_BLOCK_DIM_Y = 3,
  MAX_BLOCK_DIM_Z = 4,
  MAX_GRID_DIM_X = 5,
  MAX_GRID_DIM_Y = 6,
  MAX_GRID_DIM_Z = 7,
  MAX_SHARED_MEMORY_PER_BLOCK = 8,
  WARP_SIZE = 10,
  MAX_REGISTERS_PER_BLOCK = 12,
  CLOCK_RATE = 13,
  MULTIPROCESSOR_COUNT = 16,
  KERNEL_EXEC_TIMEOUT = 17,
  INTEGRATED = 18,
  CAN_MAP_HOST_MEMORY = 19,
  COMPUTE_MODE = 20,
  CONCURRENT_KERNELS = 31,
  PCI_BUS_ID = 33,
  PCI_DEVICE_ID = 34,
  MEMORY_CLOCK_RATE = 36,
  GLOBAL_MEMORY_BUS_WIDTH = 37,
  L2_CACHE_SIZE = 38,
  MAX_THREADS_PER_MULTIPROCESSOR = 39,
  ASYNC_ENGINE_COUNT = 40,
  UNIFIED_ADDRESSING = 41,
  COMPUTE_CAPABILITY_MAJOR = 75,
  COMPUTE_CAPABILITY_MINOR = 76,
  MAX_SHARED_MEMORY_PER_MULTIPROCESSOR = 81,
  MAX_REGISTERS_PER_MULTIPROCESSOR = 82,
  COOPERATIVE_LAUNCH = 95,
  MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
  HOST_REGISTER_SUPPORTED = 99,
  MAX_BLOCKS_PER_MULTIPROCESSOR = 106,
  RESERVED_SHARED_MEMORY_PER_BLOCK = 111,
};

enum CUfunction_attribute : int {
  FUNC_MAX_THREADS_PER_BLOCK = 0,
  FUNC_SHARED_SIZE_BYTES = 1,
  FUNC_CONST_SIZE_BYTES = 2,
  FUNC_LOCAL_SIZE_BYTES = 3,
  FUNC_NUM_REGS = 4,
  FUNC_PTX_VERSION = 5,
  FUNC_BINARY_VERSION = 6,
  FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
  FUNC_PREFERRED_SHARED_MEMORY_CARVEOUT = 9,
};

enum CUjit_option : int {
  JIT_INFO_LOG_BUFFER = 3,
  JIT_INFO_LOG_BUFFER_SIZE_BYTES = 4,
  JIT_ERROR_LOG_BUFFER = 5,
  JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6,
};

namespace ptxsim {

/// A CUfunction.
struct Kernel {
  Module *module;
  const Function *function;
  uint32_t maxDynamicShared; // what cuFuncSetAttribute allowed
};

/// A CUevent.
struct Event {
  uint64_t time = 0; // nanoseconds
  bool isRecorded = false;
};

/// The state of the driver. Its functions hold the lock while they use it.
struct DriverState {
  std::recursive_mutex lock;
  std::unique_ptr<Device> device; // null before cuInit
  bool hasFailed = false;         // a launch broke a rule: the context is of no more use
  std::map<std::pair<Module *, std::string>, std::unique_ptr<Kernel>> kernels;
  std::set<Module *> modules;
  std::map<void *, CUdeviceptr> hostMemory; // host pointer -> what the device sees
  std::set<void *> owned;                   // of hostMemory: from cuMemHostAlloc
  std::set<void *> streams;
  std::set<void *> endless; // streams with a launch that never ends (PTXSIM_ENDLESS)
  std::map<void *, std::unique_ptr<Event>> events;

  static DriverState &get();
};

using Lock = std::lock_guard<std::recursive_mutex>;

/// Why the driver cannot be used: not initialised, no context, a failed launch; or CUDA_SUCCESS.
CUresult readiness();
/// Runs `body` with the driver locked and returns its result; or returns why the driver cannot be used.
template <typename Body> CUresult whenReady(Body body) {
  DriverState &state = DriverState::get();
  Lock lock(state.lock);
  CUresult failed = readiness();
  return failed ? failed : body(state);
}
bool isStream(void *stream);
/// Does not return when a launch that never ends is in the stream.
void waitFor(void *stream);
/// The same for all streams.
void waitForAll();
/// The thread's current context; 0 or the one context there is.
extern thread_local void *currentContext;

} // namespace ptxsim

#endif
