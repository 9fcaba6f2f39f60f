//===- MappingGuard.h - one line of error when a mapped file fails ------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_MAPPINGGUARD_H
#define LATHE_COMPILER_DRIVER_MAPPINGGUARD_H

#include <csignal>

namespace lathe {

/// Files are mapped, not read. Access to a page after the end of the file (somebody shortened it), or to one that the
/// full disk cannot store, raises SIGBUS. While a guard lives, SIGBUS ends the process with status 1 and one line that
/// names the file, and unfinished outputs are removed. Guards may be nested.
class MappingGuard {
public:
  /// `linked`: the name, in the message, of a file that is being written. It must outlive the guard.
  explicit MappingGuard(const char *linked = nullptr);
  ~MappingGuard();
  MappingGuard(const MappingGuard &) = delete;
  MappingGuard &operator=(const MappingGuard &) = delete;

private:
  struct sigaction before;
};

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_MAPPINGGUARD_H
