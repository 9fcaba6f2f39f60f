//===- FreeMemory.h - memory this process may still take ----------------------------------------------------------===//

#ifndef LRT_CPU_FREEMEMORY_H
#define LRT_CPU_FREEMEMORY_H

#include <stdint.h>

#include <string>

namespace lrt {

/// Bytes of new memory that this process can touch before the system runs out or a control group kills it: the minimum
/// of MemAvailable and what the groups leave. Cached files count as free. Swap does not count: a model in swap is too
/// slow to use. INT64_MAX: the system does not say. `root` is "" on a real system.
int64_t availableMemory(const std::string &root);

} // namespace lrt

#endif // LRT_CPU_FREEMEMORY_H
