//===- LatentAttention.cpp - attention to keys and values that are computed from a latent cache -------------------===//
//
// The matrices that compute keys and values are unpacked to f32 once. A panel of 16 positions of the cache is then like
// a panel of weights. The rows of the matrices are multiplied by it, which gives [dims, 16 positions]: keys already
// have the layout that scores need, values are transposed. Each block of positions leaves out the rows that do not see
// it.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"
#include <limits>

using namespace lathe;

namespace {

struct LatentEmitter {
  kernel::LatentAttentionOp op;
  VectorEmitter &e;
  KernelContext &context;
  lm::CacheType cache = cast<lm::CacheType>(op.getCache().getType());
  lm::WeightType keys = cast<lm::WeightType>(op.getKUp().getType());
  lm::WeightType values = cast<lm::WeightType>(op.getVUp().getType());
  int64_t positions = op.getPositions();
  kernel::LatentScratch scratch{keys, values, cache, positions};
  CacheLayout layout{cache};
  static constexpr int64_t lanes = kPanelRows;

  int64_t latent = cache.getLatent(), own = keys.getColumns(), valueDim = values.getRows();
  int64_t ropeDim = cache.getDim() - latent, width = own + ropeDim;
  Value zero = e.index(0), rows = e.rowsOf(op.getQuery());

  /// `columns` columns of the rows from `first` on.
  Value part(Value memory, Value first, int64_t column, OpFoldResult columns) {
    SmallVector<OpFoldResult> offsets = {first, e.getIndexAttr(column)};
    SmallVector<OpFoldResult> sizes = {e.sub(rows, first), columns}, strides(2, e.getIndexAttr(1));
    return memref::SubViewOp::create(e, memory, offsets, sizes, strides);
  }
  SmallVector<Value> step(Value weight, Value panel, Value column);
  void unpackMatrices();
  void takeQueries();
  void makePanel(Value panel, Value slot);
  Value addScores(Value row, Value begin, Value panels);
  void run();
};

/// The f32 values of the step with `column` in panel `panel` of the head's matrix.
SmallVector<Value> LatentEmitter::step(Value weight, Value panel, Value column) {
  auto type = cast<lm::WeightType>(weight.getType());
  PanelLayout packed(type);
  auto [segment, offset] = getSegmentAndOffset(weight);
  int64_t stepBytes = lanes * packed.depth * type.getInfo().bits / 8;
  Value at = e.add(e.add(offset, e.mul(op.getHead(), getExpertBytes(type))), e.mul(panel, packed.panelBytes));
  Value inPanel = e.add(e.mul(e.div(column, e.index(packed.depth)), stepBytes), packed.scalesBytes);
  SmallVector<Value> columns = loadStep(e, segment, e.add(at, inPanel), type.getFormat(), packed.depth);
  if (type.getInfo().isScaled()) {
    Value scale = e.loadBytes(e.getF32Type(), segment, e.add(at, e.mul(e.div(column, e.index(kScaleBlock)), 4)));
    columns = {e.mul(columns[0], e.splat(scale))};
  }
  return columns;
}

void LatentEmitter::unpackMatrices() {
  Value matrices = op.getMatrices();
  auto put = [&](Value row, Value column, Value value) {
    memref::StoreOp::create(e, value, matrices, ValueRange{row, column});
  };
  if (!values.getInfo().isQuantised() && latent % lanes == 0 && valueDim % lanes == 0) {
    e.loop(zero, e.index(valueDim / lanes), 1, [&](Value panel) {
      e.loop(zero, e.index(latent), lanes, [&](Value column) {
        SmallVector<Value> columns;
        while (columns.size() < lanes)
          columns.append(step(op.getVUp(), panel, e.add(column, columns.size())));
        for (auto [i, row] : llvm::enumerate(e.transpose(columns)))
          e.store(row, matrices, {e.add(e.mul(panel, lanes), i), column});
      });
    });
  } else {
    e.loop(zero, e.index(valueDim), 1, [&](Value row) {
      readRow(e, op.getVUp(), row, [&](Value column, Value value) { put(row, column, value); }, op.getHead());
    });
  }
  if (!keys.getInfo().isQuantised()) {
    e.loop(zero, e.index(llvm::divideCeil(latent, lanes)), 1, [&](Value panel) {
      e.loop(zero, e.index(own), PanelLayout(keys).depth, [&](Value column) {
        for (auto [d, value] : llvm::enumerate(step(op.getKUp(), panel, column)))
          e.store(value, matrices, {e.add(column, valueDim + d), e.mul(panel, lanes)});
      });
    });
  } else {
    e.loop(zero, e.index(latent), 1, [&](Value id) {
      auto putTransposed = [&](Value column, Value value) { put(e.add(column, valueDim), id, value); };
      readRow(e, op.getKUp(), id, putTransposed, op.getHead());
    });
  }
}

void LatentEmitter::takeQueries() {
  Value scale = e.number(e.getF32Type(), op.getScale().convertToDouble());
  int64_t wide = VectorEmitter::lanesFor(width), wideSums = VectorEmitter::lanesFor(valueDim);
  e.loop(zero, rows, 1, [&](Value row) {
    e.loop(zero, e.index(width), wide, [&](Value column) {
      Value query = e.load(e.f32s(wide), op.getQuery(), {row, column});
      e.store(e.mul(query, e.splat(scale, wide)), op.getRows(), {row, column});
    });
    e.loop(zero, e.index(valueDim), wideSums, [&](Value column) {
      e.store(e.number(e.f32s(wideSums), 0), op.getRows(), {row, e.add(column, scratch.sums)});
    });
    auto state = [&](double value, int64_t offset) {
      memref::StoreOp::create(e, e.number(e.getF32Type(), value), op.getRows(),
                              ValueRange{row, e.index(scratch.state + offset)});
    };
    state(-std::numeric_limits<float>::max(), 0);
    state(0, 1);
  });
}

/// Computes the keys and values of the 16 positions in the cache's panel `panel`, as panel `slot` of the block.
void LatentEmitter::makePanel(Value panel, Value slot) {
  auto [segment, offset] = getSegmentAndOffset(op.getCache());
  Value at = e.add(offset, e.mul(panel, layout.keyPanelBytes)), first = e.mul(slot, scratch.rowsPerPanel);
  Format format = cache.getElement().isF32() ? Format::F32 : Format::BF16;
  SmallVector<OpFoldResult> offsets = {first, e.getIndexAttr(0)};
  SmallVector<OpFoldResult> sizes = {e.getIndexAttr(scratch.matrixRows), e.getIndexAttr(lanes)};
  SmallVector<OpFoldResult> strides(2, e.getIndexAttr(1));
  Value made = memref::SubViewOp::create(e, op.getPanels(), offsets, sizes, strides);
  context.products.call(
      e, {segment, at, zero, e.index(latent), op.getMatrices(), made, format, layout.depth, Panels::Latents});
  // The rotary part of the keys, which the cache has as it is, follows.
  int64_t stepBytes = lanes * layout.depth * layout.elementBytes;
  Value rotated = e.add(at, latent / layout.depth * stepBytes), last = e.add(first, scratch.matrixRows);
  e.loop(zero, e.index(ropeDim / layout.depth), 1, [&, segment = segment](Value step) {
    SmallVector<Value> steps = loadStep(e, segment, e.add(rotated, e.mul(step, stepBytes)), format, layout.depth);
    for (auto [d, column] : llvm::enumerate(steps))
      e.store(column, op.getPanels(), {e.add(e.add(last, e.mul(step, layout.depth)), d), zero});
  });
  e.loop(zero, e.index(llvm::divideCeil(valueDim, lanes)), 1, [&](Value block) {
    SmallVector<Value> rows;
    Value from = e.add(first, e.mul(block, lanes));
    for (int64_t i = 0; i < lanes; ++i)
      rows.push_back(e.load(e.f32s(), op.getPanels(), {e.add(from, i), zero}));
    Value to = e.add(e.add(e.mul(block, positions), e.mul(slot, lanes)), scratch.transposed);
    for (auto [i, row] : llvm::enumerate(e.transpose(rows)))
      e.store(row, op.getPanels(), {e.add(to, i), zero});
  });
}

/// Replaces a row's scores for a block (`panels` panels from position `begin` on) by exp(score - peak), where peak is
/// the largest score so far. Returns the factor that adapts the row's earlier sums to the new peak.
Value LatentEmitter::addScores(Value row, Value begin, Value panels) {
  VectorType vector = e.f32s(lanes);
  auto toI32s = [&](Value index) { return e.splat(e.cast(index, e.getI32Type())); };
  Value hidden = e.number(vector, -std::numeric_limits<double>::infinity());
  Value lane = e.laneNumbers();
  Value seen =
      toI32s(e.sub(e.add(op.getPosition(), row), begin)); // the last visible position, counted from the block's first
  auto at = [&](Value panel) { return SmallVector<Value>{row, e.add(e.mul(panel, lanes), scratch.scores)}; };
  Value memory = op.getRows();
  auto visible = [&](Value panel) {
    return e.lessEqual(e.add(e.splat(e.cast(e.mul(panel, lanes), e.getI32Type())), lane), seen);
  };
  Value peaks = e.loop(zero, panels, 1, hidden, [&](Value panel, ValueRange largest) {
    Value score = e.select(visible(panel), e.load(vector, memory, at(panel)), hidden);
    return SmallVector<Value>{e.maximum(largest[0], score)};
  })[0];
  SmallVector<Value> peakAt = {row, e.index(scratch.state)}, sumAt = {row, e.index(scratch.state + 1)};
  Value before = e.loadScalar(memory, peakAt);
  Value peak = e.maximum(before, e.largest(peaks));
  Value sums = e.loop(zero, panels, 1, e.number(vector, 0), [&](Value panel, ValueRange sum) {
    Value weight = e.exp(e.sub(e.load(vector, memory, at(panel)), e.splat(peak)));
    weight = e.select(visible(panel), weight, e.number(vector, 0));
    e.store(weight, memory, at(panel));
    return SmallVector<Value>{e.add(sum[0], weight)};
  })[0];
  Value factor = vector::ExtractOp::create(e, e.exp(e.splat(e.sub(before, peak), 1)), 0);
  memref::StoreOp::create(e, peak, memory, peakAt);
  memref::StoreOp::create(e, e.add(e.mul(e.loadScalar(memory, sumAt), factor), e.sum(sums)), memory, sumAt);
  return factor;
}

void LatentEmitter::run() {
  unpackMatrices();
  takeQueries();
  Value line = e.asLine(op.getPanels());
  auto multiply = [&](int64_t offset, int64_t panelStride, Value columns, Value input, Value out, bool accumulates) {
    context.products.call(e, {line, e.index(offset * lanes), e.index(panelStride * lanes), columns, input, out,
                              Format::F32, 1, Panels::Scratch, accumulates});
  };

  int64_t wide = VectorEmitter::lanesFor(valueDim);
  Value end = e.add(op.getPosition(), rows);
  e.loop(zero, end, positions, [&](Value begin) {
    Value panels = e.ceilDiv(e.minimum(e.sub(end, begin), e.index(positions)), e.index(lanes));
    Value columns = e.mul(panels, lanes);
    e.loop(zero, panels, 1, [&](Value slot) { makePanel(e.add(e.div(begin, e.index(lanes)), slot), slot); });
    Value first = e.maximum(e.sub(begin, op.getPosition()), zero);
    Value scores = part(op.getRows(), first, scratch.scores, columns);
    multiply(valueDim, scratch.rowsPerPanel, e.index(width), part(op.getRows(), first, 0, e.getIndexAttr(width)),
             scores, false);
    e.loop(first, rows, 1, [&](Value row) {
      Value factor = e.splat(addScores(row, begin, panels), wide);
      e.loop(zero, e.index(valueDim), wide, [&](Value column) {
        Value at[] = {row, e.add(column, scratch.sums)};
        e.store(e.mul(e.load(e.f32s(wide), op.getRows(), at), factor), op.getRows(), at);
      });
    });
    multiply(scratch.transposed, positions, columns, scores,
             part(op.getRows(), first, scratch.sums, e.getIndexAttr(valueDim)), true);
  });
  e.loop(zero, rows, 1, [&](Value row) {
    Value sum = e.loadScalar(op.getRows(), {row, e.index(scratch.state + 1)});
    Value inverse = e.splat(e.div(e.number(e.getF32Type(), 1), sum), wide);
    e.loop(zero, e.index(valueDim), wide, [&](Value column) {
      Value value = e.load(e.f32s(wide), op.getRows(), {row, e.add(column, scratch.sums)});
      e.store(e.mul(value, inverse), op.getOut(), {row, column});
    });
  });
}

} // namespace

void lathe::expand(kernel::LatentAttentionOp op, VectorEmitter &e, KernelContext &context) {
  LatentEmitter{op, e, context}.run();
}
