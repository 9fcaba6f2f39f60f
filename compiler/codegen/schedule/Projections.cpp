//===- Projections.cpp - products with weight matrices ------------------------------------------------------------===//

#include "compiler/codegen/schedule/Projections.h"
#include "compiler/codegen/schedule/Decomposed.h"
#include "compiler/codegen/schedule/Operands.h"
#include "compiler/codegen/schedule/ScheduleTable.h"
#include "dialects/lm/ValueNames.h"

using namespace mlir;
using namespace mlir::lm;

namespace {

/// A projection, gated or not, with the element-wise ops on its outputs: soft cap, activation.
struct Projection {
  Projection(ScheduleBuilder &b, Operation *op);

  StringRef phaseName() { return gated ? "gate_up" : isLogits ? "head" : slotOf(linear.getWeight()); }

  LinearOp linear; // or
  GatedLinearOp gated;
  SmallVector<Operation *> ops; // the projection and the ops that follow
  Value result;                 // of the last of `ops`
  spmd::BufferOp in, upIn;
  TileDestination out;
  int64_t outputs, step = 0; // columns of the result; columns of a tile
  bool isLogits = false;     // the result of the model
};

Projection::Projection(ScheduleBuilder &b, Operation *op)
    : linear(dyn_cast<LinearOp>(op)), gated(dyn_cast<GatedLinearOp>(op)), ops({op}), result(op->getResult(0)),
      outputs(columnsOf(result)) {
  while (linear && result.hasOneUse() && isa<SoftcapOp, ActivationOp>(*result.user_begin())) {
    ops.push_back(*result.user_begin());
    result = ops.back()->getResult(0);
  }
  isLogits = linear && b.isEntry() && llvm::any_of(result.getUsers(), llvm::IsaPred<func::ReturnOp>);
}

/// A matrix, and the bias of its outputs.
struct Matrix {
  Value weight, bias;
};

} // namespace

/// Sets the projection's buffers. Returns false if it was scheduled as its decomposition, in a phase of its own.
static bool prepare(ScheduleBuilder &b, Projection &projection, StringRef phaseName) {
  Operation *op = projection.ops.front();
  for (Operation *next : ArrayRef(projection.ops).drop_front())
    b.markScheduled(next);
  bool isDecomposed = b.isDecomposed(op);
  std::string name = b.isPending(projection.result) ? "pending" : b.numbered(projection.gated ? "gated" : "projected");
  if (projection.isLogits)
    projection.out.rows = b.callersBuffer(spmd::Role::Logits, projection.outputs, b.getF32Type());
  else if (isDecomposed)
    projection.out.rows = b.outputBuffer(projection.result, name);
  else
    projection.out = destinationFor(b, projection.result, name, b.tiles.getRows(), projection.step);
  if (projection.out.encoded.empty())
    b.setBuffer(projection.result, projection.out.rows);
  if (isDecomposed) {
    scheduleDecomposed(b, phaseName, projection.ops, projection.out.rows);
    return false;
  }
  Value input = op->getOperand(0);
  projection.in = operandFor(b, input, projection.gated ? projection.gated.getGate() : projection.linear.getWeight());
  if (projection.gated)
    projection.upIn = operandFor(b, input, projection.gated.getUp());
  return true;
}

/// Computes the outputs from `column` on into `out`.
static void product(ScheduleBuilder &b, const Matrix &matrix, Value in, Value column, Value out) {
  kernel::MatmulOp::create(b, in, b.weight(matrix.weight), column, out);
  if (matrix.bias)
    kernel::AddBiasOp::create(b, b.weight(matrix.bias), column, out);
}

static void fillGated(ScheduleBuilder &b, Projection &projection, const TilePart &part, Value row, Value count) {
  GatedLinearOp op = projection.gated;
  int64_t step = projection.step, maxRows = b.tiles.getRows();
  OpFoldResult zero = b.getIndexAttr(0);
  Value gate = b.write(b.scratchBuffer("gate." + Twine(step), maxRows, step), zero, zero, count, part.columns);
  Value up = b.write(b.scratchBuffer("up." + Twine(step), maxRows, step), zero, zero, count, part.columns);
  product(b, {op.getGate(), op.getGateBias()}, b.readRows(projection.in, row, count), part.column, gate);
  product(b, {op.getUp(), op.getUpBias()}, b.readRows(projection.upIn, row, count), part.column, up);
  fillTile(
      b, projection.out, part, [&](Value out) { kernel::GluOp::create(b, gate, up, out, op.getActivationAttr()); },
      /*rounds=*/true);
}

static void fillLinear(ScheduleBuilder &b, Projection &projection, const TilePart &part, Value row, Value count) {
  LinearOp linear = projection.linear;
  fillTile(b, projection.out, part, [&](Value out) {
    product(b, {linear.getWeight(), linear.getBias()}, b.readRows(projection.in, row, count), part.column, out);
    if (linear.isScaled())
      kernel::ScaleOp::create(b, out, linear.getScaleAttr());
    for (Operation *next : ArrayRef(projection.ops).drop_front())
      if (auto softcap = dyn_cast<SoftcapOp>(next))
        kernel::SoftcapOp::create(b, out, softcap.getCapAttr());
      else
        kernel::ActivationOp::create(b, out, cast<ActivationOp>(next).getActivationAttr());
  });
}

/// One phase for several projections, gated or not, of the same input.
static void scheduleProjections(ScheduleBuilder &b, ArrayRef<Operation *> ops) {
  SmallVector<Projection> projections;
  StringRef name;
  for (Operation *op : ops) {
    Projection projection(b, op);
    projection.step = b.productStep(projection.outputs);
    name = ops.size() > 1 ? "projections" : projection.phaseName();
    if (prepare(b, projection, name))
      projections.push_back(projection);
  }
  if (projections.empty())
    return;
  auto tiles = llvm::map_to_vector(
      projections, [](Projection &each) -> int64_t { return llvm::divideCeil(each.outputs, each.step); });
  b.tiled(name, llvm::sum_of(tiles), b.tiles.getRows(), [&](Value tile, Value row, Value count) {
    b.choosePart(tile, tiles, [&](size_t index, Value local) {
      Projection &projection = projections[index];
      Value column = b.times(local, projection.step);
      TilePart part{row, column, count, b.widthFrom(column, projection.outputs, projection.step)};
      projection.gated ? fillGated(b, projection, part, row, count) : fillLinear(b, projection, part, row, count);
    });
  });
}

/// The op, and the projections after it that read the same rows.
static FailureOr<SmallVector<Operation *>> groupFrom(ScheduleBuilder &b, Operation *op) {
  SmallVector<Operation *> group = {op};
  for (Operation *next = op->getNextNode(); isa_and_nonnull<LinearOp, GatedLinearOp>(next); next = next->getNextNode())
    if (next->getOperand(0) == op->getOperand(0)) {
      if (failed(verifyOperands(b, next)))
        return failure();
      group.push_back(next);
      b.markScheduled(next);
    }
  return group;
}

static LogicalResult scheduleGatedLinear(ScheduleBuilder &b, GatedLinearOp op) {
  FailureOr<SmallVector<Operation *>> group = groupFrom(b, op);
  if (failed(group))
    return failure();
  scheduleProjections(b, *group);
  return success();
}

static LogicalResult scheduleLinear(ScheduleBuilder &b, LinearOp op) {
  if (deferSharedExpert(b, op))
    return success();
  FailureOr<SmallVector<Operation *>> group = groupFrom(b, op);
  if (failed(group))
    return failure();
  if (group->size() > 1 || !deferQueries(b, op))
    scheduleProjections(b, *group);
  return success();
}

void lm::addProjectionSchedules(ScheduleTable &table) {
  table.add(scheduleGatedLinear);
  table.add(scheduleLinear);
}
