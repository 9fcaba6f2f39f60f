//===- Rope.cpp - rotary position embedding -----------------------------------------------------------------------===//

#include "frontends/onnx/rules/Rope.h"
#include "compiler/support/Errors.h"
#include "frontends/onnx/rules/Elementwise.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// Where in its heads a view lies: [.., heads, rows, dim] in any order of dimensions, `dim` columns of each head.
struct HeadPart {
  int64_t heads = 1, width = 0; // of all columns of the operation
  int64_t from = 0, dim = 0;
};

std::optional<HeadPart> headPartOf(const View &view) {
  const Dimension &last = view.layout.dimensions.back();
  if (last.size() != 1 || last[0].kind != AxisKind::Column || last[0].stride != 1)
    return std::nullopt;
  HeadPart part;
  part.dim = last[0].size;
  part.width = view.operation->width;
  part.from = view.layout.offset;
  int count = 0;
  for (const Dimension &dimension : llvm::ArrayRef(view.layout.dimensions).drop_back())
    for (const Axis &axis : dimension)
      if (axis.kind == AxisKind::Column) {
        ++count;
        part.heads = axis.size;
        part.width = axis.stride;
      }
  if (count > 1 || part.heads * part.width != view.operation->width || part.from + part.dim > part.width)
    return std::nullopt;
  return part;
}

/// [-x2, x1] of neighbouring halves (x1, x2).
absl::Status setRotatedHalf(RuleContext &context) {
  const View second = context.view(0), first = context.view(1);
  if (second.operation->kind != Kind::Negated || second.operation->argument() != first.operation)
    return invalid("expected the halves of one row");
  const Dimension &half = first.layout.dimensions.back();
  if (half.size() != 1 || half[0].kind != AxisKind::Column || half[0].stride != 1)
    return invalid("expected halves of columns in order");
  Layout shifted = first.layout, whole = first.layout;
  shifted.offset += half[0].size;
  whole.dimensions.back()[0].size *= 2;
  if (second.layout != shifted)
    return invalid("expected halves that are neighbours");
  Term *rotated = context.make(Kind::RotatedHalf, {first.operation}, first.operation->width);
  rotated->layout = whole;
  return context.set(0, rotated, whole);
}

/// A rotated part of each head and the others beside it.
absl::Status setJoined(RuleContext &context) {
  View whole = context.view(0);
  const Term *rope = nullptr;
  int64_t end = 0;
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    if (!context.isData(i))
      return invalid("expected parts of the same rows");
    const View &part = context.view(i);
    const Dimension &last = part.layout.dimensions.back();
    if (last.size() != 1 || last[0].kind != AxisKind::Column || last[0].stride != 1)
      return invalid("expected parts of columns in order");
    if (part.operation->kind == Kind::Rope)
      rope = part.operation;
    Layout wanted = whole.layout;
    wanted.dimensions.back() = last;
    wanted.offset = i == 0 ? part.layout.offset : end;
    if (part.layout != wanted)
      return invalid("expected parts that are neighbours in the same rows");
    end = part.layout.offset + last[0].size;
  }
  if (!rope)
    return invalid("expected a rotated part of each head beside the rest");
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    const View &part = context.view(i);
    const int64_t from = part.layout.offset, size = part.layout.dimensions.back()[0].size;
    const bool isOutside = from + size <= rope->rope.from || from >= rope->rope.from + rope->rope.dim;
    if (part.operation != rope && !(part.operation == rope->argument() && isOutside))
      return invalid("expected parts of the same rows");
  }
  whole.layout.dimensions.back()[0].size = end - whole.layout.offset;
  return context.set(0, rope, whole.layout);
}

absl::Status readConcat(RuleContext &context) {
  const int64_t rank = static_cast<int64_t>(context.outputShape(0).size());
  if (normalizeAxis(context.node.integer("axis", 0), rank) != rank - 1)
    return invalid("expected parts of columns");
  for (size_t i = 0; i < context.node.inputs.size(); ++i)
    if (!context.isData(i))
      return invalid("expected parts of the same rows");
  if (context.node.inputs.size() == 2 && context.view(0).operation->kind == Kind::Negated)
    return setRotatedHalf(context);
  return setJoined(context);
}

} // namespace

absl::Status lathe::onnx::setRotation(RuleContext &context) {
  View cosine = context.view(0), sine = context.view(1);
  if (cosine.operation->kind != Kind::TimesTable || sine.operation->kind != Kind::TimesTable)
    return invalid("expected x cos + rotated(x) sin");
  if (cosine.operation->argument()->kind == Kind::RotatedHalf)
    std::swap(cosine, sine);
  const Term *x = cosine.operation->argument(), *rotated = sine.operation->argument();
  const Layout &layout = cosine.operation->layout;
  if (rotated->kind != Kind::RotatedHalf || rotated->argument() != x || rotated->layout != layout ||
      sine.operation->layout != layout || cosine.layout != layout || sine.layout != layout)
    return invalid("expected x cos + rotated(x) sin of the same x");
  const std::optional<HeadPart> part = headPartOf({x, layout});
  if (!part)
    return invalid("expected a part of each head");
  Term *rope = context.make(Kind::Rope, {x}, x->width);
  rope->rope = {part->heads, part->dim, part->from, cosine.operation->table, sine.operation->table, false};
  return context.set(0, rope, layout);
}

absl::StatusOr<const Term *> lathe::onnx::rotateHeads(RuleContext &context, const Term *input, const RopeInfo &info,
                                                      bool isInterleaved) {
  if (info.heads < 1 || input->width % info.heads || info.dim > input->width / info.heads || info.dim < 2)
    return invalid("expected heads of at least " + llvm::Twine(info.dim) + " values");
  if (isInterleaved) {
    if (input->kind != Kind::Linear || info.dim != input->width / info.heads)
      return invalid("expected interleaved rotation of whole heads of a projection, got " + nameOf(input->kind));
    Term *halves = context.raiser.make(*input);
    for (Weight &weight : halves->weights)
      weight.unpermuteHeads = info.heads;
    input = halves;
  }
  Term *rope = context.make(Kind::Rope, {input}, input->width);
  rope->rope = info;
  return rope;
}

namespace {

bool isInterleaved(const Node &node) { return node.integer("interleaved", 0) != 0; }

/// The rows of an input of 3 or 4 dimensions, and its number of heads.
absl::StatusOr<View> headsOf(RuleContext &context, int64_t &heads) {
  LATHE_ASSIGN_OR_RETURN(View view, context.compact(0));
  if (view.layout.dimensions.size() == 4) {
    const std::optional<HeadPart> part = headPartOf(view);
    if (!part || part->dim != part->width)
      return invalid("expected rows of heads");
    heads = part->heads;
    return view;
  }
  if (!view.layout.isRows() || heads < 1)
    return invalid("expected rows and a number of heads");
  return view;
}

/// ONNX's own: x, cosine, sine, and for whole tables the positions.
absl::Status readRotaryEmbedding(RuleContext &context) {
  int64_t heads = context.node.integer("num_heads", 0);
  LATHE_ASSIGN_OR_RETURN(const View view, headsOf(context, heads));
  RopeInfo info = {
      heads, 2 * context.evaluated(1).shape.back(), 0, context.node.input(1), context.node.input(2), context.has(3)};
  if (info.areWhole)
    LATHE_RETURN_IF_ERROR(checkPositions(context, 3));
  LATHE_ASSIGN_OR_RETURN(const Term *rope, rotateHeads(context, view.operation, info, isInterleaved(context.node)));
  return context.set(0, rope, view.layout);
}

/// Of ONNX Runtime: x, positions, whole tables.
absl::Status readRuntimeRotaryEmbedding(RuleContext &context) {
  if (context.node.real("scale", 1) != 1)
    return invalid("expected scale 1");
  LATHE_RETURN_IF_ERROR(checkPositions(context, 1));
  const int64_t dim = 2 * context.evaluated(2).shape.back();
  int64_t heads = context.node.integer("num_heads", 0);
  if (heads == 0 && context.evaluated(0).shape.size() == 3)
    heads = context.evaluated(0).shape.back() / dim; // all of a head is rotated
  LATHE_ASSIGN_OR_RETURN(const View view, headsOf(context, heads));
  LATHE_ASSIGN_OR_RETURN(const Term *rope,
                         rotateHeads(context, view.operation,
                                     {heads, dim, 0, context.node.input(2), context.node.input(3), true},
                                     isInterleaved(context.node)));
  return context.set(0, rope, view.layout);
}

} // namespace

absl::Status lathe::onnx::checkPositions(const RuleContext &context, size_t i) {
  const TensorPtr positions = context.constant(i);
  if (!positions)
    return invalid("expected positions that do not depend on the tokens");
  // One number is the position of the first token.
  const Sizes sizes = context.raiser.evaluator().sizes();
  bool fits = positions->size() == 1 || positions->size() == sizes.length;
  for (int64_t j = 0; fits && j < positions->size(); ++j)
    fits = positions->integer(j) == sizes.past + j;
  return fits ? absl::OkStatus() : invalid("expected positions that count from the first token on");
}

llvm::ArrayRef<RuleEntry> lathe::onnx::ropeRules() {
  static constexpr RuleEntry rules[] = {
      {"", "Concat", readConcat},
      {"", "RotaryEmbedding", readRotaryEmbedding},
      {"com.microsoft", "RotaryEmbedding", readRuntimeRotaryEmbedding},
  };
  return rules;
}
