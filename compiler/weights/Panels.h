//===- Panels.h - rows into panels and back -----------------------------------------------------------------------===//
//
// The layout of dialects/lm/Layout.h, byte by byte.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_PANELS_H
#define LATHE_COMPILER_WEIGHTS_PANELS_H

#include "compiler/weights/Blocks.h"
#include "dialects/lm/Layout.h"
#include <algorithm>

namespace lathe {

/// Whether the packer can write the type: its layout suits its format. Otherwise says why not.
bool isPackable(mlir::lm::WeightType type, std::string &reason);

/// How far values of a quantised matrix are from what they were, where that is not what the format promises.
struct RoundingError {
  float promised = 0; // the largest of a block, by its bits (quantizeBlock)
  float found = 0;    // the largest in blocks of coarse scales; the others keep the promise

  void add(const RoundingError &other) {
    promised = std::max(promised, other.promised);
    found = std::max(found, other.found);
  }
  /// Whether the error found is more than a quarter above the promised one. The margin is for scales that lost a bit or
  /// two, which hardly matters, and for promises, which are rounded themselves.
  bool isWorse() const { return found > promised * 1.25f; }
};

/// Whether values can become rows of this format (PanelWriter::convertRow). Rows of the others can only be copied.
bool canConvertTo(Format format);

/// Writes rows of a packed matrix. A panel starts as zeros.
class PanelWriter {
public:
  explicit PanelWriter(mlir::lm::WeightType type) : layout(type), info(type.getInfo()), columns(type.getColumns()) {}

  /// A row that is stored in the type's format already: its bits move.
  void copyRow(const uint8_t *stored, int64_t rowInPanel, uint8_t *panel) const;

  /// f8_e4m3: what the panel's values are multiplied by, a number for each block of columns.
  void writeScales(const float *scales, uint8_t *panel) const;

  /// Rounds to the type's format. False when a value is not finite, or too large, and the format quantises.
  bool convertRow(const float *values, int64_t rowInPanel, uint8_t *panel, RoundingError &error) const;

private:
  void writeBlock(const Block &block, int64_t index, int64_t rowInPanel, uint8_t *panel) const;
  void writeElements(const uint8_t *row, int64_t rowInPanel, uint8_t *panel) const;

  PanelLayout layout;
  const FormatInfo &info;
  int64_t columns;
};

/// The values of a row of a packed weight (a vector has one row): what the kernels multiply with.
void unpackRow(mlir::lm::WeightType type, const uint8_t *packed, int64_t row, float *out);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_PANELS_H
