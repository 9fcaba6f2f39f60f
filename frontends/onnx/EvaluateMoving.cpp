#include "compiler/support/Errors.h"
#include "frontends/onnx/EvaluateOps.h"
#include "frontends/onnx/ShapeOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// The same values in another shape. A stored constant stays in its file if its matrices stay matrices.
Results reshaped(const NodeContext &context, llvm::ArrayRef<int64_t> shape) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  auto result = std::make_shared<Tensor>(*from);
  result->shape = Shape(shape);
  return single(result);
}

/// Constants with quantised or very many values keep their place, and get a new shape.
Results reshapedInPlace(const NodeContext &context, Shape shape) {
  const Evaluated &input = context.inputs[0];
  if (!input.stored || input.stored->transposed || input.stored->scales)
    return reshaped(context, shape);
  auto constant = std::make_shared<Constant>(*input.stored->constant);
  constant->shape = shape;
  auto stored = std::make_shared<Stored>(*input.stored);
  stored->constant = std::move(constant);
  Evaluated result = input;
  result.shape = std::move(shape);
  result.stored = std::move(stored);
  return llvm::SmallVector<Evaluated, 2>{result};
}

Results reshape(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfReshape(context));
  return reshapedInPlace(context, shape);
}
Results squeeze(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfSqueeze(context));
  return reshapedInPlace(context, shape);
}
Results unsqueeze(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfUnsqueeze(context));
  return reshapedInPlace(context, shape);
}
Results flatten(const NodeContext &context) { return reshapedInPlace(context, shapeOfFlatten(context)); }

Results expand(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfExpand(context));
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(from->type, shape));
  const BroadcastIndex index(from->shape, shape);
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    result->copy(i, *from, index(i));
  return single(result);
}

/// Calls set(i, j) for every value i of the result, and its place j in the input, from the place of the first value and
/// the distances along each dimension of the result.
template <typename Set>
void forStrided(llvm::ArrayRef<int64_t> shape, int64_t first, llvm::ArrayRef<int64_t> strides, Set set) {
  const int64_t size = elementsOf(shape).value_or(0);
  Shape at(shape.size(), 0);
  int64_t place = first;
  for (int64_t i = 0; i < size; ++i) {
    set(i, place);
    for (size_t d = shape.size(); d-- > 0;) {
      place += strides[d];
      if (++at[d] < shape[d])
        break;
      place -= strides[d] * shape[d];
      at[d] = 0;
    }
  }
}

Results strided(const Tensor &from, llvm::ArrayRef<int64_t> shape, int64_t first, llvm::ArrayRef<int64_t> strides) {
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(from.type, shape));
  forStrided(shape, first, strides, [&](int64_t i, int64_t j) { result->copy(i, from, j); });
  return single(result);
}

Results transpose(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Shape permutation, permutationOf(context));
  const Evaluated &input = context.inputs[0];
  const size_t rank = permutation.size();
  // Rows and columns of a stored matrix change places in its recipe.
  if (input.stored && rank >= 2) {
    bool swapsMatrix = permutation[rank - 1] == int64_t(rank) - 2 && permutation[rank - 2] == int64_t(rank) - 1;
    for (size_t i = 0; i + 2 < rank; ++i)
      swapsMatrix &= permutation[i] == int64_t(i);
    if (swapsMatrix) {
      auto stored = std::make_shared<Stored>(*input.stored);
      stored->transposed = !stored->transposed;
      Evaluated result = input;
      std::swap(result.shape[rank - 1], result.shape[rank - 2]);
      result.stored = std::move(stored);
      return llvm::SmallVector<Evaluated, 2>{result};
    }
  }
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  const Shape before = stridesOf(from->shape);
  Shape shape, strides;
  for (int64_t axis : permutation) {
    shape.push_back(from->shape[axis]);
    strides.push_back(before[axis]);
  }
  return strided(*from, shape, 0, strides);
}

Results slice(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const auto ranges, rangesOfSlice(context));
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  const Shape before = stridesOf(from->shape);
  Shape shape, strides;
  int64_t first = 0;
  for (auto [range, stride] : llvm::zip_equal(ranges, before)) {
    shape.push_back(range.count);
    strides.push_back(range.step * stride);
    first += range.start * stride;
  }
  return strided(*from, shape, first, strides);
}

Results split(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const SplitParts parts, partsOfSplit(context));
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  const Shape strides = stridesOf(from->shape);
  llvm::SmallVector<Evaluated, 2> results;
  int64_t first = 0;
  for (int64_t size : parts.sizes) {
    Shape shape = from->shape;
    shape[parts.axis] = size;
    auto result = strided(*from, shape, first * strides[parts.axis], strides);
    if (!result.ok())
      return result.status();
    results.push_back(result->front());
    first += size;
  }
  return results;
}

Results concat(const NodeContext &context) {
  int64_t axis = 0;
  if (context.inputs.empty())
    return invalid("expected inputs");
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfConcat(context, axis));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(context.inputs[0].type, shape));
  const Shape strides = stridesOf(shape);
  int64_t first = 0;
  for (size_t input = 0; input < context.inputs.size(); ++input) {
    LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, input));
    if (from->type != result->type)
      return invalid("expected values of one type");
    forStrided(from->shape, first * strides[axis], strides, [&](int64_t i, int64_t j) { result->copy(j, *from, i); });
    first += from->shape[axis];
  }
  return single(result);
}

Results gather(const NodeContext &context) {
  int64_t axis = 0;
  if (!context.has(1))
    return invalid("expected indices");
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfGather(context, axis));
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  LATHE_ASSIGN_OR_RETURN(const TensorPtr indices, require(context, 1));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(from->type, shape));
  const int64_t stride = stridesOf(from->shape)[axis], size = from->shape[axis], count = indices->size();
  for (int64_t i = 0, all = result->size(); i < all; ++i) {
    const int64_t inner = i % stride, which = i / stride % count, outer = i / stride / count;
    const int64_t index = normalizeAxis(indices->integer(which), size);
    if (index < 0 || index >= size)
      return invalid("expected indices below " + llvm::Twine(size) + ", got " + llvm::Twine(index));
    result->copy(i, *from, (outer * size + index) * stride + inner);
  }
  return single(result);
}

Results gatherND(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  LATHE_ASSIGN_OR_RETURN(const TensorPtr indices, require(context, 1));
  if (context.node.integer("batch_dims", 0) != 0 || indices->shape.empty())
    return invalid("expected indices without batch dimensions");
  const int64_t depth = indices->shape.back(), rank = static_cast<int64_t>(from->shape.size());
  if (depth < 1 || depth > rank)
    return invalid("expected indices of at most " + llvm::Twine(rank) + " dimensions, got " + llvm::Twine(depth));
  Shape shape(indices->shape.begin(), indices->shape.end() - 1);
  shape.append(from->shape.begin() + depth, from->shape.end());
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(from->type, shape));
  const Shape strides = stridesOf(from->shape);
  const int64_t inner = strides[depth - 1];
  for (int64_t i = 0, size = result->size(); i < size; ++i) {
    int64_t place = i % inner;
    for (int64_t d = 0; d < depth; ++d) {
      const int64_t index = normalizeAxis(indices->integer(i / inner * depth + d), from->shape[d]);
      if (index < 0 || index >= from->shape[d])
        return invalid("expected indices below " + llvm::Twine(from->shape[d]) + ", got " + llvm::Twine(index));
      place += index * strides[d];
    }
    result->copy(i, *from, place);
  }
  return single(result);
}

/// GatherElements and ScatterND are left to later: no exporter needs them for masks. Tile repeats.
Results tile(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  const auto repeats = context.integers(1, "");
  if (!repeats || repeats->size() != from->shape.size())
    return invalid("expected a number of repeats for each dimension");
  Shape shape;
  for (auto [size, repeat] : llvm::zip_equal(from->shape, *repeats)) {
    if (repeat < 0 || (size > 0 && repeat > kMaxEvaluated / size))
      return invalid("expected repeats, got " + llvm::Twine(repeat));
    shape.push_back(size * repeat);
  }
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(from->type, shape));
  const Shape strides = stridesOf(from->shape), own = stridesOf(shape);
  for (int64_t i = 0, size = result->size(); i < size; ++i) {
    int64_t place = 0;
    for (size_t d = 0; d < shape.size(); ++d)
      place += i / own[d] % shape[d] % from->shape[d] * strides[d];
    result->copy(i, *from, place);
  }
  return single(result);
}

Results trilu(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  const TensorPtr shift = context.values(1);
  const int64_t k = shift && shift->size() == 1 ? shift->integer(0) : 0;
  const bool isUpper = context.node.integer("upper", 1) != 0;
  if (from->shape.size() < 2)
    return invalid("expected a matrix");
  auto result = std::make_shared<Tensor>(*from);
  const int64_t columns = from->shape.back(), rows = from->shape[from->shape.size() - 2];
  for (int64_t i = 0, size = result->size(); i < size; ++i) {
    const int64_t distance = i % columns - i / columns % rows;
    if (isUpper ? distance < k : distance > k)
      result->set(i, int64_t(0));
  }
  return single(result);
}

} // namespace

llvm::ArrayRef<KnownOp> lathe::onnx::movingOps() {
  static constexpr KnownOp ops[] = {
      {"Reshape", reshape}, {"Squeeze", squeeze},     {"Unsqueeze", unsqueeze}, {"Flatten", flatten},
      {"Expand", expand},   {"Transpose", transpose}, {"Slice", slice},         {"Split", split},
      {"Concat", concat},   {"Gather", gather},       {"GatherND", gatherND},   {"Tile", tile},
      {"Trilu", trilu},
  };
  return ops;
}
