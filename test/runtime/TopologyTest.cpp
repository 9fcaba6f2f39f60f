//===- TopologyTest.cpp - cores a process may use -----------------------------------------------------------------===//

#include "runtime/cpu/Topology.h"

#include "Files.h"

#include <gtest/gtest.h>

using namespace lrt;

namespace {

cpu_set_t cpus(std::initializer_list<int> ids) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int id : ids)
    CPU_SET(id, &set);
  return set;
}

} // namespace

TEST(Topology, hyperthreadsOfACoreCountOnce) {
  TemporaryDirectory root;
  for (int cpu = 0; cpu < 4; ++cpu)
    root.write("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
               cpu % 2 == 0 ? "0,2\n" : "1,3\n");
  EXPECT_EQ(physicalCores(cpus({0, 1, 2, 3}), root.path), 2);
  EXPECT_EQ(physicalCores(cpus({0, 2}), root.path), 1);
  EXPECT_EQ(physicalCores(cpus({2, 3}), root.path), 2);
}

TEST(Topology, withoutTopologyEveryCpuIsACore) {
  TemporaryDirectory root;
  EXPECT_EQ(physicalCores(cpus({0, 5, 9}), root.path), 3);
  EXPECT_EQ(physicalCores(cpus({}), root.path), 1);
}

TEST(Topology, quotaOfVersion2IsTheSmallestOnTheWayUp) {
  TemporaryDirectory root;
  root.write("proc/self/cgroup", "0::/outer/inner\n");
  root.write("sys/fs/cgroup/outer/cpu.max", "150000 100000\n");
  root.write("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroupQuota(root.path), 1.5);
  root.write("sys/fs/cgroup/outer/inner/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroupQuota(root.path), 0.5);
}

TEST(Topology, quotaOfAContainerWhoseGroupIsNotVisible) {
  TemporaryDirectory root;
  root.write("proc/self/cgroup", "0::/docker/0123\n");
  root.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(cgroupQuota(root.path), 2);
}

TEST(Topology, quotaOfVersion1) {
  TemporaryDirectory root;
  root.write("proc/self/cgroup", "4:memory:/\n3:cpuacct,cpu:/job\n");
  root.write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "300000\n");
  root.write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroupQuota(root.path), 3);
  root.write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(cgroupQuota(root.path), 0);
}

TEST(Topology, thisMachineHasACore) { EXPECT_GE(usableCores(), 1); }
