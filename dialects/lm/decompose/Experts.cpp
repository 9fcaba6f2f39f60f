//===- Experts.cpp - what choosing experts and mixing what they make means ----------------------------------------===//

#include "dialects/lm/decompose/Decomposer.h"
#include <limits>

using namespace mlir;
using namespace mlir::lm;

/// `keys`, with -inf outside the `top` best groups. A group's score is the sum of its `terms` largest scores; of equal
/// groups the first is kept.
static Value keepBestGroups(Decomposer &d, Value keys, Value scores, int64_t groups, int64_t top, int64_t terms) {
  auto type = cast<RankedTensorType>(keys.getType());
  int64_t size = type.getDimSize(1) / groups;
  double lowest = -std::numeric_limits<double>::infinity();
  Value rows = d.rowsOf(keys), left = d.split(scores, {groups, size});
  auto perGroup = [&](double value) { return d.filled(d.shape(rows, groups), value); };
  auto isEqual = [&](Value a, Value b) -> Value { return arith::CmpFOp::create(d, arith::CmpFPredicate::OEQ, a, b); };
  // The largest value along the last loop of `all`, and the first index where it is.
  auto findBest = [&](Value all, ArrayRef<int64_t> outer, int64_t loop, function_ref<Value(double)> filled) {
    SmallVector<int64_t> loops(outer), dims(outer);
    loops.push_back(loop);
    Value best = d.generic(loop + 1, {loops, dims}, all, filled(lowest),
                           [&](ValueRange in) { return arith::MaxNumFOp::create(d, in[0], in[1]).getResult(); });
    Value index = d.generic(loop + 1, {loops, dims, dims}, {all, best}, filled(1 << 24), [&](ValueRange in) {
      Value own = d.select(isEqual(in[0], in[1]), d.toF32(d.at(loop)), d.f32(1 << 24));
      return arith::MinNumFOp::create(d, own, in[2]).getResult();
    });
    return std::pair(best, index);
  };
  Value sums = perGroup(0);
  for (int64_t k = 0; k < terms; ++k) {
    auto [best, index] = findBest(left, {0, 1}, 2, perGroup);
    sums = d.elementwise({sums, best}, [&](ValueRange in) { return d.add(in[0], in[1]); });
    left = d.generic(3, {{0, 1, 2}, {0, 1}, {0, 1, 2}}, {left, index},
                     d.empty(rows, cast<RankedTensorType>(left.getType())),
                     [&](ValueRange in) { return d.select(isEqual(d.toF32(d.at(2)), in[1]), d.f32(lowest), in[0]); });
  }
  // A chosen group's sum becomes -inf, which marks it.
  auto perRow = [&](double value) { return d.filled({OpFoldResult(rows)}, value); };
  for (int64_t k = 0; k < top; ++k) {
    Value index = findBest(sums, {0}, 1, perRow).second;
    sums = d.generic(2, {{0, 1}, {0}, {0, 1}}, {sums, index}, d.empty(rows, cast<RankedTensorType>(sums.getType())),
                     [&](ValueRange in) { return d.select(isEqual(d.toF32(d.at(1)), in[1]), d.f32(lowest), in[0]); });
  }
  Value kept = d.generic(3, {{0, 1, 2}, {0, 1}, {0, 1, 2}}, {d.split(keys, {groups, size}), sums},
                         d.empty(rows, cast<RankedTensorType>(left.getType())),
                         [&](ValueRange in) { return d.select(isEqual(in[1], d.f32(lowest)), in[0], d.f32(lowest)); });
  return d.join(kept);
}

Decomposed RouteOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t top = getTop();
  auto scores = cast<RankedTensorType>(getScores().getType());
  double lowest = -std::numeric_limits<double>::infinity();
  Value rows = d.rowsOf(getScores());
  auto perRow = [&](double value) { return d.filled({OpFoldResult(rows)}, value); };
  auto table = [&](Type element) -> Value { return tensor::EmptyOp::create(d, d.shape(rows, top), element); };
  auto largestOf = [&](Value all) {
    return d.generic(2, {{0, 1}, {0}}, all, perRow(lowest),
                     [&](ValueRange in) { return arith::MaxNumFOp::create(d, in[0], in[1]).getResult(); });
  };
  auto isEqual = [&](Value a, Value b) -> Value { return arith::CmpFOp::create(d, arith::CmpFPredicate::OEQ, a, b); };
  // f32 holds the numbers of experts exactly.
  auto ownNumber = [&] { return d.toF32(d.at(1)); };

  Value probabilities;
  if (getScoring() == Scoring::Softmax) {
    Value largest = largestOf(getScores());
    Value sum = d.generic(2, {{0, 1}, {0}, {0}}, {getScores(), largest}, perRow(0),
                          [&](ValueRange in) { return d.add(in[2], math::ExpOp::create(d, d.sub(in[0], in[1]))); });
    probabilities = d.generic(2, {{0, 1}, {0}, {0}, {0, 1}}, {getScores(), largest, sum}, d.empty(rows, scores),
                              [&](ValueRange in) { return d.div(math::ExpOp::create(d, d.sub(in[0], in[1])), in[2]); });
  } else {
    probabilities = d.elementwise(getScores(), [&](ValueRange in) {
      return d.div(d.f32(1), d.add(d.f32(1), math::ExpOp::create(d, arith::NegFOp::create(d, in[0]))));
    });
  }
  // Without a correction experts are ordered by their scores.
  Value left = getScores();
  if (getCorrection())
    left = d.generic(2, {{0, 1}, {1}, {0, 1}}, {probabilities, ValuesOp::create(d, getCorrection())},
                     d.empty(rows, scores), [&](ValueRange in) { return d.add(in[0], in[1]); });

  if (getTopGroups() < getGroups())
    left =
        keepBestGroups(d, left, getCorrection() ? left : probabilities, getGroups(), getTopGroups(), getGroupTerms());

  Value weights = d.filled(d.shape(rows, top), 0), experts = table(d.getI32Type()), sum = perRow(0);
  for (int64_t k = 0; k < top; ++k) {
    // Of the experts with the largest value left, the lowest number.
    Value best = largestOf(left);
    Value number = d.generic(2, {{0, 1}, {0}, {0}}, {left, best}, perRow(1 << 24), [&](ValueRange in) {
      return arith::MinNumFOp::create(d, d.select(isEqual(in[0], in[1]), ownNumber(), d.f32(1 << 24)), in[2])
          .getResult();
    });
    Value weight = d.generic(2, {{0, 1}, {0}, {0}}, {probabilities, number}, perRow(0), [&](ValueRange in) {
      return d.add(in[2], d.select(isEqual(ownNumber(), in[1]), in[0], d.f32(0)));
    });
    auto isColumn = [&]() -> Value { return arith::CmpIOp::create(d, arith::CmpIPredicate::eq, d.at(1), d.index(k)); };
    sum = d.generic(1, {{0}, {0}, {0}}, {sum, weight}, perRow(0), [&](ValueRange in) { return d.add(in[0], in[1]); });
    weights = d.generic(2, {{0, 1}, {0}, {0, 1}}, {weights, weight}, table(d.getF32Type()),
                        [&](ValueRange in) { return d.select(isColumn(), in[1], in[0]); });
    experts = d.generic(2, {{0, 1}, {0}, {0, 1}}, {experts, number}, table(d.getI32Type()), [&](ValueRange in) {
      return d.select(isColumn(), arith::FPToSIOp::create(d, d.getI32Type(), in[1]), in[0]);
    });
    left = d.generic(2, {{0, 1}, {0}, {0, 1}}, {left, number}, d.empty(rows, scores),
                     [&](ValueRange in) { return d.select(isEqual(ownNumber(), in[1]), d.f32(lowest), in[0]); });
  }
  double added = getScoring() == Scoring::Sigmoid ? 1e-20 : 0, scale = getScale().convertToDouble();
  weights = d.generic(2, {{0, 1}, {0}, {0, 1}}, {weights, sum}, table(d.getF32Type()), [&](ValueRange in) {
    Value weight = getNormalized() ? d.div(in[0], d.add(in[1], d.f32(added))) : in[0];
    return d.mul(weight, d.f32(scale));
  });
  return SmallVector{weights, experts};
}

Decomposed ExpertsOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t top = columnsOf(getWeights()), inner = cast<WeightType>(getGate().getType()).getRows();
  int64_t hidden = columnsOf(getInput());
  Value rows = d.rowsOf(getInput());
  // Loops: row t, its k-th expert, value i of the inner layer, value j that is summed over.
  enum { t, k, i, j, loops };
  auto toIndex = [&](Value number) { return arith::IndexCastOp::create(d, d.getIndexType(), number).getResult(); };
  // Adds the bias of each row's k-th expert to its `out` values.
  auto addBias = [&](Value values, Value bias, int64_t out) {
    if (!bias)
      return values;
    Value numbers = ValuesOp::create(d, bias);
    return d.generic(3, {{t, k, i}, {t, k}, {t, k, i}}, {values, getExperts()},
                     d.empty(rows, cast<RankedTensorType>(values.getType())), [&](ValueRange in) {
                       Value first = arith::MulIOp::create(d, toIndex(in[1]), d.index(out));
                       return d.add(in[0], d.extract(numbers, d.add(first, d.at(i))));
                     });
  };
  Value input = getInput();
  if (getScalesInput())
    input = d.elementwise(input,
                          [&](ValueRange in) { return d.mul(in[0], d.extract(getWeights(), {d.at(0), d.index(0)})); });
  auto project = [&](Value weight, Value bias) {
    Value matrices = ValuesOp::create(d, weight);
    Value values = d.generic(loops, {{t, j}, {t, k}, {t, k, i}}, {input, getExperts()},
                             d.filled(d.shape(rows, {top, inner}), 0), [&](ValueRange in) {
                               Value matrix = d.extract(matrices, {toIndex(in[1]), d.at(i), d.at(j)});
                               return d.add(in[2], d.mul(in[0], matrix));
                             });
    return addBias(values, bias, inner);
  };
  double limit = getLimit().convertToDouble(), offset = getUpOffset().convertToDouble();
  Value product = d.elementwise({project(getGate(), getGateBias()), project(getUp(), getUpBias())}, [&](ValueRange in) {
    Value gate = in[0], up = in[1];
    if (limit != 0) {
      gate = arith::MinNumFOp::create(d, gate, d.f32(limit));
      up = arith::MaxNumFOp::create(d, arith::MinNumFOp::create(d, up, d.f32(limit)), d.f32(-limit));
    }
    return d.mul(d.activate(gate, getActivation()), offset != 0 ? d.add(up, d.f32(offset)) : up);
  });
  Value down = ValuesOp::create(d, getDown());
  Value downBias = getDownBias() ? Value(ValuesOp::create(d, getDownBias())) : Value();
  // Loops: row t, value o of the output, summed over k and i.
  enum { row, o, expertOf, value };
  Value mixed =
      d.generic(4, {{row, expertOf, value}, {row, expertOf}, {row, expertOf}, {row, o}},
                {product, getExperts(), getWeights()}, d.filled(d.shape(rows, hidden), 0), [&](ValueRange in) {
                  Value expert = toIndex(in[1]), term = d.mul(in[0], d.extract(down, {expert, d.at(o), d.at(value)}));
                  if (downBias) {
                    // The bias is added once, with the first term of the sum.
                    Value first = arith::MulIOp::create(d, expert, d.index(hidden));
                    Value bias = d.extract(downBias, d.add(first, d.at(o)));
                    Value isFirst = arith::CmpIOp::create(d, arith::CmpIPredicate::eq, d.at(value), d.index(0));
                    term = d.add(term, d.select(isFirst, bias, d.f32(0)));
                  }
                  return d.add(in[3], getScalesInput() ? term : d.mul(in[2], term));
                });
  if (!getShared())
    return SmallVector{mixed};
  if (!getSharedGate())
    return SmallVector{d.elementwise({mixed, getShared()}, [&](ValueRange in) { return d.add(in[0], in[1]); })};
  return SmallVector{d.elementwise({mixed, getShared()}, [&](ValueRange in) {
    Value gate = d.extract(getSharedGate(), {d.at(0), d.index(0)});
    Value sigmoid = d.div(d.f32(1), d.add(d.f32(1), math::ExpOp::create(d, arith::NegFOp::create(d, gate))));
    return d.add(in[0], d.mul(sigmoid, in[1]));
  })};
}
