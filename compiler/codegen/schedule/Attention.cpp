//===- Attention.cpp - queries, keys, values and attention --------------------------------------------------------===//

#include "compiler/codegen/schedule/Attention.h"
#include "compiler/codegen/schedule/Decomposed.h"
#include "compiler/codegen/schedule/Operands.h"
#include "compiler/codegen/schedule/ScheduleTable.h"
#include <numeric>

using namespace mlir;
using namespace mlir::lm;

namespace {

/// The heads of keys, values or queries, and the weights of their projection.
struct Heads {
  enum Role { Keys, Values, Queries } role;
  int64_t count;
  Value matrix, bias, norm;
  spmd::BufferOp input = {};
  spmd::BufferOp projected = {}; // all heads, before norm and rotation
};

/// Queries, keys and values of a layer.
class QKVSchedule {
public:
  QKVSchedule(ScheduleBuilder &b, QKVOp op)
      : b(b), op(op), cache(cast<CacheType>(op.getCache().getType())), dim(cache.getDim()),
        group(kPanelRows / std::gcd(dim, kPanelRows)),
        // Keys and values first: their tiles also append. With an odd number of tiles and two workers, the worker with
        // the first tiles has one less.
        parts({{Heads::Keys, cache.getHeads(), op.getK(), op.getKBias(), op.getKNorm()},
               {Heads::Values, cache.getHeads(), op.getV(), op.getVBias(), Value()},
               {Heads::Queries, static_cast<int64_t>(op.getHeads()), op.getQ(), op.getQBias(), op.getQNorm()}}) {}

  void run();

private:
  /// Tiles of the heads of each part.
  SmallVector<int64_t> countTiles() const {
    return llvm::map_to_vector(parts,
                               [&](const Heads &part) -> int64_t { return llvm::divideCeil(part.count, group); });
  }
  /// A tile is a head, from its projection until it is appended.
  void scheduleWholeHeads();
  /// A phase for the projections, whose tiles are panels, and one for what needs whole heads.
  void scheduleSplitHeads();
  void project(const Heads &part, Value in, Value column, Value out);
  /// Norm, rotation and appending of the tile with the heads from `head` on. `from`: what was projected; `out`: where
  /// the result belongs, which may be the same memory.
  void finish(const Heads &part, Value head, Value row, Value count, Value from, Value out);

  ScheduleBuilder &b;
  QKVOp op;
  CacheType cache;
  const int64_t dim;
  /// A tile begins at a panel. Where a head is not a whole number of panels, a tile has as many heads as are.
  const int64_t group;
  SmallVector<Heads> parts;
  spmd::BufferOp q, scratch, angles;
};

} // namespace

void QKVSchedule::project(const Heads &part, Value in, Value column, Value out) {
  kernel::MatmulOp::create(b, in, b.weight(part.matrix), column, out);
  if (part.bias)
    kernel::AddBiasOp::create(b, b.weight(part.bias), column, out);
}

void QKVSchedule::finish(const Heads &part, Value head, Value row, Value count, Value from, Value out) {
  if (part.norm)
    kernel::NormOp::create(b, from, b.weight(part.norm), Value(), out, b.getI64IntegerAttr(dim), op.getEpsAttr());
  else if (from != out)
    kernel::CopyOp::create(b, from, out);
  if (part.role != Heads::Values && angles)
    kernel::RopeOp::create(b, b.readRows(angles, row, count), out, dim);
  if (part.role == Heads::Queries)
    return;
  Value position = arith::AddIOp::create(b, b.function.position, row);
  kernel::AppendOp::create(b, out, b.weight(op.getCache()), head, position, /*values=*/part.role == Heads::Values);
}

void QKVSchedule::scheduleWholeHeads() {
  SmallVector<int64_t> tiles = countTiles();
  b.tiled("qkv", llvm::sum_of(tiles), b.tiles.getRows(), [&](Value tile, Value row, Value count) {
    b.choosePart(tile, tiles, [&](size_t index, Value local) {
      Heads &part = parts[index];
      Value head = group == 1 ? local : b.times(local, group), column = b.times(head, dim);
      OpFoldResult width = b.widthFrom(column, part.count * dim, group * dim), zero = b.getIndexAttr(0);
      Value in = b.readRows(part.input, row, count);
      Value out = part.role == Heads::Queries ? b.write(q, row, column, count, width)
                                              : b.write(scratch, zero, zero, count, width);
      project(part, in, column, out);
      finish(part, head, row, count, out, out);
    });
  });
}

void QKVSchedule::scheduleSplitHeads() {
  int64_t columns = 0;
  for (const Heads &part : parts)
    columns += part.count * dim;
  const int64_t step = b.productStep(columns);
  auto ofProjection = llvm::map_to_vector(
      parts, [&](const Heads &part) -> int64_t { return llvm::divideCeil(part.count * dim, step); });
  constexpr StringLiteral names[] = {"projected.k", "projected.v", "projected.q"}; // by role
  for (Heads &part : parts)
    part.projected = b.arenaBuffer(b.function.prefix + names[part.role], part.count * dim);
  b.tiled("qkv", llvm::sum_of(ofProjection), b.tiles.getRows(), [&](Value tile, Value row, Value count) {
    b.choosePart(tile, ofProjection, [&](size_t index, Value local) {
      Heads &part = parts[index];
      Value column = b.times(local, step), in = b.readRows(part.input, row, count);
      project(part, in, column,
              b.write(part.projected, row, column, count, b.widthFrom(column, part.count * dim, step)));
    });
  });
  SmallVector<int64_t> ofHeads = countTiles();
  b.tiled("heads", llvm::sum_of(ofHeads), b.tiles.getRows(), [&](Value tile, Value row, Value count) {
    b.choosePart(tile, ofHeads, [&](size_t index, Value local) {
      Heads &part = parts[index];
      Value head = group == 1 ? local : b.times(local, group), column = b.times(head, dim);
      OpFoldResult width = b.widthFrom(column, part.count * dim, group * dim), zero = b.getIndexAttr(0);
      Value from = b.read(part.projected, row, column, count, width);
      Value out = part.role == Heads::Queries  ? b.write(q, row, column, count, width)
                  : part.role == Heads::Values ? from // nothing changes it
                                               : b.write(scratch, zero, zero, count, width);
      finish(part, head, row, count, from, out);
    });
  });
}

void QKVSchedule::run() {
  q = b.arenaBuffer(b.function.prefix + "q", columnsOf(op.getResult()));
  b.setBuffer(op.getResult(), q);
  if (b.isDecomposed(op))
    return scheduleDecomposed(b, "qkv", op.getOperation(), q);
  scratch = b.scratchBuffer("head", b.tiles.getRows(), group * dim);
  angles = op.getRope() ? b.ropeTable(*op.getRope()) : spmd::BufferOp();
  for (Heads &part : parts)
    part.input = operandFor(b, op.getInput(), part.matrix);
  if (b.isOneRow() && b.tiles.getSplitHeads() && llvm::sum_of(countTiles()) < b.tiles.getProductTiles())
    return scheduleSplitHeads();
  scheduleWholeHeads();
}

static void scheduleQKV(ScheduleBuilder &b, QKVOp op) { QKVSchedule(b, op).run(); }

static void scheduleAppend(ScheduleBuilder &b, AppendOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  spmd::BufferOp keys = b.bufferOf(op.getKeys()), values = b.bufferOf(op.getValues());
  Value cacheValue = b.weight(op.getCache());
  b.tiled("append", cache.getHeads(), b.tiles.getRows(), [&](Value head, Value row, Value count) {
    Value column = b.times(head, cache.getDim());
    Value position = arith::AddIOp::create(b, b.function.position, row);
    OpFoldResult width = b.getIndexAttr(cache.getDim());
    for (spmd::BufferOp from : {keys, values})
      kernel::AppendOp::create(b, b.read(from, row, column, count, width), cacheValue, head, position,
                               /*values=*/from == values);
  });
}

/// The scores of a tile, [rows, positions of the cache + a cache line]. Without the additional line, rows would usually
/// be a power of two apart and would fall into the same sets of the L1 cache.
static spmd::BufferOp scoresBuffer(ScheduleBuilder &b, CacheType cache, int64_t rows) {
  constexpr int64_t line = 16; // values
  return b.buffer("scores." + Twine(cache.getRows()), rows, cache.getRows() + line, b.getF32Type(),
                  spmd::Space::Scratch);
}

/// Whether products with keys and values take rows rounded to bf16.
static UnitAttr takesRounded(ScheduleBuilder &b, CacheType cache) {
  return b.options.target.getRows(cache) == OperandEncoding::BF16 ? b.getUnitAttr() : UnitAttr();
}

void lm::attendToLatents(ScheduleBuilder &b, const LatentQueries &queries, Value out) {
  auto type = cast<CacheType>(queries.cache.getType());
  int64_t positions = b.scratch.getAbsorbedPositions();
  int64_t size = kernel::AbsorbedScratch(type, queries.maxRows, positions).size;
  spmd::BufferOp scratch = b.buffer("absorbed_room." + Twine(size), 1, size, b.getF32Type(), spmd::Space::Scratch);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  kernel::AbsorbedAttentionOp::create(b, queries.rows, queries.cache, queries.position, queries.perHead, queries.split,
                                      queries.splits, queries.statistics,
                                      b.write(scratch, zero, zero, one, b.getIndexAttr(size)), out, queries.scale,
                                      b.getI64IntegerAttr(queries.maxRows), b.getI64IntegerAttr(positions));
}

/// A tile is a head and a block of rows.
static void scheduleAttentionOfRows(ScheduleBuilder &b, AttentionOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  int64_t dim = cache.getDim(), valueDim = cache.getValueDim(), heads = op.getHeads();
  int64_t maxRows = cache.getLatent() ? b.scratch.getAbsorbedRows() : b.tiles.getAttentionRows();
  spmd::BufferOp q = b.bufferOf(op.getQuery());
  TileDestination out = destinationFor(b, op.getResult(), b.function.prefix + "attended", maxRows, valueDim);
  spmd::BufferOp scores = cache.getLatent() ? spmd::BufferOp() : scoresBuffer(b, cache, maxRows);
  Value cacheValue = b.weight(op.getCache()), sinks = b.weight(op.getSinks());
  b.tiled("attention", heads, maxRows, [&](Value head, Value row, Value count) {
    Value cacheHead = arith::DivUIOp::create(b, head, b.constant(heads / cache.getHeads()));
    Value position = arith::AddIOp::create(b, b.function.position, row);
    OpFoldResult zero = b.getIndexAttr(0);
    Value query = b.read(q, row, b.times(head, dim), count, b.getIndexAttr(dim));
    fillTile(b, out, {row, b.times(head, valueDim), count, b.getIndexAttr(valueDim)}, [&](Value to) {
      if (cache.getLatent())
        return attendToLatents(
            b,
            {.rows = query, .cache = cacheValue, .position = position, .scale = op.getScaleAttr(), .maxRows = maxRows},
            to);
      Value none;
      kernel::AttentionOp::create(b, query, cacheValue, cacheHead, position, sinks, sinks ? head : Value(), none, none,
                                  none, b.write(scores, zero, zero, count, b.getIndexAttr(cache.getRows())), to,
                                  op.getScaleAttr(), op.getSoftcapAttr(), op.getTemperatureAttr(),
                                  takesRounded(b, cache));
    });
  });
}

/// The number of KV splits for a row's attention. It depends on the position only, so that results do not depend on the
/// number of workers.
static Value countSplits(ScheduleBuilder &b, CacheType cache, int64_t maxSplits) {
  Value seen = b.function.position, window = b.constant(cache.getWindow());
  if (cache.getChunked())
    seen = arith::RemUIOp::create(b, seen, window);
  seen = arith::AddIOp::create(b, seen, b.constant(1));
  if (cache.getWindow() && !cache.getChunked())
    seen = arith::MinUIOp::create(b, seen, window);
  Value splits = arith::CeilDivUIOp::create(b, seen, b.constant(b.tiles.getSplitPositions()));
  return arith::MinUIOp::create(b, splits, b.constant(maxSplits));
}

/// One row. A tile has all query heads that share a head of the cache, so that it is read once. Where that makes too
/// few tiles, a tile is one of several KV splits (FlashDecoding), and the next phase's prologue combines them.
static void scheduleAttentionOfOneRow(ScheduleBuilder &b, AttentionOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  int64_t dim = cache.getDim(), valueDim = cache.getValueDim(), heads = op.getHeads();
  int64_t sharing = heads / cache.getHeads();
  int64_t groupSize = std::min(sharing, cache.getLatent() ? b.scratch.getAbsorbedRows() : b.tiles.getAttentionRows());
  while (sharing % groupSize)
    --groupSize;
  int64_t sees = cache.getWindow() ? std::min(cache.getWindow(), cache.getRows()) : cache.getRows();
  int64_t groups = heads / groupSize, columns = columnsOf(op.getResult());
  int64_t maxSplits = std::min(llvm::divideCeil(b.tiles.getAttentionTiles(), groups),
                               llvm::divideCeil(sees, b.tiles.getSplitPositions()));
  spmd::BufferOp q = b.bufferOf(op.getQuery()), out, partials, statistics;
  spmd::BufferOp scores = cache.getLatent() ? spmd::BufferOp() : scoresBuffer(b, cache, groupSize);
  Value cacheValue = b.weight(op.getCache()), sinks = b.weight(op.getSinks()), splits = b.constant(1);
  const std::string &prefix = b.function.prefix;
  if (maxSplits > 1) {
    out = b.rowsBuffer(prefix + "attended", columns);
    partials = b.buffer(prefix + "splits", maxSplits, columns, b.getF32Type(), spmd::Space::Arena);
    statistics = b.buffer(prefix + "statistics", maxSplits, 2 * heads, b.getF32Type(), spmd::Space::Arena);
    splits = countSplits(b, cache, maxSplits);
  } else {
    out = b.arenaBuffer(prefix + "attended", columns);
  }
  b.setBuffer(op.getResult(), out);

  auto tile = [&](Value tile) {
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    Value split, group = tile;
    if (partials) {
      split = arith::RemUIOp::create(b, tile, splits);
      group = arith::DivUIOp::create(b, tile, splits);
    }
    Value head = b.times(group, groupSize);
    Value cacheHead = arith::DivUIOp::create(b, head, b.constant(sharing));
    // [splits, `each` columns for each head of the group].
    auto partOf = [&](spmd::BufferOp buffer, int64_t each) {
      return b.write(buffer, partials ? OpFoldResult(split) : zero, b.times(head, each), one,
                     b.getIndexAttr(groupSize * each));
    };
    Value query = b.read(q, zero, b.times(head, dim), one, b.getIndexAttr(groupSize * dim));
    Value of = partials ? splits : Value(), sums = partials ? partOf(statistics, 2) : Value();
    Value to = partOf(partials ? partials : out, valueDim), whole = partials ? Value() : sinks;
    if (cache.getLatent())
      return attendToLatents(b,
                             {.rows = query,
                              .cache = cacheValue,
                              .position = b.function.position,
                              .scale = op.getScaleAttr(),
                              .maxRows = groupSize,
                              .split = split,
                              .splits = of,
                              .statistics = sums},
                             to);
    kernel::AttentionOp::create(
        b, query, cacheValue, cacheHead, b.function.position, whole, whole ? head : Value(), split, of, sums,
        b.write(scores, zero, zero, b.getIndexAttr(groupSize), b.getIndexAttr(cache.getRows())), to, op.getScaleAttr(),
        op.getSoftcapAttr(), op.getTemperatureAttr(), takesRounded(b, cache));
  };
  if (!b.hasFewRows)
    b.flushRows();
  b.phase("attention", b.times(splits, groups), [&] { b.workOnRows(); }, tile);
  if (partials)
    b.onRows([=, &b](Value row, Value count) {
      kernel::CombinePartialsOp::create(b, b.readRows(partials, b.constant(0), splits),
                                        b.readRows(statistics, b.constant(0), splits), sinks,
                                        b.writeRows(out, row, count));
    });
}

static void scheduleAttention(ScheduleBuilder &b, AttentionOp op) {
  if (b.isDecomposed(op)) {
    spmd::BufferOp out = b.arenaBuffer(b.function.prefix + "attended", columnsOf(op.getResult()));
    b.setBuffer(op.getResult(), out);
    return scheduleDecomposed(b, "attention", op.getOperation(), out);
  }
  if (b.options.entry == Entry::Decode)
    return scheduleAttentionOfOneRow(b, op);
  scheduleAttentionOfRows(b, op);
}

void lm::addAttentionSchedules(ScheduleTable &table) {
  table.add(scheduleAppend);
  table.add(scheduleAttention);
  table.add(scheduleQKV);
}
