//===- Layout.cpp - nodes that move values ------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/Raise.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

NodeContext nodeContext(const RuleContext &context) {
  NodeContext node{context.node, 0, {}};
  for (int input : context.node.inputs)
    node.inputs.push_back(input < 0 ? Evaluated() : context.raiser.evaluator()[input]);
  return node;
}

/// Rows of some columns become an operation of their own: a part of packed queries, keys and values is a projection.
absl::Status setPart(RuleContext &context, size_t output, View view) {
  if (view.layout.isRows() && view.layout.contiguousColumns() != view.operation->width) {
    LATHE_ASSIGN_OR_RETURN(view, context.compact(view));
  }
  return context.set(output, view.operation, std::move(view.layout));
}

absl::Status readReshape(RuleContext &context) {
  const View &view = context.view(0);
  const std::optional<Layout> layout = reshape(view.layout, context.outputShape(0));
  if (!layout)
    return invalid("expected a shape that keeps rows and heads apart, got " + shapeString(context.outputShape(0)));
  return setPart(context, 0, {view.operation, *layout});
}

absl::Status readTranspose(RuleContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Shape permutation, permutationOf(nodeContext(context)));
  return context.set(0, context.view(0).operation, transpose(context.view(0).layout, permutation));
}

absl::Status readExpand(RuleContext &context) {
  const std::optional<Layout> layout = expand(context.view(0).layout, context.outputShape(0));
  if (!layout)
    return invalid("expected a shape that the input expands to");
  return context.set(0, context.view(0).operation, *layout);
}

/// Values of another float type: rounding is left out.
absl::Status readCast(RuleContext &context) {
  const DataType to = context.raiser.evaluator()[context.node.output(0)].type;
  const Term *operation = context.view(0).operation;
  const bool isIndex = operation->kind == Kind::Ids || operation->kind == Kind::TopIndices;
  if (!isReal(to) && !isIndex)
    return invalid("expected floats, got a conversion to " + nameOf(to));
  return context.set(0, operation, context.view(0).layout);
}

absl::Status readIdentity(RuleContext &context) {
  return context.set(0, context.view(0).operation, context.view(0).layout);
}

absl::Status readSlice(RuleContext &context) {
  LATHE_ASSIGN_OR_RETURN(const auto ranges, rangesOfSlice(nodeContext(context)));
  const std::optional<Layout> layout = slice(context.view(0).layout, ranges);
  if (!layout)
    return invalid("expected a slice of columns, got one of tokens or positions");
  return setPart(context, 0, {context.view(0).operation, *layout});
}

absl::Status readSplit(RuleContext &context) {
  LATHE_ASSIGN_OR_RETURN(const SplitParts parts, partsOfSplit(nodeContext(context)));
  llvm::SmallVector<SliceRange, 4> ranges;
  for (int64_t size : context.evaluated(0).shape)
    ranges.push_back({0, 1, size});
  int64_t first = 0;
  for (size_t i = 0; i < parts.sizes.size(); ++i) {
    ranges[parts.axis] = {first, 1, parts.sizes[i]};
    first += parts.sizes[i];
    const std::optional<Layout> layout = slice(context.view(0).layout, ranges);
    if (!layout)
      return invalid("expected parts of columns, got parts of tokens or positions");
    LATHE_RETURN_IF_ERROR(setPart(context, i, {context.view(0).operation, *layout}));
  }
  return absl::OkStatus();
}

/// One of several equal parts: a constant index along a dimension of columns.
absl::Status readGather(RuleContext &context) {
  const std::optional<double> index = context.isData(0) ? context.scalar(1) : std::nullopt;
  if (!index || !context.evaluated(1).shape.empty())
    return invalid("expected rows of a table, or one of several parts");
  llvm::SmallVector<SliceRange, 4> ranges;
  for (int64_t size : context.evaluated(0).shape)
    ranges.push_back({0, 1, size});
  const int64_t axis = normalizeAxis(context.node.integer("axis", 0), ranges.size());
  ranges[axis] = {normalizeAxis(static_cast<int64_t>(*index), ranges[axis].count), 1, 1};
  const std::optional<Layout> part = slice(context.view(0).layout, ranges);
  const std::optional<Layout> layout = part ? reshape(*part, context.outputShape(0)) : std::nullopt;
  if (!layout)
    return invalid("expected one of several parts of the columns, got one of tokens or positions");
  return setPart(context, 0, {context.view(0).operation, *layout});
}

} // namespace

llvm::ArrayRef<RuleEntry> lathe::onnx::layoutRules() {
  static constexpr RuleEntry rules[] = {
      {"", "Reshape", readReshape}, {"", "Squeeze", readReshape},     {"", "Unsqueeze", readReshape},
      {"", "Flatten", readReshape}, {"", "Transpose", readTranspose}, {"", "Expand", readExpand},
      {"", "Cast", readCast},       {"", "Identity", readIdentity},   {"", "Slice", readSlice},
      {"", "Split", readSplit},     {"", "Gather", readGather},
  };
  return rules;
}
