//===- Npy.cpp - a float32 matrix as a NumPy file -----------------------------------------------------------------===//

#include "runtime/support/Npy.h"

#include "runtime/support/Support.h"

using namespace lrt;

bool NpyWriter::open(const std::string &path, int64_t rows, int64_t columns, std::string &error) {
  if (!file.open(path, error))
    return false;
  // Magic, version 1.0, length of the text; the text ends with a newline on a multiple of 64.
  std::string text =
      format("{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }", (long long)rows, (long long)columns);
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  std::string header = "\x93NUMPY";
  header += {'\x01', '\x00', char(text.size() & 0xff), char(text.size() >> 8)};
  header += text;
  return file.write(header.data(), header.size(), error);
}

bool NpyWriter::write(const float *values, int64_t count, std::string &error) {
  return file.write(values, size_t(count) * sizeof(float), error);
}
