//===- FakeCudaLaunch.cpp - libcuda.so.1 without a GPU: kernels, launches, names ----------------------------------===//

#include "Cuda.h"

#include <cstdio>
#include <dlfcn.h>

using namespace ptxsim;

namespace {

Kernel *kernelOf(void *handle) {
  for (const auto &[name, kernel] : DriverState::get().kernels)
    if (kernel.get() == handle)
      return kernel.get();
  return nullptr;
}

uint32_t maxBlockThreads(const Function &function) {
  for (const uint32_t *limit : {function.requiredThreads, function.maxThreads})
    if (limit[0])
      return limit[0] * limit[1] * limit[2];
  return kMaxThreads;
}

CUresult refuse(CUresult result, const std::string &why) {
  fprintf(stderr, "ptxsim: launch: %s\n", why.c_str());
  return result;
}

CUresult checkGrid(const Kernel &kernel, const Grid &grid) {
  const Function &function = *kernel.function;
  uint64_t threads = uint64_t(grid.threads[0]) * grid.threads[1] * grid.threads[2];
  uint64_t blocks = uint64_t(grid.blocks[0]) * grid.blocks[1] * grid.blocks[2];
  const char *name = function.name.c_str();
  if (!threads || !blocks || grid.threads[2] > 64 || grid.blocks[1] > 65535 || grid.blocks[2] > 65535)
    return refuse(CUDA_ERROR_INVALID_VALUE, format("kernel %s: a grid or a block of such a size does not exist", name));
  if (threads > kMaxThreads || threads > maxBlockThreads(function))
    return refuse(CUDA_ERROR_INVALID_VALUE, format("kernel %s: %llu threads in a block, expected at most %u", name,
                                                   (unsigned long long)threads, maxBlockThreads(function)));
  const uint32_t *required = function.requiredThreads;
  if (required[0] &&
      !(grid.threads[0] == required[0] && grid.threads[1] == required[1] && grid.threads[2] == required[2]))
    return refuse(CUDA_ERROR_INVALID_VALUE,
                  format("kernel %s: blocks of (%u,%u,%u) threads, expected (%u,%u,%u) as .reqntid says", name,
                         grid.threads[0], grid.threads[1], grid.threads[2], required[0], required[1], required[2]));
  if (grid.dynamicShared > kernel.maxDynamicShared)
    return refuse(CUDA_ERROR_INVALID_VALUE, format("kernel %s: %u bytes of dynamic shared memory, expected at most %u",
                                                   name, grid.dynamicShared, kernel.maxDynamicShared));
  const Device &device = *DriverState::get().device;
  uint64_t most = uint64_t(device.blocksPerProcessor(function, uint32_t(threads), grid.dynamicShared)) *
                  uint64_t(device.settings.processors);
  if (grid.isCooperative && blocks > most)
    return refuse(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE,
                  format("kernel %s: %llu cooperative blocks, expected at most %llu, which run at once", name,
                         (unsigned long long)blocks, (unsigned long long)most));
  return CUDA_SUCCESS;
}

/// From kernelParams, or from the buffer of `extra` (CU_LAUNCH_PARAM_BUFFER_POINTER 1, _SIZE 2, END 0).
bool gather(const Function &function, void **parameters, void **extra, std::vector<uint8_t> &arguments) {
  arguments.assign(function.signature.bytes, 0);
  if (extra) {
    const void *buffer = nullptr;
    size_t bytes = 0;
    for (; *extra; extra += 2) {
      if (reinterpret_cast<uintptr_t>(extra[0]) == 1)
        buffer = extra[1];
      else if (reinterpret_cast<uintptr_t>(extra[0]) == 2)
        bytes = *static_cast<size_t *>(extra[1]);
    }
    if (!buffer || bytes != arguments.size())
      return false;
    std::memcpy(arguments.data(), buffer, bytes);
    return true;
  }
  for (size_t k = 0; k < function.parameterOffsets.size(); ++k) {
    if (!parameters || !parameters[k])
      return false;
    std::memcpy(&arguments[function.parameterOffsets[k]], parameters[k], function.signature.parameters[k]);
  }
  return true;
}

CUresult launch(void *handle, Grid grid, void *stream, void **parameters, void **extra) {
  return whenReady([&](DriverState &state) -> CUresult {
    Kernel *kernel = kernelOf(handle);
    if (!kernel || !isStream(stream))
      return CUDA_ERROR_INVALID_HANDLE;
    if (CUresult failed = checkGrid(*kernel, grid))
      return failed;
    std::vector<uint8_t> arguments;
    if (!gather(*kernel->function, parameters, extra, arguments))
      return refuse(CUDA_ERROR_INVALID_VALUE,
                    format("kernel %s: expected %zu parameters of %u bytes in all", kernel->function->name.c_str(),
                           kernel->function->parameterOffsets.size(), kernel->function->signature.bytes));
    if (state.endless.count(stream)) // queued after a launch that never ends
      return CUDA_SUCCESS;
    std::string violated = state.device->launch(*kernel->module, *kernel->function, grid, std::move(arguments));
    if (!violated.empty() && state.device->hangs() && state.device->settings.isEndless) {
      state.endless.insert(stream);
    } else if (!violated.empty()) {
      fprintf(stderr, "ptxsim: %s\n", violated.c_str());
      state.hasFailed = true; // seen at the next synchronisation, as on a device
    }
    return CUDA_SUCCESS;
  });
}

struct ErrorName {
  CUresult result;
  const char *name, *text;
};
#define ERROR(NAME, TEXT) {NAME, #NAME, TEXT}
const ErrorName kErrors[] = {
    ERROR(CUDA_SUCCESS, "no error"),
    ERROR(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
    ERROR(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
    ERROR(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
    ERROR(CUDA_ERROR_DEVICE_UNAVAILABLE, "CUDA-capable device(s) is/are busy or unavailable"),
    ERROR(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
    ERROR(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
    ERROR(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    ERROR(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
    ERROR(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"),
    ERROR(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed"),
    ERROR(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain."),
    ERROR(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
    ERROR(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
    ERROR(CUDA_ERROR_NOT_READY, "device not ready"),
    ERROR(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
    ERROR(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "part or all of the requested memory range is already mapped"),
    ERROR(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "pointer does not correspond to a registered memory region"),
    ERROR(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
    ERROR(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, "too many blocks in cooperative launch"),
};
#undef ERROR

const ErrorName *findError(CUresult result) {
  for (const ErrorName &error : kErrors)
    if (error.result == result)
      return &error;
  return nullptr;
}

} // namespace

extern "C" {

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, void *handle) {
  return whenReady([&](DriverState &) -> CUresult {
    const Kernel *kernel = kernelOf(handle);
    if (!kernel)
      return CUDA_ERROR_INVALID_HANDLE;
    switch (attribute) {
    case FUNC_MAX_THREADS_PER_BLOCK:
      *value = int(maxBlockThreads(*kernel->function));
      return CUDA_SUCCESS;
    case FUNC_SHARED_SIZE_BYTES:
      *value = int(kernel->function->sharedBytes);
      return CUDA_SUCCESS;
    case FUNC_LOCAL_SIZE_BYTES:
      *value = int(kernel->function->localBytes);
      return CUDA_SUCCESS;
    case FUNC_CONST_SIZE_BYTES:
      *value = 0;
      return CUDA_SUCCESS;
    case FUNC_NUM_REGS: // not known without ptxas
      *value = 32;
      return CUDA_SUCCESS;
    case FUNC_PTX_VERSION:
      *value = int(kernel->module->program->version);
      return CUDA_SUCCESS;
    case FUNC_BINARY_VERSION:
      *value = 80;
      return CUDA_SUCCESS;
    case FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      *value = int(kernel->maxDynamicShared);
      return CUDA_SUCCESS;
    case FUNC_PREFERRED_SHARED_MEMORY_CARVEOUT:
      *value = -1;
      return CUDA_SUCCESS;
    }
    return CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuFuncSetAttribute(void *handle, CUfunction_attribute attribute, int value) {
  return whenReady([&](DriverState &) -> CUresult {
    Kernel *kernel = kernelOf(handle);
    if (!kernel)
      return CUDA_ERROR_INVALID_HANDLE;
    if (attribute == FUNC_PREFERRED_SHARED_MEMORY_CARVEOUT)
      return CUDA_SUCCESS;
    if (attribute != FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 ||
        uint64_t(value) + kernel->function->sharedBytes > kMaxSharedOptIn)
      return CUDA_ERROR_INVALID_VALUE;
    kernel->maxDynamicShared = uint32_t(value);
    return CUDA_SUCCESS;
  });
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *handle, int threads, size_t dynamicShared) {
  return whenReady([&](DriverState &state) -> CUresult {
    const Kernel *kernel = kernelOf(handle);
    if (!kernel)
      return CUDA_ERROR_INVALID_HANDLE;
    if (threads <= 0 || uint32_t(threads) > kMaxThreads)
      return CUDA_ERROR_INVALID_VALUE;
    *blocks = state.device->blocksPerProcessor(*kernel->function, uint32_t(threads), uint32_t(dynamicShared));
    return CUDA_SUCCESS;
  });
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, void *handle, int threads,
                                                              size_t dynamicShared, unsigned) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, handle, threads, dynamicShared);
}

CUresult cuLaunchKernel(void *kernel, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                        unsigned blockZ, unsigned sharedBytes, void *stream, void **parameters, void **extra) {
  return launch(kernel, {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, false}, stream, parameters,
                extra);
}

CUresult cuLaunchCooperativeKernel(void *kernel, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                                   unsigned blockY, unsigned blockZ, unsigned sharedBytes, void *stream,
                                   void **parameters) {
  return launch(kernel, {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, true}, stream, parameters,
                nullptr);
}

CUresult cuGetErrorName(CUresult result, const char **name) {
  const ErrorName *error = findError(result);
  *name = error ? error->name : nullptr;
  return error ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuGetErrorString(CUresult result, const char **text) {
  const ErrorName *error = findError(result);
  *text = error ? error->text : nullptr;
  return error ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/// `found`: 0 found, 1 no such function, 2 the version is too old; may be null.
CUresult cuGetProcAddress_v2(const char *symbol, void **function, int, unsigned long long, int *found) {
  if (!symbol || !function)
    return CUDA_ERROR_INVALID_VALUE;
  Dl_info self;
  dladdr(reinterpret_cast<void *>(&cuGetErrorName), &self);
  void *library = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  std::string name = symbol;
  *function = nullptr;
  if (library) {
    for (const std::string &version : {name + "_v2", name})
      if (!*function)
        *function = dlsym(library, version.c_str());
    dlclose(library);
  }
  if (found)
    *found = *function ? 0 : 1;
  return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

} // extern "C"
