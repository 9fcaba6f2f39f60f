//===- OutputFile.cpp - an output file that appears only when it is complete --------------------------------------===//

#include "runtime/support/OutputFile.h"

#include "lrt/inputs.h"
#include "runtime/support/Signals.h"
#include "runtime/support/Support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lrt;

/// "" if this process does not read the file.
static std::string inputNamed(const struct stat &status) {
  if (std::string name = nameOfInput(status.st_dev, status.st_ino); !name.empty())
    return name;
  // The executable and its weights, even if this command does not read them.
  std::string own = executablePath();
  struct stat other;
  for (const std::string &path : {own, own + ".weights"})
    if (stat(path.c_str(), &other) == 0 && other.st_dev == status.st_dev && other.st_ino == status.st_ino)
      return path;
  return "";
}

/// Temporary names that exist.
static std::vector<std::string> &temporaryNames() {
  static std::vector<std::string> names;
  return names;
}

void lrt::discardOutputs() {
  for (const std::string &name : temporaryNames())
    unlink(name.c_str());
}

OutputFile::~OutputFile() {
  if (file < 0)
    return;
  close(file);
  if (isNamed)
    unlink(temporary.c_str());
  std::erase(temporaryNames(), temporary);
}

bool OutputFile::fail(const char *action, int reason, std::string &error) {
  error = format("%s: cannot %s: %s", path.c_str(), action, strerror(reason));
  return false;
}

bool OutputFile::check(std::string &error) const {
  struct stat status;
  if (stat(path.c_str(), &status) != 0)
    return true;
  if (std::string input = inputNamed(status); !input.empty()) {
    error = format("%s: cannot write: expected a file that this command does not read, found its input %s",
                   path.c_str(), input.c_str());
    return false;
  }
  const std::string found = S_ISREG(status.st_mode) ? kindOfWeights(path) : S_ISBLK(status.st_mode) ? "a disk" : "";
  if (!found.empty())
    error = format("%s: cannot write: expected a file or a new name, found %s", path.c_str(), found.c_str());
  return found.empty();
}

bool OutputFile::open(const std::string &name, std::string &error) {
  path = name;
  if (!check(error))
    return false;
  struct stat status;
  bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode))
    return fail("write", EISDIR, error);
  if (exists && (!S_ISREG(status.st_mode) || isSystemName(path))) {
    file = ::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    return file >= 0 || fail("create", errno, error);
  }
  temporary = path + format(".%d.tmp", int(getpid()));
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  file = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (file >= 0)
    return true;
  file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  isNamed = file >= 0;
  if (isNamed)
    temporaryNames().push_back(temporary);
  return isNamed || fail("create", errno, error);
}

bool OutputFile::write(const void *data, size_t bytes, std::string &error) {
  int reason = writeAll(file, data, bytes);
  if (reason == EPIPE)
    endByClosedPipe();
  return reason == 0 || fail("write", reason, error);
}

bool OutputFile::finish(std::string &error) {
  if (!check(error)) // more files may have been read since open()
    return false;
  int reason = 0;
  if (!temporary.empty() && !isNamed) {
    std::string unnamed = format("/proc/self/fd/%d", file);
    unlink(temporary.c_str());
    isNamed = linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, temporary.c_str(), AT_SYMLINK_FOLLOW) == 0;
    reason = isNamed ? 0 : errno;
  }
  if (close(file) != 0 && reason == 0)
    reason = errno;
  file = -1;
  std::erase(temporaryNames(), temporary);
  if (reason == 0 && isNamed && rename(temporary.c_str(), path.c_str()) != 0)
    reason = errno;
  if (reason == 0)
    return true;
  if (isNamed)
    unlink(temporary.c_str());
  return fail("write", reason, error);
}
