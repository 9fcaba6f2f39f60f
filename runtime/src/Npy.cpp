//===- Npy.cpp - a float32 matrix as a NumPy file -----------------------------------------------------------------===//

#include "Npy.h"

#include "Support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lrt;

NpyWriter::~NpyWriter() {
  if (file < 0)
    return;
  close(file);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

bool NpyWriter::fail(const char *action, int reason, std::string &error) {
  error = format("%s: cannot %s: %s", path.c_str(), action, strerror(reason));
  return false;
}

bool NpyWriter::open(const std::string &name, int64_t rows, int64_t columns, std::string &error) {
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

  // Magic, version 1.0, length of the text; the text ends with a newline on a multiple of 64.
  std::string text =
      format("{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }", (long long)rows, (long long)columns);
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  std::string header = "\x93NUMPY";
  header += {'\x01', '\x00', char(text.size() & 0xff), char(text.size() >> 8)};
  header += text;
  int reason = writeAll(file, header.data(), header.size());
  return reason == 0 || fail("write", reason, error);
}

bool NpyWriter::write(const float *values, int64_t count, std::string &error) {
  int reason = writeAll(file, values, size_t(count) * sizeof(float));
  return reason == 0 || fail("write", reason, error);
}

bool NpyWriter::finish(std::string &error) {
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
