//===- Attention.cpp - scores, softmax and weighted sums of one KV head -------------------------------------------===//
//
// Keys and values lie in panels, so scores and weighted sums are the same products as projections. Scores have a column
// for each row of the cache ("slot"): position p is in slot p mod R. The visible slots are one range, or two ranges
// where a ring wraps.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"
#include <limits>

using namespace lathe;

namespace {

struct AttentionEmitter {
  kernel::AttentionOp op;
  VectorEmitter &e;
  KernelContext &context;
  lm::CacheType type = cast<lm::CacheType>(op.getCache().getType());
  CacheLayout layout{type};
  static constexpr int64_t lanes = kPanelRows;
  Format format = type.getElement().isF32() ? Format::F32 : Format::BF16; // of products with keys and values

  Value query = {}, out = {}; // [rows, dim]; for one row, [heads, dim]
  bool isHeads = false;       // rows are heads of one row
  bool isOne = false;         // there is one row, of one head or more
  /// Queries and weights are rounded to bf16, two in the memory of an f32. Queries then lie in `out`, weights where
  /// their scores were.
  bool isRounded = op.getRounded();
  Value segment = {}, keys = {}, values = {}; // offsets of this head
  Value next = {};                            // offset of the next tile's keys
  Value isShort = {};                         // the tile's keys and values fit the second cache
  Value oldest = {}, oldestSlot = {};         // the first position that any row sees
  struct Range {
    Value begin, end; // panels of 16 slots
  };
  SmallVector<Range, 2> ranges = {};
  int64_t blockBytes = lanes * lanes * layout.elementBytes; // 16 positions of a panel of values

  Value slice(Value rows, Value column, Value columns) {
    SmallVector<OpFoldResult> offsets = {e.getIndexAttr(0), column},
                              sizes = {memref::getMixedSizes(e, e.getLoc(), rows)[0], columns};
    SmallVector<OpFoldResult> strides(2, e.getIndexAttr(1));
    return memref::SubViewOp::create(e, rows, offsets, sizes, strides);
  }
  void product(Value offset, int64_t panelStride, Value columns, Value input, Value out, bool accumulates,
               Product::Prefetch prefetch) {
    auto call = [&](Product::Prefetch prefetch) {
      context.products.call(e, {segment, offset, e.index(panelStride), columns, input, out, format, layout.depth,
                                Panels::Cache, accumulates, isRounded, prefetch});
    };
    if (!prefetch.offset)
      return call(prefetch);
    e.ifThen(isShort, [&] { call(prefetch); }, [&] { call({}); });
  }
  /// Bytes of a value panel before the columns of scores from `first` on: in it, positions are steps of 16 dims.
  Value offsetInPanel(Value first) { return e.mul(first, lanes * layout.elementBytes); }
  // One row is limited by memory, which should stay busy: the product with keys prefetches the values of the same
  // positions, and the product with values prefetches the next tile's keys
  // (docs/experiments/2026-11-27-attention-prefetch.md).
  void prefetchKeys();
  Product::Prefetch valuesOf(Range range);
  Product::Prefetch nextKeys(size_t index);
  Value panelsIn(ArrayRef<Range> some);
  void findVisible();
  void findRanges();
  Value firstVisible(Value position);
  Value temperatureAt(Value position);
  /// Rounds 16 floats to 16 bf16 in the memory of 8.
  void storePairs(Value floats, Value rows, Value row, Value column);
  /// The column of scores for the factor of a row's sums: rounded weights leave it free.
  Value factorColumn() { return e.add(e.mul(ranges.front().end, lanes), -1); }
  void run();
};

Value AttentionEmitter::panelsIn(ArrayRef<Range> some) {
  Value count = e.index(0);
  for (Range range : some)
    count = e.add(count, e.sub(range.end, range.begin));
  return count;
}

void AttentionEmitter::findRanges() {
  findVisible();
  // The next head's keys, from the first that it sees. There are none after the last head, so it prefetches its own
  // again, which costs nothing.
  Value first = e.mul(ranges.front().begin, layout.keyPanelBytes);
  Value isLast = e.lessEqual(e.index(type.getHeads()), e.add(op.getHead(), 1));
  next = e.add(keys, e.add(first, e.select(isLast, e.index(0), e.index(layout.headBytes))));
  if (!op.getSplit())
    return;
  // Cut the ranges, taken one after the other, to the panels of this split.
  Value all = panelsIn(ranges), before = e.index(0);
  auto edge = [&](Value split) { return e.div(e.mul(split, all), Value(op.getSplits())); };
  Value begin = edge(op.getSplit()), end = edge(e.add(Value(op.getSplit()), 1));
  Value nextBegin; // the panel where the next split begins
  for (Range &range : ranges) {
    Value length = e.sub(range.end, range.begin);
    auto inside = [&](Value panel) {
      Value clamped = e.minimum(e.maximum(panel, before), e.add(before, length));
      return e.add(range.begin, e.sub(clamped, before));
    };
    Range part = {inside(begin), inside(end)};
    nextBegin = nextBegin ? e.select(e.less(end, before), nextBegin, part.end) : part.end;
    before = e.add(before, length);
    range = part;
  }
  Value isLastSplit = e.lessEqual(Value(op.getSplits()), e.add(Value(op.getSplit()), 1));
  next = e.select(isLastSplit, next, e.add(keys, e.mul(nextBegin, layout.keyPanelBytes)));
}

void AttentionEmitter::findVisible() {
  Value zero = e.index(0), first = op.getPosition(), count = isHeads ? e.index(1) : e.rowsOf(query);
  Value end = e.add(first, count); // one past the last position
  int64_t slots = type.getRows();
  oldest = zero, oldestSlot = zero;
  if (!type.getWindow()) {
    ranges.push_back({zero, e.ceilDiv(end, e.index(lanes))});
    return;
  }
  oldest = firstVisible(first);
  oldestSlot = e.rem(oldest, e.index(slots));
  Value endSlot = e.add(oldestSlot, e.sub(end, oldest)); // may be past the ring's end
  Value panel = e.div(oldestSlot, e.index(lanes));
  ranges.push_back({panel, e.ceilDiv(e.minimum(endSlot, e.index(slots)), e.index(lanes))});
  // If the ring wraps into the first panel of the first range, that range has it already.
  Value wrapped = e.maximum(e.sub(endSlot, e.index(slots)), zero);
  ranges.push_back({zero, e.minimum(e.ceilDiv(wrapped, e.index(lanes)), panel)});
}

/// The first position that a query at `position` sees.
Value AttentionEmitter::firstVisible(Value position) {
  Value window = e.index(type.getWindow());
  if (type.getChunked())
    return e.sub(position, e.rem(position, window));
  return e.maximum(e.add(e.sub(position, window), 1), e.index(0));
}

/// The factor of the scores of a query at `position`: 1 + scale * log(f).
Value AttentionEmitter::temperatureAt(Value position) {
  lm::TemperatureAttr temperature = *op.getTemperature();
  VectorType one = e.f32s(1);
  auto toF32 = [&](Value index) { return e.splat(e.toF32(e.cast(index, e.getI32Type())), 1); };
  Value length = e.index(temperature.getLength()), f;
  if (temperature.getStepped())
    f = e.add(e.number(one, 1), toF32(e.div(e.add(position, 1), length)));
  else
    f = e.maximum(e.number(one, 1), e.div(toF32(position), toF32(length)));
  Value factor = e.fma(e.log(f), e.number(one, temperature.getScale().value), e.number(one, 1));
  return e.splat(vector::ExtractOp::create(e, factor, 0));
}

void AttentionEmitter::storePairs(Value floats, Value rows, Value row, Value column) {
  e.store(e.bitcast(e.f32s(lanes / 2), e.toBF16(floats)), rows, {row, column});
}

/// Softmax of one row: its scores become weights. With KV splits they become exponentials, and the largest score and
/// the sum of the exponentials are stored, from which kernel.combine_partials computes the weights.
class RowSoftmax {
public:
  RowSoftmax(AttentionEmitter &attention, Value row);

  void run();

private:
  using PanelBody = function_ref<SmallVector<Value>(Value first, Value column, bool isVisible, ValueRange carried)>;
  /// Emits `body` for each panel of scores, with the first column of its range. `isVisible` says that the row sees all
  /// positions of the panel; other panels need a mask.
  SmallVector<Value> forPanels(ValueRange carried, PanelBody body);
  Value maxima();
  Value adjusted(Value score);
  Value masked(Value score, Value column);
  Value loadSink();
  Value exponentials(Value largest);
  void storeStatistics(Value largest, Value sum);
  void multiplyWeights(Value factor);
  Value toI32s(Value index) { return e.splat(e.cast(index, e.getI32Type())); }
  Value positionOfRow() { return a.isHeads ? Value(op.getPosition()) : e.add(op.getPosition(), row); }

  AttentionEmitter &a;
  kernel::AttentionOp op = a.op;
  VectorEmitter &e = a.e;
  lm::CacheType type = a.type;
  static constexpr int64_t lanes = AttentionEmitter::lanes;

  Value row;
  VectorType vector = e.f32s(lanes);
  Value own = positionOfRow();
  Value queries = toI32s(own);
  Value first = type.getWindow() ? toI32s(a.firstVisible(own)) : Value(); // first visible position
  Value temperature = op.getTemperature() ? a.temperatureAt(own) : Value();
  double cap = op.getSoftcap().convertToDouble();
  Value hidden = e.number(vector, -std::numeric_limits<double>::infinity());
  Value lane = e.laneNumbers();
  double scale = op.getScale().convertToDouble();
  /// The exponentials apply the scale, so that scores need not be multiplied by it. Not possible if something else
  /// comes after the scale.
  bool isDeferred = cap == 0 && !temperature && !op.getSinks() && scale > 0;
};

RowSoftmax::RowSoftmax(AttentionEmitter &attention, Value row) : a(attention), row(row) {}

SmallVector<Value> RowSoftmax::forPanels(ValueRange carried, PanelBody body) {
  SmallVector<Value> state(carried);
  Value past = e.sub(a.oldest, a.oldestSlot); // from a slot to its position
  for (AttentionEmitter::Range range : a.ranges) {
    Value first = e.mul(range.begin, lanes), zero = e.index(0);
    auto panels = [&](Value begin, Value end, bool isVisible) {
      state = e.loop(begin, end, 1, state,
                     [&](Value panel, ValueRange args) { return body(first, e.mul(panel, lanes), isVisible, args); });
    };
    auto inside = [&](Value panel, Value min) { return e.maximum(e.minimum(panel, range.end), min); };
    Value begin = range.begin;
    if (type.getWindow()) {
      Value slot = e.maximum(e.sub(a.firstVisible(own), past), zero);
      begin = inside(e.ceilDiv(slot, e.index(lanes)), range.begin);
      panels(range.begin, begin, false);
    }
    Value end = inside(e.div(e.maximum(e.sub(e.add(own, 1), past), zero), e.index(lanes)), begin);
    panels(begin, end, true);
    panels(end, range.end, false);
    past = e.add(past, type.getRows()); // the ring wrapped
  }
  return state;
}

/// Stores the scores as the exponentials take them. Returns the largest score of each lane.
Value RowSoftmax::maxima() {
  return forPanels(hidden, [&](Value, Value column, bool isVisible, ValueRange largest) {
    Value score = e.load(vector, op.getScores(), {row, column});
    if (!isDeferred)
      score = adjusted(score);
    if (!isVisible)
      score = masked(score, column);
    if (!isDeferred || !isVisible)
      e.store(score, op.getScores(), {row, column});
    return SmallVector<Value>{e.maximum(largest[0], score)};
  })[0];
}

/// Scale, soft cap and temperature. cap * tanh(x / cap) = 2 * cap / (1 + exp(-2 x / cap)) - cap.
Value RowSoftmax::adjusted(Value score) {
  score = e.mul(score, e.number(vector, scale));
  if (cap != 0) {
    Value one = e.number(vector, 1), z = e.mul(score, e.number(vector, -2 / cap));
    Value half = e.div(one, e.add(one, e.exp(z)));
    score = e.fma(half, e.number(vector, 2 * cap), e.number(vector, -cap));
  }
  return temperature ? e.mul(score, temperature) : score;
}

/// The scores of the panel at `column`; -inf for positions that the row does not see.
Value RowSoftmax::masked(Value score, Value column) {
  Value slot = e.add(e.splat(e.cast(column, e.getI32Type())), lane);
  Value position = slot;
  if (type.getWindow()) {
    Value past = toI32s(e.sub(a.oldest, a.oldestSlot));
    Value wraps = e.less(slot, toI32s(a.oldestSlot));
    position = e.add(slot, past);
    position = e.select(wraps, e.add(position, type.getRows()), position);
  }
  Value visible = e.lessEqual(position, queries);
  if (first)
    visible = arith::AndIOp::create(e, visible, e.lessEqual(first, position));
  return e.select(visible, score, hidden);
}

Value RowSoftmax::loadSink() {
  auto [weights, offset] = getSegmentAndOffset(op.getSinks());
  Value head = a.isHeads ? e.add(op.getSink(), row) : Value(op.getSink());
  return e.loadBytes(e.getF32Type(), weights, e.add(offset, e.mul(head, 4)));
}

/// Replaces scores by exp(score - largest). Returns their sum in each lane.
Value RowSoftmax::exponentials(Value largest) {
  Value peak = e.splat(largest);
  return forPanels(e.number(vector, 0), [&](Value first, Value column, bool, ValueRange sum) {
    Value below = e.sub(e.load(vector, op.getScores(), {row, column}), peak);
    Value weight = e.expNegative(below, isDeferred ? scale : 1); // 0 for hidden positions
    if (a.isRounded)
      a.storePairs(weight, op.getScores(), row, e.add(first, e.div(e.sub(column, first), e.index(2))));
    else
      e.store(weight, op.getScores(), {row, column});
    return SmallVector<Value>{e.add(sum[0], weight)};
  })[0];
}

void RowSoftmax::storeStatistics(Value largest, Value sum) {
  Value column = e.mul(row, 2);
  if (isDeferred)
    largest = e.mul(largest, e.number(e.getF32Type(), scale));
  memref::StoreOp::create(e, largest, op.getStatistics(), ValueRange{e.index(0), column});
  memref::StoreOp::create(e, sum, op.getStatistics(), ValueRange{e.index(0), e.add(column, 1)});
}

void RowSoftmax::multiplyWeights(Value factor) {
  for (AttentionEmitter::Range range : a.ranges)
    e.loop(e.mul(range.begin, lanes), e.mul(range.end, lanes), lanes, [&](Value column) {
      Value weight = e.load(vector, op.getScores(), {row, column});
      e.store(e.mul(weight, e.splat(factor)), op.getScores(), {row, column});
    });
}

void RowSoftmax::run() {
  // The largest score is finite: every row sees at least itself, and every split has a visible position.
  Value largest = e.largest(maxima()), sink;
  if (op.getSinks()) {
    sink = loadSink();
    largest = e.maximum(largest, sink);
  }
  Value sum = e.sum(exponentials(largest));
  if (op.getSplit())
    return storeStatistics(largest, sum);
  if (sink) // counts in the sum of weights, and has no value
    sum = e.add(sum, vector::ExtractOp::create(e, e.exp(e.splat(e.sub(sink, largest), 1)), 0));
  Value inverse = e.div(e.number(e.getF32Type(), 1), sum);
  if (a.isRounded) // AttentionEmitter::run multiplies the weighted sums instead, at the end
    memref::StoreOp::create(e, inverse, op.getScores(), ValueRange{row, a.factorColumn()});
  else
    multiplyWeights(inverse);
}

/// Nothing has prefetched the keys of a worker's first tile. In later tiles most of them are in the cache already.
void AttentionEmitter::prefetchKeys() {
  constexpr int64_t line = 64, maxBytes = 32 << 10; // fits every second cache; products prefetch the rest
  int64_t cache = std::max<int64_t>(context.cpu.prefetch.cacheLevel, 2); // the first cache is too small
  for (Range range : ranges) {
    Value begin = e.mul(range.begin, layout.keyPanelBytes), end = e.mul(range.end, layout.keyPanelBytes);
    e.loop(begin, e.minimum(end, e.add(begin, maxBytes)), line,
           [&](Value offset) { e.prefetch(segment, e.add(keys, offset), cache); });
  }
}

/// The values of a range's positions. A panel of keys has 16 positions, and 16 of its dims have as many lines as 16
/// positions of a panel of values.
Product::Prefetch AttentionEmitter::valuesOf(Range range) {
  Value first = e.add(values, offsetInPanel(e.mul(range.begin, lanes)));
  return {first, e.index(blockBytes), e.index(layout.valuePanelBytes)};
}

/// The part of the next tile's keys for range `index`: as many lines as the range has values, after the parts of the
/// ranges before it.
Product::Prefetch AttentionEmitter::nextKeys(size_t index) {
  Value offset = next;
  if (index > 0)
    offset = e.add(offset, e.mul(panelsIn(ArrayRef(ranges).take_front(index)), layout.keyPanelBytes));
  return {offset, e.mul(panelsIn(ranges[index]), blockBytes), e.index(blockBytes)};
}

void AttentionEmitter::run() {
  Value offset;
  std::tie(segment, offset) = getSegmentAndOffset(op.getCache());
  query = e.asRows(op.getQuery(), type.getDim());
  out = e.asRows(op.getOut(), type.getValueDim());
  isHeads = query != op.getQuery();
  isOne = cast<MemRefType>(op.getQuery().getType()).getDimSize(0) == 1;
  keys = e.add(offset, e.mul(op.getHead(), layout.headBytes));
  values = e.add(keys, layout.valuesOffset);
  findRanges();
  if (isOne) {
    constexpr int64_t maxBytes = 192 << 10; // of keys, and as much of values; the smallest second cache has 512 KB
    isShort = e.lessEqual(panelsIn(ranges), e.index(maxBytes / layout.keyPanelBytes));
    prefetchKeys();
  }
  Value operand = query;
  if (isRounded) {
    operand = out;
    e.forRows(query, [&](Value row) {
      e.loop(e.index(0), e.index(type.getDim()), lanes, [&](Value column) {
        storePairs(e.load(e.f32s(), query, {row, column}), out, row, e.div(column, e.index(2)));
        // Prefetch a line of the head after the next one, the next tile of one of two workers.
        if (!isHeads)
          e.prefetch(query, {row, e.add(column, 2 * type.getDim())}, context.cpu.prefetch.cacheLevel);
      });
    });
  }
  for (Range range : ranges) {
    Value columns = e.mul(e.sub(range.end, range.begin), lanes);
    Value scores = slice(op.getScores(), e.mul(range.begin, lanes), columns);
    product(e.add(keys, e.mul(range.begin, layout.keyPanelBytes)), layout.keyPanelBytes, e.index(type.getDim()),
            operand, scores, false, isOne ? valuesOf(range) : Product::Prefetch());
  }
  e.forRows(query, [&](Value row) { RowSoftmax(*this, row).run(); });
  for (auto [index, range] : llvm::enumerate(ranges)) {
    Value columns = e.mul(e.sub(range.end, range.begin), lanes), first = e.mul(range.begin, lanes);
    Value at = e.add(values, offsetInPanel(first));
    Value weights = slice(op.getScores(), first, columns);
    auto sum = [&] {
      product(at, layout.valuePanelBytes, columns, weights, out, index > 0,
              isOne ? nextKeys(index) : Product::Prefetch());
    };
    if (index == 0)
      sum();
    else
      e.ifThen(e.less(range.begin, range.end), sum);
  }
  if (isRounded && !op.getSplit())
    e.forRows(out, [&](Value row) {
      Value factor = e.splat(e.loadScalar(op.getScores(), {row, factorColumn()}));
      e.loop(e.index(0), e.index(type.getValueDim()), lanes,
             [&](Value column) { e.store(e.mul(e.load(e.f32s(), out, {row, column}), factor), out, {row, column}); });
    });
}

} // namespace

void lathe::expand(kernel::AttentionOp op, VectorEmitter &e, KernelContext &context) {
  AttentionEmitter{op, e, context}.run();
}

void lathe::expand(kernel::CombinePartialsOp op, VectorEmitter &e) {
  int64_t heads = VectorEmitter::staticColumns(op.getStatistics()) / 2,
          dim = VectorEmitter::staticColumns(op.getOut()) / heads;
  int64_t lanes = VectorEmitter::lanesFor(dim);
  Value zero = e.index(0), splits = e.rowsOf(op.getInput());
  auto scalar = [&](double value) { return e.number(e.getF32Type(), value); };
  auto expOf = [&](Value x) { return Value(vector::ExtractOp::create(e, e.exp(e.splat(x, 1)), 0)); };
  e.loop(zero, e.index(heads), 1, [&](Value head) {
    auto statistic = [&](Value split, int64_t which) {
      return e.loadScalar(op.getStatistics(), {split, e.add(e.mul(head, 2), which)});
    };
    Value begin = e.mul(head, dim), end = e.add(begin, dim), sink;
    if (op.getSinks()) {
      auto [weights, offset] = getSegmentAndOffset(op.getSinks());
      sink = e.loadBytes(e.getF32Type(), weights, e.add(offset, e.mul(head, 4)));
    }
    Value peak = e.loop(zero, splits, 1, sink ? sink : scalar(-std::numeric_limits<double>::infinity()),
                        [&](Value split, ValueRange largest) {
                          return SmallVector<Value>{e.maximum(largest[0], statistic(split, 0))};
                        })[0];
    auto factor = [&](Value split) { return expOf(e.sub(statistic(split, 0), peak)); };
    Value sum =
        e.loop(zero, splits, 1, sink ? expOf(e.sub(sink, peak)) : scalar(0), [&](Value split, ValueRange total) {
          return SmallVector<Value>{e.add(total[0], e.mul(factor(split), statistic(split, 1)))};
        })[0];
    Value inverse = e.div(scalar(1), sum);
    // One split after another, so that the row of sums stays in the first cache.
    auto forColumns = [&](function_ref<Value(Value column)> make) {
      e.loop(begin, end, lanes, [&](Value column) { e.store(make(column), op.getOut(), {zero, column}); });
    };
    VectorType vector = e.f32s(lanes);
    forColumns([&](Value) { return e.number(vector, 0); });
    e.loop(zero, splits, 1, [&](Value split) {
      Value weight = e.splat(e.mul(factor(split), inverse), lanes);
      forColumns([&](Value column) {
        return e.fma(e.load(vector, op.getInput(), {split, column}), weight,
                     e.load(vector, op.getOut(), {zero, column}));
      });
    });
  });
}
