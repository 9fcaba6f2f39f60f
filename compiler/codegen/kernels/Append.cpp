//===- Append.cpp - keys and values enter the cache
//-------------------------------------------------------------------===//

#include "compiler/codegen/kernels/Kernels.h"

using namespace lathe;

namespace {

/// Where value `i` of head `head` at position `position` lies in the cache area.
Value addressOf(Emitter &e, Value cache, bool isValues, Value position, Value head, Value i) {
  auto type = cast<lm::CacheType>(cache.getType());
  CacheLayout layout(type);
  isValues &= !type.getLatent();
  constexpr int64_t lanes = CacheLayout::kPanel;
  Value slot = e.rem(position, e.index(type.getRows()));
  Value base = e.add(getAreaAndPlace(cache).second, e.mul(head, layout.headBytes));
  // Keys: the position is the panel's row; values: the dim is.
  Value row = isValues ? i : slot, along = isValues ? slot : i;
  Value panel = e.mul(e.div(row, e.index(lanes)), isValues ? layout.valuePanelBytes : layout.keyPanelBytes);
  Value lane = e.rem(row, e.index(lanes));
  Value step = e.mul(e.div(along, e.index(layout.depth)), lanes);
  Value element = e.add(e.mul(e.add(step, lane), layout.depth), e.rem(along, e.index(layout.depth)));
  Value at = e.add(e.add(base, panel), e.mul(element, layout.elementBytes));
  return isValues ? e.add(at, layout.valuesOffset) : at;
}

} // namespace

void lathe::expand(kernel::AppendOp op, Emitter &e) {
  auto type = cast<lm::CacheType>(op.getCache().getType());
  Value area = getAreaAndPlace(op.getCache()).first, dim = e.index(type.getDim());
  e.forRows(op.getInput(), [&](Value row) {
    Value position = e.add(op.getPosition(), row);
    e.loop(e.index(0), e.div(e.columnsOf(op.getInput()), dim), 1, [&](Value head) {
      e.loop(e.index(0), dim, 1, [&](Value i) {
        Value value = e.loadScalar(op.getInput(), {row, e.add(e.mul(head, dim), i)});
        if (type.getElement().isBF16())
          value = arith::TruncIOp::create(e, e.getI16Type(), e.roundToBF16(value));
        Value at = addressOf(e, op.getCache(), op.getValues(), position, e.add(op.getHead(), head), i);
        e.storeBytes(value, area, at);
      });
    });
  });
}

void lathe::expand(kernel::CachedOp op, Emitter &e) {
  auto type = cast<lm::CacheType>(op.getCache().getType());
  Value area = getAreaAndPlace(op.getCache()).first;
  Value dim = e.index(op.getValues() ? type.getValueDim() : type.getDim());
  e.forRows(op.getOut(), [&](Value position) {
    e.loop(e.index(0), e.index(type.getHeads()), 1, [&](Value head) {
      e.loop(e.index(0), dim, 1, [&](Value i) {
        Value at = addressOf(e, op.getCache(), op.getValues(), position, head, i), value;
        if (type.getElement().isF32())
          value = e.loadBytes(e.getF32Type(), area, at);
        else
          value = e.bitcast(e.getF32Type(), e.shl(e.extend(e.loadBytes(e.getI16Type(), area, at), e.getI32Type()), 16));
        memref::StoreOp::create(e, value, op.getOut(), ValueRange{position, e.add(e.mul(head, dim), i)});
      });
    });
  });
}
