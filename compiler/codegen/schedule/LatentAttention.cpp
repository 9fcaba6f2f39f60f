//===- LatentAttention.cpp - attention to a latent cache ----------------------------------------------------------===//
//
// Two forms of the same attention, for the rows of one head. Absorbed: queries are multiplied by the matrix that makes
// keys, then by the latent vectors, and the sums by the matrix that makes values. Expanded: keys and values are
// computed from all latent vectors, which is faster where many rows use them. The number of a call's rows decides.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/schedule/Attention.h"
#include "compiler/codegen/schedule/Decomposed.h"
#include "compiler/codegen/schedule/Operands.h"
#include "compiler/codegen/schedule/Projections.h"
#include "compiler/codegen/schedule/ScheduleTable.h"
#include "dialects/lm/ValueNames.h"
#include <numeric>

using namespace mlir;
using namespace mlir::lm;

static void scheduleAppendLatent(ScheduleBuilder &b, AppendLatentOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  spmd::BufferOp key = b.scratchBuffer("latent." + Twine(cache.getDim()), b.tiles.getRows(), cache.getDim());
  spmd::BufferOp latent = b.bufferOf(op.getLatent()), rotated = b.bufferOf(op.getRotated());
  Value cacheValue = b.weight(op.getCache());
  ScheduleBuilder::TileFn append = [=, &b](Value, Value row, Value count) {
    OpFoldResult zero = b.getIndexAttr(0), width = b.getIndexAttr(cache.getDim());
    Value whole = b.write(key, zero, zero, count, width);
    kernel::ConcatOp::create(b, ValueRange{b.readRows(latent, row, count), b.readRows(rotated, row, count)}, whole);
    kernel::AppendOp::create(b, whole, cacheValue, b.constant(0), arith::AddIOp::create(b, b.function.position, row),
                             /*values=*/false);
  };
  // In a decode step the queries' product with the matrix of keys comes next. It does not read the cache, so the append
  // is one of its tiles.
  if (auto next = dyn_cast<HeadLinearOp>(op->getNextNode()); next && !b.isDecomposed(next))
    b.extraTile = append;
  else
    b.tiled("append", 1, b.tiles.getRows(), append);
}

namespace {

/// One head's matrix of a weight that has one for each head.
struct HeadMatrix {
  Value matrices, head;
  WeightType type() const { return cast<WeightType>(matrices.getType()); }
};

} // namespace

/// The product of f32 rows with a head's matrix. Encodes the rows first, where the matrix needs that.
static void headProduct(ScheduleBuilder &b, const HeadMatrix &matrix, Value in, Value count, Value out) {
  OperandEncoding encoding = b.options.target.getRows(matrix.type());
  if (encoding != OperandEncoding::F32) {
    int64_t values = matrix.type().getColumns();
    OpFoldResult columns = encodedColumns(b, encoding, b.getIndexAttr(values)), zero = b.getIndexAttr(0);
    spmd::BufferOp scratch = b.buffer("head_in." + Twine(values), std::min(b.tiles.getRows(), b.options.maxRows),
                                      *getConstantIntValue(columns), elementOf(b, encoding), spmd::Space::Scratch);
    Value to = b.write(scratch, zero, zero, count, columns);
    encode(b, encoding, in, to);
    in = to;
  }
  kernel::MatmulOp::create(b, in, matrix.matrices, b.constant(0), out, Value(), matrix.head);
}

bool lm::deferQueries(ScheduleBuilder &b, LinearOp linear) {
  auto rope = linear->hasOneUse() ? dyn_cast<RopeOp>(*linear->user_begin()) : RopeOp();
  if (!b.hasFewRows || !rope || !rope->hasOneUse() || !isa<HeadLinearOp>(*rope->user_begin()))
    return false;
  int64_t width = columnsOf(rope.getResult()) / static_cast<int64_t>(rope.getHeads());
  if (linear.getBias() || linear.isScaled() || width % kPanelRows || b.isDecomposed(linear) || b.isDecomposed(rope) ||
      b.isDecomposed(*rope->user_begin()))
    return false;
  spmd::BufferOp query = b.scratchBuffer("query." + Twine(width), b.tiles.getRows(), width);
  for (Operation *op : {linear.getOperation(), rope.getOperation()}) {
    b.setBuffer(op->getResult(0), query);
    b.defer(op);
  }
  return true;
}

/// A tile is a head. It encodes the head's columns of the row itself.
static void scheduleHeadLinear(ScheduleBuilder &b, HeadLinearOp op) {
  auto type = cast<WeightType>(op.getWeight().getType());
  // Of a head's `width` columns the first `in` are multiplied by the matrix; the others are copied after the product.
  int64_t heads = type.getExperts(), in = type.getColumns(), made = type.getRows();
  int64_t width = columnsOf(op.getInput()) / heads, after = width - in, outWidth = made + after;
  spmd::BufferOp from = b.bufferOf(op.getInput()), out = b.arenaBuffer(b.numbered("heads"), columnsOf(op.getResult()));
  b.setBuffer(op.getResult(), out);
  StringRef name = slotOf(op.getWeight());
  if (b.isDecomposed(op))
    return scheduleDecomposed(b, name, op.getOperation(), out);
  Value matrices = b.weight(op.getWeight());
  ScheduleBuilder::TileFn extra = std::exchange(b.extraTile, nullptr);
  // Where nothing else reads the queries, the tile computes those of its head (deferQueries).
  auto rope = op.getInput().getDefiningOp<RopeOp>();
  LinearOp queries = rope && b.isDeferred(rope) ? rope.getInput().getDefiningOp<LinearOp>() : LinearOp();
  spmd::BufferOp queriesIn = queries ? operandFor(b, queries.getInput(), queries.getWeight()) : spmd::BufferOp();
  auto body = [&](Value head, Value row, Value count) {
    auto columnOf = [&](int64_t each, int64_t offset) -> Value {
      Value column = b.times(head, each);
      return offset ? arith::AddIOp::create(b, column, b.constant(offset)).getResult() : column;
    };
    if (queries) {
      Value query = b.writeRows(from, row, count);
      kernel::MatmulOp::create(b, b.readRows(queriesIn, row, count), b.weight(queries.getWeight()), columnOf(width, 0),
                               query);
      kernel::RopeOp::create(b, b.readRows(b.ropeTable(rope.getRope()), row, count), query, width, rope.getFrom());
    }
    auto part = [&](int64_t offset, int64_t columns) {
      Value column = queries ? b.constant(offset) : columnOf(width, offset);
      return b.read(from, row, column, count, b.getIndexAttr(columns));
    };
    headProduct(b, {matrices, head}, part(0, in), count,
                b.write(out, row, columnOf(outWidth, 0), count, b.getIndexAttr(made)));
    if (after)
      kernel::CopyOp::create(b, part(in, after),
                             b.write(out, row, columnOf(outWidth, made), count, b.getIndexAttr(after)));
  };
  if (!extra)
    return b.tiled(name, heads, b.tiles.getRows(), body);
  b.tiled(name, heads + 1, b.tiles.getRows(), [&](Value tile, Value row, Value count) {
    b.choosePart(tile, {heads, 1},
                 [&](size_t part, Value local) { part == 0 ? body(local, row, count) : extra(local, row, count); });
  });
}

namespace {

/// A tile of lm.latent_attention: a block of rows, and a head or several.
class LatentTile {
public:
  LatentTile(ScheduleBuilder &b, LatentAttentionOp op, spmd::BufferOp out)
      : b(b), op(op), out(out), q(b.bufferOf(op.getQuery())), cache(cast<CacheType>(op.getCache().getType())),
        keys(cast<WeightType>(op.getKUp().getType())), values(cast<WeightType>(op.getVUp().getType())),
        cacheValue(b.weight(op.getCache())), makesKeys(b.weight(op.getKUp())), makesValues(b.weight(op.getVUp())),
        rotated(cache.getDim() - cache.getLatent()), own(keys.getColumns()), width(own + rotated),
        valueDim(values.getRows()) {}

  /// Emits the absorbed form (AbsorbLatent.h) of `heads` heads from `first` on, for rows [row, row + count).
  void absorbed(Value first, int64_t heads, Value row, Value count);
  void expanded(Value head, Value row, Value count);
  /// The number of rows from which on the expanded form is faster; 0: never.
  int64_t minExpandedRows() const;

private:
  Value columnOf(Value head, int64_t each, int64_t offset) {
    Value column = b.times(head, each);
    return offset ? arith::AddIOp::create(b, column, b.constant(offset)).getResult() : column;
  }
  OpFoldResult index(int64_t value) { return b.getIndexAttr(value); }

  ScheduleBuilder &b;
  LatentAttentionOp op;
  spmd::BufferOp out, q;
  CacheType cache;
  WeightType keys, values;
  Value cacheValue, makesKeys, makesValues;
  int64_t rotated, own, width,
      valueDim; // columns of a head of queries: rotated, not rotated, both; columns of its values
};

} // namespace

void LatentTile::absorbed(Value first, int64_t heads, Value row, Value count) {
  int64_t maxRows = b.scratch.getAbsorbedRows(), latent = cache.getLatent();
  auto memory = [&](const Twine &name, int64_t columns) {
    return b.buffer(name + Twine(columns), maxRows, columns, b.getF32Type(), spmd::Space::Scratch);
  };
  spmd::BufferOp query = memory("absorbed.", cache.getDim()), mixed = memory("mixed.", latent);
  auto rowsOf = [&](spmd::BufferOp buffer, Value begin, Value rows, int64_t columns) {
    return b.write(buffer, begin, index(0), rows, index(columns));
  };
  auto forHeads = [&](function_ref<void(Value head, Value begin)> body) {
    for (int64_t i = 0; i < heads; ++i)
      body(arith::AddIOp::create(b, first, b.constant(i)), b.times(count, i));
  };
  forHeads([&](Value head, Value begin) {
    Value sums = rowsOf(mixed, begin, count, latent);
    headProduct(b, {makesKeys, head}, b.read(q, row, columnOf(head, width, 0), count, index(own)), count, sums);
    Value rest = b.read(q, row, columnOf(head, width, own), count, index(rotated));
    kernel::ConcatOp::create(b, ValueRange{sums, rest}, rowsOf(query, begin, count, cache.getDim()));
  });
  Value position = arith::AddIOp::create(b, b.function.position, row), total = b.times(count, heads);
  LatentQueries queries{.rows = rowsOf(query, b.constant(0), total, cache.getDim()),
                        .cache = cacheValue,
                        .position = position,
                        .scale = op.getScaleAttr(),
                        .maxRows = maxRows,
                        .perHead = heads > 1 ? count : Value()};
  attendToLatents(b, queries, rowsOf(mixed, b.constant(0), total, latent));
  forHeads([&](Value head, Value begin) {
    headProduct(b, {makesValues, head}, rowsOf(mixed, begin, count, latent), count,
                b.write(out, row, columnOf(head, valueDim, 0), count, index(valueDim)));
  });
}

void LatentTile::expanded(Value head, Value row, Value count) {
  int64_t positions = b.scratch.getLatentPositions();
  kernel::LatentScratch sizes(keys, values, cache, positions);
  auto whole = [&](const Twine &name, int64_t rows, int64_t columns) {
    spmd::BufferOp memory = b.buffer(name, rows, columns, b.getF32Type(), spmd::Space::Scratch);
    return b.write(memory, index(0), index(0), index(rows), index(columns));
  };
  spmd::BufferOp state = b.scratchBuffer("latent_rows", b.scratch.getLatentRows(), sizes.rowColumns);
  Value position = arith::AddIOp::create(b, b.function.position, row);
  kernel::LatentAttentionOp::create(
      b, b.read(q, row, columnOf(head, width, 0), count, index(width)), cacheValue, position, makesKeys, makesValues,
      head, whole("latent_matrices", sizes.matrixRows, sizes.matrixColumns),
      whole("latent_panels", sizes.panelRows, kPanelRows), b.writeRows(state, b.constant(0), count),
      b.write(out, row, columnOf(head, valueDim, 0), count, index(valueDim)), op.getScaleAttr(),
      b.getI64IntegerAttr(positions));
}

/// The expanded form has `saved` operations less for each pair of a row and a position, and `more` operations more for
/// each position. One of its operations was measured to take 7/8 of the time of one of the absorbed form's.
int64_t LatentTile::minExpandedRows() const {
  int64_t latent = cache.getLatent();
  int64_t saved = static_cast<int64_t>(cache.getDim()) + latent - width - valueDim, more = latent * (own + valueDim);
  return saved > 0 ? 7 * more / (8 * saved) + 1 : 0;
}

static void choose(ScheduleBuilder &b, Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
  auto choice = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  then();
  b.setInsertionPointToStart(choice.elseBlock());
  otherwise();
}

static void scheduleLatentAttention(ScheduleBuilder &b, LatentAttentionOp op) {
  spmd::BufferOp out = b.arenaBuffer(b.function.prefix + "attended", columnsOf(op.getResult()));
  b.setBuffer(op.getResult(), out);
  if (b.isDecomposed(op))
    return scheduleDecomposed(b, "attention", op.getOperation(), out);
  LatentTile latent(b, op, out);
  Value rows = b.function.rows;
  int64_t heads = cast<WeightType>(op.getKUp().getType()).getExperts(), absorbedRows = b.scratch.getAbsorbedRows();
  // Where rows are few, a tile has several heads, so that a latent vector is read once for all of them.
  constexpr int64_t few = 8;
  int64_t groupSize = std::gcd(heads, absorbedRows / few);

  b.flushRows();
  int64_t minRows = latent.minExpandedRows();
  bool mayExpand = minRows > 0 && minRows <= b.options.maxRows;
  Value blocks = arith::CeilDivUIOp::create(b, rows, b.constant(absorbedRows));
  Value each = b.constant(absorbedRows), expands;
  if (mayExpand) {
    expands = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, b.constant(minRows), rows);
    Value wide = arith::CeilDivUIOp::create(b, rows, b.constant(b.scratch.getLatentRows()));
    blocks = arith::SelectOp::create(b, expands, wide, blocks);
    each = arith::SelectOp::create(b, expands, arith::CeilDivUIOp::create(b, rows, wide), each);
  }
  Value isFew, groups = b.constant(heads);
  if (groupSize > 1) {
    isFew = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, rows, b.constant(few));
    groups = arith::SelectOp::create(b, isFew, b.constant(heads / groupSize), groups);
  }
  b.phase(
      "attention", arith::MulIOp::create(b, blocks, groups), [] {},
      [&](Value tile) {
        // Blocks of rows vary fastest: a worker's neighbouring tiles read the same head's matrices.
        Value group = arith::DivUIOp::create(b, tile, blocks);
        Value block = arith::RemUIOp::create(b, tile, blocks);
        Value row = arith::MulIOp::create(b, block, each);
        Value rest = arith::SubIOp::create(b, rows, row);
        Value count = arith::MinUIOp::create(b, rest, each);
        auto perHead = [&] { latent.absorbed(group, 1, row, count); };
        auto many = [&] {
          mayExpand ? choose(b, expands, [&] { latent.expanded(group, row, count); }, perHead) : perHead();
        };
        if (isFew)
          choose(b, isFew, [&] { latent.absorbed(b.times(group, groupSize), groupSize, row, count); }, many);
        else
          many();
      });
}

void lm::addLatentAttentionSchedules(ScheduleTable &table) {
  table.add(scheduleAppendLatent);
  table.add(scheduleHeadLinear);
  table.add(scheduleLatentAttention);
}
