//===- Attention.cpp - queries, keys, values and what becomes of them ---------------------------------------------===//

#include "compiler/codegen/schedule/Scheduler.h"
#include <numeric>

using namespace mlir;
using namespace mlir::lm;

void Scheduler::scheduleQKV(QKVOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  int64_t dim = cache.getDim(), heads = op.getHeads();
  // A tile begins at a panel: where a head is no whole number of panels, several heads are.
  int64_t group = kPanelRows / std::gcd(dim, kPanelRows);
  spmd::BufferOp q = arenaBuffer(prefix + "q", columnsOf(op.getResult()));
  buffers[op.getResult()] = q;
  if (isDecomposed(op))
    return scheduleDecomposed("qkv", op.getOperation(), q);
  spmd::BufferOp room = tileBuffer("head", target.getTiles().getRows(), group * dim);
  spmd::BufferOp angles = op.getRope() ? ropeTable(*op.getRope()) : spmd::BufferOp();
  Value cacheValue = weight(op.getCache());

  // Keys and values first: of an odd number of tiles for two workers the first has fewer, and appends.
  enum Role { Keys, Values, Queries };
  struct Part {
    Role role;
    int64_t heads;
    Value matrix, bias, norm;
  };
  SmallVector<Part> parts = {{Keys, cache.getHeads(), op.getK(), op.getKBias(), op.getKNorm()},
                             {Values, cache.getHeads(), op.getV(), op.getVBias(), Value()},
                             {Queries, heads, op.getQ(), op.getQBias(), op.getQNorm()}};
  SmallVector<spmd::BufferOp> inputs;
  SmallVector<int64_t> tiles;
  for (Part &part : parts) {
    inputs.push_back(inputFor(op.getInput(), part.matrix));
    tiles.push_back(llvm::divideCeil(part.heads, group));
  }

  tiled("qkv", llvm::sum_of(tiles), target.getTiles().getRows(), [&](Value tile, Value row, Value count) {
    choosePart(tile, tiles, [&](size_t index, Value local) {
      Part &part = parts[index];
      Value head = group == 1 ? local : arith::MulIOp::create(builder, loc, local, constant(group)).getResult();
      Value column = arith::MulIOp::create(builder, loc, head, constant(dim));
      OpFoldResult width = widthFrom(column, part.heads * dim, group * dim);
      Value in = readRows(inputs[index], row, count);
      Value out = part.role == Queries ? write(q, row, column, count, width)
                                       : write(room, builder.getIndexAttr(0), builder.getIndexAttr(0), count, width);
      kernel::MatmulOp::create(builder, loc, in, weight(part.matrix), column, out);
      if (part.bias)
        kernel::AddBiasOp::create(builder, loc, weight(part.bias), column, out);
      if (part.norm)
        kernel::NormOp::create(builder, loc, out, weight(part.norm), Value(), out, builder.getI64IntegerAttr(dim),
                               op.getEpsAttr());
      if (part.role != Values && angles)
        kernel::RopeOp::create(builder, loc, readRows(angles, row, count), out, dim);
      if (part.role != Queries) {
        Value at = arith::AddIOp::create(builder, loc, position, row);
        kernel::AppendOp::create(builder, loc, out, cacheValue, head, at, /*values=*/part.role == Values);
      }
    });
  });
}

void Scheduler::scheduleAppend(AppendOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  spmd::BufferOp keys = bufferOf(op.getKeys()), values = bufferOf(op.getValues());
  Value cacheValue = weight(op.getCache());
  tiled("append", cache.getHeads(), target.getTiles().getRows(), [&](Value head, Value row, Value count) {
    Value column = arith::MulIOp::create(builder, loc, head, constant(cache.getDim()));
    Value at = arith::AddIOp::create(builder, loc, position, row);
    OpFoldResult width = builder.getIndexAttr(cache.getDim());
    for (spmd::BufferOp from : {keys, values})
      kernel::AppendOp::create(builder, loc, read(from, row, column, count, width), cacheValue, head, at,
                               /*values=*/from == values);
  });
}

void Scheduler::scheduleAppendLatent(AppendLatentOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  spmd::BufferOp key = tileBuffer("latent." + Twine(cache.getDim()), target.getTiles().getRows(), cache.getDim());
  spmd::BufferOp first = bufferOf(op.getLatent()), second = bufferOf(op.getRotated());
  Value cacheValue = weight(op.getCache());
  beside = [=, this](Value, Value row, Value count) {
    OpFoldResult zero = builder.getIndexAttr(0), width = builder.getIndexAttr(cache.getDim());
    Value whole = write(key, zero, zero, count, width);
    kernel::ConcatOp::create(builder, loc, ValueRange{readRows(first, row, count), readRows(second, row, count)},
                             whole);
    kernel::AppendOp::create(builder, loc, whole, cacheValue, constant(0),
                             arith::AddIOp::create(builder, loc, position, row), /*values=*/false);
  };
  // In a decode step the queries' product with what makes keys comes next and does not look at the cache.
  if (auto next = dyn_cast<HeadLinearOp>(op->getNextNode()); next && !isDecomposed(next))
    return;
  tiled("append", 1, target.getTiles().getRows(), std::exchange(beside, nullptr));
}

void Scheduler::headProduct(WeightType type, Value matrices, Value head, Value in, Value count, Value out) {
  if (RowForm form = formFor(type); form != RowForm::F32) {
    OpFoldResult columns = columnsIn(form, builder.getIndexAttr(type.getColumns()));
    spmd::BufferOp room = buffer("head_in." + Twine(type.getColumns()), std::min(target.getTiles().getRows(), maxRows),
                                 *getConstantIntValue(columns), elementOf(form), spmd::Space::Scratch);
    OpFoldResult zero = builder.getIndexAttr(0);
    Value to = write(room, zero, zero, count, columns);
    convert(form, in, to);
    in = to;
  }
  kernel::MatmulOp::create(builder, loc, in, matrices, constant(0), out, Value(), head);
}

bool Scheduler::deferQueries(Operation *op) {
  auto linear = dyn_cast<LinearOp>(op);
  auto rope = linear && linear->hasOneUse() ? dyn_cast<RopeOp>(*linear->user_begin()) : RopeOp();
  if (!replicates || !rope || !rope->hasOneUse() || !isa<HeadLinearOp>(*rope->user_begin()))
    return false;
  int64_t width = columnsOf(rope.getResult()) / static_cast<int64_t>(rope.getHeads());
  if (linear.getBias() || linear.isScaled() || width % kPanelRows || isDecomposed(linear) || isDecomposed(rope) ||
      isDecomposed(*rope->user_begin()))
    return false;
  buffers[linear.getResult()] = buffers[rope.getResult()] =
      tileBuffer("query." + Twine(width), target.getTiles().getRows(), width);
  deferred.insert_range(ArrayRef<Operation *>{linear, rope});
  return true;
}

/// A tile is a head: what its products read is made of the head's part of a row, by whoever needs it.
void Scheduler::scheduleHeadLinear(HeadLinearOp op) {
  auto type = cast<WeightType>(op.getWeight().getType());
  int64_t heads = type.getExperts(), in = type.getColumns(), made = type.getRows();
  int64_t width = columnsOf(op.getInput()) / heads, behind = width - in, outWidth = made + behind;
  spmd::BufferOp from = bufferOf(op.getInput()), out = arenaBuffer(local("heads"), columnsOf(op.getResult()));
  buffers[op.getResult()] = out;
  StringRef what = slotOf(op.getWeight());
  if (isDecomposed(op))
    return scheduleDecomposed(what, op.getOperation(), out);
  Value matrices = weight(op.getWeight());
  TileFn other = std::exchange(beside, nullptr);
  auto rope = op.getInput().getDefiningOp<RopeOp>();
  LinearOp queries = rope && deferred.contains(rope) ? rope.getInput().getDefiningOp<LinearOp>() : LinearOp();
  spmd::BufferOp queriesIn = queries ? inputFor(queries.getInput(), queries.getWeight()) : spmd::BufferOp();
  auto body = [&](Value head, Value row, Value count) {
    OpFoldResult zero = builder.getIndexAttr(0);
    auto columnOf = [&](int64_t each, int64_t offset) -> Value {
      Value column = arith::MulIOp::create(builder, loc, head, constant(each));
      return offset ? arith::AddIOp::create(builder, loc, column, constant(offset)).getResult() : column;
    };
    if (queries) {
      Value query = writeRows(from, row, count);
      kernel::MatmulOp::create(builder, loc, readRows(queriesIn, row, count), weight(queries.getWeight()),
                               columnOf(width, 0), query);
      kernel::RopeOp::create(builder, loc, readRows(ropeTable(rope.getRope()), row, count), query, width,
                             rope.getFrom());
    }
    auto part = [&](int64_t offset, int64_t columns) {
      Value column = queries ? constant(offset) : columnOf(width, offset);
      return read(from, row, column, count, builder.getIndexAttr(columns));
    };
    headProduct(type, matrices, head, part(0, in), count,
                write(out, row, columnOf(outWidth, 0), count, builder.getIndexAttr(made)));
    if (behind)
      kernel::CopyOp::create(builder, loc, part(in, behind),
                             write(out, row, columnOf(outWidth, made), count, builder.getIndexAttr(behind)));
  };
  if (!other)
    return tiled(what, heads, target.getTiles().getRows(), body);
  tiled(what, heads + 1, target.getTiles().getRows(), [&](Value tile, Value row, Value count) {
    choosePart(tile, {heads, 1},
               [&](size_t part, Value local) { part == 0 ? body(local, row, count) : other(local, row, count); });
  });
}

void Scheduler::attendToLatents(Value query, Value cache, Value at, Value every, int64_t most, Value piece,
                                Value pieces, Value shares, Value out, FloatAttr scale) {
  auto type = cast<CacheType>(cache.getType());
  int64_t size = kernel::AbsorbedRoom(type, most, target.getScratch().getAbsorbedPositions()).size;
  spmd::BufferOp room = buffer("absorbed_room." + Twine(size), 1, size, builder.getF32Type(), spmd::Space::Scratch);
  OpFoldResult zero = builder.getIndexAttr(0), one = builder.getIndexAttr(1);
  kernel::AbsorbedAttentionOp::create(builder, loc, query, cache, at, every, piece, pieces, shares,
                                      write(room, zero, zero, one, builder.getIndexAttr(size)), out, scale,
                                      builder.getI64IntegerAttr(most),
                                      builder.getI64IntegerAttr(target.getScratch().getAbsorbedPositions()));
}

void Scheduler::scheduleAttention(AttentionOp op) {
  if (entry == Entry::Decode && !isDecomposed(op))
    return scheduleAttentionOfOne(op);
  auto cache = cast<CacheType>(op.getCache().getType());
  int64_t dim = cache.getDim(), valueDim = cache.getValueDim(), heads = op.getHeads();
  spmd::BufferOp q = bufferOf(op.getQuery());
  if (isDecomposed(op)) {
    spmd::BufferOp out = buffers[op.getResult()] = arenaBuffer(prefix + "attended", columnsOf(op.getResult()));
    return scheduleDecomposed("attention", op.getOperation(), out);
  }
  int64_t most = cache.getLatent() ? target.getScratch().getAbsorbedRows() : target.getTiles().getAttentionRows();
  Outlet out = outletFor(op.getResult(), prefix + "attended", most, valueDim);
  spmd::BufferOp scores = cache.getLatent() ? spmd::BufferOp() : scoresBuffer(cache, most);
  UnitAttr rounded = takesRounded(cache) ? builder.getUnitAttr() : UnitAttr();
  Value cacheValue = weight(op.getCache()), sinks = weight(op.getSinks());
  auto body = [&](Value head, Value row, Value count) {
    auto times = [&](Value value, int64_t factor) -> Value {
      return arith::MulIOp::create(builder, loc, value, constant(factor));
    };
    Value cacheHead = arith::DivUIOp::create(builder, loc, head, constant(heads / cache.getHeads()));
    Value at = arith::AddIOp::create(builder, loc, position, row);
    OpFoldResult zero = builder.getIndexAttr(0);
    Value query = read(q, row, times(head, dim), count, builder.getIndexAttr(dim));
    put(out, row, times(head, valueDim), count, builder.getIndexAttr(valueDim), [&](Value to) {
      Value none;
      if (cache.getLatent())
        return attendToLatents(query, cacheValue, at, none, most, none, none, none, to, op.getScaleAttr());
      kernel::AttentionOp::create(builder, loc, query, cacheValue, cacheHead, at, sinks, sinks ? head : Value(), none,
                                  none, none, write(scores, zero, zero, count, builder.getIndexAttr(cache.getRows())),
                                  to, op.getScaleAttr(), op.getSoftcapAttr(), op.getTemperatureAttr(), rounded);
    });
  };
  tiled("attention", heads, most, body);
}

/// Heads that share a head of the cache are taken together, so that it is read once; where that leaves too few tiles
/// for a team, a tile is one of several pieces of what the row sees (FlashDecoding), and who needs the result merges
/// them. How many there are depends on the position alone, so results do not on the number of workers.
void Scheduler::scheduleAttentionOfOne(AttentionOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  int64_t dim = cache.getDim(), valueDim = cache.getValueDim(), heads = op.getHeads();
  int64_t sharing = heads / cache.getHeads(),
          together = std::min(sharing, cache.getLatent() ? target.getScratch().getAbsorbedRows()
                                                         : target.getTiles().getAttentionRows());
  while (sharing % together)
    --together;
  int64_t sees = cache.getWindow() ? std::min(cache.getWindow(), cache.getRows()) : cache.getRows();
  int64_t groups = heads / together;
  int64_t most = std::min(llvm::divideCeil(target.getTiles().getAttentionTiles(), groups),
                          llvm::divideCeil(sees, target.getTiles().getSplitPositions()));
  spmd::BufferOp q = bufferOf(op.getQuery()), out, parts, shares;
  spmd::BufferOp scores = cache.getLatent() ? spmd::BufferOp() : scoresBuffer(cache, together);
  UnitAttr rounded = takesRounded(cache) ? builder.getUnitAttr() : UnitAttr();
  Value cacheValue = weight(op.getCache()), sinks = weight(op.getSinks()), pieces = constant(1);
  if (most > 1) {
    out = rowsBuffer(prefix + "attended", columnsOf(op.getResult()));
    parts = buffer(prefix + "pieces", most, columnsOf(op.getResult()), builder.getF32Type(), spmd::Space::Arena);
    shares = buffer(prefix + "shares", most, 2 * heads, builder.getF32Type(), spmd::Space::Arena);
    Value seen = position, window = constant(cache.getWindow());
    if (cache.getChunked())
      seen = arith::RemUIOp::create(builder, loc, position, window);
    seen = arith::AddIOp::create(builder, loc, seen, constant(1));
    if (cache.getWindow() && !cache.getChunked())
      seen = arith::MinUIOp::create(builder, loc, seen, window);
    pieces = arith::CeilDivUIOp::create(builder, loc, seen, constant(target.getTiles().getSplitPositions()));
    pieces = arith::MinUIOp::create(builder, loc, pieces, constant(most));
  } else {
    out = arenaBuffer(prefix + "attended", columnsOf(op.getResult()));
  }
  buffers[op.getResult()] = out;

  if (!replicates)
    flushRows();
  Value tiles = arith::MulIOp::create(builder, loc, pieces, constant(groups));
  phase(
      "attention", tiles, [&] { workOnRows(); },
      [&](Value tile) {
        auto times = [&](Value value, int64_t factor) -> Value {
          return arith::MulIOp::create(builder, loc, value, constant(factor));
        };
        OpFoldResult zero = builder.getIndexAttr(0), one = builder.getIndexAttr(1);
        Value piece, group = tile;
        if (parts) {
          piece = arith::RemUIOp::create(builder, loc, tile, pieces);
          group = arith::DivUIOp::create(builder, loc, tile, pieces);
        }
        Value head = times(group, together);
        Value cacheHead = arith::DivUIOp::create(builder, loc, head, constant(sharing));
        auto partOf = [&](spmd::BufferOp buffer, int64_t each) {
          return write(buffer, parts ? OpFoldResult(piece) : zero, times(head, each), one,
                       builder.getIndexAttr(together * each));
        };
        Value query = read(q, zero, times(head, dim), one, builder.getIndexAttr(together * dim));
        Value of = parts ? pieces : Value(), share = parts ? partOf(shares, 2) : Value();
        Value to = partOf(parts ? parts : out, valueDim), whole = parts ? Value() : sinks;
        if (cache.getLatent())
          return attendToLatents(query, cacheValue, position, Value(), together, piece, of, share, to,
                                 op.getScaleAttr());
        kernel::AttentionOp::create(
            builder, loc, query, cacheValue, cacheHead, position, whole, whole ? head : Value(), piece, of, share,
            write(scores, zero, zero, builder.getIndexAttr(together), builder.getIndexAttr(cache.getRows())), to,
            op.getScaleAttr(), op.getSoftcapAttr(), op.getTemperatureAttr(), rounded);
      });
  if (parts)
    rowwise.push_back([=, this](Value row, Value count) {
      kernel::MergePiecesOp::create(builder, loc, readRows(parts, constant(0), pieces),
                                    readRows(shares, constant(0), pieces), sinks, writeRows(out, row, count));
    });
}
