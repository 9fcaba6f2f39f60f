//===- OutputFile.cpp - a file that is complete or not there ------------------------------------------------------===//

#include "OutputFile.h"

#include "Support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lrt;

OutputFile::~OutputFile() {
  if (file < 0)
    return;
  close(file);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

bool OutputFile::fail(const char *action, int reason, std::string &error) {
  error = format("%s: cannot %s: %s", path.c_str(), action, strerror(reason));
  return false;
}

bool OutputFile::open(const std::string &name, std::string &error) {
  path = name;
  struct stat status;
  bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode))
    return fail("write", EISDIR, error);
  bool isRegular = !exists || S_ISREG(status.st_mode);
  if (isRegular)
    temporary = path + format(".%d.tmp", int(getpid()));
  file = ::open(isRegular ? temporary.c_str() : path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) {
    temporary.clear();
    return fail("create", errno, error);
  }
  return true;
}

bool OutputFile::write(const void *data, size_t bytes, std::string &error) {
  int reason = writeAll(file, data, bytes);
  return reason == 0 || fail("write", reason, error);
}

bool OutputFile::finish(std::string &error) {
  int reason = close(file) == 0 ? 0 : errno;
  file = -1;
  if (reason == 0 && !temporary.empty() && rename(temporary.c_str(), path.c_str()) != 0)
    reason = errno;
  if (reason == 0)
    return true;
  if (!temporary.empty())
    unlink(temporary.c_str());
  return fail("write", reason, error);
}
