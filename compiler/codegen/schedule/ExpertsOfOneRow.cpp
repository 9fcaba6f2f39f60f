#include "compiler/codegen/schedule/Experts.h"

using namespace mlir;
using namespace mlir::lm;

namespace {

/// The down product of the shared expert. Its tiles are in the phase of the routed experts' gate and up products
/// (deferSharedExpert).
class SharedDown {
public:
  SharedDown(Mixture &mixture, int64_t gateStep);

  /// 0: the shared expert has a phase of its own, or there is none.
  int64_t tiles = 0;
  void emit(Value tile);

private:
  Mixture &mixture;
  LinearOp linear;
  spmd::BufferOp in;
  int64_t step = 0;
};

} // namespace

SharedDown::SharedDown(Mixture &mixture, int64_t gateStep) : mixture(mixture) {
  ScheduleBuilder &b = mixture.b;
  linear = mixture.op.getShared() ? mixture.op.getShared().getDefiningOp<LinearOp>() : LinearOp();
  if (!linear || !b.isDeferred(linear))
    return;
  in = operandFor(b, linear.getInput(), linear.getWeight());
  // Workers get equal numbers of tiles, so these tiles must be as much work as the others.
  int64_t panelWork = columnsOf(linear.getInput()) * kPanelRows, others = 2 * gateStep * mixture.hidden;
  int64_t panels =
      std::clamp<int64_t>((others + panelWork / 2) / panelWork, 1, llvm::divideCeil(mixture.hidden, kPanelRows));
  step = panels * kPanelRows;
  tiles = llvm::divideCeil(mixture.hidden, step);
}

void SharedDown::emit(Value tile) {
  ScheduleBuilder &b = mixture.b;
  Value column = b.times(tile, step);
  Value to =
      b.write(mixture.shared, mixture.index(0), column, mixture.index(1), b.widthFrom(column, mixture.hidden, step));
  kernel::MatmulOp::create(b, b.readRows(in, b.constant(0), b.function.rows), b.weight(linear.getWeight()), column, to);
  if (linear.isScaled())
    kernel::ScaleOp::create(b, to, linear.getScaleAttr());
}

void lm::scheduleExpertsOfOneRow(Mixture &mixture) {
  ScheduleBuilder &b = mixture.b;
  mixture.isOneRow = true;
  mixture.blockRows = 1;
  mixture.blocks = b.options.maxRows * mixture.top;
  mixture.blockExperts = mixture.chosen;
  mixture.slotWeights = mixture.weights;
  Value blocks = b.constant(mixture.blocks);
  mixture.makeInner();

  ExpertTiles tiles{mixture.innerColumns, b.productStep(mixture.innerColumns)};
  SharedDown sharedDown(mixture, tiles.step);
  auto gateUp = [&](Value tile) {
    tiles.emit(mixture, tile, [&](Value block, Value row, Value column, OpFoldResult width) {
      mixture.gateUp(block, row, column, width);
    });
  };
  if (sharedDown.tiles) {
    int64_t gateTiles = mixture.blocks * tiles.perBlock();
    b.phase(
        "experts_gate_up", b.constant(gateTiles + sharedDown.tiles), [&] { b.workOnRows(); },
        [&](Value tile) {
          b.choosePart(tile, {gateTiles, sharedDown.tiles},
                       [&](size_t part, Value local) { part == 0 ? gateUp(local) : sharedDown.emit(local); });
        });
  } else {
    b.phase("experts_gate_up", b.times(blocks, tiles.perBlock()), [&] { b.workOnRows(); }, gateUp);
  }

  int64_t slots = mixture.slots(), outputs = b.productStep(mixture.hidden);
  spmd::BufferOp scratch =
      b.buffer("expert_out." + Twine(outputs), slots, outputs, b.getF32Type(), spmd::Space::Scratch);
  b.phase(
      "experts_down", b.constant(llvm::divideCeil(mixture.hidden, outputs)),
      [&] {
        if (mixture.encodesInner())
          mixture.encodeInner(b.constant(0), mixture.index(slots));
      },
      [&](Value tile) {
        OpFoldResult zero = mixture.index(0), one = mixture.index(1);
        Value column = b.times(tile, outputs);
        OpFoldResult width = b.widthFrom(column, mixture.hidden, outputs);
        for (int64_t slot = 0; slot < slots; ++slot) {
          Value block = b.constant(slot);
          mixture.down(block, block, column, b.write(scratch, block, zero, one, width));
        }
        Value mixed = b.read(scratch, zero, zero, mixture.index(slots), width);
        mixture.combine(mixed, {b.constant(0), column, b.function.rows, width});
      });
}
