//===- Support.cpp - messages, memory, clock ----------------------------------------------------------------------===//

#include "runtime/support/Support.h"

#include "lrt/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <exception>

#include <algorithm>

using namespace lrt;

/// Replaces libstdc++'s own handler, which prints the name of the exception and for that links a demangler of 50 kB
/// into every executable. The runtime throws nothing; the library throws only when memory runs out.
void __gnu_cxx::__verbose_terminate_handler() {
  static const char message[] = ": out of memory\n";
  (void)!write(STDERR_FILENO, program_invocation_short_name, strlen(program_invocation_short_name));
  (void)!write(STDERR_FILENO, message, sizeof message - 1);
  _exit(1);
}

std::string lrt::format(const char *pattern, ...) {
  va_list arguments, again;
  va_start(arguments, pattern);
  va_copy(again, arguments);
  int length = vsnprintf(nullptr, 0, pattern, arguments);
  std::string text(length < 0 ? 0 : length, '\0');
  vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  va_end(arguments);
  return text;
}

/// The number in the largest unit in which it is at least 1. Each unit is 1000 times the one before.
static std::string readable(double number, const char *const (&units)[5]) {
  int unit = 0;
  while (number >= 1000 && unit < 4) {
    number /= 1000;
    ++unit;
  }
  return format(unit == 0 || number >= 100 ? "%.0f %s" : "%.1f %s", number, units[unit]);
}

std::string lrt::readableBytes(double bytes) { return readable(bytes, {"B", "kB", "MB", "GB", "TB"}); }

std::string lrt::readableOps(double ops) { return readable(ops, {"", "k", "M", "G", "T"}); }

std::string lrt::readableCount(int64_t count) {
  std::string digits = format("%lld", (long long)count), text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0 && digits[i - 1] != '-')
      text += ',';
    text += digits[i];
  }
  return text;
}

double lrt::now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

void lrt::recordOpenInput(int file, const std::string &name) {
  struct stat status;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode))
    recordInput(status.st_dev, status.st_ino, name);
}

static bool readFrom(int file, std::string &contents) {
  char block[16384];
  for (;;) {
    ssize_t got = read(file, block, sizeof(block));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return got == 0;
    contents.append(block, got);
  }
}

bool lrt::readWholeFile(const std::string &path, std::string &contents, std::string &error) {
  contents.clear();
  bool isStdin = path == "-";
  int file = isStdin ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file >= 0)
    recordOpenInput(file, isStdin ? "stdin" : path);
  bool good = file >= 0 && readFrom(file, contents);
  if (!good)
    error = format("%s: cannot read: %s", isStdin ? "stdin" : path.c_str(), strerror(errno));
  if (file >= 0 && !isStdin)
    close(file);
  return good;
}

std::string lrt::readSystemFile(const std::string &path) {
  std::string contents, ignored;
  if (!readWholeFile(path, contents, ignored))
    return "";
  while (!contents.empty() && (contents.back() == '\n' || contents.back() == ' '))
    contents.pop_back();
  return contents;
}

std::string lrt::executablePath() {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  return length > 0 && size_t(length) < sizeof(path) ? std::string(path, length) : "";
}

int lrt::writeAll(int file, const void *data, size_t size) {
  const char *bytes = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t written = write(file, bytes, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return errno;
    bytes += written;
    size -= written;
  }
  return 0;
}

void lrt::warn(const std::string &message) {
  std::string line = std::string(program_invocation_short_name) + ": warning: " + message + "\n";
  writeAll(STDERR_FILENO, line.data(), line.size());
}

Memory::~Memory() {
  if (base)
    munmap(base, length);
}

bool Memory::reserve(int64_t size, const char *what, std::string &error, bool largePages) {
  // Pointers passed to entry points are never null, even if they are not used.
  int64_t wanted = size > 0 ? size : 1;
  void *memory = mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    error = format("cannot reserve %s for %s: %s", readableBytes(double(wanted)).c_str(), what, strerror(errno));
    return false;
  }
  if (largePages)
    madvise(memory, wanted, MADV_HUGEPAGE); // only advice: the system may refuse
  base = static_cast<uint8_t *>(memory);
  length = wanted;
  return true;
}

double lrt::median(std::vector<double> numbers) {
  size_t middle = numbers.size() / 2;
  std::nth_element(numbers.begin(), numbers.begin() + middle, numbers.end());
  double upper = numbers[middle];
  return numbers.size() % 2 ? upper : (upper + *std::max_element(numbers.begin(), numbers.begin() + middle)) / 2;
}
