#include "compiler/codegen/kernels/CacheAddress.h"
#include "dialects/lm/Layout.h"

using namespace lathe;

Value lathe::cacheAddress(Emitter &e, Value cache, bool isValues, Value position, Value head, Value i) {
  auto type = cast<lm::CacheType>(cache.getType());
  CacheLayout layout(type);
  isValues &= !type.getLatent();
  constexpr int64_t lanes = kPanelRows;
  Value slot = e.rem(position, e.index(type.getRows()));
  Value base = e.add(getSegmentAndOffset(cache).second, e.mul(head, layout.headBytes));
  // In panels of keys a row is a position, in panels of values it is a dim.
  Value row = isValues ? i : slot, along = isValues ? slot : i;
  Value panel = e.mul(e.div(row, e.index(lanes)), isValues ? layout.valuePanelBytes : layout.keyPanelBytes);
  Value lane = e.rem(row, e.index(lanes));
  Value step = e.mul(e.div(along, e.index(layout.depth)), lanes);
  Value element = e.add(e.mul(e.add(step, lane), layout.depth), e.rem(along, e.index(layout.depth)));
  Value at = e.add(e.add(base, panel), e.mul(element, layout.elementBytes));
  return isValues ? e.add(at, layout.valuesOffset) : at;
}
