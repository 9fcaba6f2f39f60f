//===- HostProgram.cpp - a CUDA host program that knows nothing of the simulator ----------------------------------===//
//
//     ptxsim-host [MODE]      loads libcuda.so.1 as any program does, doubles 1000 numbers in a kernel of 4 blocks
//
// FakeCudaTest.cpp runs it with LD_LIBRARY_PATH and looks at what it prints. MODE asks for a mistake or another path.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <vector>

namespace {

using Pointer = unsigned long long;
void *library;
std::string mode;

template <typename... Arguments> int call(const char *name, Arguments... arguments) {
  auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name));
  if (!function) {
    printf("%s is not there\n", name);
    exit(3);
  }
  return function(arguments...);
}

void check(int result, const char *what) {
  if (!result)
    return;
  const char *name = nullptr, *text = nullptr;
  call("cuGetErrorName", result, &name);
  call("cuGetErrorString", result, &text);
  printf("%s: %s (%s)\n", what, name, text);
  exit(1);
}

const char *const kPtx = R"(
.version 8.0
.target sm_80
.address_size 64
.global .align 4 .f32 factor = 0f40000000;
.visible .entry scale(.param .u64 .ptr .global .align 4 data, .param .u32 count)
{
  .reg .pred %p<2>; .reg .b32 %r<9>; .reg .b64 %rd<9>;
  ld.param.b64 %rd1, [data]; ld.param.b32 %r1, [count];
  mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x; mad.lo.s32 %r5, %r2, %r3, %r4;
  setp.ge.u32 %p1, %r5, %r1;
  @%p1 bra end;
  mul.wide.u32 %rd2, %r5, 4; add.s64 %rd3, %rd1, %rd2;
  ld.global.f32 %r6, [%rd3]; ld.global.f32 %r7, [factor]; mul.rn.f32 %r6, %r6, %r7;
  st.global.f32 [%rd3], %r6;
end:
  ret;
}
)";

void loadModule(void **module) {
  std::string text = kPtx;
  if (mode == "unknown-instruction")
    text.replace(text.find("mul.rn.f32"), 10, "mul.xx.f32");
  char log[256] = "";
  int options[] = {5, 6}; // CU_JIT_ERROR_LOG_BUFFER and its size
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  int result = call<void **, const void *, unsigned, int *, void **>("cuModuleLoadDataEx", module, text.c_str(), 2,
                                                                     options, values);
  if (result)
    printf("log: %s\n", log);
  check(result, "cuModuleLoadDataEx");
}

void launch(void *function, Pointer data, uint32_t count) {
  void *parameters[] = {&data, &count};
  unsigned blocks = mode == "too-many-blocks" ? 1000 : 4;
  if (mode == "ordinary")
    check(call<void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **>(
              "cuLaunchKernel", function, blocks, 1, 1, 256, 1, 1, 0, nullptr, parameters, nullptr),
          "cuLaunchKernel");
  else
    check(call<void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **>(
              "cuLaunchCooperativeKernel", function, blocks, 1, 1, 256, 1, 1, 0, nullptr, parameters),
          "cuLaunchCooperativeKernel");
}

} // namespace

int main(int argc, char **argv) {
  setvbuf(stdout, nullptr, _IONBF, 0); // in order with what goes to stderr
  mode = argc > 1 ? argv[1] : "";
  library = dlopen("libcuda.so.1", RTLD_NOW);
  if (!library) {
    printf("no driver\n");
    return 2;
  }
  int version = 0, processors = 0, perProcessor = 0;
  check(call("cuInit", 0u), "cuInit");
  call("cuDriverGetVersion", &version);
  call("cuDeviceGetAttribute", &processors, 16, 0);
  void *context = nullptr, *module = nullptr, *function = nullptr, *found = nullptr, *from = nullptr, *to = nullptr;
  check(call("cuDevicePrimaryCtxRetain", &context, 0), "cuDevicePrimaryCtxRetain");
  check(call("cuCtxSetCurrent", context), "cuCtxSetCurrent");
  call<const char *, void **, int, unsigned long long, int *>("cuGetProcAddress_v2", "cuMemAlloc", &found, 12000, 0,
                                                              nullptr);
  printf("driver %d, %d processors, cuMemAlloc %s\n", version, processors,
         found && found == dlsym(library, "cuMemAlloc_v2") ? "found" : "missing");
  loadModule(&module);
  check(call<void **, void *, const char *>("cuModuleGetFunction", &function, module, "scale"), "cuModuleGetFunction");
  call<int *, void *, int, size_t>("cuOccupancyMaxActiveBlocksPerMultiprocessor", &perProcessor, function, 256, 0);

  Pointer data = 0, factor = 0;
  size_t bytes = 0;
  check(call<Pointer *, size_t>("cuMemAlloc_v2", &data, mode == "no-memory" ? size_t(1) << 40 : 4000), "cuMemAlloc");
  check(call<Pointer *, size_t *, void *, const char *>("cuModuleGetGlobal_v2", &factor, &bytes, module, "factor"),
        "cuModuleGetGlobal");
  float three = 3, milliseconds = 0;
  check(call<Pointer, const void *, size_t>("cuMemcpyHtoD_v2", factor, &three, bytes), "cuMemcpyHtoD");
  std::vector<float> numbers(1000);
  for (int k = 0; k < 1000; ++k)
    numbers[k] = float(k);
  check(call<Pointer, const void *, size_t>("cuMemcpyHtoD_v2", data, numbers.data(), 4000), "cuMemcpyHtoD");
  call("cuEventCreate", &from, 0u), call("cuEventCreate", &to, 0u);
  check(call<void *, void *>("cuEventRecord", from, nullptr), "cuEventRecord");
  uint32_t count = mode == "out-of-bounds" ? 1001 : 1000;
  launch(function, mode == "host-pointer" ? Pointer(numbers.data()) : data, count);
  check(call<void *, void *>("cuEventRecord", to, nullptr), "cuEventRecord");
  if (mode == "query")
    check(call<void *>("cuStreamQuery", nullptr), "cuStreamQuery");
  check(call("cuCtxSynchronize"), "cuCtxSynchronize");
  check(call("cuEventElapsedTime", &milliseconds, from, to), "cuEventElapsedTime");
  check(call<void *, Pointer, size_t>("cuMemcpyDtoH_v2", numbers.data(), data, 4000), "cuMemcpyDtoH");
  for (int k = 0; k < 1000; ++k)
    if (numbers[k] != 3 * float(k))
      return printf("number %d is %g\n", k, numbers[k]), 1;

  // Memory that host and device can address.
  float *shared = nullptr;
  Pointer seen = 0;
  check(call<float **, size_t, unsigned>("cuMemHostAlloc", &shared, 64, 2), "cuMemHostAlloc");
  check(call<Pointer *, void *, unsigned>("cuMemHostGetDevicePointer_v2", &seen, shared, 0),
        "cuMemHostGetDevicePointer");
  shared[0] = 5;
  launch(function, seen, 1);
  check(call("cuCtxSynchronize"), "cuCtxSynchronize");
  printf("%d blocks per processor, time %s, mapped %g\n", perProcessor, milliseconds > 0 ? "passed" : "stood still",
         shared[0]);
  check(call<void *>("cuMemFreeHost", shared), "cuMemFreeHost");
  check(call("cuMemFree_v2", data), "cuMemFree");
  if (mode == "host-reads-device")
    printf("%g\n", *reinterpret_cast<float *>(data));
}
