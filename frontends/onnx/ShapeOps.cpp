#include "frontends/onnx/ShapeOps.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;

static absl::Status needsValues(llvm::StringRef what) {
  return invalid("expected " + what + " that does not depend on the tokens");
}

static absl::StatusOr<int64_t> checkedAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return invalid("expected an axis of " + llvm::Twine(rank) + " dimensions, got " + llvm::Twine(axis));
  return normalizeAxis(axis, rank);
}

absl::StatusOr<Shape> lathe::onnx::shapeOfReshape(const NodeContext &context) {
  const std::optional<std::vector<int64_t>> wanted = context.integers(1, "shape");
  if (!wanted)
    return needsValues("a shape");
  const Shape &from = context.inputs[0].shape;
  const bool keepsZeros = context.node.integer("allowzero", 0) != 0;
  Shape shape(wanted->begin(), wanted->end());
  int64_t open = -1, product = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !keepsZeros) {
      if (i >= from.size())
        return invalid("expected a shape of at most " + llvm::Twine(from.size()) + " dimensions, got " +
                       shapeString(*wanted));
      shape[i] = from[i];
    }
    if (shape[i] == -1 && open < 0) {
      open = static_cast<int64_t>(i);
      continue;
    }
    if (shape[i] < 0 || (shape[i] > 0 && product > (int64_t(1) << 48) / shape[i]))
      return invalid("expected sizes, got " + shapeString(*wanted));
    product *= shape[i];
  }
  const int64_t size = elementsOf(from).value_or(0);
  if (open >= 0 && product > 0 && size % product == 0)
    shape[open] = size / product;
  else if (open >= 0)
    return invalid("expected a shape of " + llvm::Twine(size) + " values, got " + shapeString(*wanted));
  if (elementsOf(shape) != size)
    return invalid("expected a shape of " + llvm::Twine(size) + " values, got " + shapeString(shape));
  return shape;
}

absl::StatusOr<Shape> lathe::onnx::shapeOfSqueeze(const NodeContext &context) {
  const Shape &from = context.inputs[0].shape;
  const std::optional<std::vector<int64_t>> axes = context.integers(1, "axes");
  llvm::SmallVector<bool, 4> gone(from.size(), false);
  if (!axes || (axes->empty() && !context.has(1)))
    for (size_t i = 0; i < from.size(); ++i)
      gone[i] = from[i] == 1;
  else
    for (int64_t axis : *axes) {
      LATHE_ASSIGN_OR_RETURN(axis, checkedAxis(axis, from.size()));
      if (from[axis] != 1)
        return invalid("expected dimensions of one value, got " + shapeString(from));
      gone[axis] = true;
    }
  Shape shape;
  for (size_t i = 0; i < from.size(); ++i)
    if (!gone[i])
      shape.push_back(from[i]);
  return shape;
}

absl::StatusOr<Shape> lathe::onnx::shapeOfUnsqueeze(const NodeContext &context) {
  const std::optional<std::vector<int64_t>> axes = context.integers(1, "axes");
  if (!axes)
    return needsValues("axes");
  const Shape &from = context.inputs[0].shape;
  const int64_t rank = static_cast<int64_t>(from.size() + axes->size());
  if (rank > 16)
    return invalid("expected at most 16 dimensions, got " + llvm::Twine(rank));
  llvm::SmallVector<bool, 4> isNew(rank, false);
  for (int64_t axis : *axes) {
    LATHE_ASSIGN_OR_RETURN(axis, checkedAxis(axis, rank));
    if (isNew[axis])
      return invalid("expected different axes, got " + llvm::Twine(axis) + " twice");
    isNew[axis] = true;
  }
  Shape shape;
  size_t next = 0;
  for (int64_t i = 0; i < rank; ++i)
    shape.push_back(isNew[i] ? 1 : from[next++]);
  return shape;
}

Shape lathe::onnx::shapeOfFlatten(const NodeContext &context) {
  const Shape &from = context.inputs[0].shape;
  const int64_t rank = static_cast<int64_t>(from.size());
  const int64_t axis = std::clamp<int64_t>(normalizeAxis(context.node.integer("axis", 1), rank), 0, rank);
  Shape shape = {1, 1};
  for (int64_t i = 0; i < rank; ++i)
    shape[i < axis ? 0 : 1] *= from[i];
  return shape;
}

absl::StatusOr<Shape> lathe::onnx::shapeOfExpand(const NodeContext &context) {
  const std::optional<std::vector<int64_t>> wanted = context.integers(1, "");
  if (!wanted)
    return needsValues("a shape");
  const std::optional<Shape> shape = broadcast(context.inputs[0].shape, *wanted);
  if (!shape || !elementsOf(*shape))
    return invalid("expected a shape that " + shapeString(context.inputs[0].shape) + " expands to, got " +
                   shapeString(*wanted));
  return *shape;
}

absl::StatusOr<Shape> lathe::onnx::permutationOf(const NodeContext &context) {
  const int64_t rank = static_cast<int64_t>(context.inputs[0].shape.size());
  const std::vector<int64_t> given = context.node.integers("perm");
  Shape permutation(given.begin(), given.end());
  if (given.empty())
    for (int64_t i = rank; i-- > 0;)
      permutation.push_back(i);
  llvm::SmallVector<bool, 4> seen(rank, false);
  for (int64_t axis : permutation)
    if (axis < 0 || axis >= rank || std::exchange(seen[axis], true))
      return invalid("expected a permutation of " + llvm::Twine(rank) + " dimensions, got " + shapeString(permutation));
  if (static_cast<int64_t>(permutation.size()) != rank)
    return invalid("expected a permutation of " + llvm::Twine(rank) + " dimensions, got " + shapeString(permutation));
  return permutation;
}

absl::StatusOr<llvm::SmallVector<SliceRange, 4>> lathe::onnx::rangesOfSlice(const NodeContext &context) {
  const Shape &from = context.inputs[0].shape;
  const auto starts = context.integers(1, "starts"), ends = context.integers(2, "ends"),
             axes = context.integers(3, "axes"), steps = context.integers(4, "");
  if (!starts || !ends || !axes || !steps)
    return needsValues("bounds");
  llvm::SmallVector<SliceRange, 4> ranges;
  for (int64_t size : from)
    ranges.push_back({0, 1, size});
  if (starts->size() != ends->size() || starts->size() > from.size() ||
      (!axes->empty() && axes->size() != starts->size()) || (!steps->empty() && steps->size() != starts->size()))
    return invalid("expected a start and an end for each axis");
  for (size_t i = 0; i < starts->size(); ++i) {
    LATHE_ASSIGN_OR_RETURN(const int64_t axis,
                           checkedAxis(axes->empty() ? static_cast<int64_t>(i) : (*axes)[i], from.size()));
    const int64_t size = from[axis], step = steps->empty() ? 1 : (*steps)[i];
    if (step == 0 || step == INT64_MIN)
      return invalid("expected a step, got 0");
    auto place = [&](int64_t bound) {
      if (bound < 0)
        bound = bound < -size ? -1 : bound + size;
      return step > 0 ? std::clamp<int64_t>(bound, 0, size) : std::clamp<int64_t>(bound, -1, size - 1);
    };
    int64_t start = (*starts)[i], end = (*ends)[i];
    start = start < -size ? (step > 0 ? 0 : -1) : place(start);
    end = end < -size ? (step > 0 ? 0 : -1) : place(end);
    const int64_t span = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    ranges[axis] = {start, step, span > 0 ? (span - 1) / stride + 1 : 0};
  }
  return ranges;
}

absl::StatusOr<SplitParts> lathe::onnx::partsOfSplit(const NodeContext &context) {
  const Shape &from = context.inputs[0].shape;
  SplitParts parts;
  LATHE_ASSIGN_OR_RETURN(parts.axis, checkedAxis(context.node.integer("axis", 0), from.size()));
  const std::optional<std::vector<int64_t>> sizes = context.integers(1, "split");
  if (!sizes)
    return needsValues("sizes of parts");
  const int64_t size = from[parts.axis], count = static_cast<int64_t>(context.node.outputs.size());
  parts.sizes = *sizes;
  if (parts.sizes.empty()) {
    const int64_t each = (size + count - 1) / count;
    for (int64_t i = 0; i < count; ++i)
      parts.sizes.push_back(std::clamp<int64_t>(size - i * each, 0, each));
  }
  int64_t sum = 0;
  for (int64_t part : parts.sizes) {
    if (part < 0 || part > size)
      return invalid("expected parts of " + llvm::Twine(size) + " values, got " + shapeString(parts.sizes));
    sum += part;
  }
  if (sum != size || static_cast<int64_t>(parts.sizes.size()) != count)
    return invalid("expected " + llvm::Twine(count) + " parts of " + llvm::Twine(size) + " values, got " +
                   shapeString(parts.sizes));
  return parts;
}

absl::StatusOr<Shape> lathe::onnx::shapeOfConcat(const NodeContext &context, int64_t &axis) {
  Shape shape = context.inputs[0].shape;
  LATHE_ASSIGN_OR_RETURN(axis, checkedAxis(context.node.integer("axis", 0), shape.size()));
  for (const Evaluated &input : llvm::drop_begin(context.inputs)) {
    bool fits = input.shape.size() == shape.size();
    for (size_t i = 0; fits && i < shape.size(); ++i)
      fits = static_cast<int64_t>(i) == axis || input.shape[i] == shape[i];
    if (!fits)
      return invalid("expected shapes that differ in dimension " + llvm::Twine(axis) + " alone, got " +
                     shapeString(shape) + " and " + shapeString(input.shape));
    shape[axis] += input.shape[axis];
  }
  if (!elementsOf(shape))
    return invalid("expected at most 2^48 values, got " + shapeString(shape));
  return shape;
}

absl::StatusOr<Shape> lathe::onnx::shapeOfGather(const NodeContext &context, int64_t &axis) {
  const Shape &from = context.inputs[0].shape;
  LATHE_ASSIGN_OR_RETURN(
      axis, checkedAxis(context.node.integer("axis", context.node.integer("gather_axis", 0)), from.size()));
  Shape shape(from.begin(), from.begin() + axis);
  llvm::append_range(shape, context.inputs[1].shape);
  shape.append(from.begin() + axis + 1, from.end());
  if (!elementsOf(shape))
    return invalid("expected at most 2^48 values, got " + shapeString(shape));
  return shape;
}

absl::StatusOr<Shape> lathe::onnx::shapeOfMatMul(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b) {
  if (a.empty() || b.empty() || a.back() != b[b.size() < 2 ? 0 : b.size() - 2])
    return invalid("expected matrices that can be multiplied, got " + shapeString(a) + " and " + shapeString(b));
  const std::optional<Shape> batch =
      broadcast(a.drop_back(std::min<size_t>(2, a.size())), b.drop_back(std::min<size_t>(2, b.size())));
  if (!batch)
    return invalid("expected matrices that can be multiplied, got " + shapeString(a) + " and " + shapeString(b));
  Shape shape = *batch;
  if (a.size() > 1)
    shape.push_back(a[a.size() - 2]);
  if (b.size() > 1)
    shape.push_back(b.back());
  if (!elementsOf(shape))
    return invalid("expected at most 2^48 values, got " + shapeString(shape));
  return shape;
}

absl::StatusOr<Reduction> lathe::onnx::reductionOf(const NodeContext &context) {
  const Shape &from = context.inputs[0].shape;
  const std::optional<std::vector<int64_t>> axes = context.integers(1, "axes");
  if (!axes)
    return needsValues("axes");
  Reduction reduction;
  const bool isAll = axes->empty() && context.node.integer("noop_with_empty_axes", 0) == 0;
  reduction.reduced.assign(from.size(), isAll);
  for (int64_t axis : *axes) {
    LATHE_ASSIGN_OR_RETURN(axis, checkedAxis(axis, from.size()));
    reduction.reduced[axis] = true;
  }
  const bool keeps = context.node.integer("keepdims", 1) != 0;
  for (size_t i = 0; i < from.size(); ++i)
    if (!reduction.reduced[i])
      reduction.shape.push_back(from[i]);
    else if (keeps)
      reduction.shape.push_back(1);
  return reduction;
}
