//===- Sources.h - matrices as a model's files hold them ----------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_SOURCES_H
#define LATHE_COMPILER_WEIGHTS_SOURCES_H

#include "compiler/weights/MatrixReader.h"
#include "dialects/lm/LMOps.h"
#include <array>
#include <memory>

namespace lathe {

/// A matrix, or a part of one, in mapped files.
struct StoredMatrix {
  struct Source {
    const uint8_t *bytes = nullptr; // null: there is no such source
    int64_t row = 0;                // scales: the row of the scaled tensor at which the values begin
  };

  Format format = Format::F32;
  mlir::lm::StoredShape shape = {};
  std::array<Source, mlir::lm::getMaxEnumValForSourceRole() + 1> sources = {};

  const Source &get(mlir::lm::SourceRole role) const { return sources[static_cast<size_t>(role)]; }
  Source &get(mlir::lm::SourceRole role) { return sources[static_cast<size_t>(role)]; }
};

/// Bytes from the first to the last of a role, when the file keeps the roles `apart` beside the values.
uint64_t getSourceBytes(const StoredMatrix &matrix, mlir::lm::SourceRole role,
                        llvm::ArrayRef<mlir::lm::SourceRole> apart);

/// Reads the values of a stored matrix: the float32 that decodeRow says, times what scales are kept apart.
std::unique_ptr<MatrixReader> makeSourceReader(const StoredMatrix &matrix);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_SOURCES_H
