//===- AbsorbedAttention.cpp - attention to latent vectors, which are both keys and values ------------------------===//
//
// Goes over blocks of positions, as FlashAttention does. Scores are products of query rows and panels of the cache.
// They are then transposed, so that lanes are rows: the softmax needs no sums over lanes, and the weights are panels of
// 16 rows themselves. The values of a block, one row of positions for each dim, are multiplied by these panels as
// activations are by panels of weights.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"
#include <limits>

using namespace lathe;

namespace {

struct AbsorbedEmitter {
  kernel::AbsorbedAttentionOp op;
  VectorEmitter &e;
  KernelContext &context;
  lm::CacheType cache = cast<lm::CacheType>(op.getCache().getType());
  CacheLayout layout{cache};
  static constexpr int64_t lanes = kPanelRows;
  static constexpr int64_t kFirstCacheValues = 4608; // of all query rows, in the first cache beside a panel
  int64_t latent = cache.getLatent(), positions = op.getPositions();
  kernel::AbsorbedScratch scratch{cache, static_cast<int64_t>(op.getRows()), positions};
  Format format = cache.getElement().isF32() ? Format::F32 : Format::BF16;

  Value query = e.asRows(op.getQuery(), cache.getDim()), out = e.asRows(op.getOut(), latent);
  bool isHeads = query != op.getQuery(); // the rows are the heads of one row
  Value zero = e.index(0), rows = e.rowsOf(query);
  Value groups = e.ceilDiv(rows, e.index(lanes)); // of 16 rows, one in each lane
  // Parts of the scratch buffer. In `sums` and `state` lanes are rows; `weights` are panels of 16 rows, with a line for
  // each position.
  Value values = {}, sums = {}, weights = {}, scores = {}, state = {};
  enum State { Peak, Sum, Last };

  Value part(int64_t offset, int64_t partRows, int64_t columns);
  /// `rowCount` rows of a part from `first` on, and their first `columnCount` columns.
  Value corner(Value memory, OpFoldResult first, OpFoldResult rowCount, OpFoldResult columnCount) {
    SmallVector<OpFoldResult> offsets = {first, e.getIndexAttr(0)}, sizes = {rowCount, columnCount};
    SmallVector<OpFoldResult> strides(2, e.getIndexAttr(1));
    return memref::SubViewOp::create(e, memory, offsets, sizes, strides);
  }
  Value stateOf(State which, Value lane) { return e.load(e.f32s(), state, {e.index(which), lane}); }
  void keep(Value value, State which, Value lane) { e.store(value, state, {e.index(which), lane}); }

  void begin();
  void addScores(Value at, Value to);
  void makeWeights(Value group, Value first, Value panels);
  void addValues(Value at, Value panels);
  void finish(Value group);
  void run();
};

Value AbsorbedEmitter::part(int64_t offset, int64_t partRows, int64_t columns) {
  int64_t size = partRows * columns;
  SmallVector<OpFoldResult> offsets = {e.getIndexAttr(0), e.getIndexAttr(offset)};
  SmallVector<OpFoldResult> sizes = {e.getIndexAttr(1), e.getIndexAttr(size)}, strides(2, e.getIndexAttr(1));
  Value view = memref::SubViewOp::create(e, op.getScratch(), offsets, sizes, strides);
  return e.asRows(view, columns);
}

void AbsorbedEmitter::begin() {
  Value none = e.number(e.f32s(), 0);
  e.loop(zero, groups, 1, [&](Value group) {
    Value lane = e.mul(group, lanes);
    e.loop(zero, e.index(latent), 1, [&](Value value) { e.store(none, sums, {value, lane}); });
    keep(e.number(e.f32s(), -std::numeric_limits<float>::max()), Peak, lane);
    keep(none, Sum, lane);
    Value last = e.splat(e.cast(op.getPosition(), e.getI32Type()));
    if (!isHeads) {
      Value row = e.laneNumbers();
      row = e.add(row, e.splat(e.cast(lane, e.getI32Type())));
      if (op.getPerHead())
        row = e.rem(row, e.splat(e.cast(op.getPerHead(), e.getI32Type())));
      last = e.add(last, row);
    }
    keep(e.bitcast(e.f32s(), last), Last, lane);
  });
}

/// Scores of all rows and the panels from the cache's byte `at` on. It takes a part of the columns at a time, so that
/// this part of all rows stays in the first cache while the panels are read.
void AbsorbedEmitter::addScores(Value at, Value to) {
  Value segment = getSegmentAndOffset(op.getCache()).first;
  int64_t dim = cache.getDim(), parts = llvm::divideCeil(dim * static_cast<int64_t>(op.getRows()), kFirstCacheValues);
  int64_t partColumns = llvm::alignTo(llvm::divideCeil(dim, parts), layout.depth);
  for (int64_t column = 0; column < dim; column += partColumns) {
    int64_t count = std::min(partColumns, dim - column);
    SmallVector<OpFoldResult> offsets = {e.getIndexAttr(0), e.getIndexAttr(column)};
    SmallVector<OpFoldResult> sizes = {rows, e.getIndexAttr(count)}, strides(2, e.getIndexAttr(1));
    Value columns = memref::SubViewOp::create(e, query, offsets, sizes, strides);
    context.products.call(e, {segment, e.add(at, column * lanes * layout.elementBytes), e.index(layout.keyPanelBytes),
                              e.index(count), columns, to, format, layout.depth, Panels::Cache,
                              /*accumulates=*/column > 0});
  }
}

/// Turns the scores of 16 rows and `panels` panels from position `first` on into weights, relative to the largest score
/// so far, and scales the rows' earlier sums to it.
void AbsorbedEmitter::makeWeights(Value group, Value first, Value panels) {
  VectorType vector = e.f32s();
  Value lane = e.mul(group, lanes), line = e.mul(group, positions), count = e.mul(panels, lanes);
  e.loop(zero, panels, 1, [&](Value panel) {
    SmallVector<Value> block;
    Value last = e.sub(rows, e.index(1));
    for (int64_t i = 0; i < lanes; ++i) // lanes after the last row repeat it
      block.push_back(e.load(vector, scores, {e.minimum(e.add(lane, i), last), e.mul(panel, lanes)}));
    for (auto [i, ofPosition] : llvm::enumerate(e.transpose(block)))
      e.store(ofPosition, weights, {e.add(e.add(line, e.mul(panel, lanes)), i), zero});
  });
  Value seen = e.sub(e.bitcast(e.i32s(), stateOf(Last, lane)), e.splat(e.cast(first, e.getI32Type())));
  auto visible = [&](Value position) { return e.lessEqual(e.splat(e.cast(position, e.getI32Type())), seen); };
  Value scale = e.number(vector, op.getScale().convertToDouble());
  Value hidden = e.number(vector, -std::numeric_limits<double>::infinity());
  Value before = stateOf(Peak, lane);
  Value peak = e.loop(zero, count, 1, before, [&](Value position, ValueRange largest) {
    Value at[] = {e.add(line, position), zero};
    Value score = e.select(visible(position), e.mul(e.load(vector, weights, at), scale), hidden);
    e.store(score, weights, at);
    return SmallVector<Value>{e.maximum(largest[0], score)};
  })[0];
  Value total = e.loop(zero, count, 1, e.number(vector, 0), [&](Value position, ValueRange sum) {
    Value at[] = {e.add(line, position), zero};
    Value weight = e.exp(e.sub(e.load(vector, weights, at), peak));
    // The argument of exp() is clamped from below, so hidden positions must be set to 0.
    weight = e.select(visible(position), weight, e.number(vector, 0));
    e.store(weight, weights, at);
    return SmallVector<Value>{e.add(sum[0], weight)};
  })[0];
  Value factor = e.exp(e.sub(before, peak));
  keep(peak, Peak, lane);
  keep(e.add(e.mul(stateOf(Sum, lane), factor), total), Sum, lane);
  Value smallest = vector::ReductionOp::create(e, vector::CombiningKind::MINNUMF, factor);
  e.ifThen(e.less(smallest, e.number(e.getF32Type(), 1)), [&] {
    e.loop(zero, e.index(latent), 1,
           [&](Value value) { e.store(e.mul(e.load(vector, sums, {value, lane}), factor), sums, {value, lane}); });
  });
}

/// Adds the weighted values of `panels` panels from the cache's byte `at` on to the sums. It converts a part of the
/// values to f32 at a time, so that they stay in the first cache together with the weights.
void AbsorbedEmitter::addValues(Value at, Value panels) {
  Value segment = getSegmentAndOffset(op.getCache()).first, columns = e.mul(panels, lanes);
  int64_t depth = layout.depth, stepBytes = lanes * depth * layout.elementBytes;
  e.loop(zero, e.index(latent), kernel::AbsorbedScratch::kValues, [&](Value first) {
    Value count = e.minimum(e.sub(e.index(latent), first), e.index(kernel::AbsorbedScratch::kValues));
    Value begin = e.add(at, e.mul(e.div(first, e.index(depth)), stepBytes)), steps = e.ceilDiv(count, e.index(depth));
    e.loop(zero, panels, 1, [&](Value panel) {
      Value from = e.add(begin, e.mul(panel, layout.keyPanelBytes)), column = e.mul(panel, lanes);
      e.loop(zero, steps, 1, [&](Value step) {
        SmallVector<Value> ofStep = loadStep(e, segment, e.add(from, e.mul(step, stepBytes)), format, depth);
        for (auto [d, value] : llvm::enumerate(ofStep))
          e.store(value, values, {e.add(e.mul(step, depth), d), column});
      });
    });
    context.products.call(e, {e.asLine(weights), zero, e.index(positions * lanes), columns,
                              corner(values, zero, count, columns), corner(sums, first, count, e.mul(groups, lanes)),
                              Format::F32, 1, Panels::Scratch,
                              /*accumulates=*/true});
  });
}

void AbsorbedEmitter::finish(Value group) {
  Value lane = e.mul(group, lanes), factor = e.number(e.f32s(), 1);
  if (!op.getSplit())
    factor = e.div(factor, stateOf(Sum, lane));
  auto forRows = [&](function_ref<void(int64_t i, Value row)> body) {
    for (int64_t i = 0; i < lanes; ++i) {
      Value row = e.add(lane, i);
      e.ifThen(e.less(row, rows), [&] { body(i, row); });
    }
  };
  auto transposeValues = [&](Value first, int64_t count) {
    SmallVector<Value> block;
    for (int64_t i = 0; i < lanes; ++i)
      block.push_back(e.mul(e.load(e.f32s(), sums, {e.add(first, i), lane}), factor));
    SmallVector<Value> ofRows = e.transpose(block);
    forRows([&](int64_t i, Value row) {
      Value some = ofRows[i];
      if (count < lanes)
        some = vector::ExtractStridedSliceOp::create(e, some, {0}, {count}, {1});
      e.store(some, out, {row, first});
    });
  };
  Value whole = e.index(latent / lanes * lanes);
  e.loop(zero, whole, lanes, [&](Value first) { transposeValues(first, lanes); });
  if (latent % lanes)
    transposeValues(whole, latent % lanes);
  if (!op.getSplit())
    return;
  Value peaks = stateOf(Peak, lane), totals = stateOf(Sum, lane);
  forRows([&](int64_t i, Value row) {
    auto storeStatistic = [&](Value of, int64_t column) {
      memref::StoreOp::create(e, vector::ExtractOp::create(e, of, i), op.getStatistics(),
                              ValueRange{zero, e.add(e.mul(row, 2), column)});
    };
    storeStatistic(peaks, 0);
    storeStatistic(totals, 1);
  });
}

void AbsorbedEmitter::run() {
  values = part(scratch.values, kernel::AbsorbedScratch::kValues, positions);
  sums = part(scratch.sums, scratch.sumRows, scratch.lanes);
  weights = part(scratch.weights, scratch.lanes / lanes * positions, lanes);
  scores = part(scratch.scores, scratch.lanes, positions);
  state = part(scratch.state, 3, scratch.lanes);
  Value keys = getSegmentAndOffset(op.getCache()).second;
  Value seen = isHeads ? e.index(1) : op.getPerHead() ? Value(op.getPerHead()) : rows;
  Value end = e.ceilDiv(e.add(op.getPosition(), seen), e.index(lanes)), first = zero;
  if (op.getSplit()) {
    auto edge = [&, all = end](Value split) { return e.div(e.mul(split, all), Value(op.getSplits())); };
    first = edge(op.getSplit());
    end = edge(e.add(Value(op.getSplit()), 1));
  }
  begin();
  e.loop(first, end, positions / lanes, [&](Value panel) {
    Value panels = e.minimum(e.sub(end, panel), e.index(positions / lanes)), columns = e.mul(panels, lanes);
    Value at = e.add(keys, e.mul(panel, layout.keyPanelBytes));
    addScores(at, corner(scores, zero, rows, columns));
    e.loop(zero, groups, 1, [&](Value group) { makeWeights(group, e.mul(panel, lanes), panels); });
    addValues(at, panels);
  });
  e.loop(zero, groups, 1, [&](Value group) { finish(group); });
}

} // namespace

void lathe::expand(kernel::AbsorbedAttentionOp op, VectorEmitter &e, KernelContext &context) {
  AbsorbedEmitter{op, e, context}.run();
}
