//===- Npy.h - a float32 matrix as a NumPy file -------------------------------------------------------------------===//

#ifndef LRT_SRC_NPY_H
#define LRT_SRC_NPY_H

#include <stdint.h>

#include <string>

namespace lrt {

/// Writes FILE under a temporary name beside it; it appears, complete, with finish(). Without that nothing is left.
class NpyWriter {
public:
  NpyWriter() = default;
  NpyWriter(const NpyWriter &) = delete;
  NpyWriter &operator=(const NpyWriter &) = delete;
  ~NpyWriter();

  bool open(const std::string &path, int64_t rows, int64_t columns, std::string &error);
  bool write(const float *values, int64_t count, std::string &error);
  bool finish(std::string &error);

private:
  bool fail(const char *action, int reason, std::string &error);

  std::string path;
  std::string temporary; // empty: written in place (a device or a pipe)
  int file = -1;
};

} // namespace lrt

#endif // LRT_SRC_NPY_H
