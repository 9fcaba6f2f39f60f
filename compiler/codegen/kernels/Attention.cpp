//===- Attention.cpp - scores, softmax and sums of one head
//-----------------------------------------------------------===//
//
// Keys and values lie in panels, so scores and sums are the same products as projections. Scores are kept for all
// visible positions, a column per cache row ("slot"): position p is in slot p mod R. The slots to look at are one
// range, or two where a ring wraps.
//
//===------------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/kernels/Kernels.h"
#include <limits>

using namespace lathe;

namespace {

struct AttentionEmitter {
  kernel::AttentionOp op;
  Emitter &e;
  KernelContext &context;
  lm::CacheType type = cast<lm::CacheType>(op.getCache().getType());
  CacheLayout layout{type};
  static constexpr int64_t lanes = CacheLayout::kPanel;

  Value area = {}, keys = {}, values = {}; // of the head
  Value oldest = {}, oldestSlot = {};      // first position any row sees
  struct Range {
    Value begin, end; // panels of 16 slots
  };
  SmallVector<Range, 2> ranges = {};

  Value slice(Value rows, Value column, Value columns) {
    SmallVector<OpFoldResult> offsets = {e.getIndexAttr(0), column}, sizes = {e.rowsOf(rows), columns};
    SmallVector<OpFoldResult> strides(2, e.getIndexAttr(1));
    return memref::SubViewOp::create(e, rows, offsets, sizes, strides);
  }
  void product(Value place, int64_t panelStride, Value columns, Value input, Value out, bool accumulates) {
    Format format = type.getElement().isF32() ? Format::F32 : Format::BF16;
    context.products.call(e, {area, place, e.index(panelStride), columns, input, out, format, layout.depth,
                              /*isCache=*/true, accumulates});
  }
  void findRanges();
  void softmax(Value row);
  void run();
};

void AttentionEmitter::findRanges() {
  Value zero = e.index(0), first = op.getPosition(), count = e.rowsOf(op.getQuery());
  Value end = e.add(first, count); // one past the last position
  int64_t slots = type.getRows();
  oldest = zero, oldestSlot = zero;
  if (!type.getWindow()) {
    ranges.push_back({zero, e.ceilDiv(end, e.index(lanes))});
    return;
  }
  oldest = e.maximum(e.add(e.sub(first, e.index(type.getWindow())), 1), zero);
  oldestSlot = e.rem(oldest, e.index(slots));
  Value endSlot = e.add(oldestSlot, e.sub(end, oldest)); // may be past the ring's end
  Value panel = e.div(oldestSlot, e.index(lanes));
  ranges.push_back({panel, e.ceilDiv(e.minimum(endSlot, e.index(slots)), e.index(lanes))});
  // Where the ring wraps into the first range's own panel, that panel is there already.
  Value wrapped = e.maximum(e.sub(endSlot, e.index(slots)), zero);
  ranges.push_back({zero, e.minimum(e.ceilDiv(wrapped, e.index(lanes)), panel)});
}

void AttentionEmitter::softmax(Value row) {
  VectorType vector = e.f32s(lanes);
  Value query = e.cast(e.add(op.getPosition(), row), e.getI32Type());
  Value queries = e.splat(query), scale = e.number(vector, op.getScale().convertToDouble());
  double cap = op.getSoftcap().convertToDouble();
  Value hidden = e.number(vector, -std::numeric_limits<double>::infinity());
  Value lane = arith::ConstantOp::create(
      e, DenseIntElementsAttr::get(e.i32s(lanes), llvm::to_vector(llvm::seq<int32_t>(0, lanes))));

  auto forSlots = [&](ValueRange carried, function_ref<SmallVector<Value>(Value column, ValueRange)> body) {
    SmallVector<Value> state(carried);
    for (Range range : ranges)
      state = e.loop(range.begin, range.end, 1, state,
                     [&](Value panel, ValueRange args) { return body(e.mul(panel, lanes), args); });
    return state;
  };
  // Hidden positions never win: every row sees at least itself, so the largest is finite.
  Value peaks = forSlots(hidden, [&](Value column, ValueRange largest) {
    Value score = e.mul(e.load(vector, op.getScores(), {row, column}), scale);
    if (cap != 0) {
      Value one = e.number(vector, 1), z = e.mul(score, e.number(vector, -2 / cap));
      Value half = e.div(one, e.add(one, e.exp(z)));
      score = e.fma(half, e.number(vector, 2 * cap), e.number(vector, -cap));
    }
    Value slot = e.add(e.splat(e.cast(column, e.getI32Type())), lane);
    Value position = slot;
    if (type.getWindow()) {
      Value past = e.splat(e.cast(e.sub(oldest, oldestSlot), e.getI32Type()));
      Value wraps = e.less(slot, e.splat(e.cast(oldestSlot, e.getI32Type())));
      position = e.add(slot, past);
      position = e.select(wraps, e.add(position, type.getRows()), position);
    }
    Value visible = e.lessEqual(position, queries);
    if (type.getWindow())
      visible = arith::AndIOp::create(e, visible, e.less(e.add(queries, -type.getWindow()), position));
    score = e.select(visible, score, hidden);
    e.store(score, op.getScores(), {row, column});
    return SmallVector<Value>{e.maximum(largest[0], score)};
  })[0];
  Value peak = e.splat(vector::ReductionOp::create(e, vector::CombiningKind::MAXNUMF, peaks));
  Value zero = e.number(vector, 0);
  Value sums = forSlots(zero, [&](Value column, ValueRange sum) {
    Value score = e.load(vector, op.getScores(), {row, column});
    // exp() is clamped from below, so what is hidden must be made 0.
    Value isHidden = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, score, hidden);
    Value weight = e.select(isHidden, zero, e.exp(e.sub(score, peak)));
    e.store(weight, op.getScores(), {row, column});
    return SmallVector<Value>{e.add(sum[0], weight)};
  })[0];
  Value inverse = e.splat(e.div(e.number(e.getF32Type(), 1), e.sum(sums)));
  for (Range range : ranges)
    e.loop(range.begin, range.end, 1, [&](Value panel) {
      Value column = e.mul(panel, lanes);
      e.store(e.mul(e.load(vector, op.getScores(), {row, column}), inverse), op.getScores(), {row, column});
    });
}

void AttentionEmitter::run() {
  Value place;
  std::tie(area, place) = getAreaAndPlace(op.getCache());
  keys = e.add(place, e.mul(op.getHead(), layout.headBytes));
  values = e.add(keys, layout.valuesOffset);
  findRanges();
  for (Range range : ranges) {
    Value columns = e.mul(e.sub(range.end, range.begin), lanes);
    Value out = slice(op.getScores(), e.mul(range.begin, lanes), columns);
    product(e.add(keys, e.mul(range.begin, layout.keyPanelBytes)), layout.keyPanelBytes, e.index(type.getDim()),
            op.getQuery(), out, false);
  }
  e.forRows(op.getQuery(), [&](Value row) { softmax(row); });
  for (auto [index, range] : llvm::enumerate(ranges)) {
    Value columns = e.mul(e.sub(range.end, range.begin), lanes), first = e.mul(range.begin, lanes);
    // Inside a value panel, positions are steps of 16 dims.
    Value at = e.add(values, e.mul(first, lanes * layout.elementBytes));
    Value weights = slice(op.getScores(), first, columns);
    auto sum = [&] { product(at, layout.valuePanelBytes, columns, weights, op.getOut(), index > 0); };
    if (index == 0)
      sum();
    else
      e.ifThen(e.less(range.begin, range.end), sum);
  }
}

} // namespace

void lathe::expand(kernel::AttentionOp op, Emitter &e, KernelContext &context) {
  AttentionEmitter{op, e, context}.run();
}
