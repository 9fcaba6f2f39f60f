//===- View.h - how a tensor of the graph lays out rows, columns and positions ------------------------------------===//
//
// Exporters reshape, transpose and slice around every op. A view says where the values of a tensor come from, so rules
// need not match those nodes. A tensor is a view of an operation's result: its rows (one per token), its columns, and
// for caches and scores positions. Each dimension is a list of axes, outermost first: [1, heads, length, dim] of rows
// of heads * dim columns is {}, {column stride dim, size heads}, {row}, {column stride 1, size dim}.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_VIEW_H
#define LATHE_FRONTENDS_ONNX_VIEW_H

#include "frontends/onnx/ShapeOps.h"

namespace lathe::onnx {

enum class AxisKind : uint8_t {
  Row,    // tokens of this call
  Column, // values of a row; of scores: query heads
  Time,   // positions of a cache, past ones first
  Repeat, // the same value again
  Slot,   // a token's chosen experts
};

/// `size` steps along an axis. Columns: step i is column i * stride.
struct Axis {
  AxisKind kind;
  int64_t size;
  int64_t stride = 1;

  bool operator==(const Axis &) const = default;
};

using Dimension = llvm::SmallVector<Axis, 2>;

/// The layout of a tensor, without the operation.
struct Layout {
  llvm::SmallVector<Dimension, 4> dimensions;
  int64_t offset = 0; // first column

  bool operator==(const Layout &) const = default;

  Shape shape() const;
  /// All axes, outermost first, neighbours joined where they are one axis.
  Dimension axes() const;
  const Axis *find(AxisKind kind) const;
  /// The columns that it contains, each once: in order, a range [offset, offset + columns), else nothing.
  std::optional<int64_t> contiguousColumns() const;
  /// Whether it is [.., rows, columns] with all columns of the last dimension in order from `offset` on.
  bool isRows() const;
};

/// [1, rows, columns].
Layout rowsLayout(int64_t rows, int64_t columns);

/// The layout with another shape. Nothing: a dimension would contain a part of an axis that is no whole step.
std::optional<Layout> reshape(const Layout &layout, llvm::ArrayRef<int64_t> shape);
Layout transpose(const Layout &layout, llvm::ArrayRef<int64_t> permutation);
std::optional<Layout> expand(const Layout &layout, llvm::ArrayRef<int64_t> shape);
/// Nothing: rows or positions would be left out, or a part of several axes.
std::optional<Layout> slice(const Layout &layout, llvm::ArrayRef<SliceRange> ranges);

/// Joins neighbouring axes of a dimension and leaves out those of size 1.
void simplify(Dimension &dimension);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_VIEW_H
