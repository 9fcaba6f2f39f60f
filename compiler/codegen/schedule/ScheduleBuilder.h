//===- ScheduleBuilder.h - buffers, phases and tiles of a program -------------------------------------------------===//
//
// The schedules of ops (the files beside this one) are written with this builder. A schedule says how an op is divided
// into tiles, and what one tile computes. It is a free function in the table of ScheduleTable.h.
//
// A value of the source is rows in a buffer: [rows of the call, columns of the value]. A call has few rows or many:
//
//   few rows   every worker does all work on single rows (norms, quantising) itself, in its own scratch, in the
//              prologue of the phase that needs it: that takes no barrier
//   many rows  work on single rows is a phase of its own, divided by rows
//
// Most schedules need not distinguish the two: they hand work on single rows to `onRows`, and the next phase includes
// it.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULEBUILDER_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULEBUILDER_H

#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/Layout.h"
#include "dialects/spmd/SPMDOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::lm {

using lathe::kPanelRows;

enum class Entry { Decode, Prefill, Logits };

/// What distinguishes one program from another.
struct ProgramOptions {
  Entry entry;
  StringRef name;  // of the program
  int64_t maxRows; // of a call
  TargetAttr target;
  StringRef decompose; // "all", or names of ops that run as their decomposition, "lm.qkv,lm.linear"

  /// Whether ops of this name run as their decomposition.
  static bool isNamed(StringRef decompose, StringRef op) {
    return decompose == "all" || llvm::is_contained(llvm::split(decompose, ','), op);
  }
};

/// Columns of the value that has rows [rows, columns].
inline int64_t columnsOf(Value rows) { return cast<RankedTensorType>(rows.getType()).getDimSize(1); }

/// New ops stand at the end of the function being scheduled, or, in the functions handed to `phase`, of its prologue or
/// tile.
class ScheduleBuilder : public ImplicitLocOpBuilder {
public:
  /// Emits work on rows [row, row + count) of the call.
  using RowsFn = std::function<void(Value row, Value count)>;
  /// Emits tile `tile` of the columns, for rows [row, row + count) of the call.
  using TileFn = std::function<void(Value tile, Value row, Value count)>;

  ScheduleBuilder(spmd::ProgramOp program, const ProgramOptions &options);

  const ProgramOptions options;
  const TilesAttr tiles;     // of options.target
  const ScratchAttr scratch; // of options.target
  /// Whether calls have few rows (see above).
  const bool hasFewRows;
  /// Whether calls have one row, known to be one: some kernels take no more.
  bool isOneRow() const { return options.entry == Entry::Decode; }
  /// Whether layers return (stream, pending): the residual stream, and a value that the next op adds to it. Otherwise
  /// they return streams.
  bool hasPending = true;

  /// The function being scheduled: the program's entry, or a kind of layer.
  struct Function {
    Value rows;         // of this call
    Value position;     // of the first row in the sequence
    Value first;        // of the entry: row 0 of this call is this row of prefill's buffers
    std::string prefix; // of its buffers' names: "layer."; of the entry empty
    int numbered = 0;   // names given so far
  } function;
  bool isEntry() const { return function.prefix.empty(); }
  /// Weights, states and layer numbers of the source in the function being scheduled.
  IRMapping mapping;

  //===- Numbers ---===//

  Value constant(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
  Value times(Value value, int64_t factor) { return arith::MulIOp::create(*this, value, constant(factor)); }
  /// The columns of a tile that begins at `column`: `step`, or fewer if `columns` end before.
  OpFoldResult widthFrom(Value column, int64_t columns, int64_t step);

  //===- Buffers ---===//

  /// The program's buffer of this name and type. If the name exists with another type, the new buffer gets a number.
  spmd::BufferOp buffer(const Twine &name, int64_t rows, int64_t columns, Type element, spmd::Space space);
  /// A buffer that the caller passes: tokens, or the logits to fill.
  spmd::BufferOp callersBuffer(spmd::Role role, int64_t columns, Type element);
  /// [rows, columns] for work on single rows: in scratch if `hasFewRows`, else in the arena. f32 unless `element` is
  /// given.
  spmd::BufferOp rowsBuffer(const Twine &name, int64_t columns, Type element = {});
  /// [rows, columns] of f32 in the arena, which tiles fill.
  spmd::BufferOp arenaBuffer(const Twine &name, int64_t columns);
  /// f32 in scratch for one tile of at most `rows` rows.
  spmd::BufferOp scratchBuffer(const Twine &name, int64_t rows, int64_t columns);
  /// The residual stream, and the value that is still to be added to it.
  spmd::BufferOp residual(int64_t columns);
  spmd::BufferOp pending(int64_t columns);
  /// Whether the layer returns the value as pending: the next op adds it to the residual stream.
  bool isPending(Value value) const;
  /// The buffer for `value`, whose columns tiles fill: `pending` if the layer returns the value as pending, otherwise a
  /// new arenaBuffer.
  spmd::BufferOp outputBuffer(Value value, const Twine &name);
  /// Stream `index` of those that layers return (without `hasPending`).
  spmd::BufferOp stream(unsigned index, int64_t columns);
  /// Whether `buffer` is the residual stream.
  bool isResidual(spmd::BufferOp buffer) const { return buffer == residualStream; }
  /// Cosines and sines of the call's positions, which the entry's first phase computes.
  spmd::BufferOp ropeTable(RopeAttr rope);
  ArrayRef<RopeAttr> getRopes() const { return ropes; }
  /// A name of its own for a buffer of the function being scheduled.
  std::string numbered(StringRef what) {
    return function.prefix + what.str() + "." + std::to_string(function.numbered++);
  }

  //===- Parts of buffers ---===//

  Value read(spmd::BufferOp buffer, OpFoldResult row, OpFoldResult column, OpFoldResult rows, OpFoldResult columns);
  Value write(spmd::BufferOp buffer, OpFoldResult row, OpFoldResult column, OpFoldResult rows, OpFoldResult columns);
  Value readRows(spmd::BufferOp buffer, Value row, Value count);
  Value writeRows(spmd::BufferOp buffer, Value row, Value count);
  /// The row of the buffer that holds `row` of this call: in buffers that prefill left, `function.first` + `row`.
  Value rowIn(spmd::BufferOp buffer, Value row);

  //===- Values of the source ---===//

  /// The buffer of a value, or null if the value is not scheduled yet.
  spmd::BufferOp bufferOf(Value value) const { return buffers.lookup(value); }
  void setBuffer(Value value, spmd::BufferOp buffer) { buffers[value] = buffer; }
  /// The weight or state that corresponds to `value` in the function being scheduled. Null stays null.
  Value weight(Value value) { return value ? mapping.lookup(value) : Value(); }
  /// The buffer of a value in an encoding other than f32. It is null until somebody sets it.
  spmd::BufferOp &encodedBuffer(Value value, OperandEncoding encoding) { return encodedBuffers[{value, encoding}]; }
  bool isDecomposed(Operation *op) const {
    return ProgramOptions::isNamed(options.decompose, op->getName().getStringRef());
  }

  //===- Phases ---===//

  /// Begins the entry. Its first phase needs no barrier, because the call before ended with one.
  void beginEntry() { isFirstPhase = true; }
  /// A phase of `tiles` tiles, after a barrier.
  void phase(StringRef name, Value tiles, function_ref<void()> prologue, function_ref<void(Value tile)> body);
  /// A phase over `columnTiles` tiles of columns; where rows are many, times blocks of at most `blockRows` rows.
  void tiled(StringRef name, int64_t columnTiles, int64_t blockRows, TileFn body);
  /// The tiles of a phase belong to several parts, `tiles[i]` tiles each. Emits code that runs `body` of the tile's
  /// part.
  void choosePart(Value tile, ArrayRef<int64_t> tiles, function_ref<void(size_t part, Value local)> body);
  /// Adds work on single rows, which is done before the tiles of the next phase.
  void onRows(RowsFn work) { rowwise.push_back(std::move(work)); }
  bool hasRowsWork() const { return !rowwise.empty(); }
  /// For many rows: makes a phase of the work that `onRows` collected.
  void flushRows();
  /// For few rows, in a prologue: emits the work that `onRows` collected, for all rows.
  void workOnRows();
  /// The columns of a tile of a product with `columns` outputs: whole panels.
  int64_t productStep(int64_t columns) const;

  //===- Ops that share a phase ---===//

  /// The op is part of the phase of an op before it: the walk skips it.
  void markScheduled(Operation *op) { scheduled.insert(op); }
  bool isScheduled(Operation *op) const { return scheduled.contains(op); }
  /// The op will be part of the phase of an op after it, which checks `isDeferred`.
  void defer(Operation *op) { deferred.insert(op); }
  bool isDeferred(Operation *op) const { return deferred.contains(op); }
  /// One more tile for the next phase of heads, which does not depend on it.
  TileFn extraTile;

private:
  spmd::BufferOp streamBuffer(const Twine &name, int64_t columns, spmd::Space space);

  spmd::ProgramOp program;
  bool isFirstPhase = false; // of a call
  llvm::StringMap<spmd::BufferOp> named;
  spmd::BufferOp residualStream;
  SmallVector<RopeAttr> ropes;
  DenseMap<Value, spmd::BufferOp> buffers;
  DenseMap<std::pair<Value, OperandEncoding>, spmd::BufferOp> encodedBuffers;
  SmallVector<RowsFn> rowwise;
  llvm::DenseSet<Operation *> scheduled, deferred;
};

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_SCHEDULEBUILDER_H
