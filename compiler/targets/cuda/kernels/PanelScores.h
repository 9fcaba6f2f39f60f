//===- PanelScores.h - products of a few rows and a panel of 16 positions ----------------------------------------===//
//
// A warp reads a panel in steps of 8 lines of 64 bytes. A line has 16 positions at one column (f32) or two (bf16). A
// lane reads 16 bytes: 4 positions. The lanes that have the same positions add up their sums, and divide the rows among
// themselves where they can be halved.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CUDA_KERNELS_PANELSCORES_H
#define LATHE_COMPILER_TARGETS_CUDA_KERNELS_PANELSCORES_H

#include "compiler/targets/cuda/kernels/BlockEmitter.h"
#include "dialects/lm/Formats.h"
#include "dialects/lm/Layout.h"

namespace lathe {

class PanelScores {
public:
  using Values = SmallVector<Value>;
  static constexpr int64_t kLinesAtOnce = 8, kLineBytes = 64, kPositions = 4; // of a lane
  static constexpr int64_t kParts = kPanelRows / kPositions;                  // of a line: neighbouring lanes have them

  /// For panels of f32 or bf16 with `columns` columns, a multiple of getDepth().
  PanelScores(BlockEmitter &e, Format format, int64_t columns, int64_t rows);

  int64_t getDepth() const { return format == Format::F32 ? 1 : 2; }
  /// The number of the lane's line in a step, and what the lane has of it.
  Value lineOfLane() { return e.div(e.lane(), e.index(kParts)); }
  Value partOfLine() { return e.rem(e.lane(), e.index(kParts)); }
  /// The lane's positions in the panel are [firstPosition(), firstPosition() + kPositions).
  Value firstPosition() { return e.mul(partOfLine(), kPositions); }
  /// The lane's results are those of the rows [getFirstRow(), getFirstRow() + getRowsOfLane()). Several lanes may have
  /// the same.
  Value getFirstRow() const { return firstRow; }
  int64_t getRowsOfLane() const { return rowsOfLane; }

  /// `load` reads the lane's 16 bytes of a line; `loadRow` reads a row's values at the columns from `column` on, as
  /// many as a line has. Returns [rows of the lane][kPositions]. All lanes of the warp must come here.
  Values compute(function_ref<Value(Value line)> load, function_ref<Values(int64_t row, Value column)> loadRow);

private:
  using LoadRow = function_ref<Values(int64_t row, Value column)>;
  struct Line {
    Value number;
    Value isInside; // null: for all lanes
  };
  Line lineAt(Value step, bool isPartial);
  Values addStep(Value loaded, const Line &line, LoadRow loadRow, Values sums);
  Values addLanes(Values sums);
  /// Whether bit `mask` of the lane's number is set.
  Value isUpper(int64_t mask) { return e.less(e.index(0), e.andBits(e.lane(), mask)); }

  BlockEmitter &e;
  const Format format;
  const int64_t columns, rows;
  int64_t rowsOfLane;
  Value firstRow;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_KERNELS_PANELSCORES_H
