//===- Attention.cpp - what attention over caches means, and rotary positions -------------------------------------===//

#include "dialects/lm/decompose/Decomposer.h"
#include <limits>

using namespace mlir;
using namespace mlir::lm;

Decomposed RopeOp::decomposeOperation(OpBuilder &builder) {
  Decomposer d(*this, builder);
  int64_t heads = getHeads(), half = getRope().getDim() / 2;
  Value x = d.split(getInput(), {heads, columnsOf(getInput()) / heads});
  SmallVector<float> numbers(getRope().getFrequencies());
  Value frequencies = arith::ConstantOp::create(
      d, DenseElementsAttr::get(RankedTensorType::get(half, d.getF32Type()), ArrayRef(numbers)));
  Value y = d.elementwise(x, [&](ValueRange in) {
    // Index in the rotated part; negative before it.
    Value own = d.at(2), i = d.sub(own, d.index(getFrom())), isFirst = d.isLess(i, d.index(half));
    Value isTurned = d.isLess(i, d.index(2 * half));
    if (getFrom())
      isTurned = arith::AndIOp::create(d, isTurned, d.isLess(d.index(-1), i));
    // tensor.extract runs for every value: indices of values that are not rotated must stay inside the head.
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
/// The shape of attention and its mask. Rows are [rows, cache heads, query heads for each, values].
struct Attention {
  int64_t cacheHeads, shared, dim, valueDim, window = 0;
  bool chunked = false;
  double scale, softcap = 0;
  std::optional<TemperatureAttr> temperature = {};
  Value sinks = {}, position;

  Value attend(Decomposer &d, Value query, Value keys, Value values) const;
};

Value Attention::attend(Decomposer &d, Value query, Value keys, Value values) const {
  // Loops: row t, cache head g, query head h of it, position p, value i of the head.
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

// The expanded form: keys and values of every head are computed for every position.
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
    // tensor.extract runs for both, whatever i is: indices must stay in bounds.
    Value inMade = d.select(isMade, d.at(i), d.index(0));
    Value inCached = d.select(isMade, d.index(latent), d.add(d.at(i), d.index(latent - own)));
    return d.select(isMade, d.extract(made, {d.at(p), d.at(h), inMade}), d.extract(cached, {d.at(p), inCached}));
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
