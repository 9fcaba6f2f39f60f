//===- MemoryNeed.h - memory a call will touch --------------------------------------------------------------------===//
//
// Caches and activations are reserved as a whole; the system provides a page when it is first touched. The pages that a
// command can touch are known before it starts and are compared with the free memory: a refusal is better than a
// process that is killed in the middle of an answer.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_ENGINE_MEMORYNEED_H
#define LRT_ENGINE_MEMORYNEED_H

#include "lrt/abi.h"

#include <string>

namespace lrt {

/// Bytes of anonymous memory: what is mapped from a file can be read again and is not counted.
struct MemoryNeed {
  int64_t caches = 0;
  int64_t activations = 0; // and the workers' scratch
  int64_t weights = 0;     // copied (--large-pages) or made up (--random-weights)
  int64_t other = 0;       // logits, buffers of a command

  int64_t total() const { return caches + activations + weights + other; }
};

/// Of caches that hold `positions` when the call is over, and of a forward step. `largePages`: caches are touched
/// whole.
MemoryNeed memoryNeed(const lrt_program &program, int64_t positions, int64_t workers, bool largePages);

/// Returns false when more is needed than available, with one line that has both numbers and what would help.
bool checkMemory(const MemoryNeed &need, int64_t available, bool largePages, std::string &error);

/// The most positions, up to the context, that checkMemory would allow; `need` is what comes beside the caches.
int64_t positionsThatFit(const lrt_program &program, MemoryNeed need, int64_t available, bool largePages);

} // namespace lrt

#endif // LRT_ENGINE_MEMORYNEED_H
