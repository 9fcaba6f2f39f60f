#include "compiler/codegen/schedule/ScheduleTable.h"
#include "compiler/codegen/schedule/Decomposed.h"

using namespace mlir;
using namespace mlir::lm;

ScheduleTable::ScheduleTable() {
  addAttentionSchedules(*this);
  addDeltaNetSchedules(*this);
  addExpertSchedules(*this);
  addLatentAttentionSchedules(*this);
  addProjectionSchedules(*this);
  addRowwiseSchedules(*this);
}

LogicalResult lm::verifyOperands(ScheduleBuilder &b, Operation *op) {
  for (Value operand : op->getOperands()) {
    auto weight = dyn_cast<WeightType>(operand.getType());
    auto cache = dyn_cast<CacheType>(operand.getType());
    if (weight && !weight.isVector() && !weight.getLayout())
      return op->emitOpError() << "expects packed weights (lm-pack-weights), but found " << weight;
    if (cache && !cache.getRows())
      return op->emitOpError() << "expects a cache with rows (lm-plan-cache), but found " << cache;
    bool isRows = isa<RankedTensorType>(operand.getType()),
         isState = cache || isa<RecurrentStateType>(operand.getType());
    if (isRows ? !b.bufferOf(operand) : (weight || isState) && !b.mapping.contains(operand))
      return op->emitOpError() << "works on " << operand.getType() << " that is not scheduled";
  }
  return success();
}

LogicalResult ScheduleTable::schedule(ScheduleBuilder &b, Operation *op) const {
  if (b.isScheduled(op) || b.isDeferred(op))
    return success();
  b.setLoc(op->getLoc());
  if (auto use = dyn_cast<UseOp>(op)) {
    b.mapping.map(use.getResult(), b.clone(*op)->getResult(0));
    return success();
  }
  // These are scheduled with the projection before them.
  if (isa<SoftcapOp, ActivationOp>(op))
    return op->emitOpError("expects a projection before it");
  if (failed(verifyOperands(b, op)))
    return failure();
  if (auto known = functions.find(op->getName().getStringRef()); known != functions.end())
    return known->second(b, op);
  if (!isa<AggregatedOpInterface>(op) || op->getNumResults() != 1)
    return op->emitOpError("has no schedule; is the graph stage complete?");
  StringRef what = op->getName().stripDialect();
  spmd::BufferOp out = b.arenaBuffer(b.function.prefix + what, columnsOf(op->getResult(0)));
  b.setBuffer(op->getResult(0), out);
  scheduleDecomposed(b, what, op, out);
  return success();
}

void ScheduleTable::scheduleRowwise(ScheduleBuilder &b, Operation *op,
                                    std::function<void(ValueRange ins, Value out)> fill) {
  Value result = op->getResult(0);
  spmd::BufferOp to = b.rowsBuffer(b.numbered(op->getName().stripDialect()), columnsOf(result));
  SmallVector<spmd::BufferOp> from;
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      from.push_back(b.bufferOf(operand));
  b.onRows([=, &b](Value row, Value count) {
    Value out = b.writeRows(to, row, count);
    if (b.isDecomposed(op))
      return computeDecomposed(b, op, {row, count}, out);
    SmallVector<Value> ins;
    for (spmd::BufferOp buffer : from)
      ins.push_back(b.readRows(buffer, b.rowIn(buffer, row), count));
    fill(ins, out);
  });
  b.setBuffer(result, to);
}
