//===- ChooseCode.cpp - the code that a GPU can run ---------------------------------------------------------------===//

#include "runtime/cuda/ChooseCode.h"

#include <stdlib.h>
#include <string.h>

#include <utility>

using namespace lrt;

/// 10.1 has the number of its family's predecessor: it was renamed to 11.0.
static bool isSameFamily(int a, int b) { return a / 10 == b / 10 && (a == 101) == (b == 101); }

const lrt_device_code *cuda::chooseCode(const lrt_program &program, int capability) {
  const lrt_device_code *best = nullptr;
  std::pair<int, int> bestRank; // its number; 2: of this GPU alone, 1: of its family, 0: of all later ones
  for (int64_t i = 0; i < program.num_device_codes; ++i) {
    const lrt_device_code &code = program.device_codes[i];
    if (strncmp(code.device, "sm_", 3) != 0)
      continue;
    char *suffix = nullptr;
    const int number = int(strtol(code.device + 3, &suffix, 10));
    const int only = *suffix == 'a' ? 2 : *suffix == 'f' ? 1 : 0;
    if (number > capability || (only == 2 && number != capability) || (only == 1 && !isSameFamily(number, capability)))
      continue;
    if (const std::pair rank(number, only); !best || rank > bestRank) {
      best = &code;
      bestRank = rank;
    }
  }
  return best;
}
