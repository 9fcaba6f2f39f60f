//===- FakeCudaMemory.cpp - libcuda.so.1 without a GPU: memory, streams, events -----------------------------------===//

#include "Cuda.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace ptxsim;

namespace {

/// The bytes of a range of device memory. Null, and a line on stderr: the range is not inside of one allocation.
uint8_t *range(CUdeviceptr address, size_t bytes, bool isWrite, const char *function) {
  Memory &memory = DriverState::get().device->memory;
  Allocation *found = memory.find(address, bytes);
  if (!found) {
    fprintf(stderr, "ptxsim: %s: %zu bytes at %s, expected them inside of one allocation\n", function, bytes,
            memory.describe(address).c_str());
    return nullptr;
  }
  if (isWrite && bytes)
    found->setWritten(address, bytes);
  return found->data + (address - found->address);
}

CUresult copyTo(CUdeviceptr to, const void *from, size_t bytes, const char *function) {
  return whenReady([&](DriverState &) -> CUresult {
    uint8_t *at = range(to, bytes, true, function);
    if (!at)
      return CUDA_ERROR_INVALID_VALUE;
    std::memcpy(at, from, bytes);
    return CUDA_SUCCESS;
  });
}

CUresult copyFrom(void *to, CUdeviceptr from, size_t bytes, const char *function) {
  return whenReady([&](DriverState &) -> CUresult {
    const uint8_t *at = range(from, bytes, false, function);
    if (!at)
      return CUDA_ERROR_INVALID_VALUE;
    std::memcpy(to, at, bytes);
    return CUDA_SUCCESS;
  });
}

CUresult copyWithin(CUdeviceptr to, CUdeviceptr from, size_t bytes, const char *function) {
  return whenReady([&](DriverState &) -> CUresult {
    uint8_t *target = range(to, bytes, true, function);
    const uint8_t *source = range(from, bytes, false, function);
    if (!target || !source)
      return CUDA_ERROR_INVALID_VALUE;
    std::memmove(target, source, bytes);
    return CUDA_SUCCESS;
  });
}

template <typename T> CUresult fill(CUdeviceptr to, T value, size_t count, const char *function) {
  return whenReady([&](DriverState &) -> CUresult {
    uint8_t *at = to % sizeof(T) ? nullptr : range(to, count * sizeof(T), true, function);
    if (!at)
      return CUDA_ERROR_INVALID_VALUE;
    for (size_t k = 0; k < count; ++k)
      std::memcpy(at + k * sizeof(T), &value, sizeof(T));
    return CUDA_SUCCESS;
  });
}

/// For work that is queued in a stream.
CUresult checkStream(void *stream) { return isStream(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; }

} // namespace

bool ptxsim::isStream(void *stream) {
  // 0 the default stream, 1 and 2 the legacy and the per-thread one.
  return reinterpret_cast<uintptr_t>(stream) <= 2 || DriverState::get().streams.count(stream);
}

void ptxsim::waitFor(void *stream) {
  while (DriverState::get().endless.count(stream))
    pause();
}

void ptxsim::waitForAll() {
  while (!DriverState::get().endless.empty())
    pause();
}

extern "C" {

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  return whenReady([&](DriverState &state) -> CUresult {
    if (!address || !bytes)
      return CUDA_ERROR_INVALID_VALUE;
    Allocation *memory = state.device->memory.allocate(bytes, "");
    if (!memory)
      return CUDA_ERROR_OUT_OF_MEMORY;
    *address = memory->address;
    return CUDA_SUCCESS;
  });
}

CUresult cuMemFree_v2(CUdeviceptr address) {
  waitForAll();
  return whenReady([&](DriverState &state) -> CUresult {
    return !address || state.device->memory.free(address) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  return whenReady([&](DriverState &state) -> CUresult {
    *total = state.device->memory.capacity;
    *free = *total - state.device->memory.used();
    return CUDA_SUCCESS;
  });
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) {
  return copyTo(to, from, bytes, "cuMemcpyHtoD");
}
CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) { return copyFrom(to, from, bytes, "cuMemcpyDtoH"); }
CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  return copyWithin(to, from, bytes, "cuMemcpyDtoD");
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, void *stream) {
  CUresult failed = checkStream(stream);
  return failed ? failed : copyTo(to, from, bytes, "cuMemcpyHtoDAsync");
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, void *stream) {
  CUresult failed = checkStream(stream);
  return failed ? failed : copyFrom(to, from, bytes, "cuMemcpyDtoHAsync");
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, void *stream) {
  CUresult failed = checkStream(stream);
  return failed ? failed : copyWithin(to, from, bytes, "cuMemcpyDtoDAsync");
}
CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count) {
  return fill(to, value, count, "cuMemsetD8");
}
CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t count) { return fill(to, value, count, "cuMemsetD32"); }
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, void *stream) {
  CUresult failed = checkStream(stream);
  return failed ? failed : fill(to, value, count, "cuMemsetD8Async");
}
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, void *stream) {
  CUresult failed = checkStream(stream);
  return failed ? failed : fill(to, value, count, "cuMemsetD32Async");
}

CUresult cuMemHostRegister_v2(void *host, size_t bytes, unsigned) {
  return whenReady([&](DriverState &state) -> CUresult {
    if (!host || !bytes)
      return CUDA_ERROR_INVALID_VALUE;
    if (state.hostMemory.count(host))
      return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    state.hostMemory[host] = state.device->memory.allocate(bytes, "", static_cast<uint8_t *>(host))->address;
    return CUDA_SUCCESS;
  });
}

CUresult cuMemHostUnregister(void *host) {
  return whenReady([&](DriverState &state) -> CUresult {
    auto found = state.hostMemory.find(host);
    if (found == state.hostMemory.end() || state.owned.count(host))
      return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    state.device->memory.free(found->second);
    state.hostMemory.erase(found);
    return CUDA_SUCCESS;
  });
}

CUresult cuMemHostAlloc(void **host, size_t bytes, unsigned flags) {
  return whenReady([&](DriverState &state) -> CUresult {
    if (!host || !bytes)
      return CUDA_ERROR_INVALID_VALUE;
    void *memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (!memory)
      return CUDA_ERROR_OUT_OF_MEMORY;
    std::memset(memory, 0xff, bytes);
    cuMemHostRegister_v2(memory, bytes, flags);
    state.owned.insert(memory);
    *host = memory;
    return CUDA_SUCCESS;
  });
}
CUresult cuMemAllocHost_v2(void **host, size_t bytes) { return cuMemHostAlloc(host, bytes, 0); }

CUresult cuMemFreeHost(void *host) {
  return whenReady([&](DriverState &state) -> CUresult {
    if (!state.owned.erase(host))
      return CUDA_ERROR_INVALID_VALUE;
    cuMemHostUnregister(host);
    ::free(host);
    return CUDA_SUCCESS;
  });
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *address, void *host, unsigned) {
  return whenReady([&](DriverState &state) -> CUresult {
    auto found = state.hostMemory.find(host);
    if (found == state.hostMemory.end())
      return CUDA_ERROR_INVALID_VALUE;
    *address = found->second;
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamCreate(void **stream, unsigned) {
  return whenReady([&](DriverState &state) -> CUresult {
    *stream = malloc(1);
    state.streams.insert(*stream);
    return CUDA_SUCCESS;
  });
}
CUresult cuStreamCreateWithPriority(void **stream, unsigned flags, int) { return cuStreamCreate(stream, flags); }
CUresult cuStreamDestroy_v2(void *stream) {
  DriverState &state = DriverState::get();
  Lock lock(state.lock);
  if (!state.streams.erase(stream))
    return CUDA_ERROR_INVALID_HANDLE;
  ::free(stream);
  return CUDA_SUCCESS;
}
CUresult cuStreamQuery(void *stream) {
  return whenReady([&](DriverState &state) -> CUresult {
    CUresult failed = checkStream(stream);
    return failed ? failed : state.endless.count(stream) ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS;
  });
}
CUresult cuStreamSynchronize(void *stream) {
  waitFor(stream);
  return cuStreamQuery(stream);
}

CUresult cuEventCreate(void **event, unsigned) {
  return whenReady([&](DriverState &state) -> CUresult {
    auto fresh = std::make_unique<Event>();
    *event = fresh.get();
    state.events[*event] = std::move(fresh);
    return CUDA_SUCCESS;
  });
}
CUresult cuEventDestroy_v2(void *event) {
  Lock lock(DriverState::get().lock);
  return DriverState::get().events.erase(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuEventRecord(void *handle, void *stream) {
  return whenReady([&](DriverState &state) -> CUresult {
    auto found = state.events.find(handle);
    if (found == state.events.end() || !isStream(stream))
      return CUDA_ERROR_INVALID_HANDLE;
    found->second->time = state.device->now();
    found->second->isRecorded = true;
    return CUDA_SUCCESS;
  });
}
CUresult cuEventSynchronize(void *event) {
  return whenReady(
      [&](DriverState &state) { return state.events.count(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; });
}
CUresult cuEventQuery(void *event) { return cuEventSynchronize(event); }
CUresult cuStreamWaitEvent(void *stream, void *event, unsigned) {
  CUresult failed = cuEventSynchronize(event);
  return failed ? failed : checkStream(stream);
}
/// Milliseconds of simulated time: an instruction of a warp counts as a nanosecond.
CUresult cuEventElapsedTime(float *milliseconds, void *from, void *to) {
  return whenReady([&](DriverState &state) -> CUresult {
    auto first = state.events.find(from), last = state.events.find(to);
    if (first == state.events.end() || last == state.events.end() || !first->second->isRecorded ||
        !last->second->isRecorded)
      return CUDA_ERROR_INVALID_HANDLE;
    *milliseconds = float(double(last->second->time - first->second->time) * 1e-6);
    return CUDA_SUCCESS;
  });
}
CUresult cuEventElapsedTime_v2(float *milliseconds, void *from, void *to) {
  return cuEventElapsedTime(milliseconds, from, to);
}

} // extern "C"
