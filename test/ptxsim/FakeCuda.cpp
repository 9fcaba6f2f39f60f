//===- FakeCuda.cpp - libcuda.so.1 without a GPU: device, context, modules ----------------------------------------===//
//
// The functions of the driver API that a program finds in libcuda.so.1, on the simulator. There is one device and one
// context. Every function is synchronous. A launch that breaks a rule prints its line to stderr; from then
// on every function returns CUDA_ERROR_LAUNCH_FAILED, as a device's context does.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "Cuda.h"

#include <algorithm>
#include <cstdio>

using namespace ptxsim;

thread_local void *ptxsim::currentContext = nullptr;

DriverState &DriverState::get() {
  static DriverState state;
  return state;
}

CUresult ptxsim::readiness() {
  DriverState &state = DriverState::get();
  if (!state.device)
    return CUDA_ERROR_NOT_INITIALIZED;
  if (!currentContext)
    return CUDA_ERROR_INVALID_CONTEXT;
  return state.hasFailed ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS;
}

namespace {

void *theContext() { return &DriverState::get(); }

CUresult checkDevice(CUdevice device) {
  DriverState &state = DriverState::get();
  if (!state.device)
    return CUDA_ERROR_NOT_INITIALIZED;
  return device >= 0 && device < state.device->settings.devices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

/// The newest PTX that a driver of this CUDA version takes, as 10 major + minor: CUDA 12.0 has 8.0, 12.9 has 8.8.
uint32_t newestPtx(int driverVersion) {
  int major = driverVersion / 1000, minor = driverVersion % 1000 / 10;
  return uint32_t((major - 4) * 10 + (major == 12 && minor > 5 ? minor - 1 : minor));
}

CUresult checkTarget(const Program &program, int driverVersion, std::string &log) {
  uint32_t newest = newestPtx(driverVersion);
  if (program.version > newest) {
    log = format("Unsupported .version %u.%u; current version is '%u.%u'", program.version / 10, program.version % 10,
                 newest / 10, newest % 10);
    return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
  }
  int architecture = program.target.starts_with("sm_") ? atoi(program.target.c_str() + 3) : 0;
  if (architecture < 50 || architecture > 80 || program.target.ends_with('a')) {
    log = "target " + program.target + ", expected at most sm_80";
    return CUDA_ERROR_INVALID_PTX;
  }
  return CUDA_SUCCESS;
}

/// Limits of a kernel, as ptxas checks them.
CUresult checkKernels(const Program &program, std::string &log) {
  for (const Function &function : program.functions)
    if (function.isEntry && function.sharedBytes > kMaxSharedStatic) {
      log = format("kernel %s: %u bytes of static shared memory, expected at most %u", function.name.c_str(),
                   function.sharedBytes, kMaxSharedStatic);
      return CUDA_ERROR_INVALID_PTX;
    }
  return CUDA_SUCCESS;
}

} // namespace

extern "C" {

CUresult cuInit(unsigned flags) {
  DriverState &state = DriverState::get();
  Lock lock(state.lock);
  if (flags)
    return CUDA_ERROR_INVALID_VALUE;
  Settings settings = Settings::fromEnvironment();
  if (settings.devices == 0)
    return CUDA_ERROR_NO_DEVICE;
  if (!state.device)
    state.device = std::make_unique<Device>(settings);
  return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version) {
  if (!version)
    return CUDA_ERROR_INVALID_VALUE;
  *version = Settings::fromEnvironment().driverVersion;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count) {
  DriverState &state = DriverState::get();
  if (!state.device)
    return CUDA_ERROR_NOT_INITIALIZED;
  *count = state.device->settings.devices;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  CUresult result = checkDevice(ordinal);
  if (!result)
    *device = ordinal;
  return result;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  CUresult result = checkDevice(device);
  if (!result)
    snprintf(name, length, "ptxsim");
  return result;
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
  CUresult result = checkDevice(device);
  if (!result)
    std::memcpy(uuid->bytes, "ptxsim simulator", sizeof uuid->bytes);
  return result;
}
CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) { return cuDeviceGetUuid_v2(uuid, device); }

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  CUresult result = checkDevice(device);
  if (!result)
    *bytes = DriverState::get().device->settings.memoryBytes;
  return result;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  if (CUresult result = checkDevice(device))
    return result;
  const std::map<int, int> values = {{MAX_THREADS_PER_BLOCK, kMaxThreads},
                                     {MAX_BLOCK_DIM_X, 1024},
                                     {MAX_BLOCK_DIM_Y, 1024},
                                     {MAX_BLOCK_DIM_Z, 64},
                                     {MAX_GRID_DIM_X, 2147483647},
                                     {MAX_GRID_DIM_Y, 65535},
                                     {MAX_GRID_DIM_Z, 65535},
                                     {MAX_SHARED_MEMORY_PER_BLOCK, kMaxSharedStatic},
                                     {WARP_SIZE, kLanes},
                                     {MAX_REGISTERS_PER_BLOCK, 65536},
                                     {CLOCK_RATE, 1000000},
                                     {MULTIPROCESSOR_COUNT, DriverState::get().device->settings.processors},
                                     {KERNEL_EXEC_TIMEOUT, 0},
                                     {INTEGRATED, 0},
                                     {CAN_MAP_HOST_MEMORY, 1},
                                     {COMPUTE_MODE, 0},
                                     {CONCURRENT_KERNELS, 1},
                                     {PCI_BUS_ID, 1},
                                     {PCI_DEVICE_ID, 0},
                                     {MEMORY_CLOCK_RATE, 1000000},
                                     {GLOBAL_MEMORY_BUS_WIDTH, 5120},
                                     {L2_CACHE_SIZE, 40 << 20},
                                     {MAX_THREADS_PER_MULTIPROCESSOR, kThreadsOfProcessor},
                                     {ASYNC_ENGINE_COUNT, 1},
                                     {UNIFIED_ADDRESSING, 1},
                                     {COMPUTE_CAPABILITY_MAJOR, 8},
                                     {COMPUTE_CAPABILITY_MINOR, 0},
                                     {MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, kSharedOfProcessor},
                                     {MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
                                     {COOPERATIVE_LAUNCH, 1},
                                     {MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, kMaxSharedOptIn},
                                     {HOST_REGISTER_SUPPORTED, 1},
                                     {MAX_BLOCKS_PER_MULTIPROCESSOR, kBlocksOfProcessor},
                                     {RESERVED_SHARED_MEMORY_PER_BLOCK, 1024}};
  auto found = values.find(attribute);
  if (found == values.end() || !value)
    return CUDA_ERROR_INVALID_VALUE;
  *value = found->second;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(void **context, CUdevice device) {
  CUresult result = checkDevice(device);
  if (!result && DriverState::get().device->settings.isUnavailable)
    return CUDA_ERROR_DEVICE_UNAVAILABLE;
  if (!result)
    *context = theContext();
  return result;
}
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) { return checkDevice(device); }
CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned) { return checkDevice(device); }

CUresult cuCtxSetCurrent(void *context) {
  if (context && context != theContext())
    return CUDA_ERROR_INVALID_CONTEXT;
  currentContext = context;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(void **context) {
  *context = currentContext;
  return CUDA_SUCCESS;
}
CUresult cuCtxPushCurrent_v2(void *context) { return cuCtxSetCurrent(context); }
CUresult cuCtxPopCurrent_v2(void **context) {
  if (context)
    *context = currentContext;
  currentContext = nullptr;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetDevice(CUdevice *device) {
  *device = 0;
  return currentContext ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}
CUresult cuCtxSynchronize() {
  waitForAll();
  return whenReady([](DriverState &) { return CUDA_SUCCESS; });
}

CUresult cuModuleLoadDataEx(void **result, const void *image, unsigned count, CUjit_option *options, void **values) {
  return whenReady([&](DriverState &state) -> CUresult {
    if (!result || !image)
      return CUDA_ERROR_INVALID_VALUE;
    auto write = [&](CUjit_option buffer, CUjit_option bytes, const std::string &text) {
      char *to = nullptr;
      size_t room = 0, *place = nullptr;
      for (unsigned k = 0; k < count; ++k) {
        if (options[k] == buffer)
          to = static_cast<char *>(values[k]);
        if (options[k] == bytes)
          room = reinterpret_cast<size_t>(values[k]), place = reinterpret_cast<size_t *>(&values[k]);
      }
      size_t length = to && room ? std::min(text.size(), room - 1) : 0;
      if (to && room)
        std::copy_n(text.c_str(), length, to), to[length] = 0;
      if (place)
        *place = length ? length + 1 : 0;
    };
    const char *text = static_cast<const char *>(image);
    if (text[0] == 0x7f || (unsigned char)text[0] == 0x50) // a cubin or a fat binary: nothing here runs them
      return CUDA_ERROR_NO_BINARY_FOR_GPU;
    std::string log;
    CUresult outcome = CUDA_SUCCESS;
    try {
      Module *module = state.device->load(text);
      outcome = checkTarget(*module->program, state.device->settings.driverVersion, log);
      if (!outcome)
        outcome = checkKernels(*module->program, log);
      if (outcome)
        state.device->unload(module);
      else
        state.modules.insert(module), *result = module;
    } catch (const Fault &fault) {
      log = fault.text;
      outcome = CUDA_ERROR_INVALID_PTX;
    }
    if (outcome)
      fprintf(stderr, "ptxsim: module: %s\n", log.c_str());
    write(JIT_ERROR_LOG_BUFFER, JIT_ERROR_LOG_BUFFER_SIZE_BYTES, log);
    write(JIT_INFO_LOG_BUFFER, JIT_INFO_LOG_BUFFER_SIZE_BYTES, "");
    return outcome;
  });
}
CUresult cuModuleLoadData(void **result, const void *image) {
  return cuModuleLoadDataEx(result, image, 0, nullptr, nullptr);
}

CUresult cuModuleUnload(void *handle) {
  return whenReady([&](DriverState &state) -> CUresult {
    Module *module = static_cast<Module *>(handle);
    if (!state.modules.erase(module))
      return CUDA_ERROR_INVALID_HANDLE;
    std::erase_if(state.kernels, [&](auto &entry) { return entry.first.first == module; });
    state.device->unload(module);
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetFunction(void **result, void *handle, const char *name) {
  return whenReady([&](DriverState &state) -> CUresult {
    Module *module = static_cast<Module *>(handle);
    if (!state.modules.count(module))
      return CUDA_ERROR_INVALID_HANDLE;
    const Function *function = module->program->find(name);
    if (!function || !function->isEntry || !function->isDefined)
      return CUDA_ERROR_NOT_FOUND;
    std::unique_ptr<Kernel> &kernel = state.kernels[{module, name}];
    if (!kernel)
      kernel = std::make_unique<Kernel>(Kernel{module, function, kMaxSharedStatic - function->sharedBytes});
    *result = kernel.get();
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *bytes, void *handle, const char *name) {
  return whenReady([&](DriverState &state) -> CUresult {
    Module *module = static_cast<Module *>(handle);
    if (!state.modules.count(module))
      return CUDA_ERROR_INVALID_HANDLE;
    for (const std::unique_ptr<Variable> &variable : module->program->variables)
      if (variable->name == name && variable->space != Space::Shared) {
        if (address)
          *address = variable->address;
        if (bytes)
          *bytes = variable->bytes;
        return CUDA_SUCCESS;
      }
    return CUDA_ERROR_NOT_FOUND;
  });
}

} // extern "C"
