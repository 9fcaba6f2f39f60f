//===- PredictCost.cpp - the bytes that each phase reads, and its operations --------------------------------------===//
//
// Reads the costs of a phase's kernels (KernelOpInterface), tile by tile. The parts of a matrix, of a cache and of a
// recurrent state are collected first and counted afterwards, so that a part that several tiles read counts once.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/IndexEvaluator.h"
#include "compiler/codegen/Passes.h"
#include "compiler/support/ModuleAttributes.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/Layout.h"
#include "dialects/spmd/SPMDOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include <array>

namespace mlir::lm {
#define GEN_PASS_DEF_PREDICTCOST
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using lathe::IndexEvaluator;

namespace {

using kernel::Operations;

/// Collects the weights, states and operations of the tiles of one phase.
class PhaseCost {
public:
  PhaseCost(IndexEvaluator &evaluator, int64_t rows, int64_t chosen)
      : evaluator(evaluator), rows(rows), chosen(chosen) {}

  void visit(kernel::KernelOpInterface op);
  /// Null after an error: a count overflowed.
  spmd::CostAttr get(Operation *phase);

private:
  using Kind = std::optional<Operations::Kind>; // of dot product; none: the weight is only read

  struct Answer {
    kernel::Accesses accesses;
    kernel::Cost cost;
  };
  /// The values that each row of the call is multiplied by.
  struct Weight {
    bool isChosen = false;
    Kind kind;
  };
  /// Tiles compute the outputs [begin, end) of a matrix.
  struct Product : Weight {
    llvm::SmallSetVector<std::pair<int64_t, int64_t>, 16> parts;
  };

  const Answer &answerOf(kernel::KernelOpInterface op);
  void visit(const kernel::WeightAccess &access, Kind kind);
  void visit(const kernel::StateAccess &access);
  void visit(const Operations &operations);
  int64_t evaluate(const kernel::Number &number);
  bool isLaterSplit(Value split) { return split && evaluator.get(split) != 0; }
  void addProducts();
  void addAll();
  void addProduct(const Weight &weight, int64_t values);

  IndexEvaluator &evaluator;
  int64_t rows, chosen;

  llvm::DenseMap<Operation *, Answer> answers;
  llvm::MapVector<std::pair<Value, int64_t>, Product> products; // by weight and number of its matrix
  llvm::MapVector<Value, Weight> all;                           // weights that are read whole
  llvm::SetVector<Value> chosenBiases;
  llvm::SetVector<std::pair<Value, int64_t>> heads, parts; // of caches, of recurrent states
  CacheType cache;
  // By Operations::Kind, for all rows of the call; the end divides by their number.
  std::array<int64_t, 3> ofTiles = {}, ofPositions = {};
  std::array<int64_t, 3> ofRow = {};
  int64_t lookup = 0, weightBytes = 0, stateBytes = 0, positionBytes = 0, expertBytes = 0, experts = 0;
};

/// The answer is the same for all tiles: only the values of index operands differ.
const PhaseCost::Answer &PhaseCost::answerOf(kernel::KernelOpInterface op) {
  auto [answer, isNew] = answers.try_emplace(op);
  if (isNew)
    answer->second = {op.getAccesses(), op.getCost()};
  return answer->second;
}

void PhaseCost::visit(kernel::KernelOpInterface op) {
  const Answer &answer = answerOf(op);
  for (const kernel::WeightAccess &access : answer.accesses.weights) {
    Kind kind;
    for (const Operations &operations : answer.cost)
      if (operations.per == Operations::Per::WeightValue && operations.weight == access.weight)
        kind = operations.kind;
    visit(access, kind);
  }
  for (const kernel::StateAccess &access : answer.accesses.states)
    visit(access);
  for (const Operations &operations : answer.cost)
    visit(operations);
}

int64_t PhaseCost::evaluate(const kernel::Number &number) {
  auto sizeOf = [&](auto access) {
    return evaluator.get(number.getKind() == kernel::Number::Kind::Rows ? access.getRows() : access.getColumns());
  };
  switch (number.getKind()) {
  case kernel::Number::Kind::Constant:
    return number.getConstant();
  case kernel::Number::Kind::Index:
    return evaluator.get(number.getValue());
  case kernel::Number::Kind::Rows:
  case kernel::Number::Kind::Columns:
    if (auto read = number.getValue().getDefiningOp<spmd::ReadOp>())
      return sizeOf(read);
    if (auto write = number.getValue().getDefiningOp<spmd::WriteOp>())
      return sizeOf(write);
    return 0; // no buffer of the schedule
  }
  llvm_unreachable("a kind of number");
}

void PhaseCost::visit(const kernel::WeightAccess &access, Kind kind) {
  auto type = cast<WeightType>(access.weight.getType());
  switch (access.part) {
  case kernel::WeightAccess::Part::All:
    all.insert({access.weight, {access.isChosen, kind}});
    return;
  case kernel::WeightAccess::Part::Rows:
    lookup += evaluate(access.count) * lathe::getPackedBytes(type) / type.getRows();
    return;
  case kernel::WeightAccess::Part::Outputs:
    if (type.isVector() && access.isChosen) {
      if (chosenBiases.insert(access.weight))
        expertBytes += evaluate(access.count) * 4;
      return;
    }
    Product &product = products[{access.weight, evaluate(access.matrix)}];
    product.isChosen = access.isChosen;
    product.kind = kind;
    int64_t first = evaluate(access.first);
    product.parts.insert({first, first + evaluate(access.count)});
    return;
  }
}

void PhaseCost::visit(const kernel::StateAccess &access) {
  // KV splits divide the positions that a row sees: the first split counts for all of them.
  if (access.kind == kernel::StateAccess::Kind::Append || isLaterSplit(access.split))
    return;
  int64_t first = access.index ? evaluator.get(access.index) : 0;
  if (auto state = dyn_cast<RecurrentStateType>(access.state.getType())) {
    int64_t end = access.index ? first + 1 : state.getParts();
    for (int64_t part = first; part < end; ++part)
      if (parts.insert({access.state, part}))
        stateBytes += state.getValues() * 4;
    return;
  }
  cache = cast<CacheType>(access.state.getType());
  int64_t end = access.index ? first + 1 : cache.getHeads();
  int64_t values = cache.getLatent() ? cache.getDim() : 2 * cache.getDim();
  for (int64_t head = first; head < end; ++head)
    if (heads.insert({access.state, head}))
      positionBytes += values * (cache.getElement().getIntOrFloatBitWidth() / 8);
}

void PhaseCost::visit(const Operations &operations) {
  if (operations.per == Operations::Per::WeightValue || isLaterSplit(operations.split))
    return;
  int64_t count = operations.factor;
  for (const kernel::Number &number : operations.counts)
    count *= evaluate(number);
  bool ofPosition = operations.per == Operations::Per::Position;
  (ofPosition ? ofPositions : ofTiles)[static_cast<size_t>(operations.kind)] += count;
}

/// Counts that each row, or each of a row's experts, is multiplied by `values` values.
void PhaseCost::addProduct(const Weight &weight, int64_t values) {
  if (weight.kind)
    ofRow[static_cast<size_t>(*weight.kind)] += 2 * (weight.isChosen ? chosen : 1) * values;
}

void PhaseCost::addProducts() {
  for (auto &[key, product] : products) {
    auto type = cast<WeightType>(key.first.getType());
    // Tiles begin at panels. A part that several tiles multiply, for different rows, is here once.
    auto parts = llvm::to_vector(product.parts);
    llvm::sort(parts);
    int64_t panelRows = type.getLayout() ? type.getLayout().getRows() : 1, outputs = 0, panels = 0, end = 0;
    for (auto [begin, partEnd] : parts) {
      begin = std::max(begin, end);
      if (partEnd <= begin)
        continue;
      outputs += partEnd - begin;
      panels += llvm::divideCeil(partEnd, panelRows) - begin / panelRows;
      end = partEnd;
    }
    if (product.isChosen)
      experts = type.getExperts();
    (product.isChosen ? expertBytes : weightBytes) += panels * lathe::PanelLayout(type).panelBytes;
    addProduct(product, outputs * type.getColumns());
  }
}

void PhaseCost::addAll() {
  for (auto &[value, weight] : all) {
    auto type = cast<WeightType>(value.getType());
    int64_t matrix = type.getRows() * type.getColumns();
    if (weight.isChosen) {
      experts = type.getExperts();
      expertBytes += lathe::getExpertBytes(type);
      addProduct(weight, matrix);
    } else {
      weightBytes += lathe::getPackedBytes(type);
      addProduct(weight, type.getExperts() * matrix);
    }
  }
}

spmd::CostAttr PhaseCost::get(Operation *phase) {
  addProducts();
  addAll();
  auto perRow = [&](Operations::Kind kind) {
    auto index = static_cast<size_t>(kind);
    return ofRow[index] + ofTiles[index] / rows;
  };
  auto perPosition = [&](Operations::Kind kind) { return ofPositions[static_cast<size_t>(kind)] / rows; };
  int64_t window = cache ? cache.getWindow() : 0;
  bool isChunked = cache && cache.getChunked();
  return spmd::CostAttr::getChecked([&] { return phase->emitError(); }, phase->getContext(), weightBytes, lookup / rows,
                                    expertBytes, experts, experts ? chosen : 0, stateBytes, positionBytes,
                                    isChunked ? 0 : window, isChunked ? window : 0, perRow(Operations::Kind::F32),
                                    perRow(Operations::Kind::BF16), perRow(Operations::Kind::Int8),
                                    perPosition(Operations::Kind::F32), perPosition(Operations::Kind::BF16));
}

struct PredictCost : mlir::lm::impl::PredictCostBase<PredictCost> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (auto model = module->getAttrOfType<DictionaryAttr>(kModelAttr); model && model.contains("experts_per_token")) {
      FailureOr<int64_t> count = lathe::getModuleInteger(module, kModelAttr, "experts_per_token", 1, lathe::kMaxRows);
      if (failed(count))
        return signalPassFailure();
      chosen = *count;
    }
    for (auto program : module.getOps<spmd::ProgramOp>())
      if (failed(predict(program.getEntry(), program.getRows())))
        return signalPassFailure();
  }

  LogicalResult verifyPacked(func::FuncOp function);
  LogicalResult predict(func::FuncOp function, int64_t rows);
  LogicalResult predict(spmd::PhaseOp phase, IndexEvaluator &evaluator, int64_t rows);

  int64_t chosen = 1; // experts of a row
};

/// Reads the bytes of a layout.
LogicalResult PredictCost::verifyPacked(func::FuncOp function) {
  auto isPacked = [](Value value) {
    auto type = dyn_cast<WeightType>(value.getType());
    return !type || type.isVector() || type.getLayout();
  };
  for (BlockArgument argument : function.getArguments())
    if (!isPacked(argument))
      return function.emitError() << "lm-predict-cost: expects packed matrices (lm-pack-weights), but found "
                                  << argument.getType();
  WalkResult result = function.walk([&](UseOp use) -> WalkResult {
    if (!isPacked(use))
      return use.emitOpError() << "expects a packed matrix (lm-pack-weights), but found " << use.getType();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// The phases of a program's entry, or of a kind of layer.
LogicalResult PredictCost::predict(func::FuncOp function, int64_t rows) {
  if (failed(verifyPacked(function)))
    return failure();
  FailureOr<IndexEvaluator> evaluator = IndexEvaluator::compile(function);
  if (failed(evaluator))
    return failure();
  Block &body = function.getBody().front();
  for (BlockArgument argument : body.getArguments())
    if (argument.getType().isIndex())
      evaluator->set(argument, argument.getArgNumber() == spmd::kRowsArgument ? rows : 0);
  LogicalResult status = success();
  llvm::SetVector<Attribute> kinds;
  evaluator->run(body, [&](const IndexEvaluator::Leaf &leaf) {
    if (auto phase = dyn_cast<spmd::PhaseOp>(leaf.op); phase && succeeded(status))
      status = predict(phase, *evaluator, rows);
    else if (auto layers = dyn_cast<spmd::LayersOp>(leaf.op))
      kinds.insert(layers.getKinds().begin(), layers.getKinds().end());
  });
  for (Attribute kind : kinds)
    if (succeeded(status))
      status =
          predict(SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(function, cast<FlatSymbolRefAttr>(kind)), rows);
  return status;
}

LogicalResult PredictCost::predict(spmd::PhaseOp phase, IndexEvaluator &evaluator, int64_t rows) {
  int64_t tiles = evaluator.get(phase.getTiles());
  constexpr int64_t maxTiles = 1 << 24;
  if (tiles < 1 || tiles > maxTiles)
    return phase.emitError() << "lm-predict-cost: expects from 1 to " << maxTiles << " tiles, but found " << tiles;
  PhaseCost cost(evaluator, rows, chosen);
  auto visit = [&](const IndexEvaluator::Leaf &leaf) {
    if (auto op = dyn_cast<kernel::KernelOpInterface>(leaf.op))
      cost.visit(op);
  };
  // Every worker runs the prologue, but its reads come from memory once.
  if (!phase.getPrologue().empty())
    evaluator.run(phase.getPrologue().front(), visit);
  Block &body = phase.getBody().front();
  for (int64_t tile = 0; tile < tiles; ++tile) {
    evaluator.set(body.getArgument(0), tile);
    evaluator.run(body, visit);
  }
  spmd::CostAttr result = cost.get(phase);
  if (!result)
    return failure();
  phase.setCostAttr(result);
  return success();
}

} // namespace
