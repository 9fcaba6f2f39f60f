//===- Experts.h - common parts of both schedules of experts ------------------------------------------------------===//
//
// A slot holds one row for one of the row's experts. All slots of a block are of the same expert, so that a tile
// multiplies the rows of a block by that expert's matrix.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_EXPERTS_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_EXPERTS_H

#include "compiler/codegen/schedule/Operands.h"

namespace mlir::lm {

class Mixture {
public:
  Mixture(ScheduleBuilder &b, ExpertsOp op, spmd::BufferOp out);

  int64_t slots() const { return blocks * blockRows; }
  OpFoldResult index(int64_t value) { return b.getIndexAttr(value); }
  OpFoldResult columnsOf(spmd::BufferOp buffer) { return index(buffer.getBufferType().getDimSize(1)); }
  Value rowOf(Value block) { return b.times(block, blockRows); }
  /// A row for each slot, in the arena.
  spmd::BufferOp slotBuffer(StringRef what, int64_t columns, Type element) {
    return b.buffer(b.numbered(what), slots(), columns, element, spmd::Space::Arena);
  }

  /// Makes the buffers of glu(gate, up), and of its encoding that the down product reads.
  void makeInner();
  /// glu(gate, up) of a block, for `columns` outputs of each expert from `column` on.
  void gateUp(Value block, Value row, Value column, OpFoldResult columns);
  /// Whether rows are encoded whole, after the gate and up products.
  bool encodesInner() const { return downEncoding != OperandEncoding::F32 && inner.rows; }
  /// Encodes `rows` slots from `row` on.
  void encodeInner(Value row, OpFoldResult rows);
  /// The down product of a block: `to` takes its outputs from `column` on.
  void down(Value block, Value row, Value column, Value to);
  /// Adds up the weighted down products of each row's experts, which are in `mixed`, and the shared expert's.
  void combine(Value mixed, const TilePart &part);

  ScheduleBuilder &b;
  ExpertsOp op;
  // Of the op.
  int64_t top, hidden, innerColumns,
      experts; // experts per row; columns of rows; columns between the products; number of experts
  spmd::BufferOp out, weights, chosen; // [rows, hidden]; [rows, top]: weights and numbers of each row's experts
  spmd::BufferOp shared, sharedGate;   // [rows, hidden], [rows, 1]; null: there is no shared expert, no gate
  spmd::BufferOp gateIn, upIn;         // the input in the encodings that the products take
  // Of the schedule.
  int64_t blocks = 0, blockRows = 0; // maximum number of blocks; slots per block
  bool isOneRow = false;             // slot k is of the row's k-th expert
  spmd::BufferOp slotNumbers;        // [rows, top]: each row's slots; null for one row
  spmd::BufferOp blockExperts;       // [blocks, 1]: numbers of experts
  spmd::BufferOp slotWeights;        // [slots, 1]; of one row [1, top]

private:
  Value expertOf(Value block);
  void addBias(Value bias, int64_t each, Value block, Value column, Value out);

  OperandEncoding downEncoding = OperandEncoding::F32;
  TileDestination inner;
  spmd::BufferOp downIn, gateScratch, upScratch;
};

/// The tiles of a product: each is a block of slots and `step` of the `columns` outputs.
struct ExpertTiles {
  int64_t columns, step;

  int64_t perBlock() const { return llvm::divideCeil(columns, step); }
  /// Emits `body` for tile `tile`.
  void emit(Mixture &mixture, Value tile,
            function_ref<void(Value block, Value row, Value column, OpFoldResult width)> body) const;
};

/// A decode step: one row. A tile of the gate and up products belongs to one of the row's experts. A tile of the down
/// product has some outputs of all of the row's experts, and adds them up.
void scheduleExpertsOfOneRow(Mixture &mixture);

/// Many rows, sorted by expert into blocks, so that a tile is a product of several rows with one expert's matrix.
void scheduleDispatchedExperts(Mixture &mixture);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_EXPERTS_H
