//===- Sources.h - matrices in a model's files --------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_SOURCES_H
#define LATHE_COMPILER_WEIGHTS_SOURCES_H

#include "compiler/weights/MatrixReader.h"
#include "dialects/lm/LMOps.h"
#include <array>
#include <memory>
#include <optional>

namespace lathe {

/// A matrix, or a part of one, in mapped files.
struct StoredMatrix {
  struct Source {
    const uint8_t *bytes = nullptr; // null: there is no such source
    int64_t row = 0;                // scales: the row of the scaled tensor at which the values begin
    std::optional<mlir::lm::SourceRule> rule = std::nullopt; // of another role than values
  };

  Format format = Format::F32;
  mlir::lm::StoredShape shape = {};
  std::array<Source, mlir::lm::getMaxEnumValForSourceRole() + 1> sources = {};

  const Source &get(mlir::lm::SourceRole role) const { return sources[static_cast<size_t>(role)]; }
  Source &get(mlir::lm::SourceRole role) { return sources[static_cast<size_t>(role)]; }
};

/// The bytes of a role, where the file stores the roles `apart` from the values.
uint64_t getSourceBytes(const StoredMatrix &matrix, mlir::lm::SourceRole role,
                        llvm::ArrayRef<mlir::lm::SourceRole> apart);

/// A reader of a stored matrix: the float32 values of decodeRow, times the scales that are stored apart.
std::unique_ptr<MatrixReader> makeSourceReader(const StoredMatrix &matrix);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_SOURCES_H
