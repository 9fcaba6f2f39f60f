//===- FreeMemory.cpp - memory this process may still take --------------------------------------------------------===//

#include "runtime/cpu/FreeMemory.h"

#include "runtime/cpu/Cgroup.h"

#include <stdlib.h>

#include <algorithm>

using namespace lrt;

namespace {

/// The number after `key` at the start of a line: "MemAvailable:   22089576 kB", "total_inactive_file 4096". -1: none.
int64_t field(const std::string &text, const std::string &key) {
  size_t at = text.rfind(key, 0) == 0 ? 0 : text.find("\n" + key);
  if (at == std::string::npos)
    return -1;
  return strtoll(text.c_str() + at + (at > 0) + key.size(), nullptr, 10);
}

/// Reads a file with one number; -1 for "max" and for a file that cannot be read.
int64_t number(const std::string &path) {
  std::string text = readSystemFile(path);
  char *end = nullptr;
  int64_t value = strtoll(text.c_str(), &end, 10);
  return end == text.c_str() ? -1 : value;
}

/// Bytes that the limit of a group leaves free; -1: no limit.
int64_t leftOf(const std::string &group, int version) {
  int64_t limit = number(group + (version == 2 ? "/memory.max" : "/memory.limit_in_bytes"));
  int64_t used = number(group + (version == 2 ? "/memory.current" : "/memory.usage_in_bytes"));
  if (limit < 0 || used < 0)
    return -1;
  // Files in the page cache are given back when memory runs short.
  std::string stat = readSystemFile(group + "/memory.stat");
  const char *prefix = version == 2 ? "" : "total_"; // version 1: with the groups inside
  for (const char *name : {"inactive_file ", "active_file "})
    used -= std::max<int64_t>(field(stat, std::string(prefix) + name), 0);
  return std::max<int64_t>(limit - std::max<int64_t>(used, 0), 0);
}

} // namespace

int64_t lrt::availableMemory(const std::string &root) {
  int64_t kilobytes = field(readSystemFile(root + "/proc/meminfo"), "MemAvailable:");
  int64_t available = kilobytes < 0 ? INT64_MAX : kilobytes * 1024;
  forEachGroup(root, "memory", [&](const std::string &group, int version) {
    int64_t left = leftOf(group, version);
    if (left >= 0)
      available = std::min(available, left);
  });
  return available;
}
