//===- Elementwise.cpp - sums, products and what they complete ----------------------------------------------------===//
//
// Norms, activations and soft caps that are spelt out end in a product. The steps before it are operations of their own
// until then.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/onnx/rules/Elementwise.h"
#include "compiler/support/Errors.h"

using namespace lathe;
using namespace lathe::onnx;

bool lathe::onnx::isNear(double a, double b) { return std::abs(a - b) <= 1e-5 * std::max(std::abs(a), std::abs(b)); }

namespace {

absl::Status setLike(RuleContext &context, const View &view, Term *operation) {
  return context.set(0, operation, view.layout);
}

/// The layout of one value for each part of `width` columns of a row: the last dimension is gone.
std::optional<Layout> layoutOfParts(const Layout &layout, int64_t width) {
  Layout parts = layout;
  Dimension &last = parts.dimensions.back();
  if (last.size() != 1 || last[0] != Axis{AxisKind::Column, width, 1} || layout.offset != 0)
    return std::nullopt;
  last.clear();
  for (Dimension &dimension : parts.dimensions)
    for (Axis &axis : dimension)
      if (axis.kind == AxisKind::Column) {
        if (axis.stride % width)
          return std::nullopt;
        axis.stride /= width;
      }
  return parts;
}

/// Two inputs that are data, with all columns of their operations and one layout.
struct Both {
  View a, b;
};
absl::StatusOr<Both> bothOf(RuleContext &context) {
  Both both;
  LATHE_ASSIGN_OR_RETURN(both.a, context.compact(0));
  LATHE_ASSIGN_OR_RETURN(both.b, context.compact(1));
  return both;
}

/// x / root or x * 1/root, where the root is that of x itself: a norm without a weight. Null: it is something else.
Term *makeNorm(RuleContext &context, const View &x, const View &root, Kind kind) {
  if (root.operation->kind != kind)
    return nullptr;
  const Term *mean = kind == Kind::Rms ? root.operation->argument() : root.operation->argument();
  if (mean->kind != Kind::MeanSquare || mean->argument() != x.operation)
    return nullptr;
  const std::optional<Layout> parts = layoutOfParts(x.layout, x.operation->width / mean->groups);
  if (!parts || *parts != root.layout)
    return nullptr;
  const bool isCentered = x.operation->kind == Kind::Centered;
  if (isCentered && x.operation->groups != mean->groups)
    return nullptr;
  Term *norm = context.make(Kind::Norm, {isCentered ? x.operation->argument() : x.operation}, x.operation->width);
  norm->groups = mean->groups;
  norm->number = mean->number;
  norm->index = isCentered;
  return norm;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Products
//===--------------------------------------------------------------------------------------------------------------===//

absl::Status scaleBy(RuleContext &context, size_t data, double factor) {
  const View &view = context.view(data);
  const Term *x = view.operation;
  if (factor == 1)
    return context.set(0, x, view.layout);
  Term *result;
  // cap * tanh(s x) = softcap(s cap x): often s is a scale over the cap.
  if (x->kind == Kind::Tanh && x->argument()->kind == Kind::Scale && factor > 0) {
    const Term *inner = x->argument();
    const double rest = inner->number * factor;
    const Term *scaled = inner->argument();
    if (!isNear(rest, 1)) {
      Term *scale = context.make(Kind::Scale, {scaled}, x->width);
      scale->number = rest;
      scaled = scale;
    }
    result = context.make(Kind::Softcap, {scaled}, x->width);
    result->number = factor;
  } else {
    result = context.make(Kind::Scale, {x->kind == Kind::Scale ? x->argument() : x}, x->width);
    result->number = x->kind == Kind::Scale ? x->number * factor : factor;
  }
  return setLike(context, view, result);
}

/// Times a vector from the file: the weight of a norm, or values for the columns.
absl::Status multiplyByVector(RuleContext &context, size_t data, size_t constant) {
  LATHE_ASSIGN_OR_RETURN(const View view, context.compact(data));
  const Term *x = view.operation;
  const Dimension &last = view.layout.dimensions.back();
  if (last.size() != 1 || last[0].kind != AxisKind::Column || last[0].stride != 1)
    return invalid("expected columns in order in the last dimension");
  LATHE_ASSIGN_OR_RETURN(Weight weight, vectorOf(context, constant, last[0].size));
  if (context.evaluated(constant).shape.empty() || context.evaluated(constant).shape.back() != last[0].size)
    return invalid("expected a vector for the last dimension");
  Term *result;
  if (x->kind == Kind::Norm && x->weights.empty() && last[0].size * x->groups == x->width) {
    result = context.raiser.make(*x);
  } else if (last[0].size == x->width) {
    result = context.make(Kind::Multiply, {x}, x->width);
  } else {
    return invalid("expected a vector of " + llvm::Twine(x->width) + " values, or the weight of a norm");
  }
  result->weights = {std::move(weight)};
  return setLike(context, view, result);
}

/// Times a table that has a row for each token: a step of a rotation.
absl::Status multiplyByTable(RuleContext &context, size_t data, size_t constant) {
  const View &view = context.view(data);
  const Shape &table = context.evaluated(constant).shape;
  const size_t rank = view.layout.dimensions.size();
  bool fits = table.size() <= rank;
  for (size_t i = 0; fits && i < table.size(); ++i) {
    const Dimension &dimension = view.layout.dimensions[rank - table.size() + i];
    const bool isRow = dimension.size() == 1 && dimension[0].kind == AxisKind::Row;
    const bool isLast = i + 1 == table.size() && dimension.size() == 1 && dimension[0].kind == AxisKind::Column &&
                        dimension[0].stride == 1;
    fits = isRow ? table[i] == dimension[0].size : isLast ? table[i] == dimension[0].size : table[i] == 1;
  }
  if (!fits)
    return invalid("expected a number, a vector for the columns or a table with a row for each token, got " +
                   shapeString(table));
  Term *result = context.make(Kind::TimesTable, {view.operation}, view.operation->width);
  result->table = context.node.input(constant);
  result->layout = view.layout;
  return setLike(context, view, result);
}

absl::Status multiplyByConstant(RuleContext &context, size_t data, size_t constant) {
  if (const std::optional<double> factor = context.scalar(constant);
      factor && !(context.evaluated(constant).stored && elementsOf(context.evaluated(constant).shape) != 1))
    return scaleBy(context, data, *factor);
  if (context.evaluated(constant).stored)
    return multiplyByVector(context, data, constant);
  return multiplyByTable(context, data, constant);
}

absl::Status readMul(RuleContext &context) {
  if (!context.isData(0) || !context.isData(1))
    return multiplyByConstant(context, context.isData(0) ? 0 : 1, context.isData(0) ? 1 : 0);
  LATHE_ASSIGN_OR_RETURN(Both both, bothOf(context));
  for (int side = 0; side < 2; ++side, std::swap(both.a, both.b))
    if (Term *norm = makeNorm(context, both.a, both.b, Kind::InverseRms))
      return setLike(context, both.a, norm);
  if (both.a.layout != both.b.layout)
    return invalid("expected values with one layout");
  const Term *a = both.a.operation, *b = both.b.operation;
  Term *result = makeActivation(context, a, b);
  if (!result) {
    const bool isSquare = a == b;
    if (a->kind == Kind::Square && a->argument() == b)
      std::swap(a, b);
    const bool isCube = b->kind == Kind::Square && b->argument() == a;
    result = isSquare ? context.make(Kind::Square, {a}, a->width)
             : isCube ? context.make(Kind::Cube, {a}, a->width)
                      : context.make(Kind::Product, {a, b}, a->width);
  }
  return setLike(context, both.a, result);
}

absl::Status readDiv(RuleContext &context) {
  if (!context.isData(1)) {
    const std::optional<double> divisor = context.scalar(1);
    if (!divisor || *divisor == 0)
      return invalid("expected to divide by a number");
    return scaleBy(context, 0, 1 / *divisor);
  }
  if (!context.isData(0)) {
    // 1 / root
    const View &root = context.view(1);
    if (context.scalar(0) != 1 || root.operation->kind != Kind::Rms)
      return invalid("expected the inverse of a root");
    Term *inverse = context.make(Kind::InverseRms, {root.operation->argument()}, root.operation->width);
    return setLike(context, root, inverse);
  }
  LATHE_ASSIGN_OR_RETURN(const Both both, bothOf(context));
  if (Term *norm = makeNorm(context, both.a, both.b, Kind::Rms))
    return setLike(context, both.a, norm);
  return invalid("expected to divide by the root of the mean of squares");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Sums
//===--------------------------------------------------------------------------------------------------------------===//

absl::Status addNumber(RuleContext &context, size_t data, double number) {
  const View &view = context.view(data);
  const Term *x = view.operation;
  Term *result;
  if (x->kind == Kind::Mean && x->argument()->kind == Kind::Square) {
    result = context.make(Kind::MeanSquare, {x->argument()->argument()}, x->width);
    result->groups = x->groups;
  } else {
    result = context.make(Kind::PlusConstant, {x}, x->width);
  }
  result->number = number;
  return setLike(context, view, result);
}

/// A bias of a projection or of layer norm.
absl::Status addVector(RuleContext &context, size_t data, size_t constant) {
  LATHE_ASSIGN_OR_RETURN(const View view, context.compact(data));
  const Term *x = view.operation;
  const Dimension &last = view.layout.dimensions.back();
  if (last.size() != 1 || last[0].kind != AxisKind::Column || last[0].stride != 1)
    return invalid("expected columns in order in the last dimension");
  LATHE_ASSIGN_OR_RETURN(Weight bias, vectorOf(context, constant, last[0].size));
  const bool isBias = x->kind == Kind::Linear && x->weights.size() == 1 && last[0].size == x->width;
  const bool isShift =
      x->kind == Kind::Norm && x->index == 1 && x->weights.size() == 1 && last[0].size * x->groups == x->width;
  if (!isBias && !isShift)
    return invalid("expected the bias of a projection or of a layer norm, got a vector that is added to " +
                   nameOf(x->kind));
  Term *result = context.raiser.make(*x);
  result->weights.push_back(std::move(bias));
  return setLike(context, view, result);
}

/// Rows of a table at the positions of the tokens.
absl::Status addPositions(RuleContext &context, size_t data, size_t constant) {
  const Graph &graph = context.raiser.graph();
  const Evaluator &values = context.raiser.evaluator();
  int value = context.node.input(constant);
  auto producer = [&]() {
    return value < 0 || graph.values[value].node < 0 ? nullptr : &graph.nodes[graph.values[value].node];
  };
  while (producer() && (producer()->is("", "Cast") || producer()->is("", "Identity")))
    value = producer()->input(0);
  const Node *gather = producer();
  if (!gather || !gather->is("", "Gather") || gather->input(0) < 0 || gather->input(1) < 0 ||
      gather->integer("axis", 0) != 0 || !values[gather->input(0)].stored)
    return invalid("expected a number, a bias or rows of a table of positions");
  const RuleContext inner(context.raiser, *gather, context.number);
  LATHE_ASSIGN_OR_RETURN(const View view, context.compact(data));
  LATHE_ASSIGN_OR_RETURN(Weight table, matrixOf(inner, 0, view.operation->width, /*isTransposed=*/true));
  const TensorPtr positions = values.constant(gather->input(1));
  if (!view.layout.isRows() || !positions || positions->size() != context.raiser.length())
    return invalid("expected a position for each token");
  const int64_t offset = positions->integer(0) - values.sizes().past;
  for (int64_t i = 0; i < positions->size(); ++i)
    if (positions->integer(i) != values.sizes().past + i + offset || offset < 0 || offset > table.rows)
      return invalid("expected positions that count from the first token on");
  Term *result = context.make(Kind::AddPositions, {view.operation}, view.operation->width);
  result->weights = {table.select(offset, table.rows - offset)};
  return setLike(context, view, result);
}

absl::Status readAdd(RuleContext &context) {
  if (context.isData(0) && context.isData(1)) {
    // A rotation first: its tables may belong to a part of each head.
    if (context.view(0).operation->kind == Kind::TimesTable)
      return setRotation(context);
    LATHE_ASSIGN_OR_RETURN(const Both both, bothOf(context));
    if (both.a.layout != both.b.layout)
      return invalid("expected values with one layout");
    return setLike(context, both.a,
                   context.make(Kind::Add, {both.a.operation, both.b.operation}, both.a.operation->width));
  }
  const size_t data = context.isData(0) ? 0 : 1, constant = 1 - data;
  if (isScores(context.view(data)))
    return setMasked(context, data, constant);
  if (context.evaluated(constant).stored && elementsOf(context.evaluated(constant).shape) != 1)
    return addVector(context, data, constant);
  if (const std::optional<double> number = context.scalar(constant);
      number && elementsOf(context.evaluated(constant).shape) == 1)
    return addNumber(context, data, *number);
  return addPositions(context, data, constant);
}

absl::Status readSub(RuleContext &context) {
  if (!context.isData(0) || !context.isData(1))
    return invalid("expected a difference of data");
  LATHE_ASSIGN_OR_RETURN(const Both both, bothOf(context));
  // x - mean(x)
  const Term *x = both.a.operation, *mean = both.b.operation;
  if (mean->kind != Kind::Mean || mean->argument() != x ||
      layoutOfParts(both.a.layout, x->width / mean->groups) != both.b.layout)
    return invalid("expected a difference from the mean");
  Term *centered = context.make(Kind::Centered, {x}, x->width);
  centered->groups = mean->groups;
  return setLike(context, both.a, centered);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Steps
//===--------------------------------------------------------------------------------------------------------------===//

absl::Status readReduceMean(RuleContext &context) {
  LATHE_ASSIGN_OR_RETURN(const View view, context.compact(0));
  const Shape &from = context.evaluated(0).shape, &to = context.outputShape(0);
  Shape wanted = from;
  wanted.back() = 1;
  const std::optional<Layout> parts = layoutOfParts(view.layout, from.back());
  if (to != wanted || !parts)
    return invalid("expected the mean over the last dimension, kept as one value");
  const int64_t groups = view.operation->width / from.back();
  Term *mean = context.make(Kind::Mean, {view.operation}, groups);
  mean->groups = groups;
  return context.set(0, mean, *parts);
}

template <Kind from, Kind to> absl::Status readStep(RuleContext &context) {
  const View &view = context.view(0);
  if (view.operation->kind != from)
    return invalid("expected " + nameOf(from) + ", got " + nameOf(view.operation->kind));
  const bool isOfMean = from == Kind::Rms;
  Term *result = context.make(to, {isOfMean ? view.operation->argument() : view.operation}, view.operation->width);
  return setLike(context, view, result);
}

absl::Status readPow(RuleContext &context) {
  if (!context.isData(0) || context.isData(1))
    return invalid("expected a power with a constant exponent");
  const std::optional<double> exponent = context.scalar(1);
  const View &view = context.view(0);
  const Kind kind = exponent == 2 ? Kind::Square : exponent == 3 ? Kind::Cube : Kind::InverseRms;
  if (!exponent || (kind == Kind::InverseRms && (*exponent != -0.5 || view.operation->kind != Kind::MeanSquare)))
    return invalid("expected a square, a cube or the inverse root of a mean of squares");
  if (kind == Kind::InverseRms)
    return setLike(context, view, context.make(kind, {view.operation}, view.operation->width));
  LATHE_ASSIGN_OR_RETURN(const View whole, context.compact(0));
  return setLike(context, whole, context.make(kind, {whole.operation}, whole.operation->width));
}

template <Kind kind> absl::Status readUnary(RuleContext &context) {
  const View &view = context.view(0);
  return setLike(context, view, context.make(kind, {view.operation}, view.operation->width));
}

} // namespace

llvm::ArrayRef<RuleEntry> lathe::onnx::elementwiseRules() {
  static constexpr RuleEntry rules[] = {
      {"", "Mul", readMul},
      {"", "Div", readDiv},
      {"", "Add", readAdd},
      {"", "Sub", readSub},
      {"", "Pow", readPow},
      {"", "ReduceMean", readReduceMean},
      {"", "Sqrt", readStep<Kind::MeanSquare, Kind::Rms>},
      {"", "Reciprocal", readStep<Kind::Rms, Kind::InverseRms>},
      {"", "Sigmoid", readUnary<Kind::Sigmoid>},
      {"", "Tanh", readUnary<Kind::Tanh>},
      {"", "Erf", readUnary<Kind::Erf>},
      {"", "Neg", readUnary<Kind::Negated>},
  };
  return rules;
}
