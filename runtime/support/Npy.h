//===- Npy.h - a float32 matrix as a NumPy file -------------------------------------------------------------------===//

#ifndef LRT_SUPPORT_NPY_H
#define LRT_SUPPORT_NPY_H

#include "runtime/support/OutputFile.h"

#include <stdint.h>

#include <string>

namespace lrt {

/// Writes a matrix [rows, columns] in row-major order, in NumPy format 1.0. OutputFile says when the file appears, and
/// which files it does not replace.
class NpyWriter {
public:
  bool open(const std::string &path, int64_t rows, int64_t columns, std::string &error);
  bool write(const float *values, int64_t count, std::string &error);
  bool finish(std::string &error) { return file.finish(error); }

private:
  OutputFile file;
};

} // namespace lrt

#endif // LRT_SUPPORT_NPY_H
