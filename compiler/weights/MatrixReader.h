//===- MatrixReader.h - computes values of a matrix when they are read --------------------------------------------===//
//
// A packed weight is computed by a chain of readers: a source reads stored values (Sources.h), a step of the recipe
// computes a matrix from another one (Steps.h). Each reader owns the readers of its inputs.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_MATRIXREADER_H
#define LATHE_COMPILER_WEIGHTS_MATRIXREADER_H

#include <cstdint>
#include <vector>

namespace lathe {

/// [begin, end).
struct IndexRange {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// A matrix of float32; a vector of n values has n rows of one column. Several threads may read it at the same time.
class MatrixReader {
public:
  virtual ~MatrixReader() = default;

  /// Writes [rows.size(), columns.size()] values, one row after another.
  virtual void read(IndexRange rows, IndexRange columns, float *out) const = 0;

  /// Whether a row depends on many stored rows: then reading many rows costs little more than reading one.
  virtual bool mixesRows() const { return false; }

  /// The bytes of a row as the file stores them, or null if the values are computed from other ones. `scratch` may be
  /// used to hold the bytes.
  virtual const uint8_t *storedRow(int64_t /*row*/, std::vector<uint8_t> & /*scratch*/) const { return nullptr; }

  /// Reads the scales of a row that is stored in f8_e4m3, one for each block of kScaleBlock columns.
  virtual void readScales(int64_t /*row*/, float * /*out*/) const {}

  /// Releases the pages of rows that are not read again.
  virtual void release(IndexRange /*rows*/) const {}
};

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_MATRIXREADER_H
