//===- Products.cpp - what products of rows with matrices mean ----------------------------------------------------===//

#include "dialects/lm/decompose/Decomposer.h"

using namespace mlir;
using namespace mlir::lm;

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
    Value inProduct = d.select(isMade, d.at(o), d.index(0));
    Value inInput = d.select(isMade, d.index(0), d.add(d.at(o), d.index(in - out)));
    return d.select(isMade, d.extract(y, {d.at(t), d.at(h), inProduct}), d.extract(x, {d.at(t), d.at(h), inInput}));
  });
  return SmallVector{d.join(joined)};
}
