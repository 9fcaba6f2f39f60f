//===- Scheduler.h - one entry point as phases of an SPMD program -------------------------------------------------===//
//
// One scheduler per entry point walks the forward function and the layer kinds. Ops on single rows (add_norm,
// quantising) collect in `rowwise`; the next divided op takes them: as its prologue where every worker repeats them on
// its own copy (few rows), or as a phase of their own, divided by rows. How each kind of op is divided stands in the
// files beside this one.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULER_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULER_H

#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/Layout.h"
#include "dialects/lm/ValueNames.h"
#include "dialects/spmd/SPMDOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::lm {

using lathe::kPanelRows;

enum class Entry { Decode, Prefill, Head };

/// How a product with a weight takes its rows: as they are, rounded to bf16, or as codes (dialects/lm/QuantizedRow.h).
enum class RowForm { F32, BF16, Codes, WideCodes };

class Scheduler {
public:
  Scheduler(ModuleOp module, Entry entry, StringRef name, int64_t maxRows, TargetAttr target, StringRef decompose)
      : module(module), builder(module.getContext()), entry(entry), name(name), maxRows(maxRows), target(target),
        // Prefill leaves its stream for the head, which reads it in the arena.
        replicates(entry != Entry::Prefill && maxRows <= target.getTiles().getReplicatedRows()), decompose(decompose) {}

  LogicalResult run(func::FuncOp forward);

  /// Whether `decompose`, "all" or names of ops, has this one.
  static bool isNamed(StringRef decompose, StringRef op) {
    return decompose == "all" || llvm::is_contained(llvm::split(decompose, ','), op);
  }

private:
  using RowsFn = std::function<void(Value row, Value count)>;
  using TileFn = std::function<void(Value tile, Value row, Value count)>;

  Value constant(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }

  spmd::BufferOp buffer(const Twine &wanted, int64_t rows, int64_t columns, Type element, spmd::Space space);
  /// Memory of the caller.
  spmd::BufferOp callersBuffer(spmd::Role role, int64_t columns, Type element);
  /// What the head entry reads of prefill's lies in the module.
  spmd::BufferOp streamBuffer(const Twine &suffix, int64_t columns, spmd::Space space);
  /// Of layers that hand over one stream, and what is still to be added to it.
  spmd::BufferOp residual(int64_t columns) {
    return residualStream = streamBuffer("stream", columns, replicates ? spmd::Space::Scratch : spmd::Space::Arena);
  }
  spmd::BufferOp pending(int64_t columns) {
    return isDeferred ? streamBuffer("pending", columns, spmd::Space::Arena) : arenaBuffer("pending", columns);
  }
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
    bool isPrefills = entry == Entry::Head && !buffer.getProgram();
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

  RowForm formFor(WeightType type);
  Type elementOf(RowForm form);
  /// Elements that `columns` values of a row become, whole blocks of them where these are codes.
  OpFoldResult columnsIn(RowForm form, OpFoldResult columns);
  /// Rows of f32 into rows of `form`.
  void convert(RowForm form, Value from, Value to);
  spmd::BufferOp formBuffer(const Twine &suffix, Value value, RowForm form);
  /// The buffer a product with `weight` reads: the rows, or what is made of them.
  spmd::BufferOp inputFor(Value value, Value weight);

  /// Where tiles put a value. What products take of it instead of f32, each tile makes of its own columns, so that
  /// nobody waits for that; where nobody takes f32, that is in the tile's own room.
  struct Outlet {
    spmd::BufferOp rows; // of f32; null: the room
    SmallVector<std::pair<RowForm, spmd::BufferOp>> forms;
    int64_t mostRows, step; // of a tile
  };
  /// All forms in which the value is used.
  llvm::SmallSetVector<RowForm, 2> takenForms(Value value);
  /// Whether tiles of `step` columns can make their part of rows of `form`.
  bool canConvertTiles(RowForm form, int64_t step) const;
  /// For tiles of `mostRows` rows and `step` columns.
  /// Whether the layer hands the value over, to be added to the stream.
  static bool isPending(Value value) {
    return llvm::any_of(value.getUsers(),
                        [](Operation *user) { return isa<func::ReturnOp>(user) && user->getNumOperands() > 1; });
  }
  Outlet outletFor(Value value, const Twine &suffix, int64_t mostRows, int64_t step);
  /// A tile's part of it, which `fill` makes in f32, or, if it `rounds` what it writes, in bf16 where only that is
  /// used.
  void put(const Outlet &outlet, Value row, Value column, OpFoldResult count, OpFoldResult width,
           function_ref<void(Value out)> fill, bool rounds = false);

  void phase(StringRef what, Value tiles, function_ref<void()> prologue, function_ref<void(Value tile)> body);
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
  /// Whether products with keys and values take rows rounded to bf16.
  bool takesRounded(CacheType type) { return target.getRows(type) == OperandEncoding::BF16; }
  /// Panels per tile of a product with so many: enough tiles for any number of workers where rows are few, enough work
  /// per tile where they are many.
  int64_t tilePanels(int64_t panels) {
    return replicates ? std::max<int64_t>(1, panels / target.getTiles().getProductTiles())
                      : std::min<int64_t>(panels, target.getTiles().getProductPanels());
  }
  /// A phase over `columnTiles` times blocks of `blockRows` rows.
  void tiled(StringRef what, int64_t columnTiles, int64_t blockRows, TileFn body);

  /// Of parts that lie one after another, each `tiles[i]` tiles: the code for the part that `tile` is in.
  void choosePart(Value tile, ArrayRef<int64_t> tiles, function_ref<void(size_t part, Value local)> body);

  /// Whether `op` runs as its decomposition.
  bool isDecomposed(Operation *op) { return isNamed(decompose, op->getName().getStringRef()); }
  /// The ops, one after another, on rows of their inputs; `outs` takes the last one's results. `at` is the position of
  /// the first row.
  void compute(ArrayRef<Operation *> ops, Value row, Value count, Value at, ValueRange outs);
  /// A phase of one tile that computes the ops.
  void scheduleDecomposed(StringRef what, ArrayRef<Operation *> ops, spmd::BufferOp out);
  /// A phase of one tile that computes an op with one result.
  void scheduleWhole(Operation *op);

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
  /// Attention of rows of one query head, `most` at most, or of so many heads of one row, to latent vectors.
  void attendToLatents(Value query, Value cache, Value at, Value every, int64_t most, Value piece, Value pieces,
                       Value shares, Value out, FloatAttr scale);
  void scheduleAppendLatent(AppendLatentOp op);
  /// Queries that nothing but a product for each head reads, rotated: in a decode step its tile makes the head's own.
  bool deferQueries(Operation *op);
  void scheduleHeadLinear(HeadLinearOp op);
  /// What `head`'s matrix makes of rows, which are rounded or quantised for it first.
  void headProduct(WeightType type, Value matrices, Value head, Value in, Value count, Value out);
  void scheduleLatentAttention(LatentAttentionOp op);
  void scheduleConvolutions(ArrayRef<CausalConv1dOp> ops);
  void scheduleDeltaRule(GatedDeltaRuleOp op);
  void scheduleRowwise(Operation *op, std::function<void(ValueRange ins, Value out)> kernel);
  void schedulePart(PartOp op);
  /// Rows into the buffers streams live in between layers.
  LogicalResult storeStreams(Operation *op, ValueRange values);
  spmd::BufferOp streamBuffer(unsigned index, int64_t columns) {
    return streamBuffer("stream." + Twine(index), columns, spmd::Space::Arena);
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
  spmd::ProgramOp program;
  OpBuilder builder;
  Location loc = UnknownLoc::get(module.getContext());
  Entry entry;
  std::string name;
  int64_t maxRows;
  TargetAttr target;
  bool replicates;        // rowwise work is every worker's own
  bool isDeferred = true; // layers hand over a stream and what is still to be added to it
  bool hasAngles = false;
  bool isFirstPhase = false; // of an entry point
  StringRef decompose;       // "all" or names of ops

  // Of the function being scheduled.
  Value rows, position, first;
  IRMapping mapping; // weights and caches
  DenseMap<Value, spmd::BufferOp> buffers;
  DenseMap<std::pair<Value, RowForm>, spmd::BufferOp> forms; // what products take of a value
  SmallVector<RowsFn> rowwise;
  std::string prefix;                    // of buffer names local to a kind
  int locals = 0;                        // named so far
  llvm::DenseSet<Operation *> scheduled; // with an op before
  llvm::DenseSet<Operation *> deferred;  // with an op after
  TileFn beside;                         // a tile that the next phase of heads takes along

  llvm::StringMap<spmd::BufferOp> allBuffers;
  spmd::BufferOp residualStream;
  SmallVector<RopeAttr> ropes;
};

} // namespace mlir::lm

#endif
