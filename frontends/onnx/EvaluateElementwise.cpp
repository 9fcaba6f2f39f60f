#include "compiler/support/Errors.h"
#include "frontends/onnx/EvaluateOps.h"
#include <cmath>

using namespace lathe;
using namespace lathe::onnx;

namespace {

using Real2 = double (*)(double, double);
using Integer2 = int64_t (*)(int64_t, int64_t);

/// Operands of an elementwise op with two inputs.
struct Pair {
  TensorPtr a, b;
  Shape shape;
};

absl::StatusOr<Pair> pairOf(const NodeContext &context, size_t first = 0) {
  Pair pair;
  LATHE_ASSIGN_OR_RETURN(pair.a, require(context, first));
  LATHE_ASSIGN_OR_RETURN(pair.b, require(context, first + 1));
  const std::optional<Shape> shape = broadcast(pair.a->shape, pair.b->shape);
  if (!shape)
    return invalid("expected shapes that fit, got " + shapeString(pair.a->shape) + " and " +
                   shapeString(pair.b->shape));
  pair.shape = *shape;
  return pair;
}

template <Real2 ofReals, Integer2 ofIntegers> Results binary(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Pair pair, pairOf(context));
  if (pair.a->type != pair.b->type)
    return invalid("expected operands of one type, got " + nameOf(pair.a->type) + " and " + nameOf(pair.b->type));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(pair.a->type, pair.shape));
  const BroadcastIndex a(pair.a->shape, pair.shape), b(pair.b->shape, pair.shape);
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    if (isReal(result->type))
      result->set(i, ofReals(pair.a->reals[a(i)], pair.b->reals[b(i)]));
    else
      result->set(i, ofIntegers(pair.a->integers[a(i)], pair.b->integers[b(i)]));
  return single(result);
}

template <bool (*compare)(double, double), bool (*compareIntegers)(int64_t, int64_t)>
Results comparison(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Pair pair, pairOf(context));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(DataType::Bool, pair.shape));
  const BroadcastIndex a(pair.a->shape, pair.shape), b(pair.b->shape, pair.shape);
  const bool areReal = isReal(pair.a->type) || isReal(pair.b->type);
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    result->integers[i] = areReal ? compare(pair.a->real(a(i)), pair.b->real(b(i)))
                                  : compareIntegers(pair.a->integers[a(i)], pair.b->integers[b(i)]);
  return single(result);
}

template <double (*function)(double)> Results unary(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr a, require(context, 0));
  if (!isReal(a->type))
    return invalid("expected floats, got " + nameOf(a->type));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(a->type, a->shape));
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    result->set(i, function(a->reals[i]));
  return single(result);
}

/// Ops on floats and integers.
template <double (*function)(double), int64_t (*ofIntegers)(int64_t)> Results anyUnary(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr a, require(context, 0));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(a->type, a->shape));
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    if (isReal(a->type))
      result->set(i, function(a->reals[i]));
    else
      result->set(i, ofIntegers(a->integers[i]));
  return single(result);
}

template <bool (*test)(double)> Results realTest(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr a, require(context, 0));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(DataType::Bool, a->shape));
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    result->integers[i] = test(a->real(i));
  return single(result);
}

// Integers wrap as in C; what C leaves undefined gives zero.
int64_t add(int64_t a, int64_t b) { return static_cast<int64_t>(uint64_t(a) + uint64_t(b)); }
int64_t subtract(int64_t a, int64_t b) { return static_cast<int64_t>(uint64_t(a) - uint64_t(b)); }
int64_t multiply(int64_t a, int64_t b) { return static_cast<int64_t>(uint64_t(a) * uint64_t(b)); }
bool divides(int64_t a, int64_t b) { return b != 0 && !(a == INT64_MIN && b == -1); }
int64_t divide(int64_t a, int64_t b) { return divides(a, b) ? a / b : 0; }
int64_t modulo(int64_t a, int64_t b) {
  const int64_t rest = divides(a, b) ? a % b : 0;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Results cast(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr a, require(context, 0));
  const int64_t to = context.node.integer("to", 0);
  if (!isKnown(static_cast<int32_t>(to)))
    return invalid("expected a type of numbers, got type " + llvm::Twine(to));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(static_cast<DataType>(to), a->shape));
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    if (isReal(a->type))
      result->set(i, a->reals[i]);
    else
      result->set(i, a->integers[i]);
  return single(result);
}

Results castLike(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr a, require(context, 0));
  if (!context.has(1))
    return invalid("expected two inputs");
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(context.inputs[1].type, a->shape));
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    if (isReal(a->type))
      result->set(i, a->reals[i]);
    else
      result->set(i, a->integers[i]);
  return single(result);
}

Results powerOf(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Pair pair, pairOf(context));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(pair.a->type, pair.shape));
  const BroadcastIndex a(pair.a->shape, pair.shape), b(pair.b->shape, pair.shape);
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    result->set(i, std::pow(pair.a->real(a(i)), pair.b->real(b(i))));
  return single(result);
}

Results where(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr condition, require(context, 0));
  LATHE_ASSIGN_OR_RETURN(const Pair pair, pairOf(context, 1));
  const std::optional<Shape> shape = broadcast(condition->shape, pair.shape);
  if (!shape || pair.a->type != pair.b->type)
    return invalid("expected a condition and two values that fit");
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(pair.a->type, *shape));
  const BroadcastIndex c(condition->shape, *shape), a(pair.a->shape, *shape), b(pair.b->shape, *shape);
  for (int64_t i = 0, size = result->size(); i < size; ++i)
    if (condition->integer(c(i)))
      result->copy(i, *pair.a, a(i));
    else
      result->copy(i, *pair.b, b(i));
  return single(result);
}

Results clip(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(const TensorPtr a, require(context, 0));
  LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(a->type, a->shape));
  const TensorPtr low = context.values(1), high = context.values(2);
  for (int64_t i = 0, size = result->size(); i < size; ++i) {
    result->copy(i, *a, i);
    if (low && low->size() == 1 && result->real(i) < low->real(0))
      result->set(i, low->real(0));
    if (high && high->size() == 1 && result->real(i) > high->real(0))
      result->set(i, high->real(0));
  }
  return single(result);
}

Results identity(const NodeContext &context) {
  if (!context.has(0))
    return invalid("expected an input");
  return llvm::SmallVector<Evaluated, 2>{context.inputs[0]};
}

template <typename T> bool less(T a, T b) { return a < b; }
template <typename T> bool lessOrEqual(T a, T b) { return a <= b; }
template <typename T> bool greater(T a, T b) { return a > b; }
template <typename T> bool greaterOrEqual(T a, T b) { return a >= b; }
template <typename T> bool equal(T a, T b) { return a == b; }

/// Max and Min of any number of inputs.
template <bool isMax> Results extreme(const NodeContext &context) {
  LATHE_ASSIGN_OR_RETURN(TensorPtr best, require(context, 0));
  for (size_t input = 1; input < context.inputs.size(); ++input) {
    LATHE_ASSIGN_OR_RETURN(const TensorPtr other, require(context, input));
    const std::optional<Shape> shape = broadcast(best->shape, other->shape);
    if (!shape || best->type != other->type)
      return invalid("expected values that fit");
    LATHE_ASSIGN_OR_RETURN(const auto result, makeTensor(best->type, *shape));
    const BroadcastIndex a(best->shape, *shape), b(other->shape, *shape);
    for (int64_t i = 0, size = result->size(); i < size; ++i) {
      const bool isFirst = isMax ? best->real(a(i)) >= other->real(b(i)) : best->real(a(i)) <= other->real(b(i));
      result->copy(i, isFirst ? *best : *other, isFirst ? a(i) : b(i));
    }
    best = result;
  }
  return llvm::SmallVector<Evaluated, 2>{evaluated(best)};
}

} // namespace

llvm::ArrayRef<KnownOp> lathe::onnx::elementwiseOps() {
  static constexpr KnownOp ops[] = {
      {"Add", binary<[](double a, double b) { return a + b; }, add>},
      {"Sub", binary<[](double a, double b) { return a - b; }, subtract>},
      {"Mul", binary<[](double a, double b) { return a * b; }, multiply>},
      {"Div", binary<[](double a, double b) { return a / b; }, divide>},
      {"Mod", binary<[](double a, double b) { return std::fmod(a, b); }, modulo>},
      {"And", binary<[](double a, double b) { return double(a != 0 && b != 0); },
                     [](int64_t a, int64_t b) { return int64_t(a && b); }>},
      {"Or", binary<[](double a, double b) { return double(a != 0 || b != 0); },
                    [](int64_t a, int64_t b) { return int64_t(a || b); }>},
      {"Xor", binary<[](double a, double b) { return double((a != 0) != (b != 0)); },
                     [](int64_t a, int64_t b) { return int64_t(!a != !b); }>},
      {"BitwiseAnd", binary<[](double a, double) { return a; }, [](int64_t a, int64_t b) { return a & b; }>},
      {"BitwiseOr", binary<[](double a, double) { return a; }, [](int64_t a, int64_t b) { return a | b; }>},
      {"Less", comparison<less<double>, less<int64_t>>},
      {"LessOrEqual", comparison<lessOrEqual<double>, lessOrEqual<int64_t>>},
      {"Greater", comparison<greater<double>, greater<int64_t>>},
      {"GreaterOrEqual", comparison<greaterOrEqual<double>, greaterOrEqual<int64_t>>},
      {"Equal", comparison<equal<double>, equal<int64_t>>},
      {"Cos", unary<[](double x) { return double(std::cos(static_cast<float>(x))); }>},
      {"Sin", unary<[](double x) { return double(std::sin(static_cast<float>(x))); }>},
      {"Sqrt", unary<std::sqrt>},
      {"Exp", unary<std::exp>},
      {"Log", unary<std::log>},
      {"Tanh", unary<std::tanh>},
      {"Floor", unary<std::floor>},
      {"Ceil", unary<std::ceil>},
      {"Round", unary<std::nearbyint>},
      {"Reciprocal", unary<[](double x) { return 1 / x; }>},
      {"Sigmoid", unary<[](double x) { return 1 / (1 + std::exp(-x)); }>},
      {"Neg", anyUnary<[](double x) { return -x; }, [](int64_t x) { return subtract(0, x); }>},
      {"Abs", anyUnary<[](double x) { return std::abs(x); }, [](int64_t x) { return x < 0 ? subtract(0, x) : x; }>},
      {"Sign", anyUnary<[](double x) { return double((x > 0) - (x < 0)); },
                        [](int64_t x) { return int64_t((x > 0) - (x < 0)); }>},
      {"Not", anyUnary<[](double x) { return double(x == 0); }, [](int64_t x) { return int64_t(!x); }>},
      {"IsNaN", realTest<[](double x) { return std::isnan(x); }>},
      {"IsInf", realTest<[](double x) { return std::isinf(x); }>},
      {"Cast", cast},
      {"CastLike", castLike},
      {"Pow", powerOf},
      {"Where", where},
      {"Clip", clip},
      {"Identity", identity},
      {"Max", extreme<true>},
      {"Min", extreme<false>},
  };
  return ops;
}
