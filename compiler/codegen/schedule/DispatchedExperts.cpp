#include "compiler/codegen/schedule/Experts.h"

using namespace mlir;
using namespace mlir::lm;

/// Sorts the rows by expert into blocks of slots; returns the buffer with the row of each slot, [slots, 1].
static spmd::BufferOp scheduleDispatch(Mixture &mixture) {
  ScheduleBuilder &b = mixture.b;
  spmd::BufferOp order = mixture.slotBuffer("order", 1, b.getI32Type());
  mixture.slotNumbers =
      b.buffer(b.numbered("slotNumbers"), b.options.maxRows, mixture.top, b.getI32Type(), spmd::Space::Arena);
  mixture.blockExperts = b.buffer(b.numbered("blocks"), mixture.blocks, 1, b.getI32Type(), spmd::Space::Arena);
  b.phase(
      "dispatch", b.constant(1), [] {},
      [&](Value) {
        Value zero = b.constant(0);
        kernel::DispatchOp::create(
            b, b.readRows(mixture.chosen, zero, b.function.rows), b.writeRows(order, zero, b.constant(mixture.slots())),
            b.writeRows(mixture.slotNumbers, zero, b.function.rows),
            b.writeRows(mixture.blockExperts, zero, b.constant(mixture.blocks)), mixture.experts);
      });
  return order;
}

/// The number of blocks that the rows of this call can need: each expert may have one that is not full.
static Value countBlocks(Mixture &mixture) {
  ScheduleBuilder &b = mixture.b;
  Value chosen = b.times(b.function.rows, mixture.top);
  Value full = arith::CeilDivUIOp::create(b, chosen, b.constant(mixture.blockRows));
  return arith::AddIOp::create(b, full, arith::MinUIOp::create(b, chosen, b.constant(mixture.experts)));
}

void lm::scheduleDispatchedExperts(Mixture &mixture) {
  ScheduleBuilder &b = mixture.b;
  int64_t chosenRows = b.options.maxRows * mixture.top;
  mixture.blockRows = b.tiles.getBlockRows();
  mixture.blocks = llvm::divideCeil(chosenRows, mixture.blockRows) + std::min(mixture.experts, chosenRows);
  b.flushRows();
  spmd::BufferOp order = scheduleDispatch(mixture);
  Value blocks = countBlocks(mixture);
  OpFoldResult zero = mixture.index(0), one = mixture.index(1), all = mixture.index(mixture.blockRows);

  // Copies each slot's row.
  auto gather = [&](spmd::BufferOp from) {
    spmd::BufferOp to =
        mixture.slotBuffer("gathered", from.getBufferType().getDimSize(1), from.getBufferType().getElementType());
    b.phase(
        "gather", blocks, [] {},
        [&](Value block) {
          Value row = mixture.rowOf(block);
          kernel::GatherOp::create(b, b.readRows(from, b.constant(0), b.function.rows),
                                   b.read(order, row, zero, all, one),
                                   b.write(to, row, zero, all, mixture.columnsOf(from)));
        });
    return to;
  };
  bool isSame = mixture.gateIn == mixture.upIn;
  mixture.gateIn = gather(mixture.gateIn);
  mixture.upIn = isSame ? mixture.gateIn : gather(mixture.upIn);
  if (mixture.op.getScalesInput())
    mixture.slotWeights = gather(mixture.weights);
  mixture.makeInner();

  ExpertTiles gateTiles{mixture.innerColumns, b.productStep(mixture.innerColumns)};
  b.phase(
      "experts_gate_up", b.times(blocks, gateTiles.perBlock()), [] {},
      [&](Value tile) {
        gateTiles.emit(mixture, tile, [&](Value block, Value row, Value column, OpFoldResult width) {
          mixture.gateUp(block, row, column, width);
        });
      });
  if (mixture.encodesInner())
    b.phase("experts_codes", blocks, [] {}, [&](Value block) { mixture.encodeInner(mixture.rowOf(block), all); });
  spmd::BufferOp mixed = mixture.slotBuffer("expert_out", mixture.hidden, b.getF32Type());
  ExpertTiles downTiles{mixture.hidden, b.productStep(mixture.hidden)};
  b.phase(
      "experts_down", b.times(blocks, downTiles.perBlock()), [] {},
      [&](Value tile) {
        downTiles.emit(mixture, tile, [&](Value block, Value row, Value column, OpFoldResult width) {
          mixture.down(block, row, column, b.write(mixed, row, column, all, width));
        });
      });
  b.tiled("combine", 1, b.tiles.getBlockRows(), [&](Value, Value row, Value count) {
    OpFoldResult width = mixture.index(mixture.hidden);
    Value slots = b.read(mixed, zero, zero, mixture.rowOf(blocks), width);
    mixture.combine(slots, {row, b.constant(0), count, width});
  });
}
