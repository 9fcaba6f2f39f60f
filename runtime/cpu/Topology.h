//===- Topology.h - cores and caches this process may use ---------------------------------------------------------===//

#ifndef LRT_CPU_TOPOLOGY_H
#define LRT_CPU_TOPOLOGY_H

#include <sched.h>
#include <stdint.h>

#include <string>

namespace lrt {

/// Physical cores of the affinity mask, hyperthreads of one core counted once, limited by the cgroup's CPU quota. At
/// least 1.
int64_t usableCores();

/// The two parts of usableCores(); `root` is "" on a real system.
int64_t physicalCores(const cpu_set_t &allowed, const std::string &root);
double cgroupQuota(const std::string &root); // in CPUs; 0: no limit

/// Bytes of the largest cache of the first core; 0 if the system does not say.
int64_t lastLevelCacheBytes();

} // namespace lrt

#endif // LRT_CPU_TOPOLOGY_H
