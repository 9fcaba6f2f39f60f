//===- functions.h - prototypes of functions.def ------------------------------------------------------------------===//
//
// A definition whose types differ from the list does not compile: C functions cannot be overloaded.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_FUNCTIONS_H
#define LRT_FUNCTIONS_H

#include <stdint.h>

namespace lrt::kinds {
using VOID = void;
using PTR = const void *;
using I64 = int64_t;
extern "C" {
#define LRT_FUNCTION(name, result, arguments) result name arguments;
#include "lrt/functions.def"
}
} // namespace lrt::kinds

using lrt::kinds::lrt_barrier;
using lrt::kinds::lrt_next_tile;

#endif // LRT_FUNCTIONS_H
