//===- PredictCost.cpp - what every phase must read and compute ---------------------------------------------------===//
//
// Reads the kernels of a phase, tile by tile. Parts of one matrix, heads of one cache and parts of one state are
// collected first and counted afterwards, so that what several tiles read counts once.
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
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::lm {
#define GEN_PASS_DEF_PREDICTCOST
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using lathe::IndexEvaluator;

namespace {

/// Rows by columns of a view, in numbers.
struct Size {
  int64_t rows, columns;
};

/// Collects what the tiles of one phase use.
class PhaseCost {
public:
  PhaseCost(IndexEvaluator &evaluator, int64_t rows, int64_t chosen)
      : evaluator(evaluator), rows(rows), chosen(chosen) {}

  void visit(Operation *op);
  /// Null after an error: numbers too large to be meant.
  spmd::CostAttr get(Operation *phase);

private:
  /// The outputs [begin, end) of a matrix that tiles make.
  struct Product {
    bool ofExpert = false;
    int64_t *operations = nullptr; // of the kind of dot; none: counted elsewhere
    llvm::SmallSetVector<std::pair<int64_t, int64_t>, 16> parts;
  };

  void visit(kernel::MatmulOp op);
  void visit(kernel::AttentionOp op);
  void visit(kernel::AbsorbedAttentionOp op);
  void visit(kernel::LatentAttentionOp op);
  void visit(kernel::ComputeOp op);
  void readWhole(Value weight) { whole.insert(weight); }
  void attend(CacheType type, int64_t head, int64_t heads, Value cache);
  /// Query rows, or heads of one, meet `head` of the cache.
  void attend(CacheType type, int64_t head, Value cache, Value query, Value piece, bool isRounded = false);
  void carry(Value state, int64_t part) {
    if (carried.insert({state, part}))
      stateBytes += cast<CarryType>(state.getType()).getValues() * 4;
  }
  Size sizeOf(Value view) {
    Operation *access = view.getDefiningOp();
    if (auto read = dyn_cast_or_null<spmd::ReadOp>(access))
      return {evaluator.get(read.getRows()), evaluator.get(read.getColumns())};
    if (auto write = dyn_cast_or_null<spmd::WriteOp>(access))
      return {evaluator.get(write.getRows()), evaluator.get(write.getColumns())};
    return {0, 0};
  }

  IndexEvaluator &evaluator;
  int64_t rows, chosen;

  llvm::MapVector<std::pair<Value, int64_t>, Product> products; // by matrix and head
  llvm::SetVector<Value> whole, ofExperts;                      // weights read from beginning to end, or by experts
  llvm::SetVector<std::pair<Value, int64_t>> seen;              // heads of caches
  llvm::SetVector<std::pair<Value, int64_t>> carried;           // parts of states
  CacheType cache;
  // For all rows of the call: divided at the end.
  int64_t f32 = 0, bf16 = 0, int8 = 0, attendOperations = 0, attendRounded = 0, lookup = 0;
  int64_t stateBytes = 0, positionBytes = 0, expertBytes = 0, experts = 0;
};

void PhaseCost::visit(Operation *op) {
  TypeSwitch<Operation *>(op)
      .Case<kernel::MatmulOp, kernel::AttentionOp, kernel::AbsorbedAttentionOp, kernel::LatentAttentionOp,
            kernel::ComputeOp>([&](auto op) { visit(op); })
      .Case<kernel::EmbedOp, kernel::AddPositionsOp>([&](auto op) {
        auto type = cast<WeightType>(op.getTable().getType());
        lookup += sizeOf(op.getOut()).rows * lathe::getPackedBytes(type) / type.getRows();
      })
      .Case([&](kernel::AddBiasOp op) {
        if (!op.getExpert())
          return readWhole(op.getBias());
        if (ofExperts.insert(op.getBias()))
          expertBytes += static_cast<int64_t>(op.getEach()) * 4;
      })
      .Case([&](kernel::CachedOp op) {
        auto type = cast<CacheType>(op.getCache().getType());
        attend(type, 0, type.getHeads(), op.getCache());
      })
      .Case([&](kernel::Conv1dOp op) {
        Size out = sizeOf(op.getOut());
        f32 += 2 * out.rows * out.columns * static_cast<int64_t>(op.getWidth());
        readWhole(op.getWeight());
        carry(op.getState(), evaluator.get(op.getPart()));
      })
      .Case([&](kernel::DeltaRuleOp op) {
        // A row scales the state, multiplies it with the key, adds a product and multiplies it with the query.
        Size out = sizeOf(op.getOut());
        f32 += 7 * out.rows * out.columns * sizeOf(op.getKey()).columns;
        readWhole(op.getDecay());
        readWhole(op.getBias());
        carry(op.getState(), evaluator.get(op.getPart()));
      })
      .Default([&](Operation *op) {
        for (Value operand : op->getOperands())
          if (isa<WeightType>(operand.getType()))
            readWhole(operand);
      });
}

void PhaseCost::visit(kernel::MatmulOp op) {
  Type element = cast<MemRefType>(op.getInput().getType()).getElementType();
  int64_t head = op.getHead() ? evaluator.get(op.getHead()) : 0;
  Product &product = products[{op.getWeight(), head}];
  product.ofExpert = bool(op.getExpert());
  product.operations = element.isInteger(8) ? &int8 : element.isBF16() ? &bf16 : &f32;
  int64_t first = evaluator.get(op.getFirst());
  product.parts.insert({first, first + sizeOf(op.getOut()).columns});
}

void PhaseCost::attend(CacheType type, int64_t head, Value cache, Value query, Value piece, bool isRounded) {
  // Of pieces, the first stands for what the row sees.
  if (piece && evaluator.get(piece) != 0)
    return;
  attend(type, head, 1, cache);
  Size size = sizeOf(query);
  (isRounded ? attendRounded : attendOperations) +=
      2 * size.rows * (size.columns / type.getDim()) * (type.getDim() + type.getValueDim());
}

void PhaseCost::visit(kernel::AttentionOp op) {
  auto type = cast<CacheType>(op.getCache().getType());
  attend(type, evaluator.get(op.getHead()), op.getCache(), op.getQuery(), op.getPiece(), op.getRounded());
  if (op.getSinks())
    readWhole(op.getSinks());
}

void PhaseCost::visit(kernel::AbsorbedAttentionOp op) {
  attend(cast<CacheType>(op.getCache().getType()), 0, op.getCache(), op.getQuery(), op.getPiece());
}

/// Keys and values of a position are made once for all rows of a tile.
void PhaseCost::visit(kernel::LatentAttentionOp op) {
  auto type = cast<CacheType>(op.getCache().getType());
  attend(type, 0, 1, op.getCache());
  Size query = sizeOf(op.getQuery()), out = sizeOf(op.getOut());
  attendOperations += 2 * query.rows * (query.columns + out.columns);
  int64_t head = evaluator.get(op.getHead());
  for (Value matrix : {op.getKUp(), op.getVUp()}) {
    auto made = cast<WeightType>(matrix.getType());
    products[{matrix, head}].parts.insert({0, made.getRows()});
    attendOperations += 2 * made.getRows() * made.getColumns();
  }
}

/// By its decomposition: a phase of one tile, on whole weights, in f32.
void PhaseCost::visit(kernel::ComputeOp op) {
  op.getBody().walk([&](Operation *inner) {
    for (Value operand : inner->getOperands()) {
      if (auto type = dyn_cast<WeightType>(operand.getType())) {
        if (isa<EmbedOp, AddPositionsOp>(inner)) {
          lookup += rows * lathe::getPackedBytes(type) / type.getRows();
        } else if (type.isExperts() && isa<ExpertsOp>(inner)) {
          if (ofExperts.insert(operand)) {
            experts = type.getExperts();
            expertBytes += lathe::getExpertBytes(type);
            f32 += 2 * rows * chosen * type.getRows() * type.getColumns();
          }
        } else {
          readWhole(operand);
          if (!type.isVector())
            f32 += 2 * rows * type.getExperts() * type.getRows() * type.getColumns();
        }
      } else if (auto type = dyn_cast<CacheType>(operand.getType())) {
        if (auto attention = dyn_cast<AttentionOp>(inner)) {
          attend(type, 0, type.getHeads(), operand);
          attendOperations +=
              2 * rows * static_cast<int64_t>(attention.getHeads()) * (type.getDim() + type.getValueDim());
        }
      } else if (auto type = dyn_cast<CarryType>(operand.getType())) {
        for (int64_t part = 0; part < type.getParts(); ++part)
          carry(operand, part);
      }
    }
  });
}

void PhaseCost::attend(CacheType type, int64_t head, int64_t heads, Value value) {
  cache = type;
  for (int64_t i = head; i < head + heads; ++i)
    if (seen.insert({value, i}))
      positionBytes +=
          (type.getDim() + (type.getLatent() ? 0 : type.getDim())) * (type.getElement().getIntOrFloatBitWidth() / 8);
}

spmd::CostAttr PhaseCost::get(Operation *phase) {
  int64_t weights = 0, perRow[] = {0, 0, 0};
  int64_t *const kinds[] = {&f32, &bf16, &int8};
  for (auto &[key, product] : products) {
    auto type = cast<WeightType>(key.first.getType());
    // Tiles begin at panels; a part that many tiles multiply, each for other rows, is here once.
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
    int64_t bytes = panels * lathe::PanelLayout(type).panelBytes;
    int64_t times = product.ofExpert ? chosen : 1;
    if (product.ofExpert) {
      experts = type.getExperts();
      expertBytes += bytes;
    } else {
      weights += bytes;
    }
    if (product.operations)
      perRow[llvm::find(kinds, product.operations) - std::begin(kinds)] += 2 * times * outputs * type.getColumns();
  }
  for (Value weight : whole)
    weights += lathe::getPackedBytes(cast<WeightType>(weight.getType()));
  for (auto [kind, all] : llvm::enumerate(kinds))
    perRow[kind] += *all / rows;
  int64_t window = cache ? cache.getWindow() : 0;
  bool isChunked = cache && cache.getChunked();
  return spmd::CostAttr::getChecked([&] { return phase->emitError(); }, phase->getContext(), weights, lookup / rows,
                                    expertBytes, experts, experts ? chosen : 0, stateBytes, positionBytes,
                                    isChunked ? 0 : window, isChunked ? window : 0, perRow[0], perRow[1], perRow[2],
                                    attendOperations / rows, attendRounded / rows);
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
    for (auto function : module.getOps<func::FuncOp>())
      if (auto rows = function->getAttrOfType<IntegerAttr>(spmd::kRowsAttr);
          rows && function->hasAttr(spmd::kEntryAttr))
        if (failed(predict(function, rows.getInt())))
          return signalPassFailure();
  }

  LogicalResult verifyPacked(func::FuncOp function);
  LogicalResult predict(func::FuncOp function, int64_t rows);
  LogicalResult predict(spmd::PhaseOp phase, IndexEvaluator &evaluator, int64_t rows);

  int64_t chosen = 1; // experts of a row
};

/// Bytes are those of a layout.
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

/// The phases of an entry point, or of a kind of layer in one.
LogicalResult PredictCost::predict(func::FuncOp function, int64_t rows) {
  if (function.isExternal() || rows < 1 || rows > lathe::kMaxRows)
    return function.emitError() << "lm-predict-cost: expects a body and from 1 to " << lathe::kMaxRows
                                << " rows, but found " << rows;
  if (failed(verifyPacked(function)))
    return failure();
  FailureOr<IndexEvaluator> evaluator = IndexEvaluator::compile(function);
  if (failed(evaluator))
    return failure();
  Block &body = function.getBody().front();
  for (BlockArgument argument : body.getArguments())
    if (argument.getType().isIndex())
      evaluator->set(argument, argument.getArgNumber() == 0 ? rows : 0);
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
      status = predict(getOperation().lookupSymbol<func::FuncOp>(cast<FlatSymbolRefAttr>(kind)), rows);
  return status;
}

LogicalResult PredictCost::predict(spmd::PhaseOp phase, IndexEvaluator &evaluator, int64_t rows) {
  int64_t tiles = evaluator.get(phase.getTiles());
  constexpr int64_t most = 1 << 24;
  if (tiles < 1 || tiles > most)
    return phase.emitError() << "lm-predict-cost: expects from 1 to " << most << " tiles, but found " << tiles;
  PhaseCost cost(evaluator, rows, chosen);
  auto visit = [&](const IndexEvaluator::Leaf &leaf) { cost.visit(leaf.op); };
  // A prologue is run by every worker, but what it reads comes from memory once.
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
