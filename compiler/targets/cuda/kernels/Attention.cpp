//===- Attention.cpp - attention of a few query rows to the positions of a KV head --------------------------------===//
//
// Query rows are heads of one row that share a KV head, or rows of one head. Each warp takes panels of 16 positions (w,
// w + warps, ...) and keeps, for each query row, the largest score so far, the sum of weights and the weighted sum of
// values, as FlashAttention does. Warps need not wait for each other until their results are combined at the end.
//
// Scores of a panel: a lane reads 16 bytes, 4 positions at one or two dims. The lanes that have the same positions add
// up their sums, and divide the query rows among themselves. Weights go to shared memory, from which each lane takes
// those of all query rows. Values: a lane has 4 neighbouring dims, so the weighted sums stay in its registers.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/kernels/Kernels.h"
#include "compiler/targets/cuda/kernels/LanePanel.h"
#include "compiler/targets/cuda/kernels/PanelScores.h"
#include <limits>

using namespace lathe;

namespace {

class AttentionEmitter {
public:
  AttentionEmitter(kernel::AttentionOp op, BlockEmitter &e);

  void run();

private:
  using Values = SmallVector<Value>;
  static constexpr int64_t kMaxRows = 8;  // query rows of a pass
  static constexpr int64_t kMaxSums = 64; // weighted sums of a lane
  static constexpr int64_t kUnrolled = 8; // loads that are begun before the first is used
  static constexpr int64_t kDims = 4;     // that a lane reads at once
  static constexpr int64_t kPositions = PanelScores::kPositions;
  static constexpr int64_t kSharedValues = 2048; // of weighted sums that the warps exchange at once

  /// What the rows of a pass see: the panels [begin, end) of a sequence in which a ring is unrolled.
  struct Visible {
    Value begin, end;
    Value first, firstCount;  // the first panel, and panels until the ring's end (null: the cache is no ring)
    Value oldest, oldestSlot; // the first visible position (null: 0), and where the ring has it
  };
  /// What a warp has computed so far.
  struct State {
    Values sums;   // [chunks of 128 dims][rows][4]
    Values peaks;  // largest scores, of the lane's rows
    Values totals; // sums of weights, of the lane's rows and positions
  };

  void pass(Value first);
  Visible findVisible();
  Value panelOf(const Visible &visible, Value number);
  Value firstVisible(Value position);

  void addPanel(const Visible &visible, Value panel, State &state);
  Values scoresOf(Value panel);
  void makeWeights(const Visible &visible, Value panel, Values scores, State &state);
  Value loadValues(Value panel, Value step, int64_t chunk);
  Values addValues(Value step, ArrayRef<Value> loaded, Values sums);
  Value adjusted(Value score, Value position);
  Value temperatureAt(Value position);
  Value isVisible(const Visible &visible, Value panel, int64_t i, Value position);
  /// Weights of all rows at a position of the panel; position 16 has the factors of earlier sums.
  Values loadWeights(Value position);

  void combineWarps(State state);
  void combineRow(Value r, Value states, Value factors);
  void storeSums(const State &state, Value factors);

  int64_t rowsOfPass() const;
  /// Whether a pass may have rows after the last one.
  bool isPadded() const { return ShapedType::isDynamic(known) || known % rows; }
  /// Row `r` of a pass, and its position. Rows after the last one repeat it.
  Value queryRow(Value r) { return isPadded() ? e.minimum(e.add(first, r), e.add(count, -1)) : e.add(first, r); }
  Value positionOf(Value r) { return isHeads ? Value(op.getPosition()) : e.add(op.getPosition(), queryRow(r)); }
  Values loadQuery(Value r, Value column);
  Value rounded(Value x) {
    return op.getRounded() ? arith::ExtFOp::create(e, e.getF32Type(), e.toBF16(x)).getResult() : x;
  }
  Value f32(double value) { return e.number(e.getF32Type(), value); }
  /// The lane's 16 bytes of the 64 from byte `line` on.
  Value load16(Value line) {
    Value at = e.add(line, e.mul(lanes.partOfLine(), kLaneBytes));
    return e.loadBytes(VectorType::get({kLaneBytes}, e.getI8Type()), segment, at, kLaneBytes);
  }

  kernel::AttentionOp op;
  BlockEmitter &e;
  const lm::CacheType type;
  const CacheLayout layout;
  const Format format;
  const int64_t dim;
  const bool isHeads;  // query rows are heads of one row
  const int64_t known; // number of query rows; ShapedType::kDynamic: known at run time only
  const int64_t valuePanels, panelsAtOnce, chunks;
  const int64_t positionGroups; // lanes that have the same dims divide positions among themselves
  const int64_t rows;           // query rows of a pass
  PanelScores lanes;
  Value segment, keys, values, count;
  Value first;   // query row of a pass
  Value weights; // shared: [warps][17][rows]
};

AttentionEmitter::AttentionEmitter(kernel::AttentionOp op, BlockEmitter &e)
    : op(op), e(e), type(cast<lm::CacheType>(op.getCache().getType())), layout(type),
      format(type.getElement().isF32() ? Format::F32 : Format::BF16), dim(type.getDim()),
      isHeads(RowEmitter::staticColumns(op.getQuery()) != dim),
      known(isHeads ? RowEmitter::staticColumns(op.getQuery()) / dim
                    : cast<MemRefType>(op.getQuery().getType()).getDimSize(0)),
      valuePanels(llvm::divideCeil(dim, kPanelRows)),
      panelsAtOnce(std::min<int64_t>(PanelScores::kLinesAtOnce, llvm::PowerOf2Ceil(valuePanels))),
      chunks(llvm::divideCeil(valuePanels, PanelScores::kLinesAtOnce)),
      positionGroups(PanelScores::kLinesAtOnce / panelsAtOnce), rows(rowsOfPass()), lanes(e, format, dim, rows) {
  Value offset;
  std::tie(segment, offset) = getSegmentAndOffset(op.getCache());
  keys = e.add(offset, e.mul(op.getHead(), layout.headBytes));
  values = e.add(keys, layout.valuesOffset);
  count = isHeads ? e.index(known) : e.rowsOf(op.getQuery());
  weights = e.shared("attention.weights", e.getWarps() * (kPanelRows + 1) * rows);
}

int64_t AttentionEmitter::rowsOfPass() const {
  const int64_t most = std::clamp<int64_t>(kMaxSums / (kDims * chunks), 1, kMaxRows);
  return ShapedType::isDynamic(known) ? most : llvm::divideCeil(known, llvm::divideCeil(known, most));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Positions
//===--------------------------------------------------------------------------------------------------------------===//

/// The first position that a query at `position` sees.
Value AttentionEmitter::firstVisible(Value position) {
  Value window = e.index(type.getWindow());
  if (type.getChunked())
    return e.sub(position, e.rem(position, window));
  return e.maximum(e.add(e.sub(position, window), 1), e.index(0));
}

AttentionEmitter::Visible AttentionEmitter::findVisible() {
  Visible visible;
  Value end = e.add(positionOf(e.index(rows - 1)), 1), panel = e.index(kPanelRows), all;
  if (type.getWindow()) {
    Value slots = e.index(type.getRows());
    visible.oldest = firstVisible(positionOf(e.index(0)));
    visible.oldestSlot = e.rem(visible.oldest, slots);
    visible.first = e.div(visible.oldestSlot, panel);
    Value endSlot = e.add(visible.oldestSlot, e.sub(end, visible.oldest)); // may be past the ring's end
    visible.firstCount = e.sub(e.ceilDiv(e.minimum(endSlot, slots), panel), visible.first);
    // If the ring wraps into the first panel, it has been counted.
    Value wrapped = e.maximum(e.sub(endSlot, slots), e.index(0));
    all = e.add(visible.firstCount, e.minimum(e.ceilDiv(wrapped, panel), visible.first));
  } else {
    all = e.ceilDiv(end, panel);
  }
  auto edge = [&](Value split) { return e.div(e.mul(split, all), Value(op.getSplits())); };
  visible.begin = op.getSplit() ? edge(op.getSplit()) : e.index(0);
  visible.end = op.getSplit() ? edge(e.add(Value(op.getSplit()), 1)) : all;
  return visible;
}

Value AttentionEmitter::panelOf(const Visible &visible, Value number) {
  if (!visible.first)
    return number;
  return e.select(e.less(number, visible.firstCount), e.add(visible.first, number), e.sub(number, visible.firstCount));
}

/// Whether a query at `position` sees the lane's position `i` of the panel.
Value AttentionEmitter::isVisible(const Visible &visible, Value panel, int64_t i, Value position) {
  Value slot = e.add(e.add(e.mul(panel, kPanelRows), lanes.firstPosition()), i);
  if (!visible.oldest)
    return e.lessEqual(slot, position);
  Value key = e.add(slot, e.sub(visible.oldest, visible.oldestSlot));
  key = e.select(e.less(slot, visible.oldestSlot), e.add(key, type.getRows()), key);
  return arith::AndIOp::create(e, e.lessEqual(key, position), e.lessEqual(firstVisible(position), key));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Scores
//===--------------------------------------------------------------------------------------------------------------===//

/// The dims [column, column + depth) of a query row.
AttentionEmitter::Values AttentionEmitter::loadQuery(Value r, Value column) {
  Value row = queryRow(r);
  Values at = isHeads ? Values{e.index(0), e.add(e.mul(row, dim), column)} : Values{row, column};
  // Heads begin at multiples of dim, which is even next to bf16.
  return llvm::map_to_vector(e.loadVector(layout.depth, op.getQuery(), at), [&](Value x) { return rounded(x); });
}

/// Products of the rows of a pass and a panel's keys, [rows of the lane][4 positions].
AttentionEmitter::Values AttentionEmitter::scoresOf(Value panel) {
  Value begin = e.add(keys, e.mul(panel, layout.keyPanelBytes));
  return lanes.compute([&](Value line) { return load16(e.add(begin, e.mul(line, PanelScores::kLineBytes))); },
                       [&](int64_t r, Value column) { return loadQuery(e.index(r), column); });
}

/// The factor of the scores of a query at `position`: 1 + scale * log(f).
Value AttentionEmitter::temperatureAt(Value position) {
  lm::TemperatureAttr temperature = *op.getTemperature();
  auto toF32 = [&](Value index) { return e.toF32(e.cast(index, e.getI32Type())); };
  Value length = e.index(temperature.getLength()), f;
  if (temperature.getStepped())
    f = e.add(f32(1), toF32(e.div(e.add(position, 1), length)));
  else
    f = e.maximum(f32(1), e.div(toF32(position), toF32(length)));
  return e.fma(e.log(f), f32(temperature.getScale().value), f32(1));
}

/// Scale, soft cap and temperature. cap * tanh(x / cap) = 2 * cap / (1 + exp(-2 x / cap)) - cap.
Value AttentionEmitter::adjusted(Value score, Value position) {
  score = e.mul(score, f32(op.getScale().convertToDouble()));
  if (double cap = op.getSoftcap().convertToDouble(); cap != 0) {
    Value half = e.div(f32(1), e.add(f32(1), e.exp(e.mul(score, f32(-2 / cap)))));
    score = e.fma(half, f32(2 * cap), f32(-cap));
  }
  return op.getTemperature() ? e.mul(score, temperatureAt(position)) : score;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Weighted sums
//===--------------------------------------------------------------------------------------------------------------===//

/// A step is one line of each of the warp's panels of values. The first line is that of the panel's first position.
Value AttentionEmitter::loadValues(Value panel, Value step, int64_t chunk) {
  Value lane = e.rem(lanes.lineOfLane(), e.index(panelsAtOnce)),
        positions = e.div(lanes.lineOfLane(), e.index(panelsAtOnce));
  Value valuePanel = e.add(lane, chunk * PanelScores::kLinesAtOnce);
  if (valuePanels % panelsAtOnce)
    valuePanel = e.minimum(valuePanel, e.index(valuePanels - 1)); // computes sums that nothing stores
  Value line = e.add(e.add(e.mul(panel, kPanelRows / layout.depth), e.mul(step, positionGroups)), positions);
  Value at = e.add(e.mul(valuePanel, layout.valuePanelBytes), e.mul(line, PanelScores::kLineBytes));
  return load16(e.add(values, at));
}

AttentionEmitter::Values AttentionEmitter::loadWeights(Value position) {
  Value at = e.mul(e.add(e.mul(e.warp(), kPanelRows + 1), position), rows);
  const int64_t width = rows % 4 == 0 ? 4 : rows % 2 == 0 ? 2 : 1;
  Values loaded;
  for (int64_t r = 0; r < rows; r += width)
    loaded.append(e.loadVector(width, weights, e.add(at, r)));
  return loaded;
}

/// Turns the scores of a panel into weights, relative to the largest scores so far.
void AttentionEmitter::makeWeights(const Visible &visible, Value panel, Values scores, State &state) {
  auto put = [&](Value weight, Value position, Value row) {
    Value at = e.mul(e.add(e.mul(e.warp(), kPanelRows + 1), position), rows);
    memref::StoreOp::create(e, weight, weights, e.add(at, row));
  };
  for (int64_t r = 0; r < lanes.getRowsOfLane(); ++r) {
    Value row = e.add(lanes.getFirstRow(), r), position = positionOf(row), peak = state.peaks[r];
    MutableArrayRef<Value> own = MutableArrayRef(scores).slice(r * kPositions, kPositions);
    Values visibles;
    for (auto [i, score] : llvm::enumerate(own)) {
      visibles.push_back(isVisible(visible, panel, i, position));
      score = e.select(visibles.back(), adjusted(score, position), f32(-std::numeric_limits<double>::infinity()));
      peak = e.maximum(peak, score);
    }
    peak = e.largestOfLanes(peak, PanelScores::kParts);
    Value factor = e.exp(e.sub(state.peaks[r], peak)), total = e.mul(state.totals[r], factor);
    for (auto [i, score] : llvm::enumerate(own)) {
      // The argument of exp() is clamped from below, so hidden positions must be set to 0.
      Value weight = e.select(visibles[i], e.exp(e.sub(score, peak)), f32(0));
      total = e.add(total, weight);
      put(rounded(weight), e.add(lanes.firstPosition(), i), row);
    }
    put(factor, e.index(kPanelRows), row);
    state.peaks[r] = peak;
    state.totals[r] = total;
  }
}

/// Adds the weighted values of a step; `loaded` has those of each chunk.
AttentionEmitter::Values AttentionEmitter::addValues(Value step, ArrayRef<Value> loaded, Values sums) {
  Value line = e.add(e.mul(step, positionGroups), e.div(lanes.lineOfLane(), e.index(panelsAtOnce)));
  for (int64_t d = 0; d < layout.depth; ++d) {
    Values ofRows = loadWeights(e.add(e.mul(line, layout.depth), d));
    for (int64_t chunk = 0; chunk < chunks; ++chunk)
      for (auto [i, value] : llvm::enumerate(widen(e, format, loaded[chunk], layout.depth, d)))
        for (int64_t r = 0; r < rows; ++r) {
          Value &sum = sums[(chunk * rows + r) * kDims + i];
          sum = e.fma(ofRows[r], value, sum);
        }
  }
  return sums;
}

/// Adds a panel to the state.
void AttentionEmitter::addPanel(const Visible &visible, Value panel, State &state) {
  const int64_t steps = kPanelRows / layout.depth / positionGroups;
  auto load = [&](Value step) {
    return llvm::map_to_vector(llvm::seq(chunks), [&](int64_t chunk) { return loadValues(panel, step, chunk); });
  };
  // Loads of values begin before scores are computed where there are registers for all of them.
  const bool isEarly = steps * chunks <= kUnrolled;
  Values early;
  if (isEarly)
    for (int64_t step = 0; step < steps; ++step)
      early.append(load(e.index(step)));
  Values scores = scoresOf(panel);

  e.syncWarp(); // the weights of the panel before have been read
  makeWeights(visible, panel, scores, state);
  e.syncWarp();

  Values factors = loadWeights(e.index(kPanelRows));
  for (auto [i, sum] : llvm::enumerate(state.sums))
    sum = e.mul(sum, factors[i / kDims % rows]);
  if (isEarly) {
    for (int64_t step = 0; step < steps; ++step)
      state.sums = addValues(e.index(step), ArrayRef(early).slice(step * chunks, chunks), state.sums);
    return;
  }
  const int64_t unrolled = std::min(steps, std::max<int64_t>(llvm::bit_floor<uint64_t>(kUnrolled / chunks), 1));
  state.sums = e.loop(e.index(0), e.index(steps), unrolled, state.sums, [&](Value step, ValueRange before) {
    SmallVector<Values> loaded;
    for (int64_t s = 0; s < unrolled; ++s)
      loaded.push_back(load(e.add(step, s)));
    Values sums(before);
    for (int64_t s = 0; s < unrolled; ++s)
      sums = addValues(e.add(step, s), loaded[s], sums);
    return sums;
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// The warps' results
//===--------------------------------------------------------------------------------------------------------------===//

/// From the states of the warps for row `r`: the factors of their sums, and what else the row needs.
void AttentionEmitter::combineRow(Value r, Value states, Value factors) {
  auto stateOf = [&](int64_t warp, int64_t which) {
    return e.loadScalar(states, e.add(e.mul(e.add(r, warp * rows), 2), which));
  };
  Value row = queryRow(r), sink, peak = stateOf(0, 0);
  for (int64_t warp = 1; warp < e.getWarps(); ++warp)
    peak = e.maximum(peak, stateOf(warp, 0));
  if (op.getSinks()) {
    auto [segment, offset] = getSegmentAndOffset(op.getSinks());
    Value head = isHeads ? e.add(op.getSink(), row) : Value(op.getSink());
    sink = e.loadBytes(e.getF32Type(), segment, e.add(offset, e.mul(head, 4)), /*alignment=*/4);
    peak = e.maximum(peak, sink);
  }
  Values factorsOfWarps;
  Value total = sink ? e.exp(e.sub(sink, peak)) : f32(0); // a sink counts in the sum of weights, and has no value
  for (int64_t warp = 0; warp < e.getWarps(); ++warp) {
    factorsOfWarps.push_back(e.exp(e.sub(stateOf(warp, 0), peak)));
    total = e.fma(factorsOfWarps.back(), stateOf(warp, 1), total);
  }
  if (op.getSplit()) {
    Value column = e.mul(row, 2);
    memref::StoreOp::create(e, peak, op.getStatistics(), ValueRange{e.index(0), column});
    memref::StoreOp::create(e, total, op.getStatistics(), ValueRange{e.index(0), e.add(column, 1)});
  }
  Value inverse = op.getSplit() ? Value() : e.div(f32(1), total);
  for (auto [warp, factor] : llvm::enumerate(factorsOfWarps))
    memref::StoreOp::create(e, inverse ? e.mul(factor, inverse) : factor, factors, e.add(r, warp * rows));
}

void AttentionEmitter::combineWarps(State state) {
  for (Value &total : state.totals)
    total = e.sumOfLanes(total, PanelScores::kParts);
  // [warps][rows][peak, total], [warps][rows]
  Value states = e.shared("attention.states", e.getWarps() * rows * 2);
  Value factors = e.shared("attention.factors", e.getWarps() * rows);
  for (int64_t r = 0; r < lanes.getRowsOfLane(); ++r) {
    Value at = e.mul(e.add(e.add(e.mul(e.warp(), rows), lanes.getFirstRow()), r), 2);
    memref::StoreOp::create(e, state.peaks[r], states, at);
    memref::StoreOp::create(e, state.totals[r], states, e.add(at, 1));
  }
  e.sync();
  e.forThreads(rows, [&](Value r) { combineRow(r, states, factors); });
  e.sync();
  storeSums(state, factors);
}

/// Adds the warps' sums. They exchange those of some rows and chunks at once.
void AttentionEmitter::storeSums(const State &state, Value factors) {
  const int64_t width = panelsAtOnce * kPanelRows, units = chunks * rows, warps = e.getWarps();
  const int64_t atOnce = std::clamp<int64_t>(kSharedValues / (warps * width), 1, units);
  Values sums(state.sums);
  for (auto [i, sum] : llvm::enumerate(sums)) {
    for (int64_t mask = kDims * panelsAtOnce; mask < BlockEmitter::kWarp; mask *= 2)
      sum = e.add(sum, e.exchange(sum, mask));
    Value at = e.add(e.mul(e.warp(), rows), i / kDims % rows);
    sum = e.mul(sum, e.loadScalar(factors, at));
  }
  Value ofWarps = e.shared("attention.sums", warps * atOnce * width); // [warps][units][dims]
  for (int64_t begin = 0; begin < units; begin += atOnce) {
    const int64_t some = std::min(atOnce, units - begin);
    if (begin)
      e.sync(); // the sums of the units before have been read
    e.ifThen(e.less(lanes.lineOfLane(), e.index(panelsAtOnce)), [&] {
      Value dims = e.mul(e.lane(), kDims);
      for (int64_t unit = 0; unit < some; ++unit) {
        Value at = e.add(e.mul(e.add(e.mul(e.warp(), atOnce), unit), width), dims);
        e.storeVector(ArrayRef(sums).slice((begin + unit) * kDims, kDims), ofWarps, at);
      }
    });
    e.sync();
    e.forThreads(some * width, [&](Value i) {
      Value unit = e.add(e.div(i, e.index(width)), begin);
      Value r = e.rem(unit, e.index(rows)), row = e.add(first, r);
      Value column = e.add(e.mul(e.div(unit, e.index(rows)), width), e.rem(i, e.index(width)));
      Value isInside = arith::AndIOp::create(e, e.less(row, count), e.less(column, e.index(dim)));
      e.ifThen(isInside, [&] {
        Value sum = e.loadScalar(ofWarps, i);
        for (int64_t warp = 1; warp < warps; ++warp)
          sum = e.add(sum, e.loadScalar(ofWarps, e.add(i, warp * atOnce * width)));
        Values at = isHeads ? Values{e.index(0), e.add(e.mul(row, dim), column)} : Values{row, column};
        memref::StoreOp::create(e, sum, op.getOut(), at);
      });
    });
  }
}

void AttentionEmitter::pass(Value row) {
  first = row;
  Visible visible = findVisible();
  const size_t sums = chunks * rows * kDims;
  Values begin(sums, f32(0));
  begin.append(lanes.getRowsOfLane(), f32(-std::numeric_limits<float>::max()));
  begin.append(lanes.getRowsOfLane(), f32(0));
  auto unpack = [&](ValueRange values) {
    return State{Values(values.take_front(sums)), Values(values.slice(sums, lanes.getRowsOfLane())),
                 Values(values.take_back(lanes.getRowsOfLane()))};
  };
  Values end =
      e.loop(e.add(visible.begin, e.warp()), visible.end, e.getWarps(), begin, [&](Value number, ValueRange before) {
        State state = unpack(before);
        addPanel(visible, panelOf(visible, number), state);
        state.sums.append(state.peaks);
        state.sums.append(state.totals);
        return state.sums;
      });
  combineWarps(unpack(end));
}

void AttentionEmitter::run() {
  e.loop(e.index(0), count, rows, [&](Value row) { pass(row); });
}

} // namespace

void lathe::expand(kernel::AttentionOp op, BlockEmitter &e) { AttentionEmitter(op, e).run(); }
