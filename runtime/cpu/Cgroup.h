//===- Cgroup.h - the control groups of this process --------------------------------------------------------------===//

#ifndef LRT_CPU_CGROUP_H
#define LRT_CPU_CGROUP_H

#include "runtime/support/Support.h"

#include <string>

namespace lrt {

/// Calls visit(directory, version) for the group of this process under `controller` ("cpu", "memory") and for each of
/// its parents: all their limits apply. `root` is "" on a real system. In a container the innermost directories may be
/// missing, since only the container's own group is mounted.
template <typename Visit> void forEachGroup(const std::string &root, const std::string &controller, Visit visit) {
  // Lines "hierarchy:controllers:group"; version 2 is "0::group".
  std::string lines = readSystemFile(root + "/proc/self/cgroup") + "\n";
  for (size_t begin = 0, end; (end = lines.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string line = lines.substr(begin, end - begin);
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    const bool isV2 = controllers.empty();
    if (!isV2 && ("," + controllers + ",").find("," + controller + ",") == std::string::npos)
      continue;
    const std::string mount = root + "/sys/fs/cgroup" + (isV2 ? "" : "/" + controller);
    for (;;) {
      visit(mount + group, isV2 ? 2 : 1);
      if (group.empty() || group == "/")
        break;
      group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
    }
  }
}

} // namespace lrt

#endif // LRT_CPU_CGROUP_H
