//===- Support.h - messages, memory, clock ------------------------------------------------------------------------===//
//
// The runtime has no exceptions: what can fail returns false and leaves one line in `error`.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_SUPPORT_SUPPORT_H
#define LRT_SUPPORT_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lrt {

/// printf into a string.
std::string format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

/// "4.2 MB": decimal units, as disks and bandwidths count.
std::string readableBytes(double bytes);
/// "1.8 G": the unit's name is left to the reader.
std::string readableOps(double ops);

/// 1234567 -> "1,234,567".
std::string readableCount(int64_t count);

/// Seconds of a clock that never goes back.
double now();

/// Records that an open file is read (lrt/inputs.h).
void recordOpenInput(int file, const std::string &name);

/// Reads a whole file, or stdin for "-".
bool readWholeFile(const std::string &path, std::string &contents, std::string &error);

/// What a short system file holds, without the trailing newline; empty when it cannot be read.
std::string readSystemFile(const std::string &path);

/// The executable's own path, "" if the system does not say.
std::string executablePath();

/// "NAME: warning: MESSAGE" on stderr, NAME as in errors: something that the user should know and that stops nothing.
void warn(const std::string &message);

/// Writes all bytes, also when signals interrupt it. Returns 0 or an errno.
int writeAll(int file, const void *data, size_t size);

/// A bijection that spreads 64 bits: the step of every pseudo-random sequence here (splitmix64).
inline uint64_t scramble(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// Anonymous memory: page aligned, zero, and allocated by the system only when touched.
class Memory {
public:
  Memory() = default;
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;
  ~Memory();

  /// `largePages`: asks for large pages, which the system may refuse. Each is allocated as a whole, so a buffer that is
  /// used in part takes more memory.
  bool reserve(int64_t size, const char *what, std::string &error, bool largePages = false);
  void swap(Memory &other) {
    std::swap(base, other.base);
    std::swap(length, other.length);
  }
  uint8_t *data() const { return base; }
  int64_t size() const { return length; }

private:
  uint8_t *base = nullptr;
  int64_t length = 0;
};

/// `numbers` is not empty. For an even count: the mean of the two in the middle.
double median(std::vector<double> numbers);

} // namespace lrt

#endif // LRT_SUPPORT_SUPPORT_H
