//===- PackedMatrix.h - one matrix or vector of the weights file --------------------------------------------------===//
//
// Reads the result of a recipe and writes it in the layout of the weights file, in pieces that several threads compute.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_PACKEDMATRIX_H
#define LATHE_COMPILER_WEIGHTS_PACKEDMATRIX_H

#include "absl/status/status.h"
#include "compiler/weights/MappedFiles.h"
#include "compiler/weights/MatrixReader.h"
#include "compiler/weights/Panels.h"
#include "dialects/lm/LMOps.h"
#include <memory>

namespace lathe {

/// A vector, a matrix, or one of a weight's matrices.
struct PackedMatrix {
  std::string name, file;       // name of the weight; the file in which its values begin
  std::string tensor;           // name in the checkpoint; empty: not known
  mlir::lm::WeightType type;    // of a vector or a matrix
  Format stored;                // format of stored rows
  int64_t offset = 0, size = 0; // in the tensor section, bytes
  std::unique_ptr<MatrixReader> reader;

  /// Writes panels [first, first + count) of a matrix to `out`, which is zero before. Adds to the rounding error. It is
  /// an error if the format cannot hold a value.
  absl::Status writePanels(int64_t first, int64_t count, uint8_t *out, RoundingError &error) const;
  /// Whether stored rows have the type's format already.
  bool copiesRows() const;
  /// Writes a vector to `out`.
  void writeVector(uint8_t *out) const;

  /// The error that the format cannot hold a value; `message` says which.
  absl::Status cannotHold(const llvm::Twine &message) const;

private:
  absl::Status copyPanels(int64_t first, int64_t count, uint8_t *out) const;
};

/// All matrices of the weight. Opens its files. An error names the weight, or the file and the weight.
absl::Status addMatrices(mlir::lm::WeightOp weight, MappedFiles &files, std::vector<PackedMatrix> &out);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_PACKEDMATRIX_H
