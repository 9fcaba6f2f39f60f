//===- LanePanel.h - what one lane of a warp reads of a packed panel ---------------------------------------------===//
//
// A warp reads a panel (dialects/lm/Layout.h) in steps of 512 consecutive bytes, 16 of them each lane: a few
// neighbouring outputs at the same columns of K. So loads are coalesced, and each lane multiplies by few values of a
// row.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CUDA_KERNELS_LANEPANEL_H
#define LATHE_COMPILER_TARGETS_CUDA_KERNELS_LANEPANEL_H

#include "compiler/targets/cuda/kernels/BlockEmitter.h"
#include "dialects/lm/Layout.h"

namespace lathe {

inline constexpr int64_t kLaneBytes = 16; // that a lane reads at once

/// The f32 values of a lane's outputs at its column `d`. `bytes`, 16 of a panel of f32, f16, bf16 or f8_e4m3, are
/// [outputs][depth] values.
SmallVector<Value> widen(BlockEmitter &e, Format format, Value bytes, int64_t depth, int64_t d);

class LanePanel {
public:
  using Values = SmallVector<Value>;

  /// `segment` holds panels of `format` with `depth` columns side by side, `columns` (K) in all. The rows that are
  /// multiplied by them are f32 or bf16 for floats, and quantised (dialects/lm/QuantizedRow.h) for quantised formats.
  static std::unique_ptr<LanePanel> create(BlockEmitter &e, Format format, int64_t depth, Value segment, Value columns);
  virtual ~LanePanel() = default;

  /// Columns of a step, and outputs of a lane. A lane's outputs are [firstOutput(), firstOutput() + outputs).
  const int64_t stepColumns, outputs;
  /// The lanes that have the same columns are neighbours.
  int64_t lanesPerColumn() const { return kPanelRows / outputs; }
  Value firstOutput() { return e.mul(e.rem(e.lane(), e.index(lanesPerColumn())), outputs); }

  /// The first of the lane's columns in a step. The last step of a panel may have lanes without columns.
  virtual Value firstColumn(Value step) = 0;
  /// The lane's weights in a step of the panel at byte `panel`, and what they are scaled by.
  virtual Values load(Value panel, Value step) = 0;
  /// The values of a row at the lane's columns. `isWhole`: all of these are columns of the matrix.
  virtual Values loadRow(Value rows, Value row, Value step, bool isWhole) = 0;
  /// Adds the products to the sums (f32) of the lane's outputs.
  virtual void multiply(ArrayRef<Value> weights, ArrayRef<Value> row, MutableArrayRef<Value> sums) = 0;

protected:
  LanePanel(BlockEmitter &e, Value segment, Value columns, int64_t stepColumns, int64_t outputs)
      : stepColumns(stepColumns), outputs(outputs), e(e), segment(segment), columns(columns) {}

  /// Value `i` of a vector.
  Value extract(Value vector, int64_t i) { return vector::ExtractOp::create(e, vector, i); }
  Value loadVector(int64_t count, Type element, Value at, int64_t alignment) {
    return e.loadBytes(VectorType::get({count}, element), segment, at, alignment);
  }

  BlockEmitter &e;
  Value segment, columns;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_KERNELS_LANEPANEL_H
