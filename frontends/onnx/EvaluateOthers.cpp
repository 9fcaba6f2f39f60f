#include "compiler/support/Errors.h"
#include "frontends/onnx/EvaluateOps.h"
#include "frontends/onnx/ShapeOps.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace lathe;
using namespace lathe::onnx;

absl::StatusOr<std::shared_ptr<Tensor>> lathe::onnx::makeTensor(DataType type, llvm::ArrayRef<int64_t> shape) {
  const std::optional<int64_t> size = elementsOf(shape);
  if (!size || *size > kMaxEvaluated)
    return invalid("expected at most 2^25 values that do not depend on the tokens, got " + shapeString(shape));
  return std::make_shared<Tensor>(type, shape);
}

absl::StatusOr<TensorPtr> lathe::onnx::require(const NodeContext &context, size_t i) {
  if (!context.has(i))
    return invalid("expected input " + llvm::Twine(i) + ", got none");
  TensorPtr tensor = context.values(i);
  if (!tensor)
    return invalid("expected input " + llvm::Twine(i) + " to be a constant of at most 2^25 values, got " +
                   shapeString(context.inputs[i].shape));
  return tensor;
}

BroadcastIndex::BroadcastIndex(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> shape)
    : sizes(shape), strides(shape.size(), 0), isSame(from == shape) {
  const Shape own = stridesOf(from);
  const size_t missing = shape.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i)
    strides[missing + i] = from[i] == 1 ? 0 : own[i];
}

int64_t BroadcastIndex::operator()(int64_t i) const {
  if (isSame)
    return i;
  int64_t place = 0;
  for (size_t d = sizes.size(); d-- > 0; i /= sizes[d])
    place += i % sizes[d] * strides[d];
  return place;
}

namespace {

Results shapeOf(const NodeContext &context) {
  if (!context.has(0))
    return invalid("expected an input");
  const Shape &shape = context.inputs[0].shape;
  const int64_t rank = static_cast<int64_t>(shape.size());
  const int64_t start = std::clamp<int64_t>(normalizeAxis(context.node.integer("start", 0), rank), 0, rank);
  const int64_t end = std::clamp<int64_t>(normalizeAxis(context.node.integer("end", rank), rank), 0, rank);
  auto result = std::make_shared<Tensor>(DataType::Int64, Shape{std::max<int64_t>(end - start, 0)});
  for (int64_t i = start; i < end; ++i)
    result->integers[i - start] = shape[i];
  return single(result);
}

Results sizeOf(const NodeContext &context) {
  auto result = std::make_shared<Tensor>(DataType::Int64, Shape{});
  result->integers[0] = elementsOf(context.inputs.front().shape).value_or(0);
  return single(result);
}

/// Attributes other than `value`, which the evaluator itself reads.
Results constantOf(const NodeContext &context) {
  const Node &node = context.node;
  auto fill = [&](DataType type, Shape shape, auto values) {
    auto result = std::make_shared<Tensor>(type, shape);
    for (auto [i, value] : llvm::enumerate(values))
      result->set(static_cast<int64_t>(i), value);
    return single(result);
  };
  if (node.has("value_int"))
    return fill(DataType::Int64, {}, std::vector<int64_t>{node.integer("value_int", 0)});
  if (node.has("value_float"))
    return fill(DataType::Float, {}, std::vector<double>{node.real("value_float", 0)});
  if (node.has("value_ints")) {
    const std::vector<int64_t> values = node.integers("value_ints");
    return fill(DataType::Int64, {static_cast<int64_t>(values.size())}, values);
  }
  if (auto reals = node.attributes.find("value_floats"); reals != node.attributes.end())
    return fill(DataType::Float, {static_cast<int64_t>(reals->second.reals.size())}, reals->second.reals);
  return invalid("expected a tensor or numbers as value");
}

Results constantOfShape(const NodeContext &context) {
  const auto wanted = context.integers(0, "");
  if (!wanted)
    return invalid("expected a shape");
  auto attribute = context.node.attributes.find("value");
  TensorPtr value;
  if (attribute != context.node.attributes.end() && attribute->second.tensor &&
      elementsOf(attribute->second.tensor->shape) == 1)
    value = load(*attribute->second.tensor);
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(value ? value->type : DataType::Float, *wanted));
  for (int64_t i = 0, size = value ? result->size() : 0; i < size; ++i)
    result->copy(i, *value, 0);
  return single(result);
}

Results range(const NodeContext &context) {
  TensorPtr bounds[3];
  for (int i = 0; i < 3; ++i) {
    LATHE_ASSIGN_OR_RETURN(bounds[i], require(context, i));
    if (bounds[i]->size() != 1)
      return invalid("expected numbers");
  }
  const double start = bounds[0]->real(0), limit = bounds[1]->real(0), delta = bounds[2]->real(0);
  const double count = delta == 0 ? 0 : std::max(0.0, std::ceil((limit - start) / delta));
  if (!(count <= double(kMaxEvaluated)))
    return invalid("expected at most 2^25 values");
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(bounds[0]->type, {static_cast<int64_t>(count)}));
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    result->set(i, start + static_cast<double>(i) * delta);
  return single(result);
}

Results matMul(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr a, require(context, 0));
  LATHE_ASSIGN_OR_RETURN(const TensorPtr b, require(context, 1));
  LATHE_ASSIGN_OR_RETURN(const Shape shape, shapeOfMatMul(a->shape, b->shape));
  if (a->shape.size() < 2 || b->shape.size() < 2)
    return invalid("expected matrices");
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(a->type, shape));
  const int64_t inner = a->shape.back(), columns = shape.back(), rows = shape[shape.size() - 2];
  if (inner > 0 && result->size() > (int64_t(1) << 28) / inner)
    return invalid("expected a smaller product of constants");
  Shape aBatch(a->shape.begin(), a->shape.end() - 2), bBatch(b->shape.begin(), b->shape.end() - 2),
      batch(shape.begin(), shape.end() - 2);
  const BroadcastIndex ofA(aBatch, batch), ofB(bBatch, batch);
  for (int64_t i = 0, size = result->size(); i < size; ++i) {
    const int64_t matrix = i / (rows * columns), row = i / columns % rows, column = i % columns;
    const int64_t left = (ofA(matrix) * rows + row) * inner, right = ofB(matrix) * inner * columns + column;
    double sum = 0;
    for (int64_t k = 0; k < inner; ++k)
      sum += a->real(left + k) * b->real(right + k * columns);
    result->set(i, sum);
  }
  return single(result);
}

enum class Reduce : uint8_t { Sum, Mean, Max, Min, Product };

template <Reduce kind> Results reduce(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  LATHE_ASSIGN_OR_RETURN(const Reduction reduction, reductionOf(context));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(from->type, reduction.shape));
  Shape kept = from->shape;
  for (size_t d = 0; d < kept.size(); ++d)
    if (reduction.reduced[d])
      kept[d] = 1;
  const BroadcastIndex index(kept, from->shape);
  std::vector<double> values(result->size(), kind == Reduce::Product ? 1 : 0);
  std::vector<int64_t> counts(result->size(), 0);
  for (int64_t i = 0, size = from->size(); i < size; ++i) {
    const int64_t j = index(i);
    const double value = from->real(i);
    double &best = values[j];
    if constexpr (kind == Reduce::Sum || kind == Reduce::Mean)
      best += value;
    else if constexpr (kind == Reduce::Product)
      best *= value;
    else if (counts[j] == 0 || (kind == Reduce::Max ? value > best : value < best))
      best = value;
    ++counts[j];
  }
  for (int64_t j = 0; j < result->size(); ++j)
    result->set(j, kind == Reduce::Mean && counts[j] ? values[j] / static_cast<double>(counts[j]) : values[j]);
  return single(result);
}

Results cumulativeSum(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr from, require(context, 0));
  const auto axes = context.integers(1, "");
  if (!axes || axes->size() != 1 || context.node.integer("reverse", 0))
    return invalid("expected an axis, and no reverse order");
  const int64_t rank = static_cast<int64_t>(from->shape.size()), axis = normalizeAxis(axes->front(), rank);
  if (axis < 0 || axis >= rank)
    return invalid("expected an axis");
  const bool isExclusive = context.node.integer("exclusive", 0) != 0;
  auto result = std::make_shared<Tensor>(*from);
  const int64_t stride = stridesOf(from->shape)[axis], size = from->shape[axis];
  for (int64_t i = 0, all = from->size(); i < all; ++i) {
    const bool isFirst = i / stride % size == 0;
    const double before = isFirst ? 0 : result->real(i - stride) + (isExclusive ? from->real(i - stride) : 0);
    result->set(i, isExclusive ? before : before + from->real(i));
  }
  return single(result);
}

} // namespace

llvm::ArrayRef<KnownOp> lathe::onnx::otherOps() {
  static constexpr KnownOp ops[] = {
      {"Shape", shapeOf},
      {"Size", sizeOf},
      {"Constant", constantOf},
      {"ConstantOfShape", constantOfShape},
      {"Range", range},
      {"MatMul", matMul},
      {"ReduceSum", reduce<Reduce::Sum>},
      {"ReduceMean", reduce<Reduce::Mean>},
      {"ReduceMax", reduce<Reduce::Max>},
      {"ReduceMin", reduce<Reduce::Min>},
      {"ReduceProd", reduce<Reduce::Product>},
      {"CumSum", cumulativeSum},
  };
  return ops;
}

/// weight + 1, of norms that are stored as w - 1.
static std::optional<Results> addOne(const NodeContext &context) {
  if (context.inputs.size() != 2 || !isReal(context.inputs[0].type))
    return std::nullopt;
  for (int side : {0, 1}) {
    const Evaluated &weight = context.inputs[side];
    const TensorPtr one = context.inputs[1 - side].isConstant() ? context.values(1 - side) : nullptr;
    if (!weight.stored || weight.stored->scales || weight.stored->addsOne || weight.shape.empty() || !one ||
        one->size() != 1 || one->real(0) != 1)
      continue;
    auto stored = std::make_shared<Stored>(*weight.stored);
    stored->addsOne = true;
    Evaluated result = weight;
    result.stored = std::move(stored);
    return Results(llvm::SmallVector<Evaluated, 2>{result});
  }
  return std::nullopt;
}

/// What a weight's recipe can do is done there, and the values are not read.
static std::optional<Results> evaluateStored(const NodeContext &context) {
  const Node &node = context.node;
  if (node.is("", "Add"))
    return addOne(context);
  const Evaluated &input = context.inputs[0];
  if (!input.stored || !node.domain.empty())
    return std::nullopt;
  // A conversion to wider floats changes no value.
  if (node.op == "Cast" && isReal(input.type) && !input.stored->scales) {
    const auto to = static_cast<DataType>(node.integer("to", 0));
    if (to == input.type || to == DataType::Float) {
      Evaluated result = input;
      result.type = to;
      return Results(llvm::SmallVector<Evaluated, 2>{result});
    }
  }
  return std::nullopt;
}

Results lathe::onnx::evaluateNode(const NodeContext &context) {
  if (!context.has(0) && !context.node.is("", "Constant"))
    return invalid("expected an input");
  if (!context.inputs.empty())
    if (std::optional<Results> results = evaluateStored(context))
      return *results;
  if (context.node.domain.empty())
    for (llvm::ArrayRef<KnownOp> ops : {elementwiseOps(), movingOps(), otherOps()})
      for (const KnownOp &op : ops)
        if (context.node.op == op.name)
          return op.evaluate(context);
  return invalid("expected an op that is known for constants, got this one");
}
