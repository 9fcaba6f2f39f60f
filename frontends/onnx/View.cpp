#include "frontends/onnx/View.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;

void lathe::onnx::simplify(Dimension &dimension) {
  Dimension simple;
  for (const Axis &axis : dimension) {
    if (axis.size == 1)
      continue;
    // Steps of the outer axis are as long as the whole inner one.
    if (!simple.empty() && simple.back().kind == axis.kind &&
        (axis.kind == AxisKind::Repeat || simple.back().stride == axis.stride * axis.size)) {
      simple.back().size *= axis.size;
      simple.back().stride = axis.stride;
    } else {
      simple.push_back(axis);
    }
  }
  dimension = std::move(simple);
}

Shape Layout::shape() const {
  Shape shape;
  for (const Dimension &dimension : dimensions) {
    int64_t size = 1;
    for (const Axis &axis : dimension)
      size *= axis.size;
    shape.push_back(size);
  }
  return shape;
}

Dimension Layout::axes() const {
  Dimension all;
  for (const Dimension &dimension : dimensions)
    llvm::append_range(all, dimension);
  simplify(all);
  return all;
}

const Axis *Layout::find(AxisKind kind) const {
  for (const Dimension &dimension : dimensions)
    for (const Axis &axis : dimension)
      if (axis.kind == kind)
        return &axis;
  return nullptr;
}

std::optional<int64_t> Layout::contiguousColumns() const {
  llvm::SmallVector<Axis, 4> columns;
  for (const Dimension &dimension : dimensions)
    for (const Axis &axis : dimension)
      if (axis.kind == AxisKind::Column)
        columns.push_back(axis);
  llvm::sort(columns, [](const Axis &a, const Axis &b) { return a.stride < b.stride; });
  int64_t count = 1;
  for (const Axis &axis : columns) {
    if (axis.stride != count)
      return std::nullopt;
    count *= axis.size;
  }
  return count;
}

bool Layout::isRows() const {
  const Dimension all = axes();
  const bool hasRow = !all.empty() && all[0].kind == AxisKind::Row;
  const size_t columns = hasRow ? 1 : 0;
  if (all.size() > columns + 1)
    return false;
  if (all.size() == columns) // one column
    return hasRow && !dimensions.empty() && dimensions.back().empty();
  return all.back().kind == AxisKind::Column && all.back().stride == 1 && dimensions.back().size() == 1 &&
         dimensions.back().front() == all.back();
}

Layout lathe::onnx::rowsLayout(int64_t rows, int64_t columns) {
  Layout layout;
  layout.dimensions = {{}, {{AxisKind::Row, rows}}, {{AxisKind::Column, columns, 1}}};
  for (Dimension &dimension : layout.dimensions)
    simplify(dimension);
  return layout;
}

std::optional<Layout> lathe::onnx::reshape(const Layout &layout, llvm::ArrayRef<int64_t> shape) {
  Dimension rest = layout.axes();
  std::reverse(rest.begin(), rest.end());
  Layout result;
  result.offset = layout.offset;
  for (int64_t size : shape) {
    Dimension &dimension = result.dimensions.emplace_back();
    for (int64_t open = size; open > 1;) {
      if (rest.empty())
        return std::nullopt;
      Axis &axis = rest.back();
      if (axis.size == 0)
        return std::nullopt;
      if (open % axis.size == 0) {
        open /= axis.size;
        dimension.push_back(axis);
        rest.pop_back();
      } else if (axis.size % open == 0) {
        axis.size /= open;
        dimension.push_back({axis.kind, open, axis.stride * axis.size});
        open = 1;
      } else {
        return std::nullopt;
      }
    }
    simplify(dimension);
  }
  if (!rest.empty())
    return std::nullopt;
  return result;
}

Layout lathe::onnx::transpose(const Layout &layout, llvm::ArrayRef<int64_t> permutation) {
  Layout result;
  result.offset = layout.offset;
  for (int64_t dimension : permutation)
    result.dimensions.push_back(layout.dimensions[dimension]);
  return result;
}

std::optional<Layout> lathe::onnx::expand(const Layout &layout, llvm::ArrayRef<int64_t> shape) {
  const Shape from = layout.shape();
  if (shape.size() < from.size())
    return std::nullopt;
  Layout result;
  result.offset = layout.offset;
  const size_t missing = shape.size() - from.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    Dimension dimension = i < missing ? Dimension() : layout.dimensions[i - missing];
    const int64_t size = i < missing ? 1 : from[i - missing];
    if (size == 1 && shape[i] > 1)
      dimension = {{AxisKind::Repeat, shape[i], 0}};
    else if (size != shape[i] && shape[i] != 1)
      return std::nullopt;
    result.dimensions.push_back(std::move(dimension));
  }
  return result;
}

std::optional<Layout> lathe::onnx::slice(const Layout &layout, llvm::ArrayRef<SliceRange> ranges) {
  Layout result = layout;
  const Shape from = layout.shape();
  for (size_t i = 0; i < ranges.size(); ++i) {
    const SliceRange &range = ranges[i];
    if (range.start == 0 && range.step == 1 && range.count == from[i])
      continue;
    Dimension &dimension = result.dimensions[i];
    if (dimension.size() != 1 || dimension[0].kind != AxisKind::Column || range.step < 1 || range.count < 1)
      return std::nullopt;
    result.offset += range.start * dimension[0].stride;
    dimension[0].stride *= range.step;
    dimension[0].size = range.count;
    simplify(dimension);
  }
  return result;
}
