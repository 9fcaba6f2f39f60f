//===- LMOpModels.cpp - KernelOpInterface for ops of lm -----------------------------------------------------------===//
//
// For the ops of lm inside kernel.compute that read a part of a weight, or use a cache or a recurrent state. They run
// by their decomposition: in f32, all heads at once. Any other op of lm reads its weights once, all of them.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "dialects/kernel/LMOpModels.h"
#include "dialects/kernel/KernelOps.h"

using namespace mlir;
using namespace mlir::kernel;

namespace {

using Kind = StateAccess::Kind;

/// All heads or parts of the one state of `op`.
template <typename Op> StateAccess all(Op op, Value state, Kind kind, Value rows) {
  return {op, state, kind, true, true, Value(), op.getPosition(), rows};
}

/// setAccesses changes the default answer where an op's differs. getCostOf is another overload where it differs.
template <typename Op> Cost getCostOf(Op op) { return getProductCost(op); }

void setLookup(Value table, Value rows, Accesses &accesses) {
  accesses.weights = {{table, WeightAccess::Part::Rows, 0, Number::rowsOf(rows)}};
}
void setAccesses(lm::EmbedOp op, Accesses &accesses) { setLookup(op.getTable(), op.getResult(), accesses); }
Cost getCostOf(lm::EmbedOp op) { return {}; }
void setAccesses(lm::AddPositionsOp op, Accesses &accesses) { setLookup(op.getTable(), op.getResult(), accesses); }
Cost getCostOf(lm::AddPositionsOp op) { return {}; }

void setAccesses(lm::ExpertsOp op, Accesses &accesses) {
  for (WeightAccess &access : accesses.weights)
    access.isChosen = cast<lm::WeightType>(access.weight.getType()).isExperts();
}

void setAccesses(lm::QKVOp op, Accesses &accesses) {
  accesses.states = {all(op, op.getCache(), Kind::Append, op.getInput())};
}
void setAccesses(lm::AppendOp op, Accesses &accesses) {
  accesses.states = {all(op, op.getCache(), Kind::Append, op.getKeys())};
}
void setAccesses(lm::AppendLatentOp op, Accesses &accesses) {
  accesses.states = {all(op, op.getCache(), Kind::Append, op.getLatent())};
}

void setAccesses(lm::AttentionOp op, Accesses &accesses) {
  accesses.states = {all(op, op.getCache(), Kind::Attend, op.getQuery())};
}
Cost getCostOf(lm::AttentionOp op) {
  auto cache = cast<lm::CacheType>(op.getCache().getType());
  int64_t factor = 2 * static_cast<int64_t>(op.getHeads()) * (cache.getDim() + cache.getValueDim());
  return {{Operations::Kind::F32, Operations::Per::Position, factor, {Number::rowsOf(op.getQuery())}}};
}

void setAccesses(lm::LatentAttentionOp op, Accesses &accesses) {
  accesses.states = {all(op, op.getCache(), Kind::Attend, op.getQuery())};
}

void setAccesses(lm::CausalConv1dOp op, Accesses &accesses) {
  accesses.states = {all(op, op.getState(), Kind::Advance, op.getInput())};
}
Cost getCostOf(lm::CausalConv1dOp op) {
  int64_t factor = 2 * static_cast<int64_t>(op.getWidth());
  return {{Operations::Kind::F32,
           Operations::Per::Tile,
           factor,
           {Number::rowsOf(op.getInput()), Number::columnsOf(op.getInput())}}};
}

void setAccesses(lm::GatedDeltaRuleOp op, Accesses &accesses) {
  accesses.states = {all(op, op.getState(), Kind::Advance, op.getValue())};
}
/// As kernel.delta_rule, for every value of the state.
Cost getCostOf(lm::GatedDeltaRuleOp op) {
  int64_t values = cast<lm::RecurrentStateType>(op.getState().getType()).getBytes() / 4;
  return {{Operations::Kind::F32, Operations::Per::Tile, 7 * values, {Number::rowsOf(op.getValue())}}};
}

template <typename Op> struct Model : KernelOpInterface::ExternalModel<Model<Op>, Op> {
  Accesses getAccesses(Operation *op) const {
    Accesses accesses = getOperandAccesses(op);
    setAccesses(cast<Op>(op), accesses);
    return accesses;
  }
  Cost getCost(Operation *op) const { return getCostOf(cast<Op>(op)); }
};

template <typename... Ops> void attach(MLIRContext &context) {
  (Ops::template attachInterface<Model<Ops>>(context), ...);
}

} // namespace

Cost kernel::getProductCost(Operation *op) {
  Cost result;
  for (Value operand : op->getOperands())
    if (auto type = dyn_cast<lm::WeightType>(operand.getType()); type && !type.isVector())
      result.push_back({Operations::Kind::F32, Operations::Per::WeightValue, 2, {}, operand});
  return result;
}

void kernel::attachLMOpModels(MLIRContext &context) {
  attach<lm::EmbedOp, lm::AddPositionsOp, lm::ExpertsOp, lm::QKVOp, lm::AppendOp, lm::AppendLatentOp, lm::AttentionOp,
         lm::LatentAttentionOp, lm::CausalConv1dOp, lm::GatedDeltaRuleOp>(context);
}
