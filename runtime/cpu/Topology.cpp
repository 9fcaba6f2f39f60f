//===- Topology.cpp - cores and caches this process may use -------------------------------------------------------===//

#include "runtime/cpu/Topology.h"

#include "runtime/cpu/Cgroup.h"
#include "runtime/support/Support.h"

#include <stdlib.h>

#include <algorithm>
#include <set>

using namespace lrt;

int64_t lrt::physicalCores(const cpu_set_t &allowed, const std::string &root) {
  std::set<std::string> cores; // hyperthreads of a core list the same siblings
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed))
      continue;
    std::string topology = root + format("/sys/devices/system/cpu/cpu%d/topology/", cpu);
    std::string siblings = readSystemFile(topology + "thread_siblings_list");
    cores.insert(siblings.empty() ? format("cpu %d", cpu) : siblings);
  }
  return std::max<int64_t>(1, cores.size());
}

namespace {

/// cpu.max: "max 100000" or "150000 100000".
double quotaV2(const std::string &directory) {
  std::string text = readSystemFile(directory + "/cpu.max");
  char *rest = nullptr;
  double quota = strtod(text.c_str(), &rest); // "max" reads as 0
  double period = strtod(rest, nullptr);
  return quota > 0 && period > 0 ? quota / period : 0;
}

double quotaV1(const std::string &directory) {
  double quota = atof(readSystemFile(directory + "/cpu.cfs_quota_us").c_str()); // -1: none
  double period = atof(readSystemFile(directory + "/cpu.cfs_period_us").c_str());
  return quota > 0 && period > 0 ? quota / period : 0;
}

} // namespace

double lrt::cgroupQuota(const std::string &root) {
  double minQuota = 0;
  forEachGroup(root, "cpu", [&](const std::string &group, int version) {
    double quota = version == 2 ? quotaV2(group) : quotaV1(group);
    if (quota > 0 && (minQuota == 0 || quota < minQuota))
      minQuota = quota;
  });
  return minQuota;
}

int64_t lrt::usableCores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) // more than 1024 CPUs
    return 1;
  int64_t cores = physicalCores(allowed, "");
  double quota = cgroupQuota("");
  // A quota of 1.5 CPUs gives one worker: two would be stopped a quarter of the time, in the middle of a phase.
  return quota > 0 ? std::clamp<int64_t>(int64_t(quota), 1, cores) : cores;
}

int64_t lrt::lastLevelCacheBytes() {
  int64_t largest = 0;
  for (int index = 0; index < 8; ++index) {
    std::string directory = format("/sys/devices/system/cpu/cpu0/cache/index%d/", index);
    std::string size = readSystemFile(directory + "size"); // "32768K"
    char *unit = nullptr;
    int64_t bytes = strtoll(size.c_str(), &unit, 10);
    if (*unit == 'K')
      bytes <<= 10;
    else if (*unit == 'M')
      bytes <<= 20;
    if (readSystemFile(directory + "type") != "Instruction")
      largest = std::max(largest, bytes);
  }
  return largest;
}
