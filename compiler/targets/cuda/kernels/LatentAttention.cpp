//===- LatentAttention.cpp - attention to keys and values that are computed from a latent cache -------------------===//
//
// The matrices that compute keys and values are unpacked to f32 once. For each block of positions, the warps multiply
// 16 of their rows at a time by a panel of the cache. Keys then lie in panels of 16 positions, and values transposed: a
// row of dims for each position. Scores: a warp takes a panel and 16 query rows. Softmax: a warp takes a row. Weighted
// sums: a thread takes a dim and 16 query rows. Each block of positions leaves out the rows that do not see it.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/kernels/PackedRow.h"
#include "compiler/targets/cuda/kernels/Kernels.h"
#include "compiler/targets/cuda/kernels/LanePanel.h"
#include "compiler/targets/cuda/kernels/OnlineSoftmax.h"
#include "compiler/targets/cuda/kernels/PanelScores.h"
#include <limits>

using namespace lathe;

namespace {

class LatentEmitter {
public:
  LatentEmitter(kernel::LatentAttentionOp op, BlockEmitter &e) : op(op), e(e) {}

  void run();

private:
  using Values = SmallVector<Value>;
  static constexpr int64_t kGroupRows = 16;
  static constexpr int64_t kPositions = PanelScores::kPositions, kParts = PanelScores::kParts;

  /// A block of positions: from `begin` on, `panels` panels. The rows from group `firstGroup` on see some of it.
  struct Block {
    Value begin, panels, firstGroup;
  };

  void unpackMatrices();
  void unpack(Value matrix, function_ref<void(Value row, Value column, Value value)> put);
  void begin();
  void makeKeysAndValues(const Block &block);
  void copyRotated(const Block &block);
  void addScores(const Block &block);
  void makeWeights(const Block &block);
  void addValues(const Block &block);
  void finish();

  void withSoftmax(Value row, function_ref<void(const OnlineSoftmax &)> body);
  Value load16(Value panel, Value line, Value part);
  /// The row of `panels` with key dim 0, and with the values of a position, of the block's panel `slot`.
  Value keyRow(Value slot) { return e.add(e.mul(slot, scratch.rowsPerPanel), valueDim); }
  Value valueRow(Value slot, Value dim) {
    Value block = e.mul(e.div(dim, e.index(kPanelRows)), positions);
    return e.add(e.add(block, e.mul(slot, kPanelRows)), scratch.transposed);
  }
  Value inside(Value row) { return e.minimum(row, e.add(rows, -1)); }
  Value groupsOf(Value rows) { return e.ceilDiv(rows, e.index(kGroupRows)); }
  Value f32(double value) { return e.number(e.getF32Type(), value); }

  kernel::LatentAttentionOp op;
  BlockEmitter &e;
  const lm::CacheType cache = cast<lm::CacheType>(op.getCache().getType());
  const lm::WeightType keys = cast<lm::WeightType>(op.getKUp().getType());
  const lm::WeightType values = cast<lm::WeightType>(op.getVUp().getType());
  const CacheLayout layout{cache};
  const Format format = cache.getElement().isF32() ? Format::F32 : Format::BF16;
  const int64_t positions = op.getPositions(), latent = cache.getLatent(), own = keys.getColumns();
  const int64_t valueDim = values.getRows(), ropeDim = cache.getDim() - latent, width = own + ropeDim;
  const kernel::LatentScratch scratch{keys, values, cache, positions};
  Value rows = e.rowsOf(op.getQuery());
};

} // namespace

/// Neighbouring threads read neighbouring outputs of a panel.
void LatentEmitter::unpack(Value matrix, function_ref<void(Value row, Value column, Value value)> put) {
  auto type = cast<lm::WeightType>(matrix.getType());
  const int64_t columns = type.getColumns(), panels = llvm::divideCeil(type.getRows(), kPanelRows);
  e.forThreads(panels * columns * kPanelRows, [&](Value i) {
    Value lane = e.rem(i, e.index(kPanelRows)), line = e.div(i, e.index(kPanelRows));
    Value row = e.add(e.mul(e.div(line, e.index(columns)), kPanelRows), lane), column = e.rem(line, e.index(columns));
    e.ifThen(e.less(row, e.index(type.getRows())),
             [&] { put(row, column, PackedRow(e, matrix, row, op.getHead()).at(column)); });
  });
}

void LatentEmitter::unpackMatrices() {
  auto put = [&](Value row, Value column, Value value) {
    memref::StoreOp::create(e, value, op.getMatrices(), ValueRange{row, column});
  };
  unpack(op.getVUp(), put);
  unpack(op.getKUp(), [&](Value id, Value column, Value value) { put(e.add(column, valueDim), id, value); });
}

void LatentEmitter::withSoftmax(Value row, function_ref<void(const OnlineSoftmax &)> body) {
  auto scoreAt = [&](Value column) { return Values{row, e.add(column, scratch.scores)}; };
  auto stateAt = [&](int64_t which) { return Values{row, e.index(scratch.state + which)}; };
  body({op.getRows(), op.getRows(), scoreAt, stateAt, positions});
}

void LatentEmitter::begin() {
  e.forThreads(e.index(0), rows,
               [&](Value row) { withSoftmax(row, [&](const OnlineSoftmax &softmax) { softmax.begin(e); }); });
  e.forThreads(e.index(0), e.mul(rows, valueDim), [&](Value i) {
    Value at[] = {e.div(i, e.index(valueDim)), e.rem(i, e.index(valueDim))};
    memref::StoreOp::create(e, f32(0), op.getOut(), at);
  });
}

/// 16 of the 64 bytes of a line of the cache: 4 positions from 4 * part on.
Value LatentEmitter::load16(Value panel, Value line, Value part) {
  auto [segment, offset] = getSegmentAndOffset(op.getCache());
  Value byte = e.add(e.mul(panel, layout.keyPanelBytes), e.mul(line, PanelScores::kLineBytes));
  byte = e.add(e.add(offset, byte), e.mul(part, kLaneBytes));
  return e.loadBytes(VectorType::get({kLaneBytes}, e.getI8Type()), segment, byte, kLaneBytes);
}

/// The products of the matrices' rows and the block's latent vectors.
void LatentEmitter::makeKeysAndValues(const Block &block) {
  PanelScores lanes(e, format, latent, kGroupRows);
  Value groups = e.index(llvm::divideCeil(scratch.matrixRows, kGroupRows));
  e.forWarps(e.mul(block.panels, groups), [&](Value unit) {
    Value slot = e.rem(unit, block.panels), first = e.mul(e.div(unit, block.panels), kGroupRows);
    Value panel = e.add(e.div(block.begin, e.index(kPanelRows)), slot);
    auto loadRow = [&](int64_t r, Value column) {
      Value row = e.minimum(e.add(first, r), e.index(scratch.matrixRows - 1));
      return e.loadVector(layout.depth, op.getMatrices(), {row, column});
    };
    Values made = lanes.compute([&](Value line) { return load16(panel, line, lanes.partOfLine()); }, loadRow);
    for (int64_t r = 0; r < lanes.getRowsOfLane(); ++r) {
      Value row = e.add(e.add(first, lanes.getFirstRow()), r);
      ArrayRef<Value> own = ArrayRef(made).slice(r * kPositions, kPositions);
      auto storeValue = [&] {
        Value to = e.add(valueRow(slot, row), lanes.firstPosition()), column = e.rem(row, e.index(kPanelRows));
        for (auto [i, value] : llvm::enumerate(own))
          memref::StoreOp::create(e, value, op.getPanels(), ValueRange{e.add(to, i), column});
      };
      auto storeKey = [&] {
        Value to = e.add(keyRow(slot), e.add(row, -valueDim));
        e.ifThen(e.less(row, e.index(scratch.matrixRows)),
                 [&] { e.storeVector(own, op.getPanels(), {to, lanes.firstPosition()}); });
      };
      e.ifThen(e.less(row, e.index(valueDim)), storeValue, storeKey);
    }
  });
}

/// The rotary part of the keys, which the cache has as it is.
void LatentEmitter::copyRotated(const Block &block) {
  const int64_t lines = ropeDim / layout.depth, first = latent / layout.depth;
  e.forThreads(e.index(0), e.mul(block.panels, lines * kParts), [&](Value i) {
    Value part = e.rem(i, e.index(kParts)), line = e.rem(e.div(i, e.index(kParts)), e.index(lines));
    Value slot = e.div(i, e.index(lines * kParts)), panel = e.add(e.div(block.begin, e.index(kPanelRows)), slot);
    Value loaded = load16(panel, e.add(line, first), part), to = e.add(keyRow(slot), own);
    for (int64_t d = 0; d < layout.depth; ++d)
      e.storeVector(widen(e, format, loaded, layout.depth, d), op.getPanels(),
                    {e.add(to, e.add(e.mul(line, layout.depth), d)), e.mul(part, kPositions)});
  });
}

void LatentEmitter::addScores(const Block &block) {
  PanelScores lanes(e, Format::F32, width, kGroupRows);
  Value scale = f32(op.getScale().convertToDouble()), hidden = f32(-std::numeric_limits<double>::infinity());
  Value groups = e.sub(groupsOf(rows), block.firstGroup);
  e.forWarps(e.mul(block.panels, groups), [&](Value unit) {
    Value slot = e.rem(unit, block.panels);
    Value first = e.mul(e.add(block.firstGroup, e.div(unit, block.panels)), kGroupRows);
    auto load = [&](Value column) {
      Values four = e.loadVector(kPositions, op.getPanels(), {e.add(keyRow(slot), column), lanes.firstPosition()});
      Value vector = vector::FromElementsOp::create(e, VectorType::get({kPositions}, e.getF32Type()), four);
      return e.bitcast(VectorType::get({kLaneBytes}, e.getI8Type()), vector);
    };
    Values scores = lanes.compute(load, [&](int64_t r, Value column) {
      return Values{e.loadScalar(op.getQuery(), {inside(e.add(first, r)), column})};
    });
    for (int64_t r = 0; r < lanes.getRowsOfLane(); ++r) {
      Value row = e.add(e.add(first, lanes.getFirstRow()), r), position = e.add(op.getPosition(), row);
      Value column = e.add(e.mul(slot, kPanelRows), lanes.firstPosition());
      Values own;
      for (int64_t i = 0; i < kPositions; ++i) {
        Value isVisible = e.lessEqual(e.add(e.add(block.begin, column), i), position);
        own.push_back(e.select(isVisible, e.mul(scores[r * kPositions + i], scale), hidden));
      }
      e.ifThen(e.less(row, rows), [&] { e.storeVector(own, op.getRows(), {row, e.add(column, scratch.scores)}); });
    }
  });
}

void LatentEmitter::makeWeights(const Block &block) {
  Value first = e.mul(block.firstGroup, kGroupRows), columns = e.mul(block.panels, kPanelRows);
  e.loop(e.add(first, e.warp()), rows, e.getWarps(),
         [&](Value row) { withSoftmax(row, [&](const OnlineSoftmax &softmax) { softmax.addBlock(e, columns); }); });
}

void LatentEmitter::addValues(const Block &block) {
  Value begin = e.mul(block.firstGroup, valueDim), end = e.mul(groupsOf(rows), valueDim);
  e.forThreads(begin, end, [&](Value unit) {
    Value dim = e.rem(unit, e.index(valueDim)), first = e.mul(e.div(unit, e.index(valueDim)), kGroupRows);
    Value column = e.rem(dim, e.index(kPanelRows));
    Values sums;
    for (int64_t r = 0; r < kGroupRows; ++r) {
      Value row = inside(e.add(first, r));
      Value factor = e.loadScalar(op.getRows(), {row, e.index(scratch.state + OnlineSoftmax::Factor)});
      sums.push_back(e.mul(e.loadScalar(op.getOut(), {row, dim}), factor));
    }
    sums =
        e.loop(e.index(0), e.mul(block.panels, kPanelRows), kPositions, sums, [&](Value position, ValueRange before) {
          Values after(before), loaded;
          Value from = e.add(valueRow(e.index(0), dim), position);
          for (int64_t i = 0; i < kPositions; ++i)
            loaded.push_back(e.loadScalar(op.getPanels(), {e.add(from, i), column}));
          for (int64_t r = 0; r < kGroupRows; ++r) {
            Values weights =
                e.loadVector(kPositions, op.getRows(), {inside(e.add(first, r)), e.add(position, scratch.scores)});
            for (auto [weight, value] : llvm::zip_equal(weights, loaded))
              after[r] = e.fma(weight, value, after[r]);
          }
          return after;
        });
    for (int64_t r = 0; r < kGroupRows; ++r)
      e.ifThen(e.less(e.add(first, r), rows),
               [&] { memref::StoreOp::create(e, sums[r], op.getOut(), ValueRange{e.add(first, r), dim}); });
  });
}

void LatentEmitter::finish() {
  e.forThreads(e.index(0), e.mul(rows, valueDim), [&](Value i) {
    Value at[] = {e.div(i, e.index(valueDim)), e.rem(i, e.index(valueDim))};
    Value total = e.loadScalar(op.getRows(), {at[0], e.index(scratch.state + OnlineSoftmax::Total)});
    memref::StoreOp::create(e, e.div(e.loadScalar(op.getOut(), at), total), op.getOut(), at);
  });
}

void LatentEmitter::run() {
  unpackMatrices();
  begin();
  Value end = e.add(op.getPosition(), rows);
  e.loop(e.index(0), end, positions, [&](Value first) {
    Value panels = e.ceilDiv(e.minimum(e.sub(end, first), e.index(positions)), e.index(kPanelRows));
    Value firstRow = e.maximum(e.sub(first, op.getPosition()), e.index(0));
    Block block{first, panels, e.div(firstRow, e.index(kGroupRows))};
    e.sync(); // the matrices are unpacked; keys, values and weights of the block before have been read
    makeKeysAndValues(block);
    copyRotated(block);
    e.sync();
    addScores(block);
    e.sync();
    makeWeights(block);
    e.sync();
    addValues(block);
  });
  e.sync();
  finish();
}

void lathe::expand(kernel::LatentAttentionOp op, BlockEmitter &e) { LatentEmitter(op, e).run(); }
