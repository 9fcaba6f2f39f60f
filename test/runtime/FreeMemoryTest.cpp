//===- FreeMemoryTest.cpp - memory a process may still take -------------------------------------------------------===//

#include "runtime/cpu/FreeMemory.h"

#include "Files.h"

#include <gtest/gtest.h>

using namespace lrt;

TEST(FreeMemory, isWhatTheSystemSays) {
  TemporaryDirectory root;
  EXPECT_EQ(availableMemory(root.path), INT64_MAX); // nothing says anything
  root.write("proc/meminfo", "MemTotal:  24684084 kB\nMemFree:  100 kB\nMemAvailable:  3000 kB\nSwapFree:  9000 kB\n");
  EXPECT_EQ(availableMemory(root.path), 3000 * 1024);
  root.write("proc/meminfo", "MemAvailable:  12 kB\n");
  EXPECT_EQ(availableMemory(root.path), 12 * 1024);
}

TEST(FreeMemory, isWhatTheGroupsLeave) {
  TemporaryDirectory root;
  root.write("proc/meminfo", "MemAvailable:  3000 kB\n");
  root.write("proc/self/cgroup", "0::/outer/inner\n");
  root.write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  root.write("sys/fs/cgroup/outer/inner/memory.current", "900000\n");
  EXPECT_EQ(availableMemory(root.path), 3000 * 1024);
  // The parent group has a limit, and files in its page cache.
  root.write("sys/fs/cgroup/outer/memory.max", "1000000\n");
  root.write("sys/fs/cgroup/outer/memory.current", "900000\n");
  EXPECT_EQ(availableMemory(root.path), 100000);
  root.write("sys/fs/cgroup/outer/memory.stat", "anon 500000\nfile 400000\ninactive_file 100000\nactive_file 250000\n");
  EXPECT_EQ(availableMemory(root.path), 450000);
  root.write("sys/fs/cgroup/outer/inner/memory.max", "910000\n");
  EXPECT_EQ(availableMemory(root.path), 10000);
  root.write("sys/fs/cgroup/outer/inner/memory.max", "800000\n"); // lowered below what is used
  EXPECT_EQ(availableMemory(root.path), 0);
}

TEST(FreeMemory, isWhatAContainerLeavesWhoseGroupIsNotVisible) {
  TemporaryDirectory root;
  root.write("proc/meminfo", "MemAvailable:  3000 kB\n");
  root.write("proc/self/cgroup", "0::/docker/0123\n");
  root.write("sys/fs/cgroup/memory.max", "200000\n");
  root.write("sys/fs/cgroup/memory.current", "50000\n");
  EXPECT_EQ(availableMemory(root.path), 150000);
}

TEST(FreeMemory, isWhatGroupsOfVersion1Leave) {
  TemporaryDirectory root;
  root.write("proc/meminfo", "MemAvailable:  3000 kB\n");
  root.write("proc/self/cgroup", "4:memory:/job\n3:cpuacct,cpu:/other\n0::/\n");
  root.write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1000000\n");
  root.write("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "400000\n");
  root.write("sys/fs/cgroup/memory/job/memory.stat",
             "cache 9\ninactive_file 7\ntotal_inactive_file 50000\ntotal_active_file 1\n");
  EXPECT_EQ(availableMemory(root.path), 650001);
  root.write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n"); // none
  EXPECT_EQ(availableMemory(root.path), 3000 * 1024);
}

TEST(FreeMemory, thisMachineHasSome) {
  EXPECT_GT(availableMemory(""), 1 << 20);
  EXPECT_LT(availableMemory(""), int64_t(1) << 50);
}
