//===- Append.cpp - keys and values enter the cache
//-------------------------------------------------------------------===//

#include "compiler/codegen/kernels/Kernels.h"

using namespace lathe;

void lathe::expand(kernel::AppendOp op, Emitter &e) {
  auto type = cast<lm::CacheType>(op.getCache().getType());
  CacheLayout layout(type);
  constexpr int64_t lanes = CacheLayout::kPanel;
  auto [area, place] = getAreaAndPlace(op.getCache());
  bool isBF16 = type.getElement().isBF16();
  auto put = [&](Value value, Value at) {
    if (isBF16)
      value = arith::TruncIOp::create(e, e.getI16Type(), e.roundToBF16(value));
    e.storeBytes(value, area, at);
  };

  Value base = place;
  if (op.getValues())
    base = e.add(base, layout.valuesOffset);
  e.forRows(op.getInput(), [&](Value row) {
    Value slot = e.rem(e.add(op.getPosition(), row), e.index(type.getRows()));
    e.loop(e.index(0), e.columnsOf(op.getInput()), type.getDim(), [&](Value first) {
      Value head = e.add(op.getHead(), e.div(first, e.index(type.getDim())));
      Value headBase = e.add(base, e.mul(head, layout.headBytes));
      e.loop(e.index(0), e.index(type.getDim()), 1, [&](Value i) {
        // Keys: the position is the panel's row; values: the dim is.
        Value row16 = op.getValues() ? i : slot, along = op.getValues() ? slot : i;
        int64_t panelBytes = op.getValues() ? layout.valuePanelBytes : layout.keyPanelBytes;
        Value panel = e.mul(e.div(row16, e.index(lanes)), panelBytes);
        Value lane = e.rem(row16, e.index(lanes));
        Value step = e.mul(e.div(along, e.index(layout.depth)), lanes);
        Value element = e.add(e.mul(e.add(step, lane), layout.depth), e.rem(along, e.index(layout.depth)));
        Value at = e.add(e.add(headBase, panel), e.mul(element, layout.elementBytes));
        put(e.loadScalar(op.getInput(), {row, e.add(first, i)}), at);
      });
    });
  });
}
