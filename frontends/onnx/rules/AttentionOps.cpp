//===- AttentionOps.cpp - ONNX's Attention and ONNX Runtime's MultiHeadAttention ----------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/rules/Attention.h"
#include <cmath>

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// Inputs of an attention op: [1, heads, rows or positions, dim].
struct Operands {
  View q, k, v;
  int mask = -1; // input
  double scale = 0, softcap = 0;
  bool isCausal = false;
};

/// The view as heads, whatever its number of dimensions.
absl::StatusOr<View> inHeads(View view, int64_t heads) {
  if (view.layout.dimensions.size() == 4)
    return view;
  const Shape shape = view.layout.shape();
  if (shape.size() != 3 || heads < 1 || shape[2] % heads)
    return invalid("expected 4 dimensions, or 3 and numbers of heads");
  const std::optional<Layout> split = reshape(view.layout, {shape[0], shape[1], heads, shape[2] / heads});
  if (!split)
    return invalid("expected rows of heads");
  view.layout = transpose(*split, {0, 2, 1, 3});
  return view;
}

/// Fewer key/value heads than query heads: each is for several of them.
View repeated(View view, int64_t heads) {
  const Shape shape = view.layout.shape();
  if (shape[1] == heads || shape[1] < 1 || heads % shape[1])
    return view;
  const std::optional<Layout> five = reshape(view.layout, {shape[0], shape[1], 1, shape[2], shape[3]});
  const std::optional<Layout> wide =
      five ? expand(*five, {shape[0], shape[1], heads / shape[1], shape[2], shape[3]}) : std::nullopt;
  const std::optional<Layout> four = wide ? reshape(*wide, {shape[0], heads, shape[2], shape[3]}) : std::nullopt;
  if (four)
    view.layout = *four;
  return view;
}

absl::Status setAttention(RuleContext &context, const Operands &operands) {
  LATHE_ASSIGN_OR_RETURN(const Queries queries, queriesOf(context, operands.q));
  const int64_t batch[] = {1, queries.heads};
  LATHE_ASSIGN_OR_RETURN(const Heads keys,
                         headsOf(context, repeated(operands.k, queries.heads), batch, /*timeFirst=*/true));
  LATHE_ASSIGN_OR_RETURN(const Heads values,
                         headsOf(context, repeated(operands.v, queries.heads), batch, /*timeFirst=*/true));
  if (keys.dim != queries.dim || values.dim != keys.dim || values.kvHeads != keys.kvHeads ||
      keys.kvHeads * keys.repeats != queries.heads || values.factor != 1)
    return invalid("expected queries, keys and values of as many heads and one width");
  AttentionInfo info;
  info.heads = queries.heads;
  info.kvHeads = keys.kvHeads;
  info.dim = queries.dim;
  const double scale = operands.scale != 0 ? operands.scale : 1 / std::sqrt(double(queries.dim));
  info.scale = scale * queries.factor * keys.factor;
  info.softcap = operands.softcap;
  info.isCausal = operands.isCausal;
  if (operands.mask >= 0) {
    if (context.isData(operands.mask))
      return invalid("expected a mask that does not depend on the tokens");
    const Evaluated &mask = context.evaluated(operands.mask);
    const int64_t copies = mask.shape.size() > 2 ? mask.shape[mask.shape.size() - 3] : 1;
    // Copies for all heads must be equal: Mask.cpp compares them.
    if (copies != 1 && copies != queries.heads)
      return invalid("expected a mask that is the same for all heads, got " + shapeString(mask.shape));
    info.mask = context.node.input(operands.mask);
    info.maskForm = mask.type == DataType::Bool ? MaskForm::TrueIsVisible : MaskForm::Added;
  }
  Term *attention = context.make(Kind::Attention, {queries.rows, keys.cache, values.cache}, queries.heads * values.dim);
  attention->attention = info;
  if (context.outputShape(0).size() == 3)
    return context.setRows(0, attention);
  const Axis last = {AxisKind::Column, values.dim, 1};
  return context.set(0, attention, layoutOfHeads(context, operands.q, queries.dim, last, values.dim));
}

/// Past keys and values as inputs `first` and `first` + 1, present ones as outputs 1 and 2.
absl::Status appendPast(RuleContext &context, size_t first, Operands &operands) {
  if (context.has(first) != context.has(first + 1))
    return invalid("expected past keys and values, or none");
  if (!context.has(first))
    return absl::OkStatus();
  size_t output = 1;
  for (View *part : {&operands.k, &operands.v}) {
    Layout grown;
    LATHE_ASSIGN_OR_RETURN(part->operation, append(context, context.view(first + output - 1), *part, &grown));
    part->layout = grown;
    LATHE_RETURN_IF_ERROR(context.set(output++, part->operation, grown));
  }
  return absl::OkStatus();
}

absl::Status checkData(const RuleContext &context) {
  for (size_t i : {0, 1, 2})
    if (!context.isData(i))
      return invalid("expected queries, keys and values");
  return absl::OkStatus();
}

/// Queries, keys, values, mask; keys and values are caches already, or past ones are inputs 4 and 5.
absl::Status readAttention(RuleContext &context) {
  const Node &node = context.node;
  LATHE_RETURN_IF_ERROR(checkData(context));
  if (node.output(3) >= 0 || context.has(6))
    return invalid("expected neither scores as a result nor lengths as an input");
  Operands operands;
  LATHE_ASSIGN_OR_RETURN(operands.q, inHeads(context.view(0), node.integer("q_num_heads", 0)));
  LATHE_ASSIGN_OR_RETURN(operands.k, inHeads(context.view(1), node.integer("kv_num_heads", 0)));
  LATHE_ASSIGN_OR_RETURN(operands.v, inHeads(context.view(2), node.integer("kv_num_heads", 0)));
  LATHE_RETURN_IF_ERROR(appendPast(context, 4, operands));
  operands.mask = context.has(3) ? 3 : -1;
  operands.scale = node.real("scale", 0);
  operands.softcap = node.real("softcap", 0);
  operands.isCausal = node.integer("is_causal", 0) != 0;
  // Position 0 of the mask is that of the first query: the two differ if keys are cached before the op.
  if (operands.isCausal && !context.has(4) && context.raiser.hasPast())
    return invalid("expected a mask for cached keys, got is_causal");
  return setAttention(context, operands);
}

/// Queries, keys, values, bias, padding mask, mask, past keys and values.
absl::Status readMultiHeadAttention(RuleContext &context) {
  const Node &node = context.node;
  LATHE_RETURN_IF_ERROR(checkData(context));
  for (size_t i : {3, 4, 8, 9})
    if (context.has(i))
      return invalid("expected neither a bias nor a padding mask, got input " + llvm::Twine(i));
  const int64_t heads = node.integer("num_heads", 0);
  Operands operands;
  LATHE_ASSIGN_OR_RETURN(operands.q, inHeads(context.view(0), heads));
  LATHE_ASSIGN_OR_RETURN(operands.k, inHeads(context.view(1), heads));
  LATHE_ASSIGN_OR_RETURN(operands.v, inHeads(context.view(2), heads));
  LATHE_RETURN_IF_ERROR(appendPast(context, 6, operands));
  operands.mask = context.has(5) ? 5 : -1;
  operands.scale = node.real("scale", 0);
  operands.isCausal = node.integer("unidirectional", 0) != 0;
  return setAttention(context, operands);
}

} // namespace

llvm::ArrayRef<RuleEntry> lathe::onnx::attentionOpRules() {
  static constexpr RuleEntry rules[] = {
      {"", "Attention", readAttention},
      {"com.microsoft", "MultiHeadAttention", readMultiHeadAttention},
  };
  return rules;
}
