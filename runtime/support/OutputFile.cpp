//===- OutputFile.cpp - a file that is complete or not there ------------------------------------------------------===//

#include "runtime/support/OutputFile.h"

#include "lrt/weights.h"
#include "runtime/support/Signals.h"
#include "runtime/support/Support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

using namespace lrt;

namespace {

struct Input {
  dev_t device;
  ino_t inode;
  std::string name;

  bool is(const struct stat &status) const { return device == status.st_dev && inode == status.st_ino; }
  /// When a file is gone, another one may come to have its inode; stdin stays open.
  bool isThere() const {
    struct stat status;
    return name == "stdin" || (stat(name.c_str(), &status) == 0 && is(status));
  }
};

std::vector<Input> &inputs() {
  static std::vector<Input> recorded;
  return recorded;
}

/// "" if no input is the file.
std::string inputNamed(const struct stat &status) {
  for (const Input &input : inputs())
    if (input.is(status) && input.isThere())
      return input.name;
  // The program and its weights, also where it does not read them.
  std::string own = executablePath();
  struct stat other;
  for (const std::string &path : {own, own + ".weights"})
    if (stat(path.c_str(), &other) == 0 && other.st_dev == status.st_dev && other.st_ino == status.st_ino)
      return path;
  return "";
}

/// The kind of a file that is never overwritten, in words; null: any other file.
const char *describeContents(const std::string &path) {
  int file = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  char start[9] = {};
  ssize_t got = file >= 0 ? pread(file, start, sizeof(start), 0) : 0;
  struct stat status = {};
  if (file >= 0) {
    fstat(file, &status);
    close(file);
  }
  uint64_t magic;
  memcpy(&magic, start, sizeof(magic));
  if (got >= 4 && memcmp(start, "GGUF", 4) == 0)
    return "a GGUF file";
  if (got >= 8 && magic == LRT_WEIGHTS_MAGIC)
    return "the weights of a program";
  // safetensors: the length of a JSON object, and the object.
  bool isObject = got == sizeof(start) && start[8] == '{' && magic >= 2 && magic <= uint64_t(status.st_size) - 8;
  return isObject ? "a safetensors file" : nullptr;
}

/// A name of a device or an open file, as /dev/stdout: what it leads to is written, the name itself stays.
bool isSystemName(const std::string &path) {
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  char *real = realpath(folder.c_str(), nullptr);
  std::string text = real ? std::string(real) + "/" : "";
  free(real);
  return text.rfind("/dev/", 0) == 0 || text.rfind("/proc/", 0) == 0;
}

} // namespace

void lrt::recordInput(int file, const std::string &name) {
  struct stat status;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode))
    inputs().push_back({status.st_dev, status.st_ino, name});
}

OutputFile::~OutputFile() {
  if (file < 0)
    return;
  close(file);
  if (isNamed)
    unlink(temporary.c_str());
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
  const char *found = S_ISREG(status.st_mode) ? describeContents(path) : S_ISBLK(status.st_mode) ? "a disk" : nullptr;
  if (found)
    error = format("%s: cannot write: expected a file or a new name, found %s", path.c_str(), found);
  return !found;
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
  return isNamed || fail("create", errno, error);
}

bool OutputFile::write(const void *data, size_t bytes, std::string &error) {
  int reason = writeAll(file, data, bytes);
  if (reason == EPIPE)
    endByClosedPipe();
  return reason == 0 || fail("write", reason, error);
}

bool OutputFile::finish(std::string &error) {
  if (!check(error)) // meanwhile more files were read
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
  if (reason == 0 && isNamed && rename(temporary.c_str(), path.c_str()) != 0)
    reason = errno;
  if (reason == 0)
    return true;
  if (isNamed)
    unlink(temporary.c_str());
  return fail("write", reason, error);
}
