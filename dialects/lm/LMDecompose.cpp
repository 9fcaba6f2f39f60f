//===- LMDecompose.cpp - what every op of lm means, in linalg -----------------------------------------------------===//
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
  Value toF32(Value index) {
    return arith::UIToFPOp::create(*this, getF32Type(), arith::IndexCastOp::create(*this, getI32Type(), index));
  }
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
    case Activation::Tanh:
      return math::TanhOp::create(*this, x);
    case Activation::Sigmoid:
      return div(f32(1), add(f32(1), math::ExpOp::create(*this, arith::NegFOp::create(*this, x))));
    case Activation::QuickGelu:
      return div(x, add(f32(1), math::ExpOp::create(*this, mul(f32(-1.702), x))));
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
    Value isRow = d.isLess(id, d.index(cast<WeightType>(getTable().getType()).getRows()));
    return d.mul(d.extract(table, {d.select(isRow, id, d.index(0)), d.at(1)}), d.f32(getScale().convertToDouble()));
  })};
}

Decomposed AddOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.elementwise(getOperands(), [&](ValueRange in) { return d.add(in[0], in[1]); })};
}

Decomposed ScaleOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{
      d.elementwise(getInput(), [&](ValueRange in) { return d.mul(in[0], d.f32(getFactor().convertToDouble())); })};
}

Decomposed MultiplyOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.generic(2, {{0, 1}, {1}, {0, 1}}, {getInput(), ValuesOp::create(d, getWeight())},
                               d.empty(d.rowsOf(getInput()), getInput().getType()),
                               [&](ValueRange in) { return d.mul(in[0], in[1]); })};
}

Decomposed PartOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto type = cast<RankedTensorType>(getType());
  Value number = getIndex() ? Value(getIndex()) : d.index(*getNumber());
  Value first = arith::MulIOp::create(d, number, d.index(type.getDimSize(1)));
  return SmallVector{d.generic(2, {{0, 1}}, {}, d.empty(d.rowsOf(getInput()), type),
                               [&](ValueRange) { return d.extract(getInput(), {d.at(0), d.add(first, d.at(1))}); })};
}

Decomposed ConcatOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto type = cast<RankedTensorType>(getType());
  Value rows = d.rowsOf(getInputs().front());
  return SmallVector{d.generic(2, {{0, 1}}, {}, d.empty(rows, type), [&](ValueRange) {
    Value result = d.f32(0);
    int64_t first = 0;
    for (Value input : getInputs()) {
      // Looked up whatever the column is: another one's reads the first.
      Value own = d.sub(d.at(1), d.index(first));
      Value isHere = arith::CmpIOp::create(d, arith::CmpIPredicate::ult, own, d.index(columnsOf(input)));
      result = d.select(isHere, d.extract(input, {d.at(0), d.select(isHere, own, d.index(0))}), result);
      first += columnsOf(input);
    }
    return result;
  })};
}

/// A number for each row: the mean of what `term` makes of its values.
static Value meanOf(Decomposer &d, Value rows, function_ref<Value(Value)> term) {
  Value sums = d.generic(2, {{0, 1}, {0}}, rows, d.filled({OpFoldResult(d.rowsOf(rows))}, 0),
                         [&](ValueRange in) { return d.add(in[1], term(in[0])); });
  return d.generic(1, {{0}, {0}}, sums, d.filled({OpFoldResult(d.rowsOf(rows))}, 0),
                   [&](ValueRange in) { return d.div(in[0], d.f32(columnsOf(rows))); });
}

Decomposed SparsifyOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  Value mean = meanOf(d, getInput(), [](Value x) { return x; });
  Value centred = d.generic(2, {{0, 1}, {0}, {0, 1}}, {getInput(), mean},
                            d.empty(d.rowsOf(getInput()), cast<RankedTensorType>(getType())),
                            [&](ValueRange in) { return d.sub(in[0], in[1]); });
  Value variance = meanOf(d, centred, [&](Value x) { return d.mul(x, x); });
  return SmallVector{d.generic(2, {{0, 1}, {0}, {0, 1}}, {centred, variance},
                               d.empty(d.rowsOf(getInput()), cast<RankedTensorType>(getType())), [&](ValueRange in) {
                                 Value deviation = math::SqrtOp::create(d, in[1]);
                                 Value limit = d.mul(deviation, d.f32(getDeviations().convertToDouble()));
                                 return arith::MaxNumFOp::create(d, d.sub(in[0], limit), d.f32(0)).getResult();
                               })};
}

Decomposed MatchMagnitudeOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto square = [&](Value x) { return d.mul(x, x); };
  Value own = meanOf(d, getInput(), square), like = meanOf(d, getLike(), square);
  return SmallVector{d.generic(2, {{0, 1}, {0}, {0}, {0, 1}}, {getInput(), own, like},
                               d.empty(d.rowsOf(getInput()), cast<RankedTensorType>(getType())), [&](ValueRange in) {
                                 Value least = arith::MaxNumFOp::create(d, in[1], d.f32(getEps().convertToDouble()));
                                 return d.div(d.mul(in[0], math::SqrtOp::create(d, in[2])),
                                              math::SqrtOp::create(d, least));
                               })};
}

Decomposed AltUpPredictOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t count = static_cast<int64_t>(std::lround(std::sqrt(columnsOf(getCoefficients()))));
  Value x = d.split(getStreams(), {count, columnsOf(getStreams()) / count});
  Value c = d.split(getCoefficients(), {count, count});
  // Loops: row t, stream b, value i, stream a that is summed over.
  enum { t, b, i, a };
  return SmallVector{d.join(d.generic(4, {{t, a, i}, {t, b, a}, {t, b, i}}, {x, c}, x,
                                      [&](ValueRange in) { return d.add(in[2], d.mul(in[0], in[1])); }))};
}

Decomposed AltUpCorrectOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t count = columnsOf(getCoefficients()), width = columnsOf(getActivated());
  Value p = d.split(getStreams(), {count, width});
  return SmallVector{d.join(d.generic(3, {{0, 1, 2}, {0, 2}, {0, 1}, {0, 1, 2}}, {p, getActivated(), getCoefficients()},
                                      d.empty(d.rowsOf(p), cast<RankedTensorType>(p.getType())), [&](ValueRange in) {
                                        Value first = d.extract(p, {d.at(0), d.index(0), d.at(2)});
                                        return d.add(in[0], d.mul(d.add(in[2], d.f32(1)), d.sub(in[1], first)));
                                      }))};
}

Decomposed AltUpInjectOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t width = columnsOf(getInput()), count = columnsOf(getStreams()) / width;
  Value x = d.split(getStreams(), {count, width});
  return SmallVector{d.join(d.generic(
      3, {{0, 1, 2}, {0, 2}, {0, 1, 2}}, {x, getInput()}, d.empty(d.rowsOf(x), cast<RankedTensorType>(x.getType())),
      [&](ValueRange in) { return d.select(d.isLess(d.index(0), d.at(1)), d.add(in[0], in[1]), in[0]); }))};
}

Decomposed ZerosOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  return SmallVector{d.filled(d.shape(d.rowsOf(getLike()), columnsOf(getLike())), 0)};
}

Decomposed NormOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t groups = getGroups(), size = columnsOf(getInput()) / groups;
  Value x = d.split(getInput(), {groups, size});
  Value weight = getWeight() ? Value(ValuesOp::create(d, getWeight())) : d.filled({d.getIndexAttr(size)}, 1);
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
    // In the turned part; what lies before it is negative.
    Value own = d.at(2), i = d.sub(own, d.index(getFrom())), isFirst = d.isLess(i, d.index(half));
    Value isTurned = d.isLess(i, d.index(2 * half));
    if (getFrom())
      isTurned = arith::AndIOp::create(d, isTurned, d.isLess(d.index(-1), i));
    // Places of what is not turned stay inside the head: both are looked up whatever i is.
    Value pair = d.select(isTurned, d.select(isFirst, d.add(own, d.index(half)), d.sub(own, d.index(half))), own);
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

namespace {
/// What a query sees of the keys, and how: rows are [rows, cache heads, query heads that share one, values].
struct Attention {
  int64_t cacheHeads, shared, dim, valueDim, window = 0;
  bool chunked = false;
  double scale, softcap = 0;
  std::optional<TemperatureAttr> temperature = {};
  Value sinks = {}, position;

  Value attend(Decomposer &d, Value query, Value keys, Value values) const;
};

Value Attention::attend(Decomposer &d, Value query, Value keys, Value values) const {
  // Loops: row t, head of the cache g, its query head h, position p, value i of the head.
  enum { t, g, h, p, i, loops };
  Value rows = d.rowsOf(query), end = d.rowsOf(keys);
  auto positions = [&] {
    return SmallVector<OpFoldResult>{rows, d.getIndexAttr(cacheHeads), d.getIndexAttr(shared), end};
  };
  auto sums = [&] { return d.shape(rows, {cacheHeads, shared}); };
  query = d.split(query, {cacheHeads, shared, dim});
  keys = d.split(keys, {cacheHeads, dim});
  values = d.split(values, {cacheHeads, valueDim});

  Value scores = d.generic(loops, {{t, g, h, i}, {p, g, i}, {t, g, h, p}}, {query, keys}, d.filled(positions(), 0),
                           [&](ValueRange in) { return d.add(in[2], d.mul(in[0], in[1])); });
  double lowest = -std::numeric_limits<double>::infinity();
  Value hidden = d.f32(lowest), empty = tensor::EmptyOp::create(d, positions(), d.getF32Type());
  Value visible = d.generic(4, {{t, g, h, p}, {t, g, h, p}}, scores, empty, [&](ValueRange in) {
    Value score = d.mul(in[0], d.f32(scale));
    if (softcap != 0)
      score = d.softcap(score, softcap);
    Value own = d.add(position, d.at(t)), size = d.index(window);
    if (temperature) {
      Value length = d.index(temperature->getLength()), f = d.f32(1);
      if (temperature->getStepped())
        f = d.add(f, d.toF32(arith::DivUIOp::create(d, d.add(own, d.index(1)), length)));
      else
        f = arith::MaxNumFOp::create(d, f, d.div(d.toF32(own), d.toF32(length)));
      Value log = d.mul(d.f32(temperature->getScale().value), math::LogOp::create(d, f));
      score = d.mul(score, d.add(d.f32(1), log));
    }
    score = d.select(d.isLess(own, d.at(p)), hidden, score);
    if (chunked)
      score = d.select(d.isLess(d.at(p), d.sub(own, arith::RemUIOp::create(d, own, size))), hidden, score);
    else if (window)
      score = d.select(d.isLess(d.sub(own, size), d.at(p)), score, hidden);
    return score;
  });
  // A sink is one more score.
  Value first = d.filled(sums(), lowest), none = d.filled(sums(), 0);
  if (sinks) {
    Value numbers = ValuesOp::create(d, sinks);
    first = d.generic(3, {{t, g, h}}, {}, first, [&](ValueRange) {
      return d.extract(numbers, d.add(arith::MulIOp::create(d, d.at(g), d.index(shared)), d.at(h)));
    });
  }
  Value largest = d.generic(4, {{t, g, h, p}, {t, g, h}}, visible, first,
                            [&](ValueRange in) { return arith::MaxNumFOp::create(d, in[0], in[1]).getResult(); });
  Value powers = d.generic(4, {{t, g, h, p}, {t, g, h}, {t, g, h, p}}, {visible, largest}, empty,
                           [&](ValueRange in) { return math::ExpOp::create(d, d.sub(in[0], in[1])).getResult(); });
  if (sinks)
    none = d.generic(3, {{t, g, h}, {t, g, h}, {t, g, h}}, {first, largest},
                     tensor::EmptyOp::create(d, sums(), d.getF32Type()),
                     [&](ValueRange in) { return math::ExpOp::create(d, d.sub(in[0], in[1])).getResult(); });
  Value sum = d.generic(4, {{t, g, h, p}, {t, g, h}}, powers, none, [&](ValueRange in) { return d.add(in[0], in[1]); });
  Value mixed = d.generic(loops, {{t, g, h, p}, {t, g, h}, {p, g, i}, {t, g, h, i}}, {powers, sum, values},
                          d.filled(d.shape(rows, {cacheHeads, shared, valueDim}), 0),
                          [&](ValueRange in) { return d.add(in[3], d.mul(d.div(in[0], in[1]), in[2])); });
  return d.join(mixed);
}
} // namespace

Decomposed AttentionOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto type = cast<CacheType>(getCache().getType());
  Value end = d.add(getPosition(), d.rowsOf(getQuery()));
  Attention attention{.cacheHeads = type.getHeads(),
                      .shared = static_cast<int64_t>(getHeads()) / type.getHeads(),
                      .dim = type.getDim(),
                      .valueDim = type.getValueDim(),
                      .window = type.getWindow(),
                      .chunked = type.getChunked(),
                      .scale = getScale().convertToDouble(),
                      .softcap = getSoftcap().convertToDouble(),
                      .temperature = getTemperature(),
                      .sinks = getSinks(),
                      .position = getPosition()};
  Value keys = CachedOp::create(d, CachePart::Keys, getCache(), end);
  Value values = CachedOp::create(d, CachePart::Values, getCache(), end);
  return SmallVector{attention.attend(d, getQuery(), keys, values)};
}

// Keys and values of every head are made for every position: the form the formula has.
Decomposed LatentAttentionOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto cache = cast<CacheType>(getCache().getType());
  auto keyType = cast<WeightType>(getKUp().getType()), valueType = cast<WeightType>(getVUp().getType());
  int64_t heads = keyType.getExperts(), own = keyType.getColumns(), valueDim = valueType.getRows();
  int64_t latent = cache.getLatent(), dim = own + cache.getDim() - latent;
  Value end = d.add(getPosition(), d.rowsOf(getQuery()));
  Value cached = CachedOp::create(d, CachePart::Keys, getCache(), end);
  Value latents = CachedOp::create(d, CachePart::Values, getCache(), end);
  // Loops: position p, head h, value i of it, latent value c.
  enum { p, h, i, c, loops };
  Value made = d.generic(loops, {{p, c}, {h, c, i}, {p, h, i}}, {latents, ValuesOp::create(d, getKUp())},
                         d.filled(d.shape(end, {heads, own}), 0),
                         [&](ValueRange in) { return d.add(in[2], d.mul(in[0], in[1])); });
  Value keys = d.generic(3, {{p, h, i}}, {}, d.filled(d.shape(end, {heads, dim}), 0), [&](ValueRange) {
    Value isMade = d.isLess(d.at(i), d.index(own));
    // Both are looked up whatever i is.
    Value place = d.select(isMade, d.at(i), d.index(0));
    Value behind = d.select(isMade, d.index(latent), d.add(d.at(i), d.index(latent - own)));
    return d.select(isMade, d.extract(made, {d.at(p), d.at(h), place}), d.extract(cached, {d.at(p), behind}));
  });
  Value values = d.generic(loops, {{p, c}, {h, i, c}, {p, h, i}}, {latents, ValuesOp::create(d, getVUp())},
                           d.filled(d.shape(end, {heads, valueDim}), 0),
                           [&](ValueRange in) { return d.add(in[2], d.mul(in[0], in[1])); });
  Attention attention{.cacheHeads = heads,
                      .shared = 1,
                      .dim = dim,
                      .valueDim = valueDim,
                      .scale = getScale().convertToDouble(),
                      .position = getPosition()};
  return SmallVector{attention.attend(d, getQuery(), d.join(keys), d.join(values))};
}

Decomposed HeadLinearOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  auto type = cast<WeightType>(getWeight().getType());
  int64_t heads = type.getExperts(), out = type.getRows(), in = type.getColumns();
  int64_t width = columnsOf(getInput()) / heads;
  Value x = d.split(getInput(), {heads, width}), weight = ValuesOp::create(d, getWeight());
  Value rows = d.rowsOf(x);
  // Loops: row t, head h, output o, input j.
  enum { t, h, o, j, loops };
  Value y =
      d.generic(loops, {{h, o, j}, {t, h, o}}, weight, d.filled(d.shape(rows, {heads, out}), 0), [&](ValueRange args) {
        return d.add(args[1], d.mul(d.extract(x, {d.at(t), d.at(h), d.at(j)}), args[0]));
      });
  int64_t all = out + width - in;
  Value joined = d.generic(3, {{t, h, o}}, {}, d.filled(d.shape(rows, {heads, all}), 0), [&](ValueRange) {
    Value isMade = d.isLess(d.at(o), d.index(out));
    Value place = d.select(isMade, d.at(o), d.index(0));
    Value behind = d.select(isMade, d.index(0), d.add(d.at(o), d.index(in - out)));
    return d.select(isMade, d.extract(y, {d.at(t), d.at(h), place}), d.extract(x, {d.at(t), d.at(h), behind}));
  });
  return SmallVector{d.join(joined)};
}

/// `keys`, hidden outside the groups whose `terms` best scores have the largest sums; of equal ones the first is kept.
static Value keepBestGroups(Decomposer &d, Value keys, Value scores, int64_t groups, int64_t top, int64_t terms) {
  auto type = cast<RankedTensorType>(keys.getType());
  int64_t size = type.getDimSize(1) / groups;
  double lowest = -std::numeric_limits<double>::infinity();
  Value rows = d.rowsOf(keys), left = d.split(scores, {groups, size});
  auto perGroup = [&](double value) { return d.filled(d.shape(rows, groups), value); };
  auto isEqual = [&](Value a, Value b) -> Value { return arith::CmpFOp::create(d, arith::CmpFPredicate::OEQ, a, b); };
  // The largest of each line of `all` along its last loop, and where it first is.
  auto findBest = [&](Value all, ArrayRef<int64_t> outer, int64_t loop, function_ref<Value(double)> filled) {
    SmallVector<int64_t> every(outer);
    every.push_back(loop);
    SmallVector<int64_t> dims(outer);
    Value best = d.generic(loop + 1, {every, dims}, all, filled(lowest),
                           [&](ValueRange in) { return arith::MaxNumFOp::create(d, in[0], in[1]).getResult(); });
    Value place = d.generic(loop + 1, {every, dims, dims}, {all, best}, filled(1 << 24), [&](ValueRange in) {
      Value own = d.select(isEqual(in[0], in[1]), d.toF32(d.at(loop)), d.f32(1 << 24));
      return arith::MinNumFOp::create(d, own, in[2]).getResult();
    });
    return std::pair(best, place);
  };
  Value sums = perGroup(0);
  for (int64_t k = 0; k < terms; ++k) {
    auto [best, place] = findBest(left, {0, 1}, 2, perGroup);
    sums = d.elementwise({sums, best}, [&](ValueRange in) { return d.add(in[0], in[1]); });
    left = d.generic(3, {{0, 1, 2}, {0, 1}, {0, 1, 2}}, {left, place},
                     d.empty(rows, cast<RankedTensorType>(left.getType())),
                     [&](ValueRange in) { return d.select(isEqual(d.toF32(d.at(2)), in[1]), d.f32(lowest), in[0]); });
  }
  // A group that is chosen loses its sum.
  auto perRow = [&](double value) { return d.filled({OpFoldResult(rows)}, value); };
  for (int64_t k = 0; k < top; ++k) {
    Value place = findBest(sums, {0}, 1, perRow).second;
    sums = d.generic(2, {{0, 1}, {0}, {0, 1}}, {sums, place}, d.empty(rows, cast<RankedTensorType>(sums.getType())),
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
  // Numbers of experts are small enough for f32.
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
  // Without a correction the order is that of the scores themselves.
  Value left = getScores();
  if (getCorrection())
    left = d.generic(2, {{0, 1}, {1}, {0, 1}}, {probabilities, ValuesOp::create(d, getCorrection())},
                     d.empty(rows, scores), [&](ValueRange in) { return d.add(in[0], in[1]); });

  if (getTopGroups() < getGroups())
    left =
        keepBestGroups(d, left, getCorrection() ? left : probabilities, getGroups(), getTopGroups(), getGroupTerms());

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
  auto toIndex = [&](Value number) { return arith::IndexCastOp::create(d, d.getIndexType(), number).getResult(); };
  // Of a row's experts the k-th one's values, `out` of them, with its bias.
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
                    // Once for the whole sum: with its first term.
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
