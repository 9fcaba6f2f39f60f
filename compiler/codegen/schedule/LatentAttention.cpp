//===- LatentAttention.cpp - attention of many rows to a latent cache ---------------------------------------------===//
//
// Two forms of one sum, for rows of one head. Absorbed: queries go through what makes keys, meet the latent vectors,
// and sums go through what makes values. Expanded: keys and values are made of all latent vectors, which pays where
// many rows meet them: the number of a call's rows decides.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/schedule/Scheduler.h"
#include <numeric>

using namespace mlir;
using namespace mlir::lm;

void Scheduler::scheduleLatentAttention(LatentAttentionOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  auto keys = cast<WeightType>(op.getKUp().getType()), values = cast<WeightType>(op.getVUp().getType());
  int64_t heads = keys.getExperts(), latent = cache.getLatent(), behind = cache.getDim() - latent;
  int64_t own = keys.getColumns(), width = own + behind, valueDim = values.getRows();
  spmd::BufferOp q = bufferOf(op.getQuery()), out = arenaBuffer(prefix + "attended", columnsOf(op.getResult()));
  buffers[op.getResult()] = out;
  if (isDecomposed(op))
    return scheduleDecomposed("attention", op.getOperation(), out);
  Value cacheValue = weight(op.getCache()), makesKeys = weight(op.getKUp()), makesValues = weight(op.getVUp());
  OpFoldResult zero = builder.getIndexAttr(0);
  auto times = [&](Value value, int64_t factor) -> Value {
    return arith::MulIOp::create(builder, loc, value, constant(factor));
  };
  auto columnOf = [&](Value head, int64_t each, int64_t offset) -> Value {
    Value column = times(head, each);
    return offset ? arith::AddIOp::create(builder, loc, column, constant(offset)).getResult() : column;
  };

  // Where rows are few, those of several heads meet a latent vector together.
  constexpr int64_t few = 8;
  int64_t together = std::gcd(heads, target.getScratch().getAbsorbedRows() / few);
  auto absorbed = [&](Value first, int64_t headCount, Value row, Value count) {
    auto memory = [&](const Twine &what, int64_t columns) {
      return buffer(what + Twine(columns), target.getScratch().getAbsorbedRows(), columns, builder.getF32Type(),
                    spmd::Space::Scratch);
    };
    spmd::BufferOp query = memory("absorbed.", cache.getDim()), mixed = memory("mixed.", latent);
    auto room = [&](spmd::BufferOp buffer, Value begin, Value rowCount, int64_t columns) {
      return write(buffer, begin, zero, rowCount, builder.getIndexAttr(columns));
    };
    auto forHeads = [&](function_ref<void(Value head, Value begin)> body) {
      for (int64_t i = 0; i < headCount; ++i)
        body(arith::AddIOp::create(builder, loc, first, constant(i)), times(count, i));
    };
    forHeads([&](Value head, Value begin) {
      Value sums = room(mixed, begin, count, latent);
      headProduct(keys, makesKeys, head, read(q, row, columnOf(head, width, 0), count, builder.getIndexAttr(own)),
                  count, sums);
      Value rotated = read(q, row, columnOf(head, width, own), count, builder.getIndexAttr(behind));
      kernel::ConcatOp::create(builder, loc, ValueRange{sums, rotated}, room(query, begin, count, cache.getDim()));
    });
    Value at = arith::AddIOp::create(builder, loc, position, row), total = times(count, headCount), none;
    attendToLatents(room(query, constant(0), total, cache.getDim()), cacheValue, at, headCount > 1 ? count : none,
                    target.getScratch().getAbsorbedRows(), none, none, none, room(mixed, constant(0), total, latent),
                    op.getScaleAttr());
    forHeads([&](Value head, Value begin) {
      headProduct(values, makesValues, head, room(mixed, begin, count, latent), count,
                  write(out, row, columnOf(head, valueDim, 0), count, builder.getIndexAttr(valueDim)));
    });
  };
  auto expanded = [&](Value head, Value row, Value count) {
    kernel::LatentRoom room(keys, values, cache, target.getScratch().getLatentPositions());
    auto whole = [&](const Twine &what, int64_t rowCount, int64_t columns) {
      spmd::BufferOp memory = buffer(what, rowCount, columns, builder.getF32Type(), spmd::Space::Scratch);
      return write(memory, zero, zero, builder.getIndexAttr(rowCount), builder.getIndexAttr(columns));
    };
    spmd::BufferOp state = tileBuffer("latent_rows", target.getScratch().getLatentRows(), room.rowColumns);
    Value at = arith::AddIOp::create(builder, loc, position, row);
    kernel::LatentAttentionOp::create(
        builder, loc, read(q, row, columnOf(head, width, 0), count, builder.getIndexAttr(width)), cacheValue, at,
        makesKeys, makesValues, head, whole("latent_matrices", room.matrixRows, room.matrixColumns),
        whole("latent_panels", room.panelRows, 16), writeRows(state, constant(0), count),
        write(out, row, columnOf(head, valueDim, 0), count, builder.getIndexAttr(valueDim)), op.getScaleAttr(),
        builder.getI64IntegerAttr(target.getScratch().getLatentPositions()));
  };

  flushRows();
  // For each pair of a row and a position the expanded form has so many operations less, for each position so many
  // more, each of which was measured to take about 7/8 of the time of one of the absorbed form's.
  int64_t saved = cache.getDim() + latent - width - valueDim, more = latent * (own + valueDim);
  int64_t least = saved > 0 ? 7 * more / (8 * saved) + 1 : 0;
  bool mayExpand = saved > 0 && least <= maxRows;
  Value blocks = arith::CeilDivUIOp::create(builder, loc, rows, constant(target.getScratch().getAbsorbedRows()));
  Value each = constant(target.getScratch().getAbsorbedRows()), expands;
  if (mayExpand) {
    expands = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ule, constant(least), rows);
    Value wide = arith::CeilDivUIOp::create(builder, loc, rows, constant(target.getScratch().getLatentRows()));
    blocks = arith::SelectOp::create(builder, loc, expands, wide, blocks);
    each = arith::SelectOp::create(builder, loc, expands, arith::CeilDivUIOp::create(builder, loc, rows, wide), each);
  }
  Value isFew, groups = constant(heads);
  if (together > 1) {
    isFew = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ule, rows, constant(few));
    groups = arith::SelectOp::create(builder, loc, isFew, constant(heads / together), groups);
  }
  auto choose = [&](Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
    auto choice = scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(choice.thenBlock());
    then();
    builder.setInsertionPointToStart(choice.elseBlock());
    otherwise();
  };
  phase(
      "attention", arith::MulIOp::create(builder, loc, blocks, groups), [] {},
      [&](Value tile) {
        // Row blocks inside: a worker's neighbouring tiles read the same head's matrices.
        Value group = arith::DivUIOp::create(builder, loc, tile, blocks);
        Value block = arith::RemUIOp::create(builder, loc, tile, blocks);
        Value row = arith::MulIOp::create(builder, loc, block, each);
        Value rest = arith::SubIOp::create(builder, loc, rows, row);
        Value count = arith::MinUIOp::create(builder, loc, rest, each);
        auto perHead = [&] { absorbed(group, 1, row, count); };
        auto many = [&] { mayExpand ? choose(expands, [&] { expanded(group, row, count); }, perHead) : perHead(); };
        if (isFew)
          choose(isFew, [&] { absorbed(times(group, together), together, row, count); }, many);
        else
          many();
      });
}
