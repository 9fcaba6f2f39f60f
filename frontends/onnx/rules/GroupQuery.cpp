//===- GroupQuery.cpp - ONNX Runtime's GroupQueryAttention --------------------------------------------------------===//
//
// One op: rotation, caches, attention. Inputs: query (or all three side by side), key, value, past key, past value,
// last position, total length, cosine, sine, positions, bias, sinks, -, -, norms of queries and keys.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/rules/Attention.h"
#include "frontends/onnx/rules/Rope.h"
#include <cmath>

using namespace lathe;
using namespace lathe::onnx;

namespace {

struct Sizes3 {
  int64_t heads, kvHeads, dim;
};

/// Queries, keys and values as rows.
struct Rows3 {
  const Term *q, *k, *v;
};

absl::StatusOr<Rows3> rowsOf(RuleContext &context, Sizes3 &sizes) {
  Rows3 rows = {};
  LATHE_ASSIGN_OR_RETURN(rows.q, context.rows(0));
  if (context.has(1) != context.has(2))
    return invalid("expected keys and values, or neither");
  if (context.has(1)) {
    LATHE_ASSIGN_OR_RETURN(rows.k, context.rows(1));
    LATHE_ASSIGN_OR_RETURN(rows.v, context.rows(2));
    sizes.dim = rows.q->width / sizes.heads;
    if (rows.q->width != sizes.heads * sizes.dim || rows.k->width != sizes.kvHeads * sizes.dim ||
        rows.v->width != rows.k->width)
      return invalid("expected queries, keys and values of heads of one width");
    return rows;
  }
  const Term *packed = rows.q;
  const int64_t all = sizes.heads + 2 * sizes.kvHeads;
  sizes.dim = packed->width / all;
  if (packed->width != all * sizes.dim)
    return invalid("expected rows of " + llvm::Twine(all) + " heads, got " + llvm::Twine(packed->width) + " columns");
  const int64_t q = sizes.heads * sizes.dim, kv = sizes.kvHeads * sizes.dim;
  LATHE_ASSIGN_OR_RETURN(rows.q, selectColumns(context.raiser, packed, 0, q));
  LATHE_ASSIGN_OR_RETURN(rows.k, selectColumns(context.raiser, packed, q, kv));
  LATHE_ASSIGN_OR_RETURN(rows.v, selectColumns(context.raiser, packed, q + kv, kv));
  return rows;
}

/// Input 5 is the last position of the sequence, input 6 the total length: both must be those of one sequence without
/// padding.
absl::Status checkLengths(const RuleContext &context) {
  const int64_t total = context.raiser.evaluator().sizes().total();
  if (context.scalar(5) != double(total - 1))
    return invalid("expected the last position as input 5");
  if (context.scalar(6) != double(total))
    return invalid("expected the total length as input 6");
  return absl::OkStatus();
}

absl::StatusOr<const Term *> normHeads(RuleContext &context, const Term *rows, size_t weight, int64_t heads) {
  Term *norm = context.make(Kind::Norm, {rows}, rows->width);
  LATHE_ASSIGN_OR_RETURN(Weight scale, vectorOf(context, weight, rows->width / heads));
  norm->weights = {std::move(scale)};
  norm->groups = heads;
  norm->number = context.node.real("qk_norm_epsilon", 1e-6);
  return norm;
}

absl::Status rotate(RuleContext &context, const Sizes3 &sizes, Rows3 &rows) {
  if (context.node.integer("do_rotary", 0) == 0)
    return absl::OkStatus();
  if (!context.has(7) || !context.has(8) || context.isData(7) || context.evaluated(7).shape.size() != 2)
    return invalid("expected tables of cosine and sine");
  if (context.has(9))
    LATHE_RETURN_IF_ERROR(checkPositions(context, 9));
  RopeInfo info = {sizes.heads, 2 * context.evaluated(7).shape[1], 0, context.node.input(7), context.node.input(8),
                   true};
  const bool isInterleaved = context.node.integer("rotary_interleaved", 0) != 0;
  LATHE_ASSIGN_OR_RETURN(rows.q, rotateHeads(context, rows.q, info, isInterleaved));
  info.heads = sizes.kvHeads;
  LATHE_ASSIGN_OR_RETURN(rows.k, rotateHeads(context, rows.k, info, isInterleaved));
  return absl::OkStatus();
}

/// Attributes and inputs that change the result and that no rule reads.
absl::Status refuseUnread(const RuleContext &context) {
  static constexpr llvm::StringLiteral quantised[] = {"kv_cache_bit_width", "k_quant_type", "v_quant_type"};
  for (llvm::StringRef name : quantised)
    if (context.node.has(name) && context.node.text(name, "") != "NONE" &&
        (context.node.integer(name, 0) != 0 || !context.node.text(name, "").empty()))
      return invalid("expected caches of floats, got " + name);
  if (context.node.integer("smooth_softmax", 0) > 0)
    return invalid("expected a plain softmax, got smooth_softmax");
  if (context.node.integer("qk_output", 0) != 0)
    return invalid("expected no scores as a result, got qk_output");
  for (size_t i : {10, 12, 13})
    if (context.has(i))
      return invalid("expected no attention bias and no scales of caches, got input " + llvm::Twine(i));
  return absl::OkStatus();
}

absl::Status readGroupQueryAttention(RuleContext &context) {
  const Node &node = context.node;
  LATHE_RETURN_IF_ERROR(refuseUnread(context));
  LATHE_RETURN_IF_ERROR(checkLengths(context));
  Sizes3 sizes = {node.integer("num_heads", 0), node.integer("kv_num_heads", 0), 0};
  if (sizes.heads < 1 || sizes.kvHeads < 1 || sizes.heads % sizes.kvHeads)
    return invalid("expected numbers of heads");
  LATHE_ASSIGN_OR_RETURN(Rows3 rows, rowsOf(context, sizes));
  if (context.has(14)) {
    LATHE_ASSIGN_OR_RETURN(rows.q, normHeads(context, rows.q, 14, sizes.heads));
  }
  if (context.has(15)) {
    LATHE_ASSIGN_OR_RETURN(rows.k, normHeads(context, rows.k, 15, sizes.kvHeads));
  }
  LATHE_RETURN_IF_ERROR(rotate(context, sizes, rows));

  const std::optional<Layout> heads = reshape(rowsLayout(context.raiser.length(), sizes.kvHeads * sizes.dim),
                                              {1, context.raiser.length(), sizes.kvHeads, sizes.dim});
  const Layout added = transpose(*heads, {0, 2, 1, 3});
  const Term *caches[2];
  for (int i : {0, 1}) {
    Layout grown;
    LATHE_ASSIGN_OR_RETURN(caches[i], append(context, context.view(3 + i), {i == 0 ? rows.k : rows.v, added}, &grown));
    LATHE_RETURN_IF_ERROR(context.set(1 + i, caches[i], grown));
  }
  Term *attention = context.make(Kind::Attention, {rows.q, caches[0], caches[1]}, sizes.heads * sizes.dim);
  AttentionInfo &info = attention->attention;
  info.heads = sizes.heads;
  info.kvHeads = sizes.kvHeads;
  info.dim = sizes.dim;
  info.scale = node.real("scale", 0);
  if (info.scale == 0)
    info.scale = 1 / std::sqrt(double(sizes.dim));
  info.softcap = node.real("softcap", 0);
  info.isCausal = true;
  info.window = std::max<int64_t>(node.integer("local_window_size", -1), 0);
  if (context.has(11)) {
    LATHE_ASSIGN_OR_RETURN(Weight sinks, vectorOf(context, 11, sizes.heads));
    attention->weights = {std::move(sinks)};
  }
  return context.setRows(0, attention);
}

} // namespace

llvm::ArrayRef<RuleEntry> lathe::onnx::groupQueryRules() {
  static constexpr RuleEntry rules[] = {{"com.microsoft", "GroupQueryAttention", readGroupQueryAttention}};
  return rules;
}
