//===- Driver.cpp - the CUDA driver, loaded when the program runs -------------------------------------------------===//

#include "runtime/cuda/Driver.h"

#include "runtime/support/Support.h"

#include <dlfcn.h>

using namespace lrt;
using namespace lrt::cuda;

bool Driver::load(std::string &error) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    error = format("expected NVIDIA's driver, for code compiled with --target cuda: %s", dlerror());
    return false;
  }
#define FUNCTION(symbol, name, parameters)                                                                             \
  if (void *found = dlsym(library, #symbol)) {                                                                         \
    name = reinterpret_cast<int(*) parameters>(found);                                                                 \
  } else {                                                                                                             \
    error = "expected a newer driver of NVIDIA's: its libcuda.so.1 has no function " #symbol;                          \
    return false;                                                                                                      \
  }
#include "runtime/cuda/driver.def"
#undef FUNCTION
  return true;
}

std::string Driver::describe(int result) const {
  const char *errorName = nullptr, *text = nullptr;
  if (getErrorName(result, &errorName) != success || getErrorString(result, &text) != success || !errorName || !text)
    return format("error %d of the CUDA driver", result);
  return format("%s: %s", errorName, text);
}
