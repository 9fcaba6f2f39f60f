//===- MemoryNeed.h - memory a call will touch --------------------------------------------------------------------===//
//
// Caches and activations are reserved as a whole; the system provides a page when it is first touched. The pages that a
// command can touch are known before it starts and are compared with the free memory: an error at the start is better
// than a process that is killed in the middle of an answer.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_ENGINE_MEMORYNEED_H
#define LRT_ENGINE_MEMORYNEED_H

#include "lrt/abi.h"

#include <string>

namespace lrt {

/// Which memory is counted, and when it is taken.
enum class MemoryKind : uint8_t {
  Pages,      // of the host: a page is taken when it is first touched
  LargePages, // of the host: caches and a copy of the weights are taken whole
  Device,     // of a GPU: all is taken whole, the weights too
};

/// Bytes of anonymous memory, or of a device's. Memory mapped from a file is not counted, since its pages can be
/// dropped and read again.
struct MemoryNeed {
  int64_t caches = 0;
  int64_t activations = 0; // and the workers' scratch
  int64_t weights = 0;     // on a device, copied (--large-pages) or made up (--random-weights)
  int64_t other = 0;       // logits, buffers of a command

  int64_t total() const { return caches + activations + weights + other; }
};

/// What a forward step needs whose caches hold `positions` at its end.
MemoryNeed memoryNeed(const lrt_program &program, int64_t positions, int64_t workers, MemoryKind kind);

/// Returns false when more is needed than available, with one line that has both numbers and a remedy.
bool checkMemory(const MemoryNeed &need, int64_t available, MemoryKind kind, std::string &error);

/// The maximum number of positions, up to the context, that checkMemory would allow. `need`: memory besides the caches.
int64_t positionsThatFit(const lrt_program &program, MemoryNeed need, int64_t available, MemoryKind kind);

} // namespace lrt

#endif // LRT_ENGINE_MEMORYNEED_H
