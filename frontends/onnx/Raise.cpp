#include "frontends/onnx/Raise.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;

llvm::StringRef lathe::onnx::nameOf(Kind kind) {
  static constexpr llvm::StringLiteral names[] = {"embed",
                                                  "add_positions",
                                                  "norm",
                                                  "linear",
                                                  "rope",
                                                  "append",
                                                  "attention",
                                                  "glu",
                                                  "activation",
                                                  "add",
                                                  "scale",
                                                  "multiply",
                                                  "softcap",
                                                  "route",
                                                  "experts",
                                                  "ids",
                                                  "past",
                                                  "square",
                                                  "cube",
                                                  "mean",
                                                  "centered",
                                                  "mean square",
                                                  "rms",
                                                  "inverse rms",
                                                  "plus constant",
                                                  "product",
                                                  "negated",
                                                  "sigmoid",
                                                  "tanh",
                                                  "erf",
                                                  "rotated half",
                                                  "times table",
                                                  "scores",
                                                  "masked scores",
                                                  "scores with sinks",
                                                  "largest score",
                                                  "shifted scores",
                                                  "probabilities",
                                                  "is nan",
                                                  "router probabilities",
                                                  "top weights",
                                                  "top indices",
                                                  "sum of top",
                                                  "chosen weights",
                                                  "expert product",
                                                  "weighted experts",
                                                  "gated shared expert"};
  static_assert(std::size(names) == static_cast<size_t>(Kind::GatedShared) + 1);
  return names[static_cast<size_t>(kind)];
}

bool Weight::operator==(const Weight &other) const {
  auto key = [](const Weight &w) {
    return std::make_tuple(w.stored ? w.stored->constant->file : nullptr, w.stored ? w.stored->constant->offset : 0,
                           w.experts, w.rows, w.columns, w.storedByColumns, w.firstRow, w.group, w.stride,
                           w.unpermuteHeads);
  };
  return key(*this) == key(other);
}

Weight Weight::select(int64_t first, int64_t count) const {
  Weight part = *this;
  part.firstRow += first;
  part.rows = count;
  return part;
}

//===--------------------------------------------------------------------------------------------------------------===//
// RuleContext
//===--------------------------------------------------------------------------------------------------------------===//

std::optional<double> RuleContext::scalar(size_t i) const {
  const TensorPtr tensor = constant(i);
  if (!tensor || tensor->size() == 0)
    return std::nullopt;
  for (int64_t j = 1; j < tensor->size(); ++j)
    if (tensor->real(j) != tensor->real(0))
      return std::nullopt;
  return tensor->real(0);
}

absl::StatusOr<View> RuleContext::compact(View view) {
  if (!view.operation)
    return invalid("expected data, got a constant");
  const std::optional<int64_t> columns = view.layout.contiguousColumns();
  if (!columns)
    return invalid("expected neighbouring columns of " + nameOf(view.operation->kind) + ", got others");
  LATHE_ASSIGN_OR_RETURN(view.operation, selectColumns(raiser, view.operation, view.layout.offset, *columns));
  view.layout.offset = 0;
  return view;
}

absl::StatusOr<const Term *> RuleContext::rows(size_t i) {
  if (!isData(i))
    return invalid("expected data as input " + llvm::Twine(i) + ", got a constant");
  LATHE_ASSIGN_OR_RETURN(const View whole, compact(i));
  if (!whole.layout.isRows())
    return invalid("expected rows as input " + llvm::Twine(i) + ", got another layout");
  return whole.operation;
}

Term *RuleContext::make(Kind kind, llvm::ArrayRef<const Term *> arguments, int64_t width) {
  Term operation;
  operation.kind = kind;
  operation.arguments.assign(arguments.begin(), arguments.end());
  operation.width = width;
  operation.node = number;
  return raiser.make(std::move(operation));
}

absl::Status RuleContext::set(size_t output, const Term *operation, Layout layout) {
  if (node.output(output) < 0)
    return absl::OkStatus();
  if (layout.shape() != outputShape(output))
    return invalid("expected a result of shape " + shapeString(outputShape(output)) + ", got " +
                   shapeString(layout.shape()));
  raiser.set(node.output(output), {operation, std::move(layout)});
  return absl::OkStatus();
}

absl::Status RuleContext::setRows(size_t output, const Term *operation) {
  if (node.output(output) < 0)
    return absl::OkStatus();
  std::optional<Layout> layout = reshape(rowsLayout(raiser.length(), operation->width), outputShape(output));
  if (!layout)
    return invalid("expected a result with a row for each token, got shape " + shapeString(outputShape(output)));
  return set(output, operation, *layout);
}

absl::StatusOr<Weight> lathe::onnx::vectorOf(const RuleContext &context, size_t i, int64_t size) {
  if (!context.has(i) || context.isData(i) || !context.evaluated(i).stored)
    return invalid("expected a vector from the file as input " + llvm::Twine(i));
  const Evaluated &value = context.evaluated(i);
  if (elementsOf(value.shape) != size || value.stored->scales || !isReal(value.stored->constant->type))
    return invalid("expected a vector of " + llvm::Twine(size) + " floats as input " + llvm::Twine(i) + ", got " +
                   shapeString(value.shape));
  Weight weight;
  weight.stored = value.stored;
  weight.rows = size;
  return weight;
}

absl::StatusOr<Weight> lathe::onnx::matrixOf(const RuleContext &context, size_t i, int64_t columns, bool isTransposed) {
  if (!context.has(i) || context.isData(i) || !context.evaluated(i).stored)
    return invalid("expected a matrix from the file as input " + llvm::Twine(i));
  const Evaluated &value = context.evaluated(i);
  const bool isFloat = isReal(value.stored->constant->type) || value.stored->scales;
  Shape shape = value.shape;
  while (shape.size() > 2 && shape.front() == 1)
    shape.erase(shape.begin());
  if (shape.size() != 2 || shape[isTransposed ? 1 : 0] != columns || !isFloat || value.stored->addsOne)
    return invalid("expected a matrix of floats for " + llvm::Twine(columns) + " columns as input " + llvm::Twine(i) +
                   ", got " + shapeString(value.shape));
  Weight weight;
  weight.stored = value.stored;
  weight.isMatrix = true;
  weight.columns = columns;
  weight.rows = shape[isTransposed ? 0 : 1];
  weight.storedByColumns = value.stored->transposed == isTransposed;
  return weight;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Some columns of an operation
//===--------------------------------------------------------------------------------------------------------------===//

/// The operation with fewer columns, on arguments with fewer columns. Null: its columns depend on one another.
static absl::StatusOr<const Term *> narrow(Raiser &raiser, const Term *operation, int64_t first, int64_t count) {
  Term part = *operation;
  part.width = count;
  auto narrowArguments = [&]() -> absl::Status {
    for (const Term *&argument : part.arguments) {
      LATHE_ASSIGN_OR_RETURN(argument, selectColumns(raiser, argument, first, count));
    }
    return absl::OkStatus();
  };
  // Of operations on heads or groups: whole ones.
  auto wholeParts = [&](int64_t &parts) {
    const int64_t width = operation->width / parts;
    if (first % width || count % width)
      return false;
    parts = count / width;
    return true;
  };
  switch (operation->kind) {
  case Kind::Linear:
  case Kind::ExpertProduct:
    if (operation->weight().unpermuteHeads)
      break;
    for (Weight &weight : part.weights)
      if (weight)
        weight = weight.select(first, count);
    return raiser.make(std::move(part));
  case Kind::Multiply:
    part.weights[0] = part.weights[0].select(first, count);
    [[fallthrough]];
  case Kind::Scale:
  case Kind::Softcap:
  case Kind::Activation:
  case Kind::Sigmoid:
  case Kind::Tanh:
  case Kind::Negated:
  case Kind::Glu:
  case Kind::Add:
  case Kind::Product:
    LATHE_RETURN_IF_ERROR(narrowArguments());
    return raiser.make(std::move(part));
  case Kind::Norm:
    if (operation->groups == 1 || !wholeParts(part.groups))
      break;
    LATHE_RETURN_IF_ERROR(narrowArguments());
    return raiser.make(std::move(part));
  case Kind::Rope:
    if (!wholeParts(part.rope.heads))
      break;
    LATHE_RETURN_IF_ERROR(narrowArguments());
    return raiser.make(std::move(part));
  default:
    break;
  }
  return invalid("expected all columns of " + nameOf(operation->kind) + ", got " + llvm::Twine(count) + " of " +
                 llvm::Twine(operation->width));
}

absl::StatusOr<const Term *> lathe::onnx::selectColumns(Raiser &raiser, const Term *operation, int64_t first,
                                                        int64_t count) {
  if (first == 0 && count == operation->width)
    return operation;
  if (first < 0 || count < 1 || first + count > operation->width)
    return invalid("expected columns of " + nameOf(operation->kind) + ", got columns after its last");
  if (const Term *known = raiser.selected(operation, first, count))
    return known;
  constexpr int maxDepth = 200;
  if (raiser.selectionDepth() == maxDepth)
    return invalid("expected fewer than 200 operations to take columns of");
  ++raiser.selectionDepth();
  auto narrowed = narrow(raiser, operation, first, count);
  --raiser.selectionDepth();
  LATHE_ASSIGN_OR_RETURN(const Term *part, std::move(narrowed));
  return raiser.selected(operation, first, count) = part;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Raiser
//===--------------------------------------------------------------------------------------------------------------===//

static std::string describeNode(const Graph &graph, const Node &node) {
  std::string inputs;
  for (int input : node.inputs)
    inputs += (inputs.empty() ? "" : ", ") + (input < 0 ? std::string("none") : printable(graph.nameOf(input)));
  return printable(node.qualifiedOp()) + " of " + inputs;
}

void Raiser::readNode(const Node &node, int number) {
  RuleContext context(*this, node, number);
  auto fail = [&](const std::string &reason) {
    for (int output : node.outputs)
      if (output >= 0 && values[output].isData() && !views[output].operation && reasons[output].empty())
        reasons[output] = reason;
  };
  // What is wrong with an input is wrong with the results.
  for (int input : node.inputs)
    if (input >= 0 && values[input].isData() && !views[input].operation)
      return fail(reasons[input]);
  std::string reason = "expected an op that a rule reads, got this one";
  for (llvm::ArrayRef<RuleEntry> rules :
       {layoutRules(), embedRules(), normRules(), linearRules(), ropeRules(), attentionRules(), attentionOpRules(),
        groupQueryRules(), activationRules(), expertsRules(), elementwiseRules()})
    for (const RuleEntry &entry : rules)
      if (node.is(entry.domain, entry.op)) {
        const absl::Status status = entry.rule(context);
        if (status.ok())
          return;
        reason = std::string(status.message());
      }
  fail(fileError(model.path, printable(node.name), describeNode(graph(), node) + ": " + reason)
           .ToString(absl::StatusToStringMode::kWithNoExtraData));
}

absl::Status Raiser::refusal(int value) const {
  llvm::StringRef reason = reasons[value];
  reason.consume_front("INVALID_ARGUMENT: ");
  if (reason.empty())
    return fileError(model.path, printable(graph().nameOf(value)), "expected a value that depends on the tokens");
  return invalid(reason);
}

/// Each cache must grow by the tokens of the call, and come out as it came in.
absl::Status Raiser::checkPresents(int logits) const {
  const Graph &g = graph();
  for (int output : g.outputs) {
    if (output == logits)
      continue;
    const View &view = views[output];
    auto error = [&](const llvm::Twine &message) {
      return fileError(model.path, printable(g.nameOf(output)), message);
    };
    if (!view.operation)
      return refusal(output);
    if (view.operation->kind != Kind::Append)
      return error("expected an output that is a cache, got " + nameOf(view.operation->kind));
    if (!hasPast())
      continue; // the model returns what a first call would cache
    const View &past = views[g.inputs[view.operation->index].value];
    Layout grown = past.layout;
    for (Dimension &dimension : grown.dimensions)
      for (Axis &axis : dimension)
        if (axis.kind == AxisKind::Time)
          axis.size = values.sizes().total();
    if (grown != view.layout)
      return error("expected the layout of the input " + printable(g.nameOf(g.inputs[view.operation->index].value)) +
                   ", got another one");
  }
  return absl::OkStatus();
}

absl::Status Raiser::run(int logits) {
  const Graph &g = graph();
  for (auto [index, input] : llvm::enumerate(g.inputs)) {
    const InputRole &role = roles[index];
    Term operation;
    Layout layout;
    if (role.kind == InputKind::Ids) {
      operation.kind = Kind::Ids;
      operation.width = 1;
      layout.dimensions = {{}, {{AxisKind::Row, length()}}};
    } else if (role.kind == InputKind::Past) {
      operation.kind = Kind::Past;
      operation.width = role.heads * role.dim;
      operation.index = static_cast<int64_t>(index);
      layout.dimensions = {{},
                           {{AxisKind::Column, role.heads, role.dim}},
                           {{AxisKind::Time, values.sizes().past}},
                           {{AxisKind::Column, role.dim, 1}}};
    } else {
      continue;
    }
    for (Dimension &dimension : layout.dimensions)
      simplify(dimension);
    views[input.value] = {make(std::move(operation)), std::move(layout)};
  }
  for (auto [number, node] : llvm::enumerate(g.nodes))
    if (llvm::any_of(node.outputs, [&](int output) { return output >= 0 && values[output].isData(); }))
      readNode(node, static_cast<int>(number));
  const View &result = views[logits];
  if (!result.operation)
    return refusal(logits);
  if (!result.layout.isRows() || result.layout.contiguousColumns() != result.operation->width)
    return fileError(model.path, printable(g.nameOf(logits)), "expected logits of every token, got another layout");
  raised.logits = result.operation;
  return checkPresents(logits);
}
