//===- Attention.cpp - caches, scores, softmax and sums of values -------------------------------------------------===//
//
// Spelt out: Concat of past and new keys, MatMul with queries, mask, Softmax, MatMul with values. Anything may be
// reshaped, repeated for the query heads or scaled in between.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/onnx/rules/Attention.h"
#include "compiler/support/Errors.h"
#include "frontends/onnx/rules/Elementwise.h"

using namespace lathe;
using namespace lathe::onnx;

bool lathe::onnx::isScores(const View &view) {
  const Term *operation = view.operation;
  while (operation->kind == Kind::Scale || operation->kind == Kind::Softcap || operation->kind == Kind::Masked)
    operation = operation->argument();
  return operation->kind == Kind::Scores;
}

/// Leaves out factors; `factor` is multiplied by them.
static const Term *unscaled(const Term *operation, double &factor) {
  while (operation->kind == Kind::Scale) {
    factor *= operation->number;
    operation = operation->argument();
  }
  return operation;
}

absl::StatusOr<const Term *> lathe::onnx::append(RuleContext &context, const View &past, const View &added,
                                                 Layout *grown) {
  if (!past.operation || past.operation->kind != Kind::Past)
    return invalid("expected a cache of the model's inputs");
  LATHE_ASSIGN_OR_RETURN(View rows, context.compact(added));
  const Sizes sizes = context.raiser.evaluator().sizes();
  Layout wanted = past.layout, all = past.layout;
  for (auto [one, other] : llvm::zip_equal(wanted.dimensions, all.dimensions))
    for (auto [row, time] : llvm::zip_equal(one, other))
      if (row.kind == AxisKind::Time) {
        row = {AxisKind::Row, sizes.length};
        time.size = sizes.total();
      }
  if (rows.layout != wanted)
    return invalid("expected new keys or values with the layout of the cache");
  Term *result = context.make(Kind::Append, {rows.operation}, rows.operation->width);
  result->index = past.operation->index;
  if (grown)
    *grown = std::move(all);
  return result;
}

namespace {

/// Without caches as inputs, what a first call computes is what a cache would hold.
View cached(RuleContext &context, View view) {
  if (view.operation->kind == Kind::Append || context.raiser.hasPast())
    return view;
  const Term *&known = context.raiser.selected(view.operation, -1, -1);
  if (!known) {
    Term *append = context.make(Kind::Append, {view.operation}, view.operation->width);
    append->index = -1;
    known = append;
  }
  view.operation = known;
  for (Dimension &dimension : view.layout.dimensions)
    for (Axis &axis : dimension)
      if (axis.kind == AxisKind::Row)
        axis.kind = AxisKind::Time;
  return view;
}

} // namespace

absl::StatusOr<Heads> lathe::onnx::headsOf(RuleContext &context, View view, llvm::ArrayRef<int64_t> batch,
                                           bool timeFirst) {
  Heads heads;
  view.operation = unscaled(view.operation, heads.factor);
  if (view.operation->kind != Kind::Append) {
    LATHE_ASSIGN_OR_RETURN(view, context.compact(view));
  }
  view = cached(context, view);
  heads.cache = view.operation;
  if (heads.cache->kind != Kind::Append)
    return invalid("expected keys or values from a cache, got " + nameOf(heads.cache->kind));
  const auto matrix = llvm::ArrayRef(view.layout.dimensions).take_back(2);
  const Dimension &time = matrix[timeFirst ? 0 : 1], &columns = matrix[timeFirst ? 1 : 0];
  if (view.layout.offset != 0 || time.size() != 1 ||
      time[0] != Axis{AxisKind::Time, context.raiser.evaluator().sizes().total()} || columns.size() != 1 ||
      columns[0].kind != AxisKind::Column || columns[0].stride != 1)
    return invalid("expected positions and the columns of a head as the last dimensions");
  heads.dim = columns[0].size;
  Layout outer = view.layout;
  outer.dimensions.pop_back_n(2);
  const std::optional<Layout> repeated = expand(outer, batch);
  if (!repeated)
    return invalid("expected keys or values for each query head");
  const Dimension axes = repeated->axes();
  size_t next = 0;
  heads.kvHeads = 1;
  if (next < axes.size() && axes[next].kind == AxisKind::Column && axes[next].stride == heads.dim)
    heads.kvHeads = axes[next++].size;
  if (next < axes.size() && axes[next].kind == AxisKind::Repeat)
    heads.repeats = axes[next++].size;
  if (next != axes.size() || heads.kvHeads * heads.dim != heads.cache->width)
    return invalid("expected each key/value head for as many query heads as the others");
  return heads;
}

absl::StatusOr<Queries> lathe::onnx::queriesOf(RuleContext &context, View view) {
  Queries queries;
  view.operation = unscaled(view.operation, queries.factor);
  LATHE_ASSIGN_OR_RETURN(view, context.compact(view));
  const Dimension axes = view.layout.axes();
  const Dimension &last = view.layout.dimensions.back();
  if (last.size() != 1 || last[0].kind != AxisKind::Column || last[0].stride != 1)
    return invalid("expected the columns of a head as the last dimension");
  queries.rows = view.operation;
  queries.dim = last[0].size;
  queries.heads = view.operation->width / queries.dim;
  Dimension wanted = {{AxisKind::Column, queries.heads, queries.dim},
                      {AxisKind::Row, context.raiser.length()},
                      {AxisKind::Column, queries.dim, 1}};
  simplify(wanted);
  if (axes != wanted)
    return invalid("expected queries as heads of rows");
  return queries;
}

Layout lathe::onnx::layoutOfHeads(RuleContext &context, const View &queries, int64_t queryDim, Axis last,
                                  int64_t stride) {
  Layout layout = queries.layout;
  layout.offset = 0;
  for (Dimension &dimension : llvm::MutableArrayRef(layout.dimensions).drop_back())
    for (Axis &axis : dimension)
      if (axis.kind == AxisKind::Column)
        axis.stride = axis.stride / queryDim * stride;
  layout.dimensions.back() = {last};
  simplify(layout.dimensions.back());
  return layout;
}

namespace {

absl::Status readScores(RuleContext &context) {
  const View &q = context.view(0), &k = context.view(1);
  LATHE_ASSIGN_OR_RETURN(const Queries queries, queriesOf(context, q));
  const Shape batch = Shape(llvm::ArrayRef(context.evaluated(0).shape).drop_back(2));
  LATHE_ASSIGN_OR_RETURN(const Heads keys, headsOf(context, k, batch, /*timeFirst=*/false));
  if (keys.dim != queries.dim || keys.kvHeads * keys.repeats != queries.heads)
    return invalid("expected queries and keys of as many heads");
  Term *scores = context.make(Kind::Scores, {queries.rows, keys.cache}, queries.heads);
  scores->attention.heads = queries.heads;
  scores->attention.kvHeads = keys.kvHeads;
  scores->attention.dim = queries.dim;
  scores->attention.scale = queries.factor * keys.factor;
  const Axis time = {AxisKind::Time, context.raiser.evaluator().sizes().total()};
  return context.set(0, scores, layoutOfHeads(context, q, queries.dim, time, 1));
}

absl::Status readWeightedValues(RuleContext &context) {
  const View &probabilities = context.view(0);
  const Term *softmax = probabilities.operation;
  const Shape batch = Shape(llvm::ArrayRef(context.evaluated(0).shape).drop_back(2));
  LATHE_ASSIGN_OR_RETURN(const Heads values, headsOf(context, context.view(1), batch, /*timeFirst=*/true));
  AttentionInfo info = softmax->attention;
  if (values.kvHeads != info.kvHeads || values.kvHeads * values.repeats != info.heads || values.factor != 1)
    return invalid("expected values of as many heads as the keys");
  if (values.dim != info.dim)
    return invalid("expected values as wide as keys, " + llvm::Twine(info.dim) + ", got " + llvm::Twine(values.dim));
  const Term *scores = softmax->argument();
  Term *attention =
      context.make(Kind::Attention, {scores->argument(0), scores->argument(1), values.cache}, info.heads * values.dim);
  attention->attention = info;
  attention->weights = softmax->weights;
  return context.set(0, attention,
                     layoutOfHeads(context, probabilities, 1, {AxisKind::Column, values.dim, 1}, values.dim));
}

absl::Status readMatMul(RuleContext &context) {
  if (!context.isData(0) || !context.isData(1) || context.evaluated(0).shape.size() < 2 ||
      context.evaluated(1).shape.size() < 2)
    return invalid("expected a matrix from the file, or queries and keys");
  return context.view(0).operation->kind == Kind::Probabilities ? readWeightedValues(context) : readScores(context);
}

/// Past and new keys or values, or scores beside sinks.
absl::Status readConcat(RuleContext &context) {
  if (context.node.inputs.size() != 2 || !context.isData(0))
    return invalid("expected past and new keys or values");
  const int64_t rank = static_cast<int64_t>(context.outputShape(0).size());
  const int64_t axis = normalizeAxis(context.node.integer("axis", 0), rank);
  if (isScores(context.view(0)) && axis == rank - 1)
    return setSinks(context);
  if (!context.isData(1))
    return invalid("expected past and new keys or values");
  const View &past = context.view(0);
  const Dimension &time = past.layout.dimensions[axis];
  if (past.operation->kind != Kind::Past || time.size() != 1 || time[0].kind != AxisKind::Time)
    return invalid("expected past and new keys or values");
  Layout grown;
  LATHE_ASSIGN_OR_RETURN(const Term *cache, append(context, past, context.view(1), &grown));
  return context.set(0, cache, grown);
}

/// Whether a constant fits scores: a mask is the same for all heads.
absl::Status checkMask(const RuleContext &context, const View &scores, size_t constant) {
  const Shape &mask = context.evaluated(constant).shape;
  const size_t rank = scores.layout.dimensions.size();
  bool fits = mask.size() >= 1 && mask.size() <= rank;
  for (size_t i = 0; fits && i < mask.size(); ++i) {
    const Dimension &dimension = scores.layout.dimensions[rank - mask.size() + i];
    const bool isHead = !dimension.empty() && dimension[0].kind == AxisKind::Column;
    fits = mask[i] == 1 || !isHead;
  }
  return fits ? absl::OkStatus() : invalid("expected a mask that is the same for all heads, got " + shapeString(mask));
}

Term *makeMasked(RuleContext &context, const Term *scores, size_t constant, MaskForm form) {
  Term *masked = context.make(Kind::Masked, {scores}, scores->width);
  masked->table = context.node.input(constant);
  masked->index = static_cast<int64_t>(form);
  return masked;
}

/// Where(mask, scores, -inf), Where(mask, -inf, scores), or Where(isnan(p), 0, p).
absl::Status readWhere(RuleContext &context) {
  if (context.isData(0)) {
    const bool isGuard = context.view(0).operation->kind == Kind::IsNaN && context.isData(2) &&
                         context.scalar(1) == 0 && context.view(2).operation == context.view(0).operation->argument() &&
                         context.view(2).layout == context.view(0).layout;
    if (!isGuard)
      return invalid("expected to replace what is not a number by zero");
    return context.set(0, context.view(2).operation, context.view(2).layout);
  }
  const size_t data = context.isData(1) ? 1 : 2, constant = 3 - data;
  if (!context.isData(data) || context.isData(constant) || !isScores(context.view(data)))
    return invalid("expected a mask of scores");
  const std::optional<double> filler = context.scalar(constant);
  if (!filler || *filler > -1e4)
    return invalid("expected to replace masked scores by a large negative number");
  LATHE_RETURN_IF_ERROR(checkMask(context, context.view(data), 0));
  return context.set(0,
                     makeMasked(context, context.view(data).operation, 0,
                                data == 1 ? MaskForm::TrueIsVisible : MaskForm::TrueIsHidden),
                     context.view(data).layout);
}

/// From the operations between scores and softmax: soft cap, then mask, and factors.
absl::StatusOr<AttentionInfo> infoOf(const Term *operation, const Term *&scores) {
  AttentionInfo info;
  info.maskForm = MaskForm::None;
  double factor = 1;
  for (; operation->kind != Kind::Scores; operation = operation->argument()) {
    if (operation->kind == Kind::Masked) {
      if (info.mask >= 0 || info.softcap != 0 || factor != 1)
        return invalid("expected one mask, added after soft cap and scale");
      info.mask = operation->table;
      info.maskForm = static_cast<MaskForm>(operation->index);
    } else if (operation->kind == Kind::Softcap) {
      if (info.softcap != 0 || factor != 1)
        return invalid("expected one soft cap of scaled scores");
      info.softcap = operation->number;
    } else if (operation->kind == Kind::Scale) {
      factor *= operation->number;
    } else {
      return invalid("expected scores, got " + nameOf(operation->kind));
    }
  }
  scores = operation;
  const AttentionInfo &own = operation->attention;
  info.heads = own.heads;
  info.kvHeads = own.kvHeads;
  info.dim = own.dim;
  info.scale = own.scale * factor;
  return info;
}

absl::Status readSoftmax(RuleContext &context) {
  const int64_t rank = static_cast<int64_t>(context.outputShape(0).size());
  const View &view = context.view(0);
  if (normalizeAxis(context.node.integer("axis", -1), rank) != rank - 1)
    return invalid("expected a softmax over the last dimension");
  const Term *operation = view.operation;
  if (operation->kind == Kind::Shifted)
    operation = operation->argument();
  llvm::SmallVector<Weight, 2> sinks;
  if (operation->kind == Kind::WithSinks) {
    sinks = operation->weights;
    operation = operation->argument();
  }
  if (!isScores({operation, {}}))
    return invalid("expected scores, got " + nameOf(operation->kind));
  const Term *scores = nullptr;
  LATHE_ASSIGN_OR_RETURN(const AttentionInfo info, infoOf(operation, scores));
  Term *softmax = context.make(Kind::Probabilities, {scores}, scores->width);
  softmax->attention = info;
  softmax->weights = sinks;
  return context.set(0, softmax, view.layout);
}

/// The largest score of a token, which is subtracted before a softmax and changes nothing there.
absl::Status readReduceMax(RuleContext &context) {
  const View &view = context.view(0);
  Layout layout = view.layout;
  layout.dimensions.back().clear();
  if ((view.operation->kind != Kind::WithSinks && !isScores(view)) || layout.shape() != context.outputShape(0))
    return invalid("expected the largest score of each token");
  return context.set(0, context.make(Kind::LargestScore, {view.operation}, view.operation->width), layout);
}

absl::Status readSub(RuleContext &context) {
  if (!context.isData(0) || !context.isData(1) || context.view(1).operation->kind != Kind::LargestScore ||
      context.view(1).operation->argument() != context.view(0).operation)
    return invalid("expected scores minus the largest of them");
  const View &view = context.view(0);
  return context.set(0, context.make(Kind::Shifted, {view.operation}, view.operation->width), view.layout);
}

/// Probabilities without that of the sink.
absl::Status readSlice(RuleContext &context) {
  const View &view = context.view(0);
  Layout layout = view.layout;
  const int64_t total = context.raiser.evaluator().sizes().total();
  const bool hasSinks = view.operation->kind == Kind::Probabilities && !view.operation->weights.empty();
  if (!hasSinks || layout.dimensions.back() != Dimension{{AxisKind::Time, total + 1}})
    return invalid("expected a slice of columns, got one of tokens or positions");
  NodeContext node{context.node, 0, {}};
  for (int input : context.node.inputs)
    node.inputs.push_back(input < 0 ? Evaluated() : context.raiser.evaluator()[input]);
  LATHE_ASSIGN_OR_RETURN(const auto ranges, rangesOfSlice(node));
  layout.dimensions.back()[0].size = total;
  if (ranges.back().start != 0 || ranges.back().step != 1)
    return invalid("expected all probabilities but the last");
  return context.set(0, view.operation, layout);
}

absl::Status readIsNaN(RuleContext &context) {
  const View &view = context.view(0);
  if (view.operation->kind != Kind::Probabilities)
    return invalid("expected probabilities");
  return context.set(0, context.make(Kind::IsNaN, {view.operation}, view.operation->width), view.layout);
}

} // namespace

/// The vector in the file that a constant repeats for each token: [.., heads, rows, 1].
static absl::StatusOr<Weight> repeatedVector(const RuleContext &context, size_t i, int64_t size) {
  const Graph &graph = context.raiser.graph();
  const Evaluator &values = context.raiser.evaluator();
  int value = context.node.input(i);
  const TensorPtr repeated = values.constant(value);
  while (value >= 0 && !values[value].stored && graph.values[value].node >= 0)
    value = graph.nodes[graph.values[value].node].input(0);
  if (value < 0)
    return invalid("expected a number from the file for each head");
  const std::shared_ptr<const Stored> stored = values[value].stored;
  const TensorPtr vector = stored ? load(*stored) : nullptr;
  if (!repeated || !vector || vector->size() != size || stored->addsOne || !isReal(vector->type))
    return invalid("expected a number from the file for each head");
  const int64_t rows = repeated->size() / size;
  for (int64_t j = 0; j < repeated->size(); ++j)
    if (rows * size != repeated->size() || repeated->real(j) != vector->real(j / rows))
      return invalid("expected the same number for all tokens of a head");
  Weight weight;
  weight.stored = stored;
  weight.rows = size;
  return weight;
}

absl::Status lathe::onnx::setSinks(RuleContext &context) {
  const View &view = context.view(0);
  if (context.isData(1))
    return invalid("expected sinks beside scores");
  LATHE_ASSIGN_OR_RETURN(Weight sinks, repeatedVector(context, 1, view.operation->width));
  Term *result = context.make(Kind::WithSinks, {view.operation}, view.operation->width);
  result->weights = {std::move(sinks)};
  Layout layout = view.layout;
  ++layout.dimensions.back()[0].size;
  return context.set(0, result, layout);
}

absl::Status lathe::onnx::setMasked(RuleContext &context, size_t data, size_t constant) {
  const View &view = context.view(data);
  LATHE_RETURN_IF_ERROR(checkMask(context, view, constant));
  return context.set(0, makeMasked(context, view.operation, constant, MaskForm::Added), view.layout);
}

llvm::ArrayRef<RuleEntry> lathe::onnx::attentionRules() {
  static constexpr RuleEntry rules[] = {
      {"", "MatMul", readMatMul},       {"", "Concat", readConcat}, {"", "Where", readWhere},
      {"", "Softmax", readSoftmax},     {"", "IsNaN", readIsNaN},   {"", "Slice", readSlice},
      {"", "ReduceMax", readReduceMax}, {"", "Sub", readSub},
  };
  return rules;
}
