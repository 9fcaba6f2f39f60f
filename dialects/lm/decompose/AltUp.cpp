//===- AltUp.cpp - what the ops of alternating updates (Gemma 3n) mean --------------------------------------------===//

#include "dialects/lm/decompose/Decomposer.h"

using namespace mlir;
using namespace mlir::lm;

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
