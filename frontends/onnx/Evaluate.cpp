#include "frontends/onnx/Evaluate.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;

absl::Status lathe::onnx::invalid(const llvm::Twine &message) { return absl::InvalidArgumentError(message.str()); }

Evaluated lathe::onnx::evaluated(TensorPtr tensor) { return {tensor->type, tensor->shape, tensor, nullptr, true}; }
Evaluated lathe::onnx::data(DataType type, llvm::ArrayRef<int64_t> shape) {
  return {type, Shape(shape), nullptr, nullptr, true};
}

TensorPtr lathe::onnx::load(const Stored &stored) {
  const Constant &constant = *stored.constant;
  const std::optional<int64_t> size = elementsOf(constant.shape);
  if (!size || *size > kMaxEvaluated || stored.scales)
    return nullptr;
  TensorPtr tensor = load(constant);
  if (!stored.transposed && !stored.addsOne)
    return tensor;
  auto changed = std::make_shared<Tensor>(*tensor);
  if (stored.transposed) {
    const size_t rank = changed->shape.size();
    const int64_t rows = changed->shape[rank - 2], columns = changed->shape[rank - 1];
    std::swap(changed->shape[rank - 2], changed->shape[rank - 1]);
    for (int64_t i = 0; i < *size; ++i) {
      const int64_t matrix = i / (rows * columns), row = i / columns % rows, column = i % columns;
      changed->copy((matrix * columns + column) * rows + row, *tensor, i);
    }
  }
  if (stored.addsOne)
    for (int64_t i = 0; i < *size; ++i)
      changed->set(i, changed->real(i) + 1);
  return changed;
}

static TensorPtr valuesOf(const Evaluated &value) {
  if (value.known || !value.stored)
    return value.known;
  TensorPtr tensor = load(*value.stored);
  if (!tensor || tensor->type == value.type)
    return tensor;
  auto converted = std::make_shared<Tensor>(value.type, tensor->shape);
  for (int64_t i = 0, size = tensor->size(); i < size; ++i)
    converted->set(i, tensor->real(i));
  return converted;
}

TensorPtr NodeContext::values(size_t i) const { return has(i) ? valuesOf(inputs[i]) : nullptr; }

std::optional<std::vector<int64_t>> NodeContext::integers(size_t i, llvm::StringRef attribute) const {
  if (!has(i))
    return node.integers(attribute);
  const TensorPtr tensor = values(i);
  if (!tensor || tensor->size() > 4096)
    return std::nullopt;
  std::vector<int64_t> result;
  for (int64_t j = 0; j < tensor->size(); ++j)
    result.push_back(tensor->integer(j));
  return result;
}

TensorPtr Evaluator::constant(int value) const { return valuesOf(values[value]); }

namespace {

/// The value of an input for a sequence.
absl::StatusOr<Evaluated> evaluateInput(const Input &input, const InputRole &role, Sizes sizes) {
  Shape shape(input.shape);
  // Sizes that are not fixed: batch 1, then what the role says.
  auto fill = [&](llvm::ArrayRef<int64_t> wanted) {
    bool fits = shape.size() == wanted.size();
    for (size_t i = 0; fits && i < shape.size(); ++i) {
      fits = shape[i] < 0 || shape[i] == wanted[i];
      shape[i] = wanted[i];
    }
    return fits;
  };
  bool fits = true;
  auto tensor = [&](int64_t size, llvm::function_ref<int64_t(int64_t)> value) {
    fits = fill({1, size});
    auto result = std::make_shared<Tensor>(input.type, shape);
    for (int64_t i = 0; fits && i < size; ++i)
      result->set(i, value(i));
    return evaluated(std::move(result));
  };
  Evaluated result;
  switch (role.kind) {
  case InputKind::Ids:
    fits = fill({1, sizes.length});
    result = data(input.type, shape);
    break;
  case InputKind::Mask:
    result = tensor(sizes.total(), [](int64_t) { return 1; });
    break;
  case InputKind::Positions:
    result = tensor(sizes.length, [&](int64_t i) { return sizes.past + i; });
    break;
  case InputKind::Past:
    fits = fill({1, role.heads, sizes.past, role.dim});
    result = data(input.type, shape);
    break;
  case InputKind::PastFlag: {
    auto flag = std::make_shared<Tensor>(input.type, Shape(shape.size(), 1));
    flag->set(0, int64_t(1));
    result = evaluated(std::move(flag));
    break;
  }
  }
  if (!fits)
    return invalid("expected an input of any length, got one of shape " + shapeString(input.shape));
  return result;
}

/// Runs the nodes of one graph; `values` has the inputs and captured values.
class GraphRun {
public:
  GraphRun(const ModelFile &model, const Graph &graph, std::vector<Evaluated> &values)
      : model(model), graph(graph), values(values) {}

  absl::Status run(llvm::ArrayRef<int> wanted);

private:
  absl::Status runNode(const Node &node);
  absl::StatusOr<llvm::SmallVector<Evaluated, 2>> runIf(const Node &node);
  absl::StatusOr<llvm::SmallVector<Evaluated, 2>> resultsOf(const NodeContext &context);

  const ModelFile &model;
  const Graph &graph;
  std::vector<Evaluated> &values;
  int64_t work = 0; // values computed
};

/// A constant is read when a node needs its values.
Evaluated constantValue(std::shared_ptr<const Constant> constant) {
  Evaluated value{constant->type, constant->shape, nullptr, nullptr, true};
  auto stored = std::make_shared<Stored>();
  stored->constant = std::move(constant);
  value.stored = std::move(stored);
  return value;
}

absl::StatusOr<llvm::SmallVector<Evaluated, 2>> GraphRun::runIf(const Node &node) {
  const TensorPtr condition = node.input(0) < 0 ? nullptr : valuesOf(values[node.input(0)]);
  if (!condition || condition->size() != 1)
    return invalid("expected a condition that does not depend on the tokens");
  auto branch = node.attributes.find(condition->integer(0) ? "then_branch" : "else_branch");
  if (branch == node.attributes.end() || !branch->second.graph)
    return invalid("expected two branches");
  const Graph &inner = *branch->second.graph;
  std::vector<Evaluated> innerValues(inner.values.size());
  for (auto [around, own] : inner.captures)
    innerValues[own] = values[around];
  LATHE_RETURN_IF_ERROR(GraphRun(model, inner, innerValues).run(inner.outputs));
  llvm::SmallVector<Evaluated, 2> results;
  for (int output : inner.outputs)
    results.push_back(innerValues[output]);
  if (llvm::any_of(results, [](const Evaluated &value) { return !value.isConstant(); }))
    return invalid("expected branches of constants, got data");
  return results;
}

absl::StatusOr<llvm::SmallVector<Evaluated, 2>> GraphRun::resultsOf(const NodeContext &context) {
  const Node &node = context.node;
  if (node.is("", "If"))
    return runIf(node);
  if (node.is("", "Constant")) {
    auto tensor = node.attributes.find("value");
    if (tensor != node.attributes.end() && tensor->second.tensor)
      return llvm::SmallVector<Evaluated, 2>{constantValue(tensor->second.tensor)};
  }
  // Shape and Size ask for the shape alone.
  const bool isConstant = node.is("", "Shape") || node.is("", "Size") ||
                          llvm::all_of(context.inputs, [](const Evaluated &i) { return !i.isSet || i.isConstant(); });
  return isConstant ? evaluateNode(context) : inferNode(context);
}

absl::Status GraphRun::runNode(const Node &node) {
  NodeContext context = {node, model.opset, {}};
  for (int input : node.inputs)
    context.inputs.push_back(input < 0 ? Evaluated() : values[input]);
  auto about = [&](llvm::StringRef message) {
    return fileError(model.path, printable(node.name), printable(node.qualifiedOp()) + ": " + message);
  };
  auto results = resultsOf(context);
  if (!results.ok())
    return about(std::string(results.status().message()));
  for (auto [index, output] : llvm::enumerate(node.outputs)) {
    if (output < 0)
      continue;
    if (index >= results->size())
      return about("expected at most " + std::to_string(results->size()) + " results, got " +
                   std::to_string(node.outputs.size()));
    values[output] = std::move((*results)[index]);
    if (values[output].known)
      work += values[output].known->size();
  }
  constexpr int64_t maxWork = int64_t(1) << 28;
  if (work > maxWork)
    return about("expected fewer than 2^28 values that do not depend on the tokens");
  return absl::OkStatus();
}

absl::Status GraphRun::run(llvm::ArrayRef<int> wanted) {
  for (auto [index, value] : llvm::enumerate(graph.values))
    if (value.constant)
      values[index] = constantValue(value.constant);
  std::vector<bool> isNeeded(graph.values.size(), false);
  for (int value : wanted)
    isNeeded[value] = true;
  std::vector<const Node *> needed;
  for (const Node &node : llvm::reverse(graph.nodes)) {
    if (llvm::none_of(node.outputs, [&](int output) { return output >= 0 && isNeeded[output]; }))
      continue;
    needed.push_back(&node);
    for (int input : node.inputs)
      if (input >= 0)
        isNeeded[input] = true;
    for (const auto &attribute : node.attributes)
      if (attribute.second.graph)
        for (auto [around, own] : attribute.second.graph->captures)
          isNeeded[around] = true;
  }
  for (const Node *node : llvm::reverse(needed))
    LATHE_RETURN_IF_ERROR(runNode(*node));
  return absl::OkStatus();
}

} // namespace

absl::Status Evaluator::run(Sizes sizes, llvm::ArrayRef<int> wanted) {
  const Graph &graph = *model.graph;
  currentSizes = sizes;
  values.assign(graph.values.size(), {});
  for (auto [input, role] : llvm::zip_equal(graph.inputs, roles)) {
    auto value = evaluateInput(input, role, sizes);
    if (!value.ok())
      return fileError(model.path, printable(graph.nameOf(input.value)), std::string(value.status().message()));
    values[input.value] = *std::move(value);
  }
  return GraphRun(model, graph, values).run(wanted);
}
