//===- MatrixReader.h - values of a matrix, computed where they are asked for -------------------------------------===//
//
// What lies between a model's files and a packed weight: a source reads stored values (Sources.h), a step of a recipe
// makes one matrix of another (Steps.h). Each reader owns those that it reads from.
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

/// A matrix of float32; a vector of n values has n rows of one column. Several threads read it at once.
class MatrixReader {
public:
  virtual ~MatrixReader() = default;

  /// Writes [rows.size(), columns.size()] values, one row after another.
  virtual void read(IndexRange rows, IndexRange columns, float *out) const = 0;

  /// Whether a row is made of many stored ones: then many rows at once cost little more than one.
  virtual bool mixesRows() const { return false; }

  /// Where every row is a stored row as it is: its bytes. `scratch` may hold them. Otherwise null.
  virtual const uint8_t *storedRow(int64_t /*row*/, std::vector<uint8_t> & /*scratch*/) const { return nullptr; }

  /// Beside stored rows of f8_e4m3: the scale of each block of kScaleBlock columns.
  virtual void readScales(int64_t /*row*/, float * /*out*/) const {}

  /// These rows are not read again: their pages in memory can go.
  virtual void release(IndexRange /*rows*/) const {}
};

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_MATRIXREADER_H
