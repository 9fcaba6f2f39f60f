//===- Schedule.cpp - fused layers become phases of an SPMD program
//---------------------------------------------------===//
//
// One scheduler per entry point walks the forward function and the layer kinds. Ops on single rows (add_norm,
// quantising) collect in `rowwise`; the next divided op takes them: as its prologue where every worker repeats them on
// its own copy (few rows), or as a phase of their own, divided by rows.
//
//===------------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/Passes.h"
#include "compiler/support/CPUTable.h"
#include "compiler/support/ModuleAttributes.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/QuantizedRow.h"
#include "dialects/spmd/SPMDOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/TypeSwitch.h"
#include <numeric>

namespace mlir::lm {
#define GEN_PASS_DEF_SCHEDULE
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using lathe::CPUTable;
using lathe::QuantizedRow;

namespace {

/// Rows of activations a tile works on where rows are many: the slice of the widest input stays in the second-level
/// cache.
constexpr int64_t kTileRows = 64;
/// Query rows of an attention tile.
constexpr int64_t kAttentionRows = 16;
/// Tiles that attention of one row is divided into at least, if it sees so many pieces of so many positions.
constexpr int64_t kAttentionTiles = 16, kPiecePositions = 64;
/// Rows that every worker may norm and quantise for itself rather than wait for another.
constexpr int64_t kReplicatedRows = 8;

enum class Entry { Decode, Prefill, Head };

class Scheduler {
public:
  Scheduler(ModuleOp module, Entry entry, StringRef name, int64_t maxRows, const CPUTable &table, StringRef decompose)
      : module(module), builder(module.getContext()), entry(entry), name(name), maxRows(maxRows), table(table),
        // Prefill leaves its stream for the head, which reads it in the arena.
        replicates(entry != Entry::Prefill && maxRows <= kReplicatedRows), decompose(decompose) {}

  LogicalResult run(func::FuncOp forward);

private:
  using RowsFn = std::function<void(Value row, Value count)>;
  using TileFn = std::function<void(Value tile, Value row, Value count)>;

  Value constant(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }

  spmd::BufferOp buffer(const Twine &suffix, int64_t rows, int64_t columns, Type element, spmd::Space space);
  spmd::BufferOp rowsBuffer(const Twine &suffix, int64_t columns, Type element = {}) {
    return buffer(suffix, maxRows, columns, element ? element : builder.getF32Type(),
                  replicates ? spmd::Space::Scratch : spmd::Space::Arena);
  }
  spmd::BufferOp arenaBuffer(const Twine &suffix, int64_t columns) {
    return buffer(suffix, maxRows, columns, builder.getF32Type(), spmd::Space::Arena);
  }
  /// A worker's own memory for a tile.
  spmd::BufferOp tileBuffer(const Twine &suffix, int64_t rows, int64_t columns) {
    return buffer(suffix, std::min(rows, maxRows), columns, builder.getF32Type(), spmd::Space::Scratch);
  }
  /// A name of its own for what an op of this kind of layer makes.
  std::string local(StringRef what) { return prefix + what.str() + "." + std::to_string(locals++); }
  /// Where `row` of this call lies in a buffer: the head entry works on rows of prefill's stream from `first` on.
  Value rowIn(spmd::BufferOp buffer, Value row) {
    bool isPrefills = entry == Entry::Head && buffer.getSymName().starts_with("prefill.");
    return isPrefills ? arith::AddIOp::create(builder, loc, row, first).getResult() : row;
  }
  static int64_t columnsOf(Value rows) { return cast<RankedTensorType>(rows.getType()).getDimSize(1); }

  Value read(spmd::BufferOp buffer, OpFoldResult row, OpFoldResult column, OpFoldResult rows, OpFoldResult columns) {
    return spmd::ReadOp::create(builder, loc, buffer, row, column, rows, columns);
  }
  Value write(spmd::BufferOp buffer, OpFoldResult row, OpFoldResult column, OpFoldResult rows, OpFoldResult columns) {
    return spmd::WriteOp::create(builder, loc, buffer, row, column, rows, columns);
  }
  Value readRows(spmd::BufferOp buffer, Value row, Value count) {
    return read(buffer, row, builder.getIndexAttr(0), count,
                builder.getIndexAttr(buffer.getBufferType().getDimSize(1)));
  }
  Value writeRows(spmd::BufferOp buffer, Value row, Value count) {
    return write(buffer, row, builder.getIndexAttr(0), count,
                 builder.getIndexAttr(buffer.getBufferType().getDimSize(1)));
  }

  spmd::BufferOp bufferOf(Value value) { return buffers.lookup(value); }
  Value weight(Value value) { return value ? mapping.lookup(value) : Value(); }
  /// The buffer a product with `weight` reads: the rows, or their codes.
  spmd::BufferOp inputFor(Value value, Value weight);

  void phase(StringRef what, Value tiles, function_ref<void()> prologue, function_ref<void(Value tile)> body,
             spmd::Assignment assignment = spmd::Assignment::Static);
  void flushRows();
  /// In a prologue: what waits for rows, on all of them.
  void workOnRows() {
    Value begin = rowwise.empty() ? Value() : constant(0);
    for (RowsFn &work : rowwise)
      work(begin, rows);
    rowwise.clear();
  }
  /// Columns of a tile of `step` that begins at `column`: fewer where the last one is not full.
  OpFoldResult widthFrom(Value column, int64_t columns, int64_t step) {
    if (columns % step == 0)
      return builder.getIndexAttr(step);
    Value rest = arith::SubIOp::create(builder, loc, constant(columns), column);
    return arith::MinUIOp::create(builder, loc, rest, constant(step)).getResult();
  }
  /// Whether products with the weight take rows rounded to bf16.
  bool takesRounded(WeightType type) {
    return type.getFormat() == lathe::Format::BF16 && table.bf16Dot && type.getLayout().getDepth() == 2;
  }
  /// A phase over `columnTiles` times blocks of `blockRows` rows. `isUneven`: some tiles are much more work than
  /// others.
  void tiled(StringRef what, int64_t columnTiles, int64_t blockRows, TileFn body, bool isUneven = false);

  /// Of parts that lie one after another, each `tiles[i]` tiles: the code for the part that `tile` is in.
  void choosePart(Value tile, ArrayRef<int64_t> tiles, function_ref<void(size_t part, Value local)> body);

  /// Whether `op` runs as its decomposition.
  bool isDecomposed(Operation *op) {
    return decompose == "all" || llvm::is_contained(llvm::split(decompose, ','), op->getName().getStringRef());
  }
  /// The ops, one after another, on rows of their inputs; `outs` takes the last one's results. `at` is the position of
  /// the first row.
  void compute(ArrayRef<Operation *> ops, Value row, Value count, Value at, ValueRange outs);
  /// A phase of one tile that computes the ops.
  void scheduleDecomposed(StringRef what, ArrayRef<Operation *> ops, spmd::BufferOp out);

  LogicalResult verifyOperands(Operation *op);
  LogicalResult schedule(Operation *op);
  LogicalResult schedule(Block &block);
  void scheduleAddNorm(AddNormOp op);
  void scheduleAdd(AddOp op);
  void scheduleNorm(NormOp op);
  void scheduleRope(RopeOp op);
  void scheduleAddPositions(AddPositionsOp op);
  void scheduleQKV(QKVOp op);
  void scheduleAppend(AppendOp op);
  void scheduleAttention(AttentionOp op);
  void scheduleAttentionOfOne(AttentionOp op);
  /// A worker's own room for scores: a column for each position the cache holds, and a cache line more, or the rows,
  /// mostly a power of two apart, would share the sets of the first cache.
  spmd::BufferOp scoresBuffer(CacheType cache, int64_t rows) {
    return buffer("scores." + Twine(cache.getRows()), rows, cache.getRows() + 16, builder.getF32Type(),
                  spmd::Space::Scratch);
  }
  void scheduleAppendLatent(AppendLatentOp op);
  void scheduleHeadLinear(HeadLinearOp op);
  void scheduleConvolutions(ArrayRef<CausalConv1dOp> ops);
  void scheduleDeltaRule(GatedDeltaRuleOp op);
  void scheduleRowwise(Operation *op, std::function<void(ValueRange ins, Value out)> kernel);
  void schedulePart(PartOp op);
  /// Rows into the buffers streams live in between layers.
  LogicalResult storeStreams(Operation *op, ValueRange values);
  spmd::BufferOp streamBuffer(unsigned index, int64_t columns) {
    return arenaBuffer("stream." + Twine(index), columns);
  }
  void scheduleProjections(ArrayRef<Operation *> ops);
  void scheduleRoute(RouteOp op);
  /// The second product of the expert for all rows, which a decode step computes beside the first one of the others.
  LinearOp asSharedDown(Operation *op) {
    auto linear = dyn_cast<LinearOp>(op);
    if (!replicates || !linear || linear.getBias() || !linear->hasOneUse() || isDecomposed(linear))
      return {};
    auto experts = dyn_cast<ExpertsOp>(*linear->user_begin());
    return experts && !isDecomposed(experts) && experts.getShared() == linear.getResult() ? linear : LinearOp();
  }
  void scheduleExperts(ExpertsOp op);
  LogicalResult scheduleKind(func::FuncOp kind);
  spmd::BufferOp ropeTable(RopeAttr rope) {
    for (auto [index, known] : llvm::enumerate(ropes))
      if (known == rope)
        return rowsBuffer("rope." + Twine(index), rope.getDim());
    ropes.push_back(rope);
    return rowsBuffer("rope." + Twine(ropes.size() - 1), rope.getDim());
  }

  ModuleOp module;
  OpBuilder builder;
  Location loc = UnknownLoc::get(module.getContext());
  Entry entry;
  std::string name;
  int64_t maxRows;
  const CPUTable &table;
  bool replicates;        // rowwise work is every worker's own
  bool isDeferred = true; // layers hand over a stream and what is still to be added to it
  bool hasAngles = false;
  StringRef decompose; // "all" or names of ops

  // Of the function being scheduled.
  Value rows, position, first;
  IRMapping mapping; // weights and caches
  DenseMap<Value, spmd::BufferOp> buffers;
  DenseMap<Value, spmd::BufferOp> codes, rounded; // of inputs of quantised and of bf16 products
  SmallVector<RowsFn> rowwise;
  std::string prefix;                    // of buffer names local to a kind
  int locals = 0;                        // named so far
  llvm::DenseSet<Operation *> scheduled; // with an op before
  llvm::DenseSet<Operation *> deferred;  // with an op after
  TileFn beside;                         // a tile that the next phase of heads takes along

  llvm::StringMap<spmd::BufferOp> allBuffers;
  SmallVector<RopeAttr> ropes;
};

spmd::BufferOp Scheduler::buffer(const Twine &suffix, int64_t rowCount, int64_t columns, Type element,
                                 spmd::Space space) {
  auto type = MemRefType::get({rowCount, columns}, element);
  // Equal names and types share memory (codes of what lies in one buffer, say); another type is numbered.
  std::string symbol = (name + "." + suffix).str();
  for (int n = 2; spmd::BufferOp known = allBuffers.lookup(symbol); ++n) {
    if (known.getType() == type)
      return known;
    symbol = (name + "." + suffix + "." + Twine(n)).str();
  }
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(module.getBody(), std::find_if(module.getBody()->begin(), module.getBody()->end(),
                                                           [](Operation &op) { return isa<func::FuncOp>(op); }));
  auto op = spmd::BufferOp::create(builder, loc, symbol, type, space, IntegerAttr());
  return allBuffers[symbol] = op;
}

//===------------------------------------------------------------------------------------------------------------------===//
// Phases
//===------------------------------------------------------------------------------------------------------------------===//

void Scheduler::phase(StringRef what, Value tiles, function_ref<void()> prologue, function_ref<void(Value)> body,
                      spmd::Assignment assignment) {
  auto op = spmd::PhaseOp::create(builder, loc, what, assignment, tiles);
  builder.setInsertionPointToEnd(&op.getPrologue().front());
  prologue();
  builder.setInsertionPointToEnd(&op.getBody().front());
  body(op.getBody().getArgument(0));
  builder.setInsertionPointAfter(op);
  spmd::BarrierOp::create(builder, loc);
}

void Scheduler::flushRows() {
  if (rowwise.empty())
    return;
  constexpr int64_t block = 8;
  Value tiles = arith::CeilDivUIOp::create(builder, loc, rows, constant(block));
  phase(
      "rows", tiles, [] {},
      [&](Value tile) {
        Value row = arith::MulIOp::create(builder, loc, tile, constant(block));
        Value rest = arith::SubIOp::create(builder, loc, rows, row);
        Value count = arith::MinUIOp::create(builder, loc, rest, constant(block));
        for (RowsFn &work : rowwise)
          work(row, count);
      });
  rowwise.clear();
}

void Scheduler::tiled(StringRef what, int64_t columnTiles, int64_t blockRows, TileFn body, bool isUneven) {
  if (replicates) {
    phase(what, constant(columnTiles), [&] { workOnRows(); }, [&](Value tile) { body(tile, constant(0), rows); });
    return;
  }
  flushRows();
  Value blocks = arith::CeilDivUIOp::create(builder, loc, rows, constant(blockRows));
  Value tiles = arith::MulIOp::create(builder, loc, blocks, constant(columnTiles));
  phase(
      what, tiles, [] {},
      [&](Value tile) {
        // Row blocks outside: a worker's neighbouring tiles read the same activations.
        Value columnTile = arith::RemUIOp::create(builder, loc, tile, constant(columnTiles));
        Value block = arith::DivUIOp::create(builder, loc, tile, constant(columnTiles));
        Value row = arith::MulIOp::create(builder, loc, block, constant(blockRows));
        Value rest = arith::SubIOp::create(builder, loc, rows, row);
        Value count = arith::MinUIOp::create(builder, loc, rest, constant(blockRows));
        body(columnTile, row, count);
      },
      isUneven ? spmd::Assignment::Dynamic : spmd::Assignment::Static);
}

spmd::BufferOp Scheduler::inputFor(Value value, Value weight) {
  auto type = cast<WeightType>(weight.getType());
  spmd::BufferOp rowsIn = bufferOf(value);
  std::string rowsName = rowsIn.getSymName().drop_front(name.size() + 1).str();
  if (takesRounded(type)) {
    auto [entry, isNew] = rounded.try_emplace(value);
    if (isNew) {
      spmd::BufferOp out = entry->second = rowsBuffer(rowsName + ".bf16", columnsOf(value), builder.getBF16Type());
      rowwise.push_back([=, this](Value row, Value count) {
        kernel::RoundOp::create(builder, loc, readRows(rowsIn, row, count), writeRows(out, row, count));
      });
    }
    return entry->second;
  }
  if (!type.getInfo().isQuantised())
    return rowsIn;
  auto [entry, isNew] = codes.try_emplace(value);
  if (isNew) {
    bool isWide = llvm::any_of(value.getUsers(), [](Operation *user) {
      return llvm::any_of(user->getOperandTypes(), [](Type operand) {
        auto type = dyn_cast<WeightType>(operand);
        return type && type.hasWideCodes();
      });
    });
    QuantizedRow layout(columnsOf(value), isWide);
    spmd::BufferOp out = entry->second = rowsBuffer(rowsName + ".codes", layout.bytes, builder.getI8Type());
    rowwise.push_back([=, this](Value row, Value count) {
      kernel::QuantizeOp::create(builder, loc, readRows(rowsIn, row, count), writeRows(out, row, count));
    });
  }
  return entry->second;
}

//===------------------------------------------------------------------------------------------------------------------===//
// Any op, by its decomposition
//===------------------------------------------------------------------------------------------------------------------===//

void Scheduler::compute(ArrayRef<Operation *> ops, Value row, Value count, Value at, ValueRange outs) {
  IRMapping inside = mapping;
  SmallVector<Value> ins, outer;
  for (Operation *op : ops)
    for (Value operand : op->getOperands()) {
      if (operand.getType().isIndex()) {
        if (!mapping.contains(operand)) // else a layer's number
          inside.map(operand, at);
      } else if (spmd::BufferOp from = bufferOf(operand); from && isa<RankedTensorType>(operand.getType())) {
        ins.push_back(readRows(from, rowIn(from, row), count));
        outer.push_back(operand);
      }
    }
  auto kernelOp = kernel::ComputeOp::create(builder, loc, ins, outs);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&kernelOp.getBody().front());
  for (auto [operand, tensor] : llvm::zip(outer, kernelOp.getBody().getArguments())) {
    Value rowsIn = tensor;
    if (cast<RankedTensorType>(operand.getType()).getRank() == 1) // ids
      rowsIn = tensor::CollapseShapeOp::create(builder, loc, tensor, ArrayRef<ReassociationIndices>{{0, 1}});
    inside.map(operand, rowsIn);
  }
  Operation *last = nullptr;
  for (Operation *op : ops)
    last = builder.clone(*op, inside);
  kernel::YieldOp::create(builder, loc, last->getResults());
}

void Scheduler::scheduleDecomposed(StringRef what, ArrayRef<Operation *> ops, spmd::BufferOp out) {
  tiled(what, 1, maxRows, [&](Value, Value row, Value count) {
    compute(ops, row, count, arith::AddIOp::create(builder, loc, position, row), writeRows(out, row, count));
  });
}

//===------------------------------------------------------------------------------------------------------------------===//
// Ops
//===------------------------------------------------------------------------------------------------------------------===//

void Scheduler::scheduleAddNorm(AddNormOp op) {
  spmd::BufferOp x = bufferOf(op.getInput()), pending = bufferOf(op.getPending());
  spmd::BufferOp normed = isDeferred ? rowsBuffer(prefix + "normed", columnsOf(op.getNormed()))
                                     : rowsBuffer(local("normed"), columnsOf(op.getNormed()));
  // The stream is updated in place: a row's sum needs that row alone. The head entry reads the stream that prefill
  // left, perhaps more than once, and must leave it as it is.
  spmd::BufferOp sum = entry == Entry::Head ? rowsBuffer("sum", columnsOf(op.getSum())) : x;
  if (!isDeferred)
    sum = rowsBuffer(local("sum"), columnsOf(op.getSum()));
  Value post = weight(op.getPost()), scale = weight(op.getWeight());
  FloatAttr eps = op.getEpsAttr();
  int64_t group = columnsOf(op.getNormed());
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    Value out = writeRows(normed, row, count), in = readRows(x, rowIn(x, row), count);
    Value added = readRows(pending, rowIn(pending, row), count), total = writeRows(sum, row, count);
    if (isDecomposed(whole))
      return compute(whole, row, count, Value(), {total, out});
    if (post) {
      kernel::NormOp::create(builder, loc, added, post, Value(), out, builder.getI64IntegerAttr(group), eps);
      added = out;
    }
    kernel::AddOp::create(builder, loc, in, added, total);
    kernel::NormOp::create(builder, loc, total, scale, Value(), out, builder.getI64IntegerAttr(group), eps);
  });
  buffers[op.getSum()] = sum;
  buffers[op.getNormed()] = normed;
}

/// Whether `op` is the last to look at `value`.
bool isLastUse(Value value, Operation *op) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    return user == op || (user->getBlock() == op->getBlock() && user->isBeforeInBlock(op));
  });
}

void Scheduler::scheduleAdd(AddOp op) {
  spmd::BufferOp lhs = bufferOf(op.getLhs()), rhs = bufferOf(op.getRhs());
  // Where nobody looks at the stream again it is updated in place, as in scheduleAddNorm.
  bool isInPlace = isDeferred && entry != Entry::Head && lhs.getSymName() == name + ".x" && isLastUse(op.getLhs(), op);
  spmd::BufferOp out = isInPlace ? lhs : rowsBuffer(local("sum"), columnsOf(op.getResult()));
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    if (isDecomposed(whole))
      return compute(whole, row, count, Value(), writeRows(out, row, count));
    kernel::AddOp::create(builder, loc, readRows(lhs, rowIn(lhs, row), count), readRows(rhs, rowIn(rhs, row), count),
                          writeRows(out, row, count));
  });
  buffers[op.getResult()] = out;
}

void Scheduler::scheduleNorm(NormOp op) {
  spmd::BufferOp in = bufferOf(op.getInput()), out = rowsBuffer(local("normed"), columnsOf(op.getResult()));
  Value scale = weight(op.getWeight()), bias = weight(op.getBias());
  FloatAttr eps = op.getEpsAttr();
  int64_t group = columnsOf(op.getResult()) / static_cast<int64_t>(op.getGroups());
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    if (isDecomposed(whole))
      return compute(whole, row, count, Value(), writeRows(out, row, count));
    kernel::NormOp::create(builder, loc, readRows(in, rowIn(in, row), count), scale, bias, writeRows(out, row, count),
                           builder.getI64IntegerAttr(group), eps);
  });
  buffers[op.getResult()] = out;
}

void Scheduler::scheduleRope(RopeOp op) {
  spmd::BufferOp in = bufferOf(op.getInput()), out = rowsBuffer(local("rotated"), columnsOf(op.getResult()));
  int64_t from = op.getFrom();
  spmd::BufferOp angles = ropeTable(op.getRope());
  int64_t dim = columnsOf(op.getResult()) / static_cast<int64_t>(op.getHeads());
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    Value to = writeRows(out, row, count);
    if (isDecomposed(whole))
      return compute(whole, row, count, arith::AddIOp::create(builder, loc, position, row), to);
    kernel::CopyOp::create(builder, loc, readRows(in, row, count), to);
    kernel::RopeOp::create(builder, loc, readRows(angles, row, count), to, dim, from);
  });
  buffers[op.getResult()] = out;
}

void Scheduler::scheduleAddPositions(AddPositionsOp op) {
  spmd::BufferOp x = buffers[op.getResult()] = bufferOf(op.getInput());
  Value table = weight(op.getTable());
  Operation *whole = op;
  rowwise.push_back([=, this](Value row, Value count) {
    Value at = arith::AddIOp::create(builder, loc, position, row), out = writeRows(x, row, count);
    if (isDecomposed(whole))
      return compute(whole, row, count, at, out);
    kernel::AddPositionsOp::create(builder, loc, table, at, out);
  });
}

void Scheduler::choosePart(Value tile, ArrayRef<int64_t> tiles, function_ref<void(size_t, Value)> body) {
  int64_t begin = 0;
  std::function<void(size_t)> emit = [&](size_t part) {
    auto here = [&] {
      body(part, begin ? arith::SubIOp::create(builder, loc, tile, constant(begin)).getResult() : tile);
    };
    if (part + 1 == tiles.size())
      return here();
    Value isHere = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, tile, constant(begin + tiles[part]));
    auto choice = scf::IfOp::create(builder, loc, isHere, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(choice.thenBlock());
    here();
    builder.setInsertionPointToStart(choice.elseBlock());
    begin += tiles[part];
    emit(part + 1);
  };
  emit(0);
}

void Scheduler::scheduleQKV(QKVOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  int64_t dim = cache.getDim(), heads = op.getHeads();
  // A tile begins at a panel: where a head is no whole number of panels, several heads are.
  int64_t group = CPUTable::kPanelRows / std::gcd(dim, CPUTable::kPanelRows);
  spmd::BufferOp q = arenaBuffer(prefix + "q", columnsOf(op.getResult()));
  buffers[op.getResult()] = q;
  if (isDecomposed(op))
    return scheduleDecomposed("qkv", op.getOperation(), q);
  spmd::BufferOp room = tileBuffer("head", kTileRows, group * dim);
  spmd::BufferOp angles = op.getRope() ? ropeTable(*op.getRope()) : spmd::BufferOp();
  Value cacheValue = weight(op.getCache());

  struct Part {
    int64_t heads;
    Value matrix, bias, norm;
    bool rotates;
  };
  SmallVector<Part> parts = {{heads, op.getQ(), op.getQBias(), op.getQNorm(), true},
                             {cache.getHeads(), op.getK(), op.getKBias(), op.getKNorm(), true},
                             {cache.getHeads(), op.getV(), op.getVBias(), Value(), false}};
  SmallVector<spmd::BufferOp> inputs;
  SmallVector<int64_t> tiles;
  for (Part &part : parts) {
    inputs.push_back(inputFor(op.getInput(), part.matrix));
    tiles.push_back(llvm::divideCeil(part.heads, group));
  }

  tiled("qkv", llvm::sum_of(tiles), kTileRows, [&](Value tile, Value row, Value count) {
    choosePart(tile, tiles, [&](size_t index, Value local) {
      Part &part = parts[index];
      Value head = group == 1 ? local : arith::MulIOp::create(builder, loc, local, constant(group)).getResult();
      Value column = arith::MulIOp::create(builder, loc, head, constant(dim));
      OpFoldResult width = widthFrom(column, part.heads * dim, group * dim);
      Value in = readRows(inputs[index], row, count);
      Value out = index == 0 ? write(q, row, column, count, width)
                             : write(room, builder.getIndexAttr(0), builder.getIndexAttr(0), count, width);
      kernel::MatmulOp::create(builder, loc, in, weight(part.matrix), column, out);
      if (part.bias)
        kernel::AddBiasOp::create(builder, loc, weight(part.bias), column, out);
      if (part.norm)
        kernel::NormOp::create(builder, loc, out, weight(part.norm), Value(), out, builder.getI64IntegerAttr(dim),
                               op.getEpsAttr());
      if (part.rotates && angles)
        kernel::RopeOp::create(builder, loc, readRows(angles, row, count), out, dim);
      if (index > 0) {
        Value at = arith::AddIOp::create(builder, loc, position, row);
        kernel::AppendOp::create(builder, loc, out, cacheValue, head, at, /*values=*/index == 2);
      }
    });
  });
}

void Scheduler::scheduleAppend(AppendOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  spmd::BufferOp keys = bufferOf(op.getKeys()), values = bufferOf(op.getValues());
  Value cacheValue = weight(op.getCache());
  tiled("append", cache.getHeads(), kTileRows, [&](Value head, Value row, Value count) {
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
  spmd::BufferOp key = tileBuffer("latent." + Twine(cache.getDim()), kTileRows, cache.getDim());
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
  // The queries' product with what makes keys comes next and does not look at the cache.
  if (auto next = dyn_cast<HeadLinearOp>(op->getNextNode()); next && !isDecomposed(next))
    return;
  tiled("append", 1, kTileRows, std::exchange(beside, nullptr));
}

/// A tile is a head: what its products read is made of the head's part of a row, by whoever needs it.
void Scheduler::scheduleHeadLinear(HeadLinearOp op) {
  auto type = cast<WeightType>(op.getWeight().getType());
  int64_t heads = type.getExperts(), in = type.getColumns(), made = type.getRows();
  int64_t width = columnsOf(op.getInput()) / heads, behind = width - in, outWidth = made + behind;
  spmd::BufferOp from = bufferOf(op.getInput()), out = arenaBuffer(local("heads"), columnsOf(op.getResult()));
  buffers[op.getResult()] = out;
  if (isDecomposed(op))
    return scheduleDecomposed("head_linear", op.getOperation(), out);
  bool isRounded = takesRounded(type), isQuantised = type.getInfo().isQuantised();
  spmd::BufferOp room;
  if (isRounded || isQuantised) {
    QuantizedRow layout(in, type.hasWideCodes());
    room = buffer("head_in." + Twine(in) + (isRounded ? ".bf16" : ".codes"), std::min(kTileRows, maxRows),
                  isRounded ? in : layout.bytes, isRounded ? Type(builder.getBF16Type()) : builder.getI8Type(),
                  spmd::Space::Scratch);
  }
  Value matrices = weight(op.getWeight());
  TileFn other = std::exchange(beside, nullptr);
  auto body = [&](Value head, Value row, Value count) {
    OpFoldResult zero = builder.getIndexAttr(0);
    auto columnOf = [&](int64_t each, int64_t offset) -> Value {
      Value column = arith::MulIOp::create(builder, loc, head, constant(each));
      return offset ? arith::AddIOp::create(builder, loc, column, constant(offset)).getResult() : column;
    };
    Value rowsIn = read(from, row, columnOf(width, 0), count, builder.getIndexAttr(in));
    if (room) {
      auto columns = builder.getIndexAttr(room.getBufferType().getDimSize(1));
      Value to = write(room, zero, zero, count, columns);
      if (isRounded)
        kernel::RoundOp::create(builder, loc, rowsIn, to);
      else
        kernel::QuantizeOp::create(builder, loc, rowsIn, to);
      rowsIn = to;
    }
    kernel::MatmulOp::create(builder, loc, rowsIn, matrices, constant(0),
                             write(out, row, columnOf(outWidth, 0), count, builder.getIndexAttr(made)), Value(), head);
    if (behind)
      kernel::CopyOp::create(builder, loc, read(from, row, columnOf(width, in), count, builder.getIndexAttr(behind)),
                             write(out, row, columnOf(outWidth, made), count, builder.getIndexAttr(behind)));
  };
  if (!other)
    return tiled("head_linear", heads, kTileRows, body);
  tiled("head_linear", heads + 1, kTileRows, [&](Value tile, Value row, Value count) {
    choosePart(tile, {heads, 1},
               [&](size_t part, Value local) { part == 0 ? body(local, row, count) : other(local, row, count); });
  });
}

/// Convolutions that nobody waits for between them: one phase, a tile for each part of their states.
void Scheduler::scheduleConvolutions(ArrayRef<CausalConv1dOp> ops) {
  SmallVector<spmd::BufferOp> ins, outs;
  SmallVector<int64_t> tiles;
  for (CausalConv1dOp op : ops) {
    ins.push_back(bufferOf(op.getInput()));
    outs.push_back(buffers[op.getResult()] = arenaBuffer(local("convolved"), columnsOf(op.getResult())));
    tiles.push_back(cast<CarryType>(op.getState().getType()).getParts());
  }
  tiled("conv1d", llvm::sum_of(tiles), maxRows, [&](Value tile, Value row, Value count) {
    choosePart(tile, tiles, [&](size_t index, Value part) {
      CausalConv1dOp op = ops[index];
      int64_t channels = columnsOf(op.getResult()) / tiles[index];
      Value column = arith::MulIOp::create(builder, loc, part, constant(channels));
      OpFoldResult width = builder.getIndexAttr(channels);
      kernel::Conv1dOp::create(builder, loc, read(ins[index], row, column, count, width), weight(op.getWeight()),
                               column, weight(op.getState()), part, position,
                               write(outs[index], row, column, count, width), op.getWidthAttr());
    });
  });
}

void Scheduler::scheduleDeltaRule(GatedDeltaRuleOp op) {
  int64_t heads = columnsOf(op.getA()), keyHeads = op.getHeads(), keyDim = columnsOf(op.getKey()) / keyHeads;
  int64_t parts = cast<CarryType>(op.getState().getType()).getParts(), columns = columnsOf(op.getValue()) / parts;
  spmd::BufferOp query = bufferOf(op.getQuery()), key = bufferOf(op.getKey()), value = bufferOf(op.getValue());
  spmd::BufferOp a = bufferOf(op.getA()), b = bufferOf(op.getB());
  spmd::BufferOp out = buffers[op.getResult()] = arenaBuffer(local("delta"), columnsOf(op.getResult()));
  tiled("delta_rule", parts, maxRows, [&](Value part, Value row, Value count) {
    auto over = [&](Value number, int64_t by) { return arith::DivUIOp::create(builder, loc, number, constant(by)); };
    auto times = [&](Value number, int64_t by) -> Value {
      return arith::MulIOp::create(builder, loc, number, constant(by));
    };
    Value head = over(part, parts / heads), keyColumn = times(over(head, heads / keyHeads), keyDim);
    Value column = times(part, columns);
    OpFoldResult keyWidth = builder.getIndexAttr(keyDim), width = builder.getIndexAttr(columns);
    kernel::DeltaRuleOp::create(
        builder, loc, read(query, row, keyColumn, count, keyWidth), read(key, row, keyColumn, count, keyWidth),
        read(value, row, column, count, width), readRows(a, row, count), readRows(b, row, count), weight(op.getDecay()),
        weight(op.getBias()), head, weight(op.getState()), part, position, write(out, row, column, count, width));
  });
}

/// An op that makes a row of rows and nothing else.
void Scheduler::scheduleRowwise(Operation *op, std::function<void(ValueRange ins, Value out)> kernel) {
  Value result = op->getResult(0);
  spmd::BufferOp out = rowsBuffer(local(op->getName().stripDialect()), columnsOf(result));
  SmallVector<spmd::BufferOp> from;
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      from.push_back(bufferOf(operand));
  rowwise.push_back([=, this](Value row, Value count) {
    Value to = writeRows(out, row, count);
    if (isDecomposed(op))
      return compute(op, row, count, Value(), to);
    SmallVector<Value> ins;
    for (spmd::BufferOp buffer : from)
      ins.push_back(readRows(buffer, rowIn(buffer, row), count));
    kernel(ins, to);
  });
  buffers[result] = out;
}

void Scheduler::schedulePart(PartOp op) {
  spmd::BufferOp from = bufferOf(op.getInput());
  int64_t width = columnsOf(op.getResult());
  spmd::BufferOp out = rowsBuffer(local("part"), width);
  Value index = op.getIndex() ? mapping.lookup(op.getIndex()) : Value();
  int64_t number = op.getNumber().value_or(0);
  rowwise.push_back([=, this](Value row, Value count) {
    Value column =
        index ? arith::MulIOp::create(builder, loc, index, constant(width)).getResult() : constant(number * width);
    kernel::CopyOp::create(builder, loc, read(from, rowIn(from, row), column, count, builder.getIndexAttr(width)),
                           writeRows(out, row, count));
  });
  buffers[op.getResult()] = out;
}

void Scheduler::scheduleAttention(AttentionOp op) {
  if (entry == Entry::Decode && !isDecomposed(op))
    return scheduleAttentionOfOne(op);
  auto cache = cast<CacheType>(op.getCache().getType());
  int64_t dim = cache.getDim(), valueDim = cache.getValueDim(), heads = op.getHeads();
  spmd::BufferOp q = bufferOf(op.getQuery()), out = arenaBuffer(prefix + "attended", columnsOf(op.getResult()));
  buffers[op.getResult()] = out;
  if (isDecomposed(op))
    return scheduleDecomposed("attention", op.getOperation(), out);
  spmd::BufferOp scores = scoresBuffer(cache, kAttentionRows);
  Value cacheValue = weight(op.getCache()), sinks = weight(op.getSinks());
  auto body = [&](Value head, Value row, Value count) {
    auto times = [&](Value value, int64_t factor) -> Value {
      return arith::MulIOp::create(builder, loc, value, constant(factor));
    };
    Value cacheHead = arith::DivUIOp::create(builder, loc, head, constant(heads / cache.getHeads()));
    Value at = arith::AddIOp::create(builder, loc, position, row);
    OpFoldResult zero = builder.getIndexAttr(0);
    kernel::AttentionOp::create(builder, loc, read(q, row, times(head, dim), count, builder.getIndexAttr(dim)),
                                cacheValue, cacheHead, at, sinks, sinks ? head : Value(), Value(), Value(), Value(),
                                write(scores, zero, zero, count, builder.getIndexAttr(cache.getRows())),
                                write(out, row, times(head, valueDim), count, builder.getIndexAttr(valueDim)),
                                op.getScaleAttr(), op.getSoftcapAttr(), op.getTemperatureAttr());
  };
  // Later rows see more positions.
  tiled("attention", heads, kAttentionRows, body, /*isUneven=*/true);
}

/// Heads that share a head of the cache are taken together, so that it is read once; where that leaves too few tiles
/// for a team, a tile is one of several pieces of what the row sees (FlashDecoding), and who needs the result merges
/// them. How many there are depends on the position alone, so results do not on the number of workers.
void Scheduler::scheduleAttentionOfOne(AttentionOp op) {
  auto cache = cast<CacheType>(op.getCache().getType());
  int64_t dim = cache.getDim(), valueDim = cache.getValueDim(), heads = op.getHeads();
  int64_t sharing = heads / cache.getHeads(), together = std::min(sharing, kAttentionRows);
  while (sharing % together)
    --together;
  int64_t sees = cache.getWindow() ? std::min(cache.getWindow(), cache.getRows()) : cache.getRows();
  int64_t groups = heads / together;
  int64_t most = std::min(llvm::divideCeil(kAttentionTiles, groups), llvm::divideCeil(sees, kPiecePositions));
  spmd::BufferOp q = bufferOf(op.getQuery()), scores = scoresBuffer(cache, together), out, parts, shares;
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
    pieces = arith::CeilDivUIOp::create(builder, loc, seen, constant(kPiecePositions));
    pieces = arith::MinUIOp::create(builder, loc, pieces, constant(most));
  } else {
    out = arenaBuffer(prefix + "attended", columnsOf(op.getResult()));
  }
  buffers[op.getResult()] = out;

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
        Value whole = parts ? Value() : sinks;
        kernel::AttentionOp::create(
            builder, loc, read(q, zero, times(head, dim), one, builder.getIndexAttr(together * dim)), cacheValue,
            cacheHead, position, whole, whole ? head : Value(), piece, parts ? pieces : Value(),
            parts ? partOf(shares, 2) : Value(),
            write(scores, zero, zero, builder.getIndexAttr(together), builder.getIndexAttr(cache.getRows())),
            partOf(parts ? parts : out, valueDim), op.getScaleAttr(), op.getSoftcapAttr(), op.getTemperatureAttr());
      });
  if (parts)
    rowwise.push_back([=, this](Value row, Value count) {
      kernel::MergePiecesOp::create(builder, loc, readRows(parts, constant(0), pieces),
                                    readRows(shares, constant(0), pieces), sinks, writeRows(out, row, count));
    });
}

/// Panels per tile: enough tiles for any team where rows are few, enough work per tile where they are many.
int64_t tilePanels(int64_t panels, bool replicates) {
  return replicates ? std::max<int64_t>(1, panels / 64) : std::min<int64_t>(panels, 4);
}

/// What a projection's tiles do to their outputs besides: scale, soft limit, activation.
struct Epilogue {
  SmallVector<Operation *> ops; // the projection, and what follows it
  Value result;                 // of the last

  explicit Epilogue(LinearOp linear) : ops({linear}), result(linear.getResult()) {
    while (result.hasOneUse() && isa<SoftcapOp, ActivationOp>(*result.user_begin())) {
      ops.push_back(*result.user_begin());
      result = ops.back()->getResult(0);
    }
  }
};

/// Projections of one input, gated or not, that nobody waits for between them: one phase.
void Scheduler::scheduleProjections(ArrayRef<Operation *> ops) {
  struct Part {
    LinearOp linear; // or gated
    GatedLinearOp gated;
    SmallVector<Operation *> ops; // with its epilogue
    spmd::BufferOp in, upIn, out;
    int64_t outputs, step;
  };
  SmallVector<Part> parts;
  StringRef what;
  for (Operation *op : ops) {
    Part part{dyn_cast<LinearOp>(op), dyn_cast<GatedLinearOp>(op), {op}, {}, {}, {}, 0, 0};
    Value result = op->getResult(0);
    part.outputs = columnsOf(result);
    if (part.gated) {
      what = "gate_up";
      part.out = arenaBuffer(local("gated"), part.outputs);
    } else {
      Epilogue epilogue(part.linear);
      part.ops = epilogue.ops;
      result = epilogue.result;
      bool isLogits = false, isPending = false;
      for (Operation *user : result.getUsers())
        if (isa<func::ReturnOp>(user))
          (user->getNumOperands() == 1 ? isLogits : isPending) = true;
      part.out = isLogits    ? buffer("logits", maxRows, part.outputs, builder.getF32Type(), spmd::Space::Logits)
                 : isPending ? arenaBuffer("pending", part.outputs)
                             : arenaBuffer(local("projected"), part.outputs);
      what = isLogits ? "head" : isPending ? "down_proj" : part.ops.size() > 1 ? "up_proj" : "o_proj";
    }
    if (ops.size() > 1)
      what = "projections";
    buffers[result] = part.out;
    if (isDecomposed(op)) {
      scheduleDecomposed(what, part.ops, part.out);
      continue;
    }
    Value input = op->getOperand(0);
    part.step = tilePanels(llvm::divideCeil(part.outputs, CPUTable::kPanelRows), replicates) * CPUTable::kPanelRows;
    part.in = inputFor(input, part.gated ? part.gated.getGate() : part.linear.getWeight());
    if (part.gated)
      part.upIn = inputFor(input, part.gated.getUp());
    parts.push_back(part);
  }
  if (parts.empty())
    return;
  auto tiles =
      llvm::map_to_vector(parts, [](Part &part) -> int64_t { return llvm::divideCeil(part.outputs, part.step); });
  tiled(what, llvm::sum_of(tiles), kTileRows, [&](Value tile, Value row, Value count) {
    choosePart(tile, tiles, [&](size_t index, Value local) {
      Part &part = parts[index];
      Value column = arith::MulIOp::create(builder, loc, local, constant(part.step));
      OpFoldResult width = widthFrom(column, part.outputs, part.step), zero = builder.getIndexAttr(0);
      auto product = [&](spmd::BufferOp in, Value matrix, Value bias, Value out) {
        kernel::MatmulOp::create(builder, loc, readRows(in, row, count), weight(matrix), column, out);
        if (bias)
          kernel::AddBiasOp::create(builder, loc, weight(bias), column, out);
      };
      if (GatedLinearOp op = part.gated) {
        Value gate = write(tileBuffer("gate." + Twine(part.step), kTileRows, part.step), zero, zero, count, width);
        Value up = write(tileBuffer("up." + Twine(part.step), kTileRows, part.step), zero, zero, count, width);
        product(part.in, op.getGate(), op.getGateBias(), gate);
        product(part.upIn, op.getUp(), op.getUpBias(), up);
        kernel::GluOp::create(builder, loc, gate, up, write(part.out, row, column, count, width),
                              op.getActivationAttr());
        return;
      }
      Value rowsOut = write(part.out, row, column, count, width);
      product(part.in, part.linear.getWeight(), part.linear.getBias(), rowsOut);
      if (part.linear.isScaled())
        kernel::ScaleOp::create(builder, loc, rowsOut, part.linear.getScaleAttr());
      for (Operation *next : ArrayRef(part.ops).drop_front())
        if (auto softcap = dyn_cast<SoftcapOp>(next))
          kernel::SoftcapOp::create(builder, loc, rowsOut, softcap.getCapAttr());
        else
          kernel::ActivationOp::create(builder, loc, rowsOut, cast<ActivationOp>(next).getActivationAttr());
    });
  });
}

void Scheduler::scheduleRoute(RouteOp op) {
  int64_t top = op.getTop();
  spmd::BufferOp scores = bufferOf(op.getScores()), weights = rowsBuffer(local("weights"), top);
  spmd::BufferOp experts = rowsBuffer(local("experts"), top, builder.getI32Type());
  buffers[op.getWeights()] = weights;
  buffers[op.getExperts()] = experts;
  Operation *whole = op;
  lm::ScoringAttr scoring = op.getScoringAttr();
  UnitAttr normalized = op.getNormalizedAttr();
  FloatAttr scale = op.getScaleAttr();
  Value correction = weight(op.getCorrection());
  IntegerAttr groups = op.getGroupsAttr(), topGroups = op.getTopGroupsAttr(), terms = op.getGroupTermsAttr();
  spmd::BufferOp room;
  if (op.getTopGroups() < op.getGroups())
    room = rowsBuffer(local("scores"), columnsOf(op.getScores()));
  rowwise.push_back([=, this](Value row, Value count) {
    Value outs[] = {writeRows(weights, row, count), writeRows(experts, row, count)};
    if (isDecomposed(whole))
      return compute(whole, row, count, Value(), outs);
    kernel::RouteOp::create(builder, loc, readRows(scores, row, count), correction,
                            room ? writeRows(room, row, count) : Value(), outs[0], outs[1], scoring, scale, normalized,
                            groups, topGroups, terms);
  });
}

/// Slots hold a row for one of its experts. In a decode step slot k is the row's k-th expert; else rows are sorted by
/// expert into blocks of slots, so that a tile is a product of several rows with one expert's matrix.
void Scheduler::scheduleExperts(ExpertsOp op) {
  auto gateType = cast<WeightType>(op.getGate().getType());
  int64_t top = columnsOf(op.getWeights()), inner = gateType.getRows(), hidden = columnsOf(op.getResult());
  int64_t count = gateType.getExperts(), block = replicates ? 1 : 8;
  bool isPending = llvm::any_of(op->getUsers(), [](Operation *user) { return isa<func::ReturnOp>(user); });
  spmd::BufferOp out = buffers[op.getResult()] =
      isPending ? arenaBuffer("pending", hidden) : arenaBuffer(local("mixed"), hidden);
  if (isDecomposed(op))
    return scheduleDecomposed("experts", op.getOperation(), out);

  int64_t blocks = replicates ? maxRows * top : llvm::divideCeil(maxRows * top, block) + std::min(count, maxRows * top);
  int64_t slots = blocks * block;
  auto slotBuffer = [&](StringRef what, int64_t columns, Type element) {
    return buffer(local(what), slots, columns, element, spmd::Space::Arena);
  };
  spmd::BufferOp weights = bufferOf(op.getWeights()), experts = bufferOf(op.getExperts());
  auto sharedDown = op.getShared() ? op.getShared().getDefiningOp<LinearOp>() : LinearOp();
  if (sharedDown && !deferred.contains(sharedDown))
    sharedDown = {};
  spmd::BufferOp shared = op.getShared() ? bufferOf(op.getShared()) : spmd::BufferOp();
  spmd::BufferOp sharedGate = op.getSharedGate() ? bufferOf(op.getSharedGate()) : spmd::BufferOp();
  spmd::BufferOp in = inputFor(op.getInput(), op.getGate()), upIn = inputFor(op.getInput(), op.getUp());
  spmd::BufferOp places, slotWeights = weights;
  Value someBlocks;
  OpFoldResult none = builder.getIndexAttr(0), one = builder.getIndexAttr(1), all = builder.getIndexAttr(block);
  auto columnsIn = [&](spmd::BufferOp buffer) { return builder.getIndexAttr(buffer.getBufferType().getDimSize(1)); };
  auto blockRow = [&](Value index) { return arith::MulIOp::create(builder, loc, index, constant(block)).getResult(); };
  spmd::BufferOp blockExperts = experts;
  if (!replicates) {
    flushRows();
    spmd::BufferOp order = slotBuffer("order", 1, builder.getI32Type());
    places = buffer(local("places"), maxRows, top, builder.getI32Type(), spmd::Space::Arena);
    blockExperts = buffer(local("blocks"), blocks, 1, builder.getI32Type(), spmd::Space::Arena);
    phase(
        "dispatch", constant(1), [] {},
        [&](Value) {
          kernel::DispatchOp::create(
              builder, loc, readRows(experts, constant(0), rows), writeRows(order, constant(0), constant(slots)),
              writeRows(places, constant(0), rows), writeRows(blockExperts, constant(0), constant(blocks)), count);
        });
    // Blocks that so many rows can fill.
    Value chosen = arith::MulIOp::create(builder, loc, rows, constant(top));
    Value most = arith::CeilDivUIOp::create(builder, loc, chosen, constant(block));
    someBlocks =
        arith::AddIOp::create(builder, loc, most, arith::MinUIOp::create(builder, loc, chosen, constant(count)));
    auto gather = [&](spmd::BufferOp from) {
      spmd::BufferOp to =
          slotBuffer("gathered", from.getBufferType().getDimSize(1), from.getBufferType().getElementType());
      phase(
          "gather", someBlocks, [] {},
          [&](Value index) {
            Value row = blockRow(index);
            kernel::GatherOp::create(builder, loc, readRows(from, constant(0), rows), read(order, row, none, all, one),
                                     write(to, row, none, all, columnsIn(from)));
          });
      return to;
    };
    bool isSame = in == upIn;
    in = gather(in);
    upIn = isSame ? in : gather(upIn);
    if (op.getScalesInput())
      slotWeights = gather(weights);
  } else {
    someBlocks = constant(blocks);
  }
  // The number of a block's expert: in a decode step the row's own.
  auto expertOf = [&](Value index) {
    return replicates ? read(experts, none, index, one, one) : read(blockExperts, index, none, one, one);
  };
  auto addBias = [&](Value bias, Value column, Value out, int64_t each, Value index) {
    if (bias)
      kernel::AddBiasOp::create(builder, loc, weight(bias), column, out, expertOf(index), each);
  };
  // A phase of `columns` outputs in tiles for each block.
  auto perBlock = [&](StringRef what, int64_t columns, function_ref<void()> prologue,
                      function_ref<void(Value index, Value row, Value column, OpFoldResult width)> body,
                      int64_t besideTiles = 0, function_ref<void(Value tile)> besideBody = nullptr) {
    int64_t panels = llvm::divideCeil(columns, CPUTable::kPanelRows);
    int64_t step = tilePanels(panels, replicates) * CPUTable::kPanelRows, each = llvm::divideCeil(columns, step);
    auto here = [&](Value tile) {
      Value index = arith::DivUIOp::create(builder, loc, tile, constant(each));
      Value column = arith::MulIOp::create(builder, loc, arith::RemUIOp::create(builder, loc, tile, constant(each)),
                                           constant(step));
      OpFoldResult width = widthFrom(column, columns, step);
      body(index, blockRow(index), column, width);
    };
    if (!besideTiles)
      return phase(what, arith::MulIOp::create(builder, loc, someBlocks, constant(each)), prologue, here);
    phase(what, constant(blocks * each + besideTiles), prologue, [&](Value tile) {
      choosePart(tile, {blocks * each, besideTiles},
                 [&](size_t part, Value local) { part == 0 ? here(local) : besideBody(local); });
    });
  };

  spmd::BufferOp product = slotBuffer("gated", inner, builder.getF32Type());
  int64_t step = tilePanels(llvm::divideCeil(inner, CPUTable::kPanelRows), replicates) * CPUTable::kPanelRows;
  spmd::BufferOp gateRoom =
      buffer("expert_gate." + Twine(step), block, step, builder.getF32Type(), spmd::Space::Scratch);
  spmd::BufferOp upRoom = buffer("expert_up." + Twine(step), block, step, builder.getF32Type(), spmd::Space::Scratch);
  // Tiles are dealt out by number: those of the expert for all rows are made as much work as the others.
  int64_t sharedStep = 0, sharedTiles = 0;
  spmd::BufferOp sharedIn;
  if (sharedDown) {
    sharedIn = inputFor(sharedDown.getInput(), sharedDown.getWeight());
    int64_t panelWork = columnsOf(sharedDown.getInput()) * CPUTable::kPanelRows;
    int64_t panels = std::clamp<int64_t>((2 * step * hidden + panelWork / 2) / panelWork, 1,
                                         llvm::divideCeil(hidden, CPUTable::kPanelRows));
    sharedStep = panels * CPUTable::kPanelRows;
    sharedTiles = llvm::divideCeil(hidden, sharedStep);
  }
  perBlock(
      "experts_gate_up", inner, [&] { workOnRows(); },
      [&](Value index, Value row, Value column, OpFoldResult width) {
        Value gate = write(gateRoom, none, none, all, width), up = write(upRoom, none, none, all, width);
        OpFoldResult from = replicates ? none : OpFoldResult(row);
        kernel::MatmulOp::create(builder, loc, read(in, from, none, all, columnsIn(in)), weight(op.getGate()), column,
                                 gate, expertOf(index));
        kernel::MatmulOp::create(builder, loc, read(upIn, from, none, all, columnsIn(upIn)), weight(op.getUp()), column,
                                 up, expertOf(index));
        if (op.getScalesInput()) {
          // What multiplies the input multiplies its products.
          Value factors = read(slotWeights, replicates ? none : OpFoldResult(row), none, all, one);
          kernel::ScaleRowsOp::create(builder, loc, factors, gate);
          kernel::ScaleRowsOp::create(builder, loc, factors, up);
        }
        addBias(op.getGateBias(), column, gate, inner, index);
        addBias(op.getUpBias(), column, up, inner, index);
        kernel::GluOp::create(builder, loc, gate, up, write(product, row, column, all, width), op.getActivationAttr(),
                              op.getLimitAttr(), op.getUpOffsetAttr());
      },
      sharedTiles,
      [&](Value tile) {
        Value column = arith::MulIOp::create(builder, loc, tile, constant(sharedStep));
        Value to = write(shared, none, column, one, widthFrom(column, hidden, sharedStep));
        kernel::MatmulOp::create(builder, loc, readRows(sharedIn, constant(0), rows), weight(sharedDown.getWeight()),
                                 column, to);
        if (sharedDown.isScaled())
          kernel::ScaleOp::create(builder, loc, to, sharedDown.getScaleAttr());
      });

  // What the second product reads: in a decode step every worker makes codes of all slots for itself.
  spmd::BufferOp downIn = product;
  auto downType = cast<WeightType>(op.getDown().getType());
  bool isRounded = takesRounded(downType);
  std::function<void(Value, OpFoldResult)> convert;
  if (isRounded || downType.getInfo().isQuantised()) {
    QuantizedRow layout(inner, downType.hasWideCodes());
    downIn = buffer(local("gated_codes"), slots, isRounded ? inner : layout.bytes,
                    isRounded ? Type(builder.getBF16Type()) : builder.getI8Type(),
                    replicates ? spmd::Space::Scratch : spmd::Space::Arena);
    convert = [&](Value row, OpFoldResult size) {
      Value from = read(product, row, none, size, columnsIn(product)),
            to = write(downIn, row, none, size, columnsIn(downIn));
      if (isRounded)
        kernel::RoundOp::create(builder, loc, from, to);
      else
        kernel::QuantizeOp::create(builder, loc, from, to);
    };
    if (!replicates)
      phase("experts_codes", someBlocks, [] {}, [&](Value index) { convert(blockRow(index), all); });
  }
  spmd::BufferOp mixed = slotBuffer("expert_out", hidden, builder.getF32Type());
  perBlock(
      "experts_down", hidden,
      [&] {
        if (replicates && convert)
          convert(constant(0), builder.getIndexAttr(slots));
      },
      [&](Value index, Value row, Value column, OpFoldResult width) {
        Value to = write(mixed, row, column, all, width);
        kernel::MatmulOp::create(builder, loc, read(downIn, row, none, all, columnsIn(downIn)), weight(op.getDown()),
                                 column, to, expertOf(index));
        addBias(op.getDownBias(), column, to, hidden, index);
      });

  constexpr int64_t kColumns = 256;
  int64_t parts = replicates ? llvm::divideCeil(hidden, kColumns) : 1;
  tiled("combine", parts, 8, [&](Value tile, Value row, Value rowCount) {
    Value column = constant(0);
    OpFoldResult width = builder.getIndexAttr(hidden), slotCount = builder.getIndexAttr(slots);
    if (!replicates) {
      slotCount = blockRow(someBlocks);
    } else {
      column = arith::MulIOp::create(builder, loc, tile, constant(kColumns));
      Value rest = arith::SubIOp::create(builder, loc, constant(hidden), column);
      width = arith::MinUIOp::create(builder, loc, rest, constant(kColumns)).getResult();
    }
    kernel::CombineOp::create(builder, loc, read(mixed, none, column, slotCount, width),
                              readRows(weights, row, rowCount), places ? readRows(places, row, rowCount) : Value(),
                              shared ? read(shared, row, column, rowCount, width) : Value(),
                              sharedGate ? readRows(sharedGate, row, rowCount) : Value(),
                              write(out, row, column, rowCount, width), op.getScalesInputAttr());
  });
}

/// What an op works on has a place in the schedule: rows a buffer, weights a layout, caches rows.
LogicalResult Scheduler::verifyOperands(Operation *op) {
  for (Value operand : op->getOperands()) {
    auto weight = dyn_cast<WeightType>(operand.getType());
    auto cache = dyn_cast<CacheType>(operand.getType());
    if (weight && !weight.isVector() && !weight.getLayout())
      return op->emitOpError() << "expects packed weights (lm-pack-weights), but found " << weight;
    if (cache && !cache.getRows())
      return op->emitOpError() << "expects a cache with rows (lm-plan-cache), but found " << cache;
    bool isRows = isa<RankedTensorType>(operand.getType()), isCarried = isa<CarryType>(operand.getType());
    if (isRows ? !bufferOf(operand) : (weight || cache || isCarried) && !mapping.contains(operand))
      return op->emitOpError() << "works on " << operand.getType() << " that has no place in the schedule";
  }
  return success();
}

LogicalResult Scheduler::schedule(Operation *op) {
  loc = op->getLoc();
  if (!isa<SoftcapOp, ActivationOp>(op) && failed(verifyOperands(op)))
    return failure();
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](AddNormOp op) { return scheduleAddNorm(op), success(); })
      .Case([&](QKVOp op) { return scheduleQKV(op), success(); })
      .Case([&](AttentionOp op) { return scheduleAttention(op), success(); })
      .Case([&](AddOp op) { return scheduleAdd(op), success(); })
      .Case([&](NormOp op) { return scheduleNorm(op), success(); })
      .Case([&](RopeOp op) { return scheduleRope(op), success(); })
      .Case([&](AddPositionsOp op) { return scheduleAddPositions(op), success(); })
      .Case([&](AppendOp op) { return scheduleAppend(op), success(); })
      .Case([&](AppendLatentOp op) { return scheduleAppendLatent(op), success(); })
      .Case([&](HeadLinearOp op) { return scheduleHeadLinear(op), success(); })
      .Case([&](GatedDeltaRuleOp op) { return scheduleDeltaRule(op), success(); })
      .Case([&](PartOp op) { return schedulePart(op), success(); })
      .Case([&](GluOp op) {
        auto activation = op.getActivationAttr();
        scheduleRowwise(op, [=, this](ValueRange in, Value out) {
          kernel::GluOp::create(builder, loc, in[0], in[1], out, activation);
        });
        return success();
      })
      .Case([&](ScaleOp op) {
        FloatAttr factor = op.getFactorAttr();
        scheduleRowwise(op, [=, this](ValueRange in, Value out) {
          kernel::CopyOp::create(builder, loc, in[0], out);
          kernel::ScaleOp::create(builder, loc, out, factor);
        });
        return success();
      })
      .Case([&](MultiplyOp op) {
        Value factors = weight(op.getWeight());
        scheduleRowwise(
            op, [=, this](ValueRange in, Value out) { kernel::MultiplyOp::create(builder, loc, in[0], factors, out); });
        return success();
      })
      .Case([&](ConcatOp op) {
        scheduleRowwise(op, [this](ValueRange in, Value out) { kernel::ConcatOp::create(builder, loc, in, out); });
        return success();
      })
      .Case([&](SparsifyOp op) {
        FloatAttr deviations = op.getDeviationsAttr();
        scheduleRowwise(op, [=, this](ValueRange in, Value out) {
          kernel::SparsifyOp::create(builder, loc, in[0], out, deviations);
        });
        return success();
      })
      .Case([&](MatchMagnitudeOp op) {
        FloatAttr eps = op.getEpsAttr();
        scheduleRowwise(op, [=, this](ValueRange in, Value out) {
          kernel::MatchMagnitudeOp::create(builder, loc, in[0], in[1], out, eps);
        });
        return success();
      })
      .Case([&](AltUpPredictOp op) {
        scheduleRowwise(
            op, [this](ValueRange in, Value out) { kernel::AltUpPredictOp::create(builder, loc, in[0], in[1], out); });
        return success();
      })
      .Case([&](AltUpCorrectOp op) {
        scheduleRowwise(op, [this](ValueRange in, Value out) {
          kernel::AltUpCorrectOp::create(builder, loc, in[0], in[1], in[2], out);
        });
        return success();
      })
      .Case([&](AltUpInjectOp op) {
        scheduleRowwise(
            op, [this](ValueRange in, Value out) { kernel::AltUpInjectOp::create(builder, loc, in[0], in[1], out); });
        return success();
      })
      .Case([&](CausalConv1dOp op) -> LogicalResult {
        if (scheduled.contains(op))
          return success();
        SmallVector<CausalConv1dOp> group = {op};
        for (auto next = dyn_cast<CausalConv1dOp>(op->getNextNode()); next;
             next = dyn_cast<CausalConv1dOp>(next->getNextNode())) {
          if (failed(verifyOperands(next)))
            return failure();
          group.push_back(next);
          scheduled.insert(next);
        }
        return scheduleConvolutions(group), success();
      })
      .Case<LinearOp, GatedLinearOp>([&](Operation *op) -> LogicalResult {
        if (scheduled.contains(op))
          return success();
        SmallVector<Operation *> group = {op};
        if (LinearOp shared = asSharedDown(op)) {
          buffers[shared.getResult()] = arenaBuffer(local("projected"), columnsOf(shared.getResult()));
          return deferred.insert(shared), success();
        }
        for (Operation *next = op->getNextNode(); isa_and_nonnull<LinearOp, GatedLinearOp>(next);
             next = next->getNextNode())
          if (next->getOperand(0) == op->getOperand(0)) {
            if (failed(verifyOperands(next)))
              return failure();
            group.push_back(next);
            scheduled.insert(next);
          }
        return scheduleProjections(group), success();
      })
      .Case([&](RouteOp op) { return scheduleRoute(op), success(); })
      .Case([&](ExpertsOp op) { return scheduleExperts(op), success(); })
      .Case<SoftcapOp, ActivationOp>([&](Operation *op) -> LogicalResult {
        // Done by the projection it follows.
        return bufferOf(op->getResult(0)) ? success() : op->emitOpError("expects a projection before it");
      })
      .Case([&](UseOp op) {
        mapping.map(op.getResult(), builder.clone(*op)->getResult(0));
        return success();
      })
      .Case([&](AggregatedOpInterface op) -> LogicalResult {
        // No phase of its own yet: one tile computes it.
        if (op->getNumResults() != 1)
          return op->emitOpError("has no place in the schedule; is the graph stage complete?");
        StringRef what = op->getName().stripDialect();
        spmd::BufferOp out = buffers[op->getResult(0)] = arenaBuffer(prefix + what, columnsOf(op->getResult(0)));
        return scheduleDecomposed(what, op.getOperation(), out), success();
      })
      .Default(
          [](Operation *op) { return op->emitOpError("has no place in the schedule; is the graph stage complete?"); });
}

LogicalResult Scheduler::storeStreams(Operation *op, ValueRange values) {
  SmallVector<std::pair<spmd::BufferOp, spmd::BufferOp>> moves;
  for (auto [index, value] : llvm::enumerate(values)) {
    if (!bufferOf(value))
      return op->emitOpError() << "works on " << value.getType() << " that has no place in the schedule";
    if (spmd::BufferOp to = streamBuffer(index, columnsOf(value)); to != bufferOf(value))
      moves.push_back({bufferOf(value), to});
  }
  tiled("streams", 1, 8, [&](Value, Value row, Value count) {
    for (auto [from, to] : moves)
      kernel::CopyOp::create(builder, loc, readRows(from, row, count), writeRows(to, row, count));
  });
  return success();
}

LogicalResult Scheduler::schedule(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(schedule(&op)))
      return failure();
  if (isDeferred && !rowwise.empty())
    return block.getTerminator()->emitOpError("expects the last op to be a projection");
  return success();
}

LogicalResult Scheduler::scheduleKind(func::FuncOp kind) {
  std::string symbol = name + "." + kind.getSymName().str();
  if (module.lookupSymbol(symbol))
    return success();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  // (streams..., position, weights...) becomes (rows, position, weights...).
  SmallVector<Type> types = {builder.getIndexType(), builder.getIndexType()};
  SmallVector<DictionaryAttr> attrs(2, builder.getDictionaryAttr({}));
  unsigned streams = kind.getNumResults();
  for (unsigned i = streams + 1; i < kind.getNumArguments(); ++i) {
    types.push_back(kind.getArgumentTypes()[i]);
    attrs.push_back(kind.getArgAttrDict(i));
  }
  auto function = func::FuncOp::create(builder, kind.getLoc(), symbol, builder.getFunctionType(types, {}));
  function.setPrivate();
  function.setAllArgAttrs(attrs);
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);

  Block &source = kind.getBody().front();
  Value outerRows = rows, outerPosition = position;
  rows = maxRows == 1 ? constant(1) : body->getArgument(0);
  position = body->getArgument(1);
  for (unsigned i = streams + 1; i < kind.getNumArguments(); ++i)
    mapping.map(source.getArgument(i), body->getArgument(i - streams + 1));
  int64_t hidden = columnsOf(source.getArgument(0));
  if (isDeferred) {
    buffers[source.getArgument(0)] = rowsBuffer("x", hidden);
    buffers[source.getArgument(1)] = arenaBuffer("pending", hidden);
  } else {
    for (BlockArgument stream : source.getArguments().take_front(streams))
      buffers[stream] = streamBuffer(stream.getArgNumber(), columnsOf(stream));
  }
  prefix = kind.getSymName().str() + ".";
  locals = 0;
  LogicalResult result = schedule(source);
  Operation *end = source.getTerminator();
  if (succeeded(result) && isDeferred &&
      (bufferOf(end->getOperand(0)) != bufferOf(source.getArgument(0)) ||
       bufferOf(end->getOperand(1)) != bufferOf(source.getArgument(1))))
    result = end->emitOpError("expects to return the stream and what is pending");
  if (succeeded(result) && !isDeferred)
    result = storeStreams(end, end->getOperands());
  func::ReturnOp::create(builder, kind.getLoc());
  prefix.clear();
  rows = outerRows, position = outerPosition;
  return result;
}

LogicalResult Scheduler::run(func::FuncOp forward) {
  if (!llvm::hasSingleElement(forward.getBody()))
    return forward.emitOpError("expects a body of one block");
  Block &source = forward.getBody().front();
  LayersOp layers;
  for (auto op : source.getOps<LayersOp>())
    layers = op;
  if (!layers)
    return forward.emitOpError("expects layers");
  isDeferred = layers.getStream().size() == 2 && layers.getStream()[1].getDefiningOp<ZerosOp>();
  SymbolTable symbols(module);
  if (entry != Entry::Head) {
    llvm::SetVector<Attribute> kinds(llvm::from_range, layers.getKinds());
    for (Attribute kind : kinds)
      if (failed(scheduleKind(symbols.lookup<func::FuncOp>(cast<FlatSymbolRefAttr>(kind).getValue()))))
        return failure();
  }

  builder.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> types(3, builder.getIndexType()); // rows, position, first
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
  function->setAttr(spmd::kEntryAttr, builder.getStringAttr(name));
  function->setAttr(spmd::kRowsAttr, builder.getI64IntegerAttr(maxRows));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  rows = maxRows == 1 ? constant(1) : body->getArgument(0);
  position = body->getArgument(1);
  first = body->getArgument(2);

  int64_t hidden = columnsOf(layers.getStream()[0]);
  bool before = entry != Entry::Head, after = entry != Entry::Prefill, isPast = false;
  for (Operation &op : source.without_terminator()) {
    loc = op.getLoc();
    if (isa<LayersOp>(op)) {
      isPast = true;
      if (entry == Entry::Head) {
        // Prefill's buffers: its stream waits there.
        auto left = [&](const Twine &what) { return module.lookupSymbol<spmd::BufferOp>(("prefill." + what).str()); };
        if (isDeferred) {
          buffers[layers.getResult(0)] = left("x");
          buffers[layers.getResult(1)] = left("pending");
        } else {
          for (OpResult stream : layers.getResults())
            buffers[stream] = left("stream." + Twine(stream.getResultNumber()));
        }
        continue;
      }
      if (!isDeferred && failed(storeStreams(layers, layers.getStream())))
        return failure();
      SmallVector<Attribute> kinds;
      for (auto kind : layers.getKinds().getAsRange<FlatSymbolRefAttr>())
        kinds.push_back(FlatSymbolRefAttr::get(builder.getContext(), name + "." + kind.getValue().str()));
      spmd::LayersOp::create(builder, loc, rows, position, builder.getArrayAttr(kinds));
      if (isDeferred) {
        buffers[layers.getResult(0)] = rowsBuffer("x", hidden);
        buffers[layers.getResult(1)] = arenaBuffer("pending", hidden);
      } else {
        for (OpResult stream : layers.getResults())
          buffers[stream] = streamBuffer(stream.getResultNumber(), columnsOf(stream));
      }
    } else if (auto embed = dyn_cast<EmbedOp>(op)) {
      if (!before)
        continue;
      if (!mapping.contains(embed.getTable()) || !cast<WeightType>(embed.getTable().getType()).getLayout())
        return embed.emitOpError("expects a packed table that lm.use names");
      auto x = buffers[embed.getResult()] =
          isDeferred ? rowsBuffer("x", hidden) : rowsBuffer(local("embedded"), columnsOf(embed.getResult()));
      spmd::BufferOp tokens = buffer("tokens", maxRows, 1, builder.getI32Type(), spmd::Space::Tokens);
      Value tableValue = weight(embed.getTable());
      FloatAttr scale = embed.getScaleAttr();
      buffers[embed.getIds()] = tokens;
      Operation *whole = embed;
      rowwise.push_back([=, this](Value row, Value count) {
        if (isDecomposed(whole))
          return compute(whole, row, count, Value(), writeRows(x, row, count));
        kernel::EmbedOp::create(builder, loc, readRows(tokens, row, count), tableValue, writeRows(x, row, count),
                                scale);
      });
      // With the first of them come the angles of the call's positions.
      for (RopeAttr rope : std::exchange(hasAngles, true) ? ArrayRef<RopeAttr>() : ArrayRef(ropes)) {
        spmd::BufferOp angles = ropeTable(rope);
        rowwise.push_back([=, this](Value row, Value count) {
          Value at = arith::AddIOp::create(builder, loc, position, row);
          kernel::RopeTableOp::create(builder, loc, at, writeRows(angles, row, count), rope);
        });
      }
    } else if (isDeferred && isa<ZerosOp>(op)) {
      if (!before)
        continue;
      spmd::BufferOp pending = arenaBuffer("pending", hidden);
      tiled("start", 1, kTileRows, [&](Value, Value row, Value count) {
        kernel::ZeroOp::create(builder, loc, writeRows(pending, row, count));
      });
    } else if (isa<UseOp>(op) || (isPast ? after : before)) {
      if (failed(schedule(&op)))
        return failure();
    }
  }
  func::ReturnOp::create(builder, loc);
  return success();
}

struct Schedule : mlir::lm::impl::ScheduleBase<Schedule> {
  using ScheduleBase::ScheduleBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto forward = module.lookupSymbol<func::FuncOp>("forward");
    FailureOr<CPUTable> table = CPUTable::get(module);
    if (!forward) {
      module.emitError() << "lm-schedule: expects a function @forward";
      return signalPassFailure();
    }
    if (failed(table))
      return signalPassFailure();
    SmallVector<func::FuncOp> sources(module.getOps<func::FuncOp>());
    if (auto options = module->getAttrOfType<DictionaryAttr>("lm.options"))
      if (auto names = options.getAs<StringAttr>("decompose"))
        decompose = names.str();
    FailureOr<int64_t> callRows = lathe::getPrefillRows(module, prefillRows);
    if (failed(callRows))
      return signalPassFailure();
    FailureOr<int64_t> context = *callRows;
    if (module->hasAttr(kModelAttr))
      context = lathe::getModuleInteger(module, kModelAttr, "context", 1, lathe::kMaxContext);
    if (failed(context))
      return signalPassFailure();
    if (headRows < 1 || headRows > lathe::kMaxRows) {
      module.emitError() << "lm-schedule: expects head-rows from 1 to " << lathe::kMaxRows << ", but found "
                         << headRows;
      return signalPassFailure();
    }
    for (auto [entry, name, rows] : {std::tuple(Entry::Decode, "decode", int64_t(1)),
                                     std::tuple(Entry::Prefill, "prefill", std::min(*callRows, *context)),
                                     std::tuple(Entry::Head, "head", headRows.getValue())})
      if (failed(Scheduler(module, entry, name, rows, *table, decompose).run(forward)))
        return signalPassFailure();
    for (func::FuncOp source : llvm::reverse(sources))
      source.erase();
  }
};

} // namespace
