//===- MappingGuard.h - a mapped file that fails ends in one line -------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_MAPPINGGUARD_H
#define LATHE_COMPILER_DRIVER_MAPPINGGUARD_H

#include <csignal>

namespace lathe {

/// Files are mapped, not read. A page that lies behind the end of its file, because somebody cut the file short, or
/// that the disk cannot hold, is a bus error: SIGBUS. While a guard lives, that ends the process with one line that
/// names the file and status 1, and unfinished outputs are removed. Guards may be nested.
class MappingGuard {
public:
  /// `linked`: what to call a file that is mapped to be written; it must outlive the guard.
  explicit MappingGuard(const char *linked = nullptr);
  ~MappingGuard();
  MappingGuard(const MappingGuard &) = delete;
  MappingGuard &operator=(const MappingGuard &) = delete;

private:
  struct sigaction before;
};

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_MAPPINGGUARD_H
