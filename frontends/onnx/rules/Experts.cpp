//===- Experts.cpp - mixtures of experts --------------------------------------------------------------------------===//
//
// ONNX Runtime's MoE and QMoE are one op. torch's export spells out: softmax of the router's scores, TopK, then for
// each token and each of its experts (a slot) GatherND of the expert's matrices and MatMul, and a weighted sum over the
// slots.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/rules/Elementwise.h"
#include "frontends/onnx/rules/Quantized.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

//===--------------------------------------------------------------------------------------------------------------===//
// MoE and QMoE
//===--------------------------------------------------------------------------------------------------------------===//

/// Where the inputs of one projection are.
struct Projection {
  size_t weight, scales, bias, zeroPoints; // 0: it has none
};
struct Projections {
  Projection first, second, third;
};
constexpr Projections ofFloats = {{2, 0, 3, 0}, {4, 0, 5, 0}, {6, 0, 7, 0}};
constexpr Projections ofQuantised = {{2, 3, 4, 11}, {5, 6, 7, 12}, {8, 9, 10, 13}};

/// [experts, rows, columns]; each expert's matrix is [out, in].
absl::StatusOr<Weight> expertsOf(const RuleContext &context, const Projection &at, int64_t experts, int64_t columns) {
  if (at.scales)
    return quantisedExperts(context, at.weight, at.scales, at.zeroPoints, columns);
  if (!context.has(at.weight) || context.isData(at.weight) || !context.evaluated(at.weight).stored)
    return invalid("expected the matrices of experts from the file as input " + llvm::Twine(at.weight));
  const Evaluated &value = context.evaluated(at.weight);
  if (value.shape.size() != 3 || value.shape[0] != experts || value.shape[2] != columns || value.stored->transposed ||
      value.stored->addsOne || !isReal(value.stored->constant->type))
    return invalid("expected matrices of " + llvm::Twine(experts) + " experts with " + llvm::Twine(columns) +
                   " columns, got " + shapeString(value.shape));
  Weight weight;
  weight.stored = value.stored;
  weight.isMatrix = true;
  weight.experts = experts;
  weight.rows = value.shape[1];
  weight.columns = columns;
  return weight;
}

/// Rows of gate and up, which lie in one matrix: every other row, or one half after the other.
void setHalves(Weight &gate, Weight &up, int64_t rows, bool areInterleaved, int64_t repeats) {
  for (Weight *weight : {&gate, &up}) {
    if (!*weight)
      continue;
    const int64_t half = weight == &up;
    weight->rows = rows * repeats;
    weight->firstRow = areInterleaved ? half : half * rows;
    const bool isOneRun = !areInterleaved && repeats == 1;
    weight->group = areInterleaved || isOneRun ? 1 : rows;
    weight->stride = areInterleaved ? 2 : isOneRun ? 1 : 2 * rows;
  }
}

/// Activation, limit and offset of the attributes.
absl::Status readActivation(const Node &node, Term &term) {
  const std::string name = node.text("activation_type", "relu");
  const double alpha = node.real("activation_alpha", 1), beta = node.real("activation_beta", 0);
  const double limit = node.real("swiglu_limit", 0);
  if (name == "silu") {
    term.activation = mlir::lm::Activation::Silu;
    return absl::OkStatus();
  }
  if (name != "swiglu")
    return invalid("expected experts with silu or swiglu, got " + quoted(name));
  if (alpha != 1 && !isNear(alpha, 1.702))
    return invalid("expected activation_alpha 1 or 1.702, got " + numberString(alpha));
  term.activation = alpha == 1 ? mlir::lm::Activation::Silu : mlir::lm::Activation::QuickGelu;
  const bool hasLimit = limit > 0 && limit < 1e30;
  term.experts.upOffset = beta;
  // An offset belongs to a limit: without one it is a number that nothing reaches.
  term.experts.limit = hasLimit ? limit : beta != 0 ? 1e30 : 0;
  return absl::OkStatus();
}

absl::Status readMoE(RuleContext &context) {
  const Node &node = context.node;
  const Projections &at = node.op == "QMoE" ? ofQuantised : ofFloats;
  if (node.integer("use_sparse_mixer", 0) != 0)
    return invalid("expected a plain choice of experts, got use_sparse_mixer");
  LATHE_ASSIGN_OR_RETURN(const Term *input, context.rows(0));
  LATHE_ASSIGN_OR_RETURN(const Term *scores, context.rows(1));
  const int64_t experts = scores->width;
  Term *term = context.make(Kind::Experts, {input, scores}, input->width);
  LATHE_RETURN_IF_ERROR(readActivation(node, *term));
  term->experts.experts = experts;
  term->experts.top = node.integer("k", 1);
  term->experts.isNormalized = node.integer("normalize_routing_weights", 0) != 0;
  if (term->experts.top < 1 || term->experts.top > experts)
    return invalid("expected to choose some of " + llvm::Twine(experts) + " experts, got " +
                   llvm::Twine(term->experts.top));
  LATHE_ASSIGN_OR_RETURN(Weight gate, expertsOf(context, at.first, experts, input->width));
  const int64_t fusion = node.integer("swiglu_fusion", 0);
  const bool isFused = node.text("activation_type", "relu") == "swiglu" && fusion != 0;
  if (isFused ? context.has(at.third.weight) : !context.has(at.third.weight))
    return invalid("expected gate and up in one matrix with swiglu_fusion, or in two");
  const int64_t inner = isFused ? gate.rows / 2 : gate.rows;
  Weight up = gate, gateBias, upBias, downBias;
  if (context.has(at.first.bias)) {
    LATHE_ASSIGN_OR_RETURN(gateBias, vectorOf(context, at.first.bias, experts * gate.rows));
    upBias = gateBias;
  }
  if (isFused) {
    setHalves(gate, up, inner, fusion == 1, 1);
    setHalves(gateBias, upBias, inner, fusion == 1, experts);
  } else {
    LATHE_ASSIGN_OR_RETURN(up, expertsOf(context, at.third, experts, input->width));
    if (context.has(at.third.bias)) {
      LATHE_ASSIGN_OR_RETURN(upBias, vectorOf(context, at.third.bias, experts * inner));
    } else {
      upBias = {};
    }
  }
  LATHE_ASSIGN_OR_RETURN(Weight down, expertsOf(context, at.second, experts, inner));
  if (context.has(at.second.bias)) {
    LATHE_ASSIGN_OR_RETURN(downBias, vectorOf(context, at.second.bias, experts * input->width));
  }
  if (down.rows != input->width || up.rows != inner || bool(gateBias) != bool(upBias) ||
      bool(gateBias) != bool(downBias))
    return invalid("expected matrices of experts that fit, and biases of all of them or none");
  term->weights = {std::move(gate), std::move(up), std::move(down), gateBias, upBias, downBias};
  return context.setRows(0, term);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Spelt out
//===--------------------------------------------------------------------------------------------------------------===//

absl::Status readSoftmax(RuleContext &context) {
  const int64_t rank = static_cast<int64_t>(context.outputShape(0).size());
  if (normalizeAxis(context.node.integer("axis", -1), rank) != rank - 1)
    return invalid("expected a softmax over the last dimension");
  LATHE_ASSIGN_OR_RETURN(const Term *scores, context.rows(0));
  return context.set(0, context.make(Kind::RouterProbabilities, {scores}, scores->width), context.view(0).layout);
}

absl::Status readTopK(RuleContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Term *scores, context.rows(0));
  const int64_t rank = static_cast<int64_t>(context.outputShape(0).size());
  if (scores->kind != Kind::RouterProbabilities || context.node.integer("largest", 1) == 0 ||
      normalizeAxis(context.node.integer("axis", -1), rank) != rank - 1)
    return invalid("expected the largest probabilities of a router, got those of " + nameOf(scores->kind));
  const int64_t top = context.outputShape(0).back();
  Term *weights = context.make(Kind::TopWeights, {scores}, top),
       *indices = context.make(Kind::TopIndices, {scores}, top);
  LATHE_RETURN_IF_ERROR(context.setRows(0, weights));
  return context.setRows(1, indices);
}

/// The dimension that ReduceSum leaves out; nothing: there are several.
std::optional<int64_t> reducedDimension(const RuleContext &context) {
  const TensorPtr axes = context.constant(1);
  const std::vector<int64_t> own = context.node.integers("axes");
  if (axes ? axes->size() != 1 : own.size() != 1)
    return std::nullopt;
  return normalizeAxis(axes ? axes->integer(0) : own[0], context.evaluated(0).shape.size());
}

absl::Status readReduceSum(RuleContext &context) {
  const View &view = context.view(0);
  const std::optional<int64_t> dimension = reducedDimension(context);
  if (!dimension || *dimension < 0 || *dimension >= int64_t(view.layout.dimensions.size()))
    return invalid("expected a sum over one dimension");
  Layout layout = view.layout;
  Dimension &reduced = layout.dimensions[*dimension];
  if (context.node.integer("keepdims", 1) != 0)
    reduced.clear();
  else
    layout.dimensions.erase(layout.dimensions.begin() + *dimension);
  const Dimension &before = view.layout.dimensions[*dimension];
  // The sum of a token's chosen probabilities.
  if (view.operation->kind == Kind::TopWeights && before == Dimension{{AxisKind::Column, view.operation->width, 1}})
    return context.set(0, context.make(Kind::SumOfTop, {view.operation}, 1), layout);
  if (view.operation->kind != Kind::WeightedExperts || before.size() != 1 || before[0].kind != AxisKind::Slot)
    return invalid("expected a sum over a token's experts");
  const Term *weighted = view.operation, *down = weighted->argument(0), *top = weighted->argument(1);
  const Term *glu = down->argument(0), *gate = glu->argument(0),
             *up = glu->arguments.size() > 1 ? glu->argument(1) : nullptr;
  if (glu->kind != Kind::Glu || gate->kind != Kind::ExpertProduct || !up || up->kind != Kind::ExpertProduct ||
      gate->argument(0) != up->argument(0))
    return invalid("expected experts with a gate");
  for (const Term *product : {gate, up, down})
    if (product->argument(1)->argument() != top->argument())
      return invalid("expected the experts that the router chose");
  Term *experts = context.make(Kind::Experts, {gate->argument(0), top->argument()->argument()}, down->width);
  experts->activation = glu->activation;
  experts->experts.experts = gate->weights[0].experts;
  experts->experts.top = top->width;
  experts->experts.isNormalized = top->experts.isNormalized;
  experts->weights = {gate->weights[0], up->weights[0], down->weights[0]};
  if (experts->experts.experts != top->argument()->width || gate->argument(0)->width != experts->width)
    return invalid("expected a score for each expert");
  return context.set(0, experts, layout);
}

/// The matrices of the chosen experts: [tokens and slots, out, in].
absl::Status readGatherND(RuleContext &context) {
  if (context.isData(0) || !context.isData(1) || !context.evaluated(0).stored ||
      context.evaluated(0).shape.size() != 3 || context.evaluated(1).shape.empty() ||
      context.node.integer("batch_dims", 0) != 0)
    return invalid("expected the matrices of experts from the file");
  const View &indices = context.view(1);
  const Term *top = indices.operation;
  const Dimension wanted = {{AxisKind::Row, context.raiser.length()}, {AxisKind::Column, top->width, 1}};
  if (top->kind != Kind::TopIndices || indices.layout.axes() != wanted || indices.layout.shape().back() != 1)
    return invalid("expected the indices that a router chose");
  const Evaluated &value = context.evaluated(0);
  if (value.stored->addsOne || value.stored->scales || !isReal(value.stored->constant->type))
    return invalid("expected matrices of floats");
  Weight weight;
  weight.stored = value.stored;
  weight.isMatrix = true;
  weight.experts = value.shape[0];
  weight.rows = value.shape[1];
  weight.columns = value.shape[2];
  Term *chosen = context.make(Kind::ChosenWeights, {top}, weight.rows * weight.columns);
  chosen->weights = {weight};
  Layout layout = indices.layout;
  layout.dimensions.pop_back();
  for (Dimension &dimension : layout.dimensions)
    for (Axis &axis : dimension)
      if (axis.kind == AxisKind::Column)
        axis = {AxisKind::Slot, axis.size, 1};
  layout.dimensions.push_back({{AxisKind::Column, weight.rows, weight.columns}});
  layout.dimensions.push_back({{AxisKind::Column, weight.columns, 1}});
  return context.set(0, chosen, layout);
}

/// Chosen matrices [tokens and slots, out, in] times rows [tokens and slots, in, 1].
absl::Status readMatMul(RuleContext &context) {
  if (!context.isData(0) || !context.isData(1) || context.view(0).operation->kind != Kind::ChosenWeights ||
      context.evaluated(1).shape.size() != 3)
    return invalid("expected the matrices of chosen experts");
  const View &matrices = context.view(0);
  LATHE_ASSIGN_OR_RETURN(const View rows, context.compact(1));
  const Weight &weight = matrices.operation->weights[0];
  if (weight.stored->transposed)
    return invalid("expected matrices of experts as they lie in the file");
  // A token's row again for each of its experts, or a row for each.
  Layout wanted = matrices.layout;
  wanted.dimensions.pop_back_n(2);
  Layout repeated = wanted;
  for (Layout *layout : {&wanted, &repeated}) {
    layout->dimensions.push_back({{AxisKind::Column, weight.columns, 1}});
    layout->dimensions.push_back({});
  }
  for (Dimension &dimension : repeated.dimensions)
    for (Axis &axis : dimension)
      if (axis.kind == AxisKind::Slot)
        axis = {AxisKind::Repeat, axis.size, 0};
  if (rows.operation->width != weight.columns || (rows.layout != wanted && rows.layout != repeated))
    return invalid("expected a row for each chosen expert");
  Term *product = context.make(Kind::ExpertProduct, {rows.operation, matrices.operation->argument()}, weight.rows);
  product->weights = {weight};
  Layout layout = matrices.layout;
  layout.dimensions.back().clear();
  layout.dimensions[layout.dimensions.size() - 2] = {{AxisKind::Column, weight.rows, 1}};
  return context.set(0, product, layout);
}

/// A token's chosen probabilities over their sum.
absl::Status readDiv(RuleContext &context) {
  if (!context.isData(0) || !context.isData(1))
    return invalid("expected chosen probabilities over their sum");
  const Term *top = context.view(0).operation, *sum = context.view(1).operation;
  if (top->kind != Kind::TopWeights || sum->kind != Kind::SumOfTop || sum->argument() != top ||
      top->experts.isNormalized)
    return invalid("expected chosen probabilities over their sum");
  Term *normalised = context.make(Kind::TopWeights, {top->argument()}, top->width);
  normalised->experts.isNormalized = true;
  return context.set(0, normalised, context.view(0).layout);
}

/// The sum of the chosen experts and of one that all tokens use.
absl::Status readAdd(RuleContext &context) {
  if (!context.isData(0) || !context.isData(1))
    return invalid("expected the results of experts and of a shared one");
  const bool isFirst = context.view(0).operation->kind == Kind::Experts;
  const View &routed = context.view(isFirst ? 0 : 1), &shared = context.view(isFirst ? 1 : 0);
  if (routed.operation->kind != Kind::Experts || shared.operation->kind != Kind::GatedShared ||
      routed.layout != shared.layout || routed.operation->arguments.size() != 2)
    return invalid("expected the results of experts and of a shared one");
  Term *both = context.raiser.make(*routed.operation);
  both->arguments.append(shared.operation->arguments.begin(), shared.operation->arguments.end());
  return context.set(0, both, routed.layout);
}

/// sigmoid(gate) * rows, where the gate is one number for each token.
absl::Status setGatedShared(RuleContext &context, const View &gate, const View &rows) {
  Layout wanted = rows.layout;
  wanted.dimensions.back().clear();
  if (!rows.layout.isRows() || rows.layout.contiguousColumns() != rows.operation->width || gate.layout != wanted)
    return invalid("expected a gate for each token of a shared expert");
  return context.set(
      0, context.make(Kind::GatedShared, {rows.operation, gate.operation->argument()}, rows.operation->width),
      rows.layout);
}

/// Results of experts times their weights.
absl::Status readMul(RuleContext &context) {
  if (!context.isData(0) || !context.isData(1))
    return invalid("expected results of experts times their weights");
  for (int side : {0, 1}) {
    const View &gate = context.view(side);
    if (gate.operation->kind == Kind::Sigmoid && gate.operation->width == 1)
      return setGatedShared(context, gate, context.view(1 - side));
  }
  const bool isFirst = context.view(0).operation->kind == Kind::ExpertProduct;
  const View &results = context.view(isFirst ? 0 : 1), &weights = context.view(isFirst ? 1 : 0);
  if (results.operation->kind != Kind::ExpertProduct || weights.operation->kind != Kind::TopWeights)
    return invalid("expected results of experts times their weights");
  Layout wanted = results.layout;
  wanted.dimensions.back().clear();
  for (Dimension &dimension : wanted.dimensions)
    for (Axis &axis : dimension)
      if (axis.kind == AxisKind::Slot)
        axis.kind = AxisKind::Column;
  if (weights.layout != wanted)
    return invalid("expected a weight for each chosen expert");
  return context.set(
      0, context.make(Kind::WeightedExperts, {results.operation, weights.operation}, results.operation->width),
      results.layout);
}

} // namespace

llvm::ArrayRef<RuleEntry> lathe::onnx::expertsRules() {
  static constexpr RuleEntry rules[] = {
      {"com.microsoft", "MoE", readMoE},
      {"com.microsoft", "QMoE", readMoE},
      {"", "Softmax", readSoftmax},
      {"", "TopK", readTopK},
      {"", "ReduceSum", readReduceSum},
      {"", "GatherND", readGatherND},
      {"", "MatMul", readMatMul},
      {"", "Div", readDiv},
      {"", "Mul", readMul},
      {"", "Add", readAdd},
  };
  return rules;
}
