//===- AbsorbedAttention.cpp - attention to latent vectors, which are both keys and values ------------------------===//
//
// Goes over blocks of positions, as FlashAttention does. Scores: a warp takes a panel of 16 positions and up to 16
// query rows. Softmax: a warp takes a row. Weighted sums: a thread takes a line of the panels, which is one latent
// value or two of each position, and multiplies it by the weights of all rows. The weights are in shared memory.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/kernels/Kernels.h"
#include "compiler/targets/cuda/kernels/LanePanel.h"
#include "compiler/targets/cuda/kernels/OnlineSoftmax.h"
#include "compiler/targets/cuda/kernels/PanelScores.h"
#include <limits>

using namespace lathe;

namespace {

class AbsorbedEmitter {
public:
  AbsorbedEmitter(kernel::AbsorbedAttentionOp op, BlockEmitter &e);

  void run();

private:
  using Values = SmallVector<Value>;
  static constexpr int64_t kGroupRows = 16;      // rows whose products a warp computes at once
  static constexpr int64_t kSharedValues = 2048; // weights of a pass

  void pass(Value first);
  void addScores(Value begin, Value panels);
  void addValues(Value begin, Value panels);
  void addLine(Value line, Value group, Value begin, Value panels);
  void finish();

  Value load16(Value panel, Value line, Value part);
  /// Row of the op for row `r` of the pass. Rows after the last one repeat it.
  Value queryRow(Value r) { return e.minimum(e.add(first, r), e.add(count, -1)); }
  Value positionOf(Value r);
  Values at(Value row, int64_t columns, Value column) {
    return isHeads ? Values{e.index(0), e.add(e.mul(row, columns), column)} : Values{row, column};
  }
  void forLines(function_ref<void(Value line)> body) { e.forThreads(latent / layout.depth, body); }
  void forRows(function_ref<void(Value r)> body) { e.loop(e.index(0), rowCount, 1, body); }
  Values stateAt(Value r, int64_t which) { return {e.add(e.mul(r, 3), which)}; }
  Value f32(double value) { return e.number(e.getF32Type(), value); }

  kernel::AbsorbedAttentionOp op;
  BlockEmitter &e;
  const lm::CacheType cache;
  const CacheLayout layout;
  const Format format;
  const int64_t latent, positions;
  const bool isHeads;               // query rows are heads of one row
  int64_t rows, groupRows;          // of a pass, of a group
  bool hasPasses;                   // several
  std::optional<PanelScores> lanes; // of the rows of a group
  Value segment, keys, count;
  Value weights, state;          // shared: [rows][positions], [rows][3]
  Value first, rowCount, groups; // of the pass: its first row, rows and groups
};

} // namespace

AbsorbedEmitter::AbsorbedEmitter(kernel::AbsorbedAttentionOp op, BlockEmitter &e)
    : op(op), e(e), cache(cast<lm::CacheType>(op.getCache().getType())), layout(cache),
      format(cache.getElement().isF32() ? Format::F32 : Format::BF16), latent(cache.getLatent()),
      positions(op.getPositions()), isHeads(RowEmitter::staticColumns(op.getQuery()) != cache.getDim()) {
  const int64_t columns = RowEmitter::staticColumns(op.getQuery());
  int64_t known = isHeads ? columns / cache.getDim() : cast<MemRefType>(op.getQuery().getType()).getDimSize(0);
  if (ShapedType::isDynamic(known))
    known = op.getRows();
  rows = std::min(known, std::max<int64_t>(kSharedValues / positions, 1));
  hasPasses = rows < known;
  groupRows = llvm::divideCeil(rows, llvm::divideCeil(rows, kGroupRows));
  lanes.emplace(e, format, cache.getDim(), groupRows);
  std::tie(segment, keys) = getSegmentAndOffset(op.getCache());
  count = isHeads ? e.index(known) : e.rowsOf(op.getQuery());
  // Whole groups: the last one may have rows after the last row.
  const int64_t padded = llvm::alignTo(rows, groupRows);
  weights = e.shared("absorbed.weights", padded * positions);
  state = e.shared("absorbed.state", padded * 3);
}

Value AbsorbedEmitter::positionOf(Value r) {
  if (isHeads)
    return op.getPosition();
  Value row = queryRow(r);
  return e.add(op.getPosition(), op.getPerHead() ? e.rem(row, op.getPerHead()) : row);
}

/// 16 of the 64 bytes of a line: 4 positions from 4 * part on.
Value AbsorbedEmitter::load16(Value panel, Value line, Value part) {
  Value byte = e.add(e.mul(panel, layout.keyPanelBytes), e.mul(line, PanelScores::kLineBytes));
  byte = e.add(e.add(keys, byte), e.mul(part, kLaneBytes));
  return e.loadBytes(VectorType::get({kLaneBytes}, e.getI8Type()), segment, byte, kLaneBytes);
}

/// Scores of all rows and the panels from `begin` on.
void AbsorbedEmitter::addScores(Value begin, Value panels) {
  Value scale = f32(op.getScale().convertToDouble()), hidden = f32(-std::numeric_limits<double>::infinity());
  e.forWarps(e.mul(panels, groups), [&](Value unit) {
    Value slot = e.rem(unit, panels), panel = e.add(begin, slot), firstRow = e.mul(e.div(unit, panels), groupRows);
    Values scores = lanes->compute([&](Value line) { return load16(panel, line, lanes->partOfLine()); },
                                   [&](int64_t r, Value column) {
                                     return e.loadVector(layout.depth, op.getQuery(),
                                                         at(queryRow(e.add(firstRow, r)), cache.getDim(), column));
                                   });
    for (int64_t r = 0; r < lanes->getRowsOfLane(); ++r) {
      Value row = e.add(firstRow, e.add(lanes->getFirstRow(), r)), position = positionOf(row);
      Values own;
      for (int64_t i = 0; i < PanelScores::kPositions; ++i) {
        Value key = e.add(e.add(e.mul(panel, kPanelRows), lanes->firstPosition()), i);
        Value score = e.mul(scores[r * PanelScores::kPositions + i], scale);
        own.push_back(e.select(e.lessEqual(key, position), score, hidden));
      }
      Value column = e.add(e.mul(slot, kPanelRows), lanes->firstPosition());
      e.storeVector(own, weights, e.add(e.mul(row, positions), column));
    }
  });
}

/// Adds the weighted values of a line to the sums of a group's rows.
void AbsorbedEmitter::addLine(Value line, Value group, Value begin, Value panels) {
  const int64_t depth = layout.depth, parts = PanelScores::kParts;
  auto rowAt = [&](int64_t r) { return e.minimum(e.add(e.mul(group, groupRows), r), e.add(rowCount, -1)); };
  auto outAt = [&](int64_t r, int64_t d) { return at(e.add(first, rowAt(r)), latent, e.add(e.mul(line, depth), d)); };
  Values sums;
  for (int64_t r = 0; r < groupRows; ++r) {
    Value factor = e.loadScalar(state, stateAt(rowAt(r), OnlineSoftmax::Factor));
    for (int64_t d = 0; d < depth; ++d)
      sums.push_back(e.mul(e.loadScalar(op.getOut(), outAt(r, d)), factor));
  }
  sums = e.loop(e.index(0), panels, 1, sums, [&](Value slot, ValueRange before) {
    Values after(before), loaded;
    for (int64_t part = 0; part < parts; ++part)
      loaded.push_back(load16(e.add(begin, slot), line, e.index(part)));
    for (int64_t part = 0; part < parts; ++part) {
      SmallVector<Values> wide;
      for (int64_t d = 0; d < depth; ++d)
        wide.push_back(widen(e, format, loaded[part], depth, d));
      for (int64_t r = 0; r < groupRows; ++r) {
        Value column = e.add(e.mul(slot, kPanelRows), part * PanelScores::kPositions);
        Values ofRow = e.loadVector(PanelScores::kPositions, weights, e.add(e.mul(rowAt(r), positions), column));
        for (int64_t d = 0; d < depth; ++d)
          for (int64_t i = 0; i < PanelScores::kPositions; ++i) {
            Value &sum = after[r * depth + d];
            sum = e.fma(ofRow[i], wide[d][i], sum);
          }
      }
    }
    return after;
  });
  for (int64_t r = 0; r < groupRows; ++r)
    e.ifThen(e.less(e.add(e.mul(group, groupRows), r), rowCount), [&] {
      for (int64_t d = 0; d < depth; ++d)
        memref::StoreOp::create(e, sums[r * depth + d], op.getOut(), outAt(r, d));
    });
}

void AbsorbedEmitter::addValues(Value begin, Value panels) {
  forLines(
      [&](Value line) { e.loop(e.index(0), groups, 1, [&](Value group) { addLine(line, group, begin, panels); }); });
}

/// A thread's sums are those of its lines, so that it need not wait for others.
void AbsorbedEmitter::finish() {
  auto forOwn = [&](function_ref<void(Value r, ValueRange at)> body) {
    forLines([&](Value line) {
      forRows([&](Value r) {
        for (int64_t d = 0; d < layout.depth; ++d)
          body(r, at(e.add(first, r), latent, e.add(e.mul(line, layout.depth), d)));
      });
    });
  };
  if (!op.getSplit())
    return forOwn([&](Value r, ValueRange at) {
      Value total = e.loadScalar(state, stateAt(r, OnlineSoftmax::Total));
      memref::StoreOp::create(e, e.div(e.loadScalar(op.getOut(), at), total), op.getOut(), at);
    });
  e.forThreads(e.index(0), rowCount, [&](Value r) {
    for (int64_t which : {OnlineSoftmax::Peak, OnlineSoftmax::Total}) {
      Value column = e.add(e.mul(e.add(first, r), 2), which);
      memref::StoreOp::create(e, e.loadScalar(state, stateAt(r, which)), op.getStatistics(),
                              ValueRange{e.index(0), column});
    }
  });
}

void AbsorbedEmitter::pass(Value row) {
  first = row;
  rowCount = e.minimum(e.sub(count, first), e.index(rows));
  groups = e.ceilDiv(rowCount, e.index(groupRows));
  auto withSoftmax = [&](Value r, function_ref<void(const OnlineSoftmax &)> body) {
    auto scoreAt = [&](Value column) { return Values{e.add(e.mul(r, positions), column)}; };
    auto place = [&](int64_t which) { return stateAt(r, which); };
    body({weights, state, scoreAt, place, positions});
  };
  e.forThreads(e.index(0), rowCount,
               [&](Value r) { withSoftmax(r, [&](const OnlineSoftmax &softmax) { softmax.begin(e); }); });
  forLines([&](Value line) {
    forRows([&](Value r) {
      for (int64_t d = 0; d < layout.depth; ++d)
        memref::StoreOp::create(e, f32(0), op.getOut(),
                                at(e.add(first, r), latent, e.add(e.mul(line, layout.depth), d)));
    });
  });

  Value seen = isHeads ? e.index(1) : op.getPerHead() ? Value(op.getPerHead()) : count;
  Value end = e.ceilDiv(e.add(op.getPosition(), seen), e.index(kPanelRows)), begin = e.index(0);
  if (op.getSplit()) {
    auto edge = [&, all = end](Value split) { return e.div(e.mul(split, all), Value(op.getSplits())); };
    begin = edge(op.getSplit());
    end = edge(e.add(Value(op.getSplit()), 1));
  }
  const int64_t panelsAtOnce = positions / kPanelRows;
  e.loop(begin, end, panelsAtOnce, [&](Value panel) {
    Value panels = e.minimum(e.sub(end, panel), e.index(panelsAtOnce));
    e.sync(); // the weights of the block before have been read
    addScores(panel, panels);
    e.sync();
    e.forWarps(rowCount, [&](Value r) {
      withSoftmax(r, [&](const OnlineSoftmax &softmax) { softmax.addBlock(e, e.mul(panels, kPanelRows)); });
    });
    e.sync();
    addValues(panel, panels);
  });
  finish();
}

void AbsorbedEmitter::run() {
  e.loop(e.index(0), count, rows, [&](Value row) {
    pass(row);
    if (hasPasses)
      e.sync(); // the next pass begins with another state
  });
}

void lathe::expand(kernel::AbsorbedAttentionOp op, BlockEmitter &e) { AbsorbedEmitter(op, e).run(); }
