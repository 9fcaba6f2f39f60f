//===- LatentAttention.cpp - attention of many rows to a latent cache ---------------------------------------------===//
//
// Two forms of one sum, for rows of one head. Absorbed: queries go through what makes keys, meet the latent vectors,
// and sums go through what makes values. Expanded: keys and values are made of all latent vectors, which pays where
// many rows meet them: the number of a call's rows decides.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/schedule/Scheduler.h"

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

  auto absorbed = [&](Value head, Value row, Value count) {
    spmd::BufferOp query = tileBuffer("absorbed." + Twine(cache.getDim()), kAttentionRows, cache.getDim());
    spmd::BufferOp mixed = tileBuffer("mixed." + Twine(latent), kAttentionRows, latent);
    spmd::BufferOp scores = scoresBuffer(cache, kAttentionRows);
    auto room = [&](spmd::BufferOp buffer, int64_t columns) {
      return write(buffer, zero, zero, count, builder.getIndexAttr(columns));
    };
    Value sums = room(mixed, latent), whole = room(query, cache.getDim()), none;
    headProduct(keys, makesKeys, head, read(q, row, columnOf(head, width, 0), count, builder.getIndexAttr(own)), count,
                sums);
    Value rotated = read(q, row, columnOf(head, width, own), count, builder.getIndexAttr(behind));
    kernel::ConcatOp::create(builder, loc, ValueRange{sums, rotated}, whole);
    Value at = arith::AddIOp::create(builder, loc, position, row);
    kernel::AttentionOp::create(builder, loc, whole, cacheValue, constant(0), at, none, none, none, none, none,
                                room(scores, cache.getRows()), sums, op.getScaleAttr(), builder.getF64FloatAttr(0),
                                TemperatureAttr());
    headProduct(values, makesValues, head, sums, count,
                write(out, row, columnOf(head, valueDim, 0), count, builder.getIndexAttr(valueDim)));
  };
  auto expanded = [&](Value head, Value row, Value count) {
    kernel::LatentRoom room(keys, values, cache, kLatentPositions);
    auto whole = [&](const Twine &what, int64_t rowCount, int64_t columns) {
      spmd::BufferOp memory = buffer(what, rowCount, columns, builder.getF32Type(), spmd::Space::Scratch);
      return write(memory, zero, zero, builder.getIndexAttr(rowCount), builder.getIndexAttr(columns));
    };
    spmd::BufferOp state = tileBuffer("latent_rows", kLatentRows, room.rowColumns);
    Value at = arith::AddIOp::create(builder, loc, position, row);
    kernel::LatentAttentionOp::create(
        builder, loc, read(q, row, columnOf(head, width, 0), count, builder.getIndexAttr(width)), cacheValue, at,
        makesKeys, makesValues, head, whole("latent_matrices", room.matrixRows, room.matrixColumns),
        whole("latent_panels", room.panelRows, 16), writeRows(state, constant(0), count),
        write(out, row, columnOf(head, valueDim, 0), count, builder.getIndexAttr(valueDim)), op.getScaleAttr(),
        builder.getI64IntegerAttr(kLatentPositions));
  };

  flushRows();
  // For each pair of a row and a position the expanded form has so many operations less, for each position so many
  // more, each of which was measured to take about 5/8 of the time of one of the absorbed form's, whose sums run over
  // lanes.
  int64_t saved = cache.getDim() + latent - width - valueDim, more = latent * (own + valueDim);
  int64_t least = saved > 0 ? 5 * more / (8 * saved) + 1 : 0;
  bool mayExpand = !cache.getWindow() && saved > 0 && least <= maxRows;
  Value blocks = arith::CeilDivUIOp::create(builder, loc, rows, constant(kAttentionRows));
  Value each = constant(kAttentionRows), expands;
  if (mayExpand) {
    expands = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ule, constant(least), rows);
    Value wide = arith::CeilDivUIOp::create(builder, loc, rows, constant(kLatentRows));
    blocks = arith::SelectOp::create(builder, loc, expands, wide, blocks);
    each = arith::SelectOp::create(builder, loc, expands, arith::CeilDivUIOp::create(builder, loc, rows, wide), each);
  }
  phase(
      "attention", arith::MulIOp::create(builder, loc, blocks, constant(heads)), [] {},
      [&](Value tile) {
        // Row blocks inside: a worker's neighbouring tiles read the same head's matrices.
        Value head = arith::DivUIOp::create(builder, loc, tile, blocks);
        Value block = arith::RemUIOp::create(builder, loc, tile, blocks);
        Value row = arith::MulIOp::create(builder, loc, block, each);
        Value rest = arith::SubIOp::create(builder, loc, rows, row);
        Value count = arith::MinUIOp::create(builder, loc, rest, each);
        if (!mayExpand)
          return absorbed(head, row, count);
        auto choice = scf::IfOp::create(builder, loc, expands, /*withElseRegion=*/true);
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToStart(choice.thenBlock());
        expanded(head, row, count);
        builder.setInsertionPointToStart(choice.elseBlock());
        absorbed(head, row, count);
      },
      spmd::Assignment::Dynamic);
}
