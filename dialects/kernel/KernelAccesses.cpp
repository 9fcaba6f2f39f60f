//===- KernelAccesses.cpp - what each kernel reads, writes and computes -------------------------------------------===//
//
// Only ops that read a part of a weight, or use a cache or a recurrent state. The others have the default answer.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/LMOpModels.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::kernel;

#include "dialects/kernel/KernelInterface.cpp.inc"

Number Number::ofSize(Kind kind, Value view, unsigned dim) {
  int64_t size = cast<ShapedType>(view.getType()).getDimSize(dim);
  return ShapedType::isDynamic(size) ? Number(kind, view) : Number(size);
}

/// An op whose effects are not known reads and writes.
static BufferAccess getBufferAccess(Operation *op, Value view) {
  auto interface = dyn_cast<MemoryEffectOpInterface>(op);
  if (!interface)
    return {view, true, true};
  SmallVector<MemoryEffects::EffectInstance> effects;
  interface.getEffectsOnValue(view, effects);
  BufferAccess access{view, false, false};
  for (MemoryEffects::EffectInstance &effect : effects) {
    access.reads |= isa<MemoryEffects::Read>(effect.getEffect());
    access.writes |= isa<MemoryEffects::Write>(effect.getEffect());
  }
  return access;
}

Accesses kernel::getOperandAccesses(Operation *op) {
  Accesses result;
  for (Value operand : op->getOperands()) {
    if (isa<MemRefType>(operand.getType()))
      result.buffers.push_back(getBufferAccess(op, operand));
    else if (isa<lm::WeightType>(operand.getType()))
      result.weights.push_back({operand});
    else if (isa<lm::CacheType>(operand.getType()))
      result.states.push_back({op, operand, StateAccess::Kind::Attend});
    else if (isa<lm::RecurrentStateType>(operand.getType()))
      result.states.push_back({op, operand, StateAccess::Kind::Advance});
  }
  return result;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Parts of weights
//===--------------------------------------------------------------------------------------------------------------===//

/// A row of `table` for each row of `out`.
static Accesses getLookup(Operation *op, Value table, Value out) {
  Accesses result = getOperandAccesses(op);
  result.weights = {{table, WeightAccess::Part::Rows, 0, Number::rowsOf(out)}};
  return result;
}

Accesses EmbedOp::getAccesses() { return getLookup(*this, getTable(), getOut()); }
Accesses AddPositionsOp::getAccesses() { return getLookup(*this, getTable(), getOut()); }

Accesses AddBiasOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  if (getExpert())
    result.weights = {{getBias(), WeightAccess::Part::Outputs, 0, static_cast<int64_t>(getEach()), 0, true}};
  return result;
}

Accesses MatmulOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  Number matrix = getHead() ? Number::ofIndex(getHead()) : Number(0);
  result.weights = {{getWeight(), WeightAccess::Part::Outputs, Number::ofIndex(getFirst()), Number::columnsOf(getOut()),
                     matrix, static_cast<bool>(getExpert())}};
  return result;
}

Cost MatmulOp::getCost() {
  Type element = cast<MemRefType>(getInput().getType()).getElementType();
  auto kind = element.isInteger(8) ? Operations::Kind::Int8
              : element.isBF16()   ? Operations::Kind::BF16
                                   : Operations::Kind::F32;
  return {{kind, Operations::Per::WeightValue, 2, {}, getWeight()}};
}

//===--------------------------------------------------------------------------------------------------------------===//
// Caches
//===--------------------------------------------------------------------------------------------------------------===//

Accesses AppendOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  result.states = {
      {*this, getCache(), StateAccess::Kind::Append, !getValues(), getValues(), getHead(), getPosition(), getInput()}};
  return result;
}

Accesses CachedOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  result.states = {{*this, getCache(), StateAccess::Kind::Attend, !getValues(), getValues()}};
  return result;
}

/// A score and a weighted value for each query head of each row of `query`.
static Operations getAttentionOperations(Operations::Kind kind, lm::CacheType cache, Value query, Value split) {
  int64_t heads = cast<MemRefType>(query.getType()).getDimSize(1) / cache.getDim();
  int64_t factor = 2 * heads * (cache.getDim() + cache.getValueDim());
  return {kind, Operations::Per::Position, factor, {Number::rowsOf(query)}, {}, split};
}

Accesses AttentionOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  result.states = {{*this, getCache(), StateAccess::Kind::Attend, true, true, getHead(), getPosition(), getQuery(),
                    Value(), getSplit()}};
  return result;
}

Cost AttentionOp::getCost() {
  auto kind = getRounded() ? Operations::Kind::BF16 : Operations::Kind::F32;
  return {getAttentionOperations(kind, cast<lm::CacheType>(getCache().getType()), getQuery(), getSplit())};
}

Accesses AbsorbedAttentionOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  result.states = {{*this, getCache(), StateAccess::Kind::Attend, true, true, Value(), getPosition(), getQuery(),
                    getPerHead(), getSplit()}};
  return result;
}

Cost AbsorbedAttentionOp::getCost() {
  auto cache = cast<lm::CacheType>(getCache().getType());
  return {getAttentionOperations(Operations::Kind::F32, cache, getQuery(), getSplit())};
}

Accesses LatentAttentionOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  result.weights.clear();
  for (Value matrices : {getKUp(), getVUp()})
    result.weights.push_back({matrices, WeightAccess::Part::Outputs, 0,
                              cast<lm::WeightType>(matrices.getType()).getRows(), Number::ofIndex(getHead())});
  result.states = {{*this, getCache(), StateAccess::Kind::Attend, true, true, Value(), getPosition(), getQuery()}};
  return result;
}

/// Keys and values of a position are made once for all rows of a tile. Each row is multiplied by them.
Cost LatentAttentionOp::getCost() {
  int64_t made = 0;
  for (Value matrices : {getKUp(), getVUp()}) {
    auto type = cast<lm::WeightType>(matrices.getType());
    made += 2 * type.getRows() * type.getColumns();
  }
  auto columns = [](Value view) { return cast<MemRefType>(view.getType()).getDimSize(1); };
  int64_t perRow = 2 * (columns(getQuery()) + columns(getOut()));
  return {{Operations::Kind::F32, Operations::Per::Position, perRow, {Number::rowsOf(getQuery())}},
          {Operations::Kind::F32, Operations::Per::Position, made}};
}

//===--------------------------------------------------------------------------------------------------------------===//
// Recurrent states
//===--------------------------------------------------------------------------------------------------------------===//

Accesses Conv1dOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  result.states = {{*this, getState(), StateAccess::Kind::Advance, true, true, getPart(), getPosition(), getInput()}};
  return result;
}

Cost Conv1dOp::getCost() {
  return {{Operations::Kind::F32,
           Operations::Per::Tile,
           2 * static_cast<int64_t>(getWidth()),
           {Number::rowsOf(getOut()), Number::columnsOf(getOut())}}};
}

Accesses DeltaRuleOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  result.states = {{*this, getState(), StateAccess::Kind::Advance, true, true, getPart(), getPosition(), getValue()}};
  return result;
}

/// For each row the state [keys, values] is scaled (1), multiplied by the key (2), gets a product added (2) and is
/// multiplied by the query (2).
Cost DeltaRuleOp::getCost() {
  return {{Operations::Kind::F32,
           Operations::Per::Tile,
           7,
           {Number::rowsOf(getOut()), Number::columnsOf(getOut()), Number::columnsOf(getKey())}}};
}

//===--------------------------------------------------------------------------------------------------------------===//
// kernel.compute: what the ops in its body do
//===--------------------------------------------------------------------------------------------------------------===//

/// All tensors in the body have the rows of the first input.
static Number inTermsOf(Value rows, Number number) {
  if (number.getKind() != Number::Kind::Rows)
    return number;
  return rows ? Number::rowsOf(rows) : Number(0);
}

Accesses ComputeOp::getAccesses() {
  Accesses result = getOperandAccesses(*this);
  Value rows = getIns().empty() ? Value() : getIns().front();
  getBody().walk([&](Operation *op) {
    auto interface = dyn_cast<KernelOpInterface>(op);
    Accesses inner = interface ? interface.getAccesses() : getOperandAccesses(op);
    for (WeightAccess &access : inner.weights)
      access.count = inTermsOf(rows, access.count);
    for (StateAccess &access : inner.states)
      access.rows = rows;
    result.buffers.append(inner.buffers);
    result.weights.append(inner.weights);
    result.states.append(inner.states);
  });
  return result;
}

Cost ComputeOp::getCost() {
  Cost result;
  Value rows = getIns().empty() ? Value() : getIns().front();
  getBody().walk([&](Operation *op) {
    auto interface = dyn_cast<KernelOpInterface>(op);
    Cost inner = interface ? interface.getCost() : getProductCost(op);
    for (Operations &operations : inner)
      for (Number &count : operations.counts)
        count = inTermsOf(rows, count);
    result.append(inner);
  });
  return result;
}
