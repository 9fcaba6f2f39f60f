//===- LMDecompose.cpp - what every op of lm means, in linalg
//---------------------------------------------------------===//
//
// Plain and slow, written to be compared with the op's formula. Heads and groups are dimensions of their own: rows of
// H * D values are seen as [rows, H, D].
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "dialects/lm/LMOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <limits>
#include <numbers>

using namespace mlir;
using namespace mlir::lm;

namespace {

using Iterator = utils::IteratorType;
using Decomposed = FailureOr<SmallVector<Value>>;

class Decomposer : public ImplicitLocOpBuilder {
public:
  Decomposer(Operation *op, OpBuilder &builder) : ImplicitLocOpBuilder(op->getLoc(), builder) {}

  //===--- numbers of a body ------------------------------------------------------------------------------------===//

  Value f32(double value) { return arith::ConstantOp::create(*this, getF32FloatAttr(value)); }
  Value index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
  Value at(int64_t loop) { return linalg::IndexOp::create(*this, loop); }
  Value add(Value a, Value b) {
    return isa<FloatType>(a.getType()) ? Value(arith::AddFOp::create(*this, a, b)) : arith::AddIOp::create(*this, a, b);
  }
  Value sub(Value a, Value b) {
    return isa<FloatType>(a.getType()) ? Value(arith::SubFOp::create(*this, a, b)) : arith::SubIOp::create(*this, a, b);
  }
  Value mul(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
  Value div(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }
  Value isLess(Value a, Value b) { return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b); }
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(*this, condition, a, b); }
  Value extract(Value tensor, ValueRange at) { return tensor::ExtractOp::create(*this, tensor, at); }
  /// cap * tanh(x / cap)
  Value softcap(Value x, double cap) { return mul(f32(cap), math::TanhOp::create(*this, div(x, f32(cap)))); }

  //===--- tensors ----------------------------------------------------------------------------------------------===//

  Value rowsOf(Value tensor) { return tensor::DimOp::create(*this, tensor, 0); }
  Value filled(ArrayRef<OpFoldResult> shape, double value) {
    Value empty = tensor::EmptyOp::create(*this, shape, getF32Type());
    return linalg::FillOp::create(*this, f32(value), empty).getResult(0);
  }
  SmallVector<OpFoldResult> shape(Value first, ArrayRef<int64_t> rest) {
    SmallVector<OpFoldResult> result = {first};
    for (int64_t size : rest)
      result.push_back(getIndexAttr(size));
    return result;
  }

  /// Rows of [a * b * ...] as [rows, a, b, ...], and back.
  Value split(Value rows, ArrayRef<int64_t> parts) {
    SmallVector<int64_t> sizes = {ShapedType::kDynamic};
    sizes.append(parts.begin(), parts.end());
    return tensor::ExpandShapeOp::create(*this, RankedTensorType::get(sizes, getF32Type()), rows, grouping(parts),
                                         shape(rowsOf(rows), parts));
  }
  Value join(Value tensor) {
    auto type = cast<RankedTensorType>(tensor.getType());
    return tensor::CollapseShapeOp::create(*this, tensor, grouping(type.getShape().drop_front()));
  }

  using Body = function_ref<Value(ValueRange)>;
  /// One linalg.generic: `dims` says which loops index each input and, last, the result; `init` has the result's shape
  /// and is what sums begin with. Loops that index no result are summed over.
  Value generic(int64_t loops, ArrayRef<SmallVector<int64_t>> dims, ValueRange ins, Value init, Body body) {
    SmallVector<AffineMap> maps;
    for (ArrayRef<int64_t> of : dims) {
      SmallVector<AffineExpr> exprs;
      for (int64_t dim : of)
        exprs.push_back(getAffineDimExpr(dim));
      maps.push_back(AffineMap::get(loops, 0, exprs, getContext()));
    }
    SmallVector<Iterator> iterators(loops, Iterator::reduction);
    for (int64_t dim : dims.back())
      iterators[dim] = Iterator::parallel;
    auto op = linalg::GenericOp::create(*this, TypeRange{init.getType()}, ins, ValueRange{init}, maps, iterators,
                                        [&](OpBuilder &, Location, ValueRange) {});
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToEnd(op.getBody());
    linalg::YieldOp::create(*this, body(op.getBody()->getArguments()));
    return op.getResult(0);
  }
  /// body of one value of each input, all of the first one's shape.
  Value elementwise(ValueRange ins, Body body) {
    auto type = cast<RankedTensorType>(ins[0].getType());
    auto all = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    return generic(type.getRank(), SmallVector<SmallVector<int64_t>>(ins.size() + 1, all), ins,
                   empty(rowsOf(ins[0]), type), body);
  }
  Value empty(Value rows, RankedTensorType like) {
    return tensor::EmptyOp::create(*this, shape(rows, like.getShape().drop_front()), getF32Type());
  }

  Value activate(Value x, Activation activation) {
    switch (activation) {
    case Activation::Silu:
      return div(x, add(f32(1), math::ExpOp::create(*this, arith::NegFOp::create(*this, x))));
    case Activation::GeluTanh: {
      Value cubic = add(x, mul(f32(0.044715), mul(x, mul(x, x))));
      Value tanh = math::TanhOp::create(*this, mul(f32(std::sqrt(2 / std::numbers::pi)), cubic));
      return mul(mul(f32(0.5), x), add(f32(1), tanh));
    }
    }
    llvm_unreachable("an activation");
  }

private:
  static SmallVector<ReassociationIndices> grouping(ArrayRef<int64_t> parts) {
    return {{0}, llvm::to_vector<2>(llvm::seq<int64_t>(1, parts.size() + 1))};
  }
};

int64_t columnsOf(Value rows) { return cast<RankedTensorType>(rows.getType()).getDimSize(1); }

} // namespace

Decomposed EmbedOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value table = ValuesOp::create(d, getTable());
  Value out = d.empty(d.rowsOf(getIds()), cast<RankedTensorType>(getType()));
  return SmallVector{d.generic(2, {{0}, {0, 1}}, getIds(), out, [&](ValueRange in) {
    Value id = arith::IndexCastOp::create(d, d.getIndexType(), in[0]);
    return d.mul(d.extract(table, {id, d.at(1)}), d.f32(getScale().convertToDouble()));
  })};
}

Decomposed AddOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.elementwise(getOperands(), [&](ValueRange in) { return d.add(in[0], in[1]); })};
}

Decomposed ZerosOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.filled(d.shape(d.rowsOf(getLike()), columnsOf(getLike())), 0)};
}

Decomposed NormOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t groups = getGroups(), size = columnsOf(getInput()) / groups;
  Value x = d.split(getInput(), {groups, size}), weight = ValuesOp::create(d, getWeight());
  auto perGroup = [&] { return d.filled(d.shape(d.rowsOf(x), groups), 0); };
  if (getBias()) {
    Value sums = d.generic(3, {{0, 1, 2}, {0, 1}}, x, perGroup(), [&](ValueRange in) { return d.add(in[1], in[0]); });
    x = d.generic(3, {{0, 1, 2}, {0, 1}, {0, 1, 2}}, {x, sums},
                  d.empty(d.rowsOf(x), cast<RankedTensorType>(x.getType())),
                  [&](ValueRange in) { return d.sub(in[0], d.div(in[1], d.f32(size))); });
  }
  Value squares = d.generic(3, {{0, 1, 2}, {0, 1}}, x, perGroup(),
                            [&](ValueRange in) { return d.add(in[1], d.mul(in[0], in[0])); });
  Value y = d.generic(3, {{0, 1, 2}, {0, 1}, {2}, {0, 1, 2}}, {x, squares, weight},
                      d.empty(d.rowsOf(x), cast<RankedTensorType>(x.getType())), [&](ValueRange in) {
                        Value mean = d.div(in[1], d.f32(size));
                        Value root = math::SqrtOp::create(d, d.add(mean, d.f32(getEps().convertToDouble())));
                        return d.mul(d.div(in[0], root), in[2]);
                      });
  if (getBias())
    y = d.generic(3, {{0, 1, 2}, {2}, {0, 1, 2}}, {y, ValuesOp::create(d, getBias())},
                  d.empty(d.rowsOf(y), cast<RankedTensorType>(y.getType())),
                  [&](ValueRange in) { return d.add(in[0], in[1]); });
  return SmallVector{d.join(y)};
}

Decomposed AddPositionsOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value table = ValuesOp::create(d, getTable());
  return SmallVector{d.elementwise(getInput(), [&](ValueRange in) {
    return d.add(in[0], d.extract(table, {d.add(getPosition(), d.at(0)), d.at(1)}));
  })};
}

Decomposed LinearOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value init = d.filled(d.shape(d.rowsOf(getInput()), columnsOf(getResult())), 0);
  Value y = d.generic(3, {{0, 2}, {1, 2}, {0, 1}}, {getInput(), ValuesOp::create(d, getWeight())}, init,
                      [&](ValueRange in) { return d.add(in[2], d.mul(in[0], in[1])); });
  if (getBias())
    y = d.generic(2, {{0, 1}, {1}, {0, 1}}, {y, ValuesOp::create(d, getBias())},
                  d.empty(d.rowsOf(y), cast<RankedTensorType>(y.getType())),
                  [&](ValueRange in) { return d.add(in[0], in[1]); });
  if (isScaled())
    y = d.elementwise(y, [&](ValueRange in) { return d.mul(in[0], d.f32(getScale().convertToDouble())); });
  return SmallVector{y};
}

Decomposed RopeOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t heads = getHeads(), half = getRope().getDim() / 2;
  Value x = d.split(getInput(), {heads, columnsOf(getInput()) / heads});
  SmallVector<float> numbers(getRope().getFrequencies());
  Value frequencies = arith::ConstantOp::create(
      d, DenseElementsAttr::get(RankedTensorType::get(half, d.getF32Type()), ArrayRef(numbers)));
  Value y = d.elementwise(x, [&](ValueRange in) {
    Value i = d.at(2), isFirst = d.isLess(i, d.index(half)), isTurned = d.isLess(i, d.index(2 * half));
    // Places of what is not turned stay inside the head: both are looked up whatever i is.
    Value pair = d.select(isTurned, d.select(isFirst, d.add(i, d.index(half)), d.sub(i, d.index(half))), i);
    Value turn = d.select(isTurned, d.select(isFirst, i, d.sub(i, d.index(half))), d.index(0));
    Value position = arith::IndexCastOp::create(d, d.getI64Type(), d.add(getPosition(), d.at(0)));
    Value angle = d.mul(arith::SIToFPOp::create(d, d.getF32Type(), position), d.extract(frequencies, turn));
    Value factor = d.f32(getRope().getAttentionFactor().value);
    Value cosine = d.mul(math::CosOp::create(d, angle), factor), sine = d.mul(math::SinOp::create(d, angle), factor);
    Value other = d.extract(x, {d.at(0), d.at(1), pair});
    Value turned = d.mul(in[0], cosine), added = d.mul(other, sine);
    return d.select(isTurned, d.select(isFirst, d.sub(turned, added), d.add(turned, added)), in[0]);
  });
  return SmallVector{d.join(y)};
}

Decomposed AttentionOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto type = cast<CacheType>(getCache().getType());
  int64_t cacheHeads = type.getHeads(), dim = type.getDim(), shared = getHeads() / cacheHeads;
  double cap = getSoftcap().convertToDouble();
  Value rows = d.rowsOf(getQuery()), end = d.add(getPosition(), rows);
  // Loops: row t, head of the cache g, its query head h, position p, value i of the head.
  enum { t, g, h, p, i, loops };
  auto positions = [&] {
    return SmallVector<OpFoldResult>{rows, d.getIndexAttr(cacheHeads), d.getIndexAttr(shared), end};
  };
  auto sums = [&] { return d.shape(rows, {cacheHeads, shared}); };
  Value query = d.split(getQuery(), {cacheHeads, shared, dim});
  Value keys = d.split(CachedOp::create(d, CachePart::Keys, getCache(), end), {cacheHeads, dim});
  Value values = d.split(CachedOp::create(d, CachePart::Values, getCache(), end), {cacheHeads, dim});

  Value scores = d.generic(loops, {{t, g, h, i}, {p, g, i}, {t, g, h, p}}, {query, keys}, d.filled(positions(), 0),
                           [&](ValueRange in) { return d.add(in[2], d.mul(in[0], in[1])); });
  Value hidden = d.f32(-std::numeric_limits<double>::infinity());
  Value empty = tensor::EmptyOp::create(d, positions(), d.getF32Type());
  Value visible = d.generic(4, {{t, g, h, p}, {t, g, h, p}}, scores, empty, [&](ValueRange in) {
    Value score = d.mul(in[0], d.f32(getScale().convertToDouble()));
    if (cap != 0)
      score = d.softcap(score, cap);
    Value own = d.add(getPosition(), d.at(t));
    score = d.select(d.isLess(own, d.at(p)), hidden, score);
    if (type.getWindow())
      score = d.select(d.isLess(d.sub(own, d.index(type.getWindow())), d.at(p)), score, hidden);
    return score;
  });
  Value largest =
      d.generic(4, {{t, g, h, p}, {t, g, h}}, visible, d.filled(sums(), -std::numeric_limits<double>::infinity()),
                [&](ValueRange in) { return arith::MaxNumFOp::create(d, in[0], in[1]).getResult(); });
  Value powers = d.generic(4, {{t, g, h, p}, {t, g, h}, {t, g, h, p}}, {visible, largest}, empty,
                           [&](ValueRange in) { return math::ExpOp::create(d, d.sub(in[0], in[1])).getResult(); });
  Value sum = d.generic(4, {{t, g, h, p}, {t, g, h}}, powers, d.filled(sums(), 0),
                        [&](ValueRange in) { return d.add(in[0], in[1]); });
  Value mixed = d.generic(loops, {{t, g, h, p}, {t, g, h}, {p, g, i}, {t, g, h, i}}, {powers, sum, values},
                          d.filled(d.shape(rows, {cacheHeads, shared, dim}), 0),
                          [&](ValueRange in) { return d.add(in[3], d.mul(d.div(in[0], in[1]), in[2])); });
  return SmallVector{d.join(mixed)};
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
  // Numbers of experts are small enough for f32.
  auto ownNumber = [&]() -> Value {
    return arith::UIToFPOp::create(d, d.getF32Type(), arith::IndexCastOp::create(d, d.getI32Type(), d.at(1)));
  };

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
  // Without a correction the order is that of the scores themselves.
  Value left = getScores();
  if (getCorrection())
    left = d.generic(2, {{0, 1}, {1}, {0, 1}}, {probabilities, ValuesOp::create(d, getCorrection())},
                     d.empty(rows, scores), [&](ValueRange in) { return d.add(in[0], in[1]); });

  Value weights = d.filled(d.shape(rows, top), 0), experts = table(d.getI32Type()), sum = perRow(0);
  for (int64_t k = 0; k < top; ++k) {
    // The lowest number among the largest left.
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
  auto project = [&](Value weight) {
    Value matrices = ValuesOp::create(d, weight);
    return d.generic(loops, {{t, j}, {t, k}, {t, k, i}}, {getInput(), getExperts()},
                     d.filled(d.shape(rows, {top, inner}), 0), [&](ValueRange in) {
                       Value expert = arith::IndexCastOp::create(d, d.getIndexType(), in[1]);
                       return d.add(in[2], d.mul(in[0], d.extract(matrices, {expert, d.at(i), d.at(j)})));
                     });
  };
  Value product = d.elementwise({project(getGate()), project(getUp())},
                                [&](ValueRange in) { return d.mul(d.activate(in[0], getActivation()), in[1]); });
  Value down = ValuesOp::create(d, getDown());
  // Loops: row t, value o of the output, summed over k and i.
  enum { row, o, expertOf, value };
  Value mixed =
      d.generic(4, {{row, expertOf, value}, {row, expertOf}, {row, expertOf}, {row, o}},
                {product, getExperts(), getWeights()}, d.filled(d.shape(rows, hidden), 0), [&](ValueRange in) {
                  Value expert = arith::IndexCastOp::create(d, d.getIndexType(), in[1]);
                  Value matrix = d.extract(down, {expert, d.at(o), d.at(value)});
                  return d.add(in[3], d.mul(in[2], d.mul(in[0], matrix)));
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

Decomposed GluOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{
      d.elementwise(getOperands(), [&](ValueRange in) { return d.mul(d.activate(in[0], getActivation()), in[1]); })};
}

Decomposed ActivationOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.elementwise(getInput(), [&](ValueRange in) { return d.activate(in[0], getActivation()); })};
}

Decomposed SoftcapOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{
      d.elementwise(getInput(), [&](ValueRange in) { return d.softcap(in[0], getCap().convertToDouble()); })};
}

//===--------------------------------------------------------------------------------------------------------------===//
// Fused ops mean the ops they were fused from
//===--------------------------------------------------------------------------------------------------------------===//

Decomposed AddNormOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value pending = getPending();
  if (getPost())
    pending = NormOp::create(d, pending, getPost(), getEps().convertToDouble(), 1);
  Value sum = AddOp::create(d, getInput(), pending);
  return SmallVector<Value>{sum, NormOp::create(d, sum, getWeight(), getEps().convertToDouble(), 1)};
}

Decomposed QKVOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto cache = cast<CacheType>(getCache().getType());
  auto project = [&](Value weight, Value bias, Value norm, int64_t heads, bool isTurned) -> Value {
    auto type = RankedTensorType::get({ShapedType::kDynamic, heads * cache.getDim()}, d.getF32Type());
    Value rows = LinearOp::create(d, type, getInput(), weight, bias);
    if (norm)
      rows = NormOp::create(d, rows, norm, getEps().convertToDouble(), heads);
    if (isTurned && getRope())
      rows = RopeOp::create(d, type, rows, getPosition(), heads, *getRope());
    return rows;
  };
  Value q = project(getQ(), getQBias(), getQNorm(), getHeads(), true);
  Value k = project(getK(), getKBias(), getKNorm(), cache.getHeads(), true);
  Value v = project(getV(), getVBias(), Value(), cache.getHeads(), false);
  AppendOp::create(d, k, v, getCache(), getPosition());
  return SmallVector{q};
}

Decomposed GatedLinearOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value gate = LinearOp::create(d, getType(), getInput(), getGate(), getGateBias());
  Value up = LinearOp::create(d, getType(), getInput(), getUp(), getUpBias());
  return SmallVector<Value>{GluOp::create(d, gate, up, getActivation())};
}
