//===- LowerPhases.cpp - phases become loops, buffers become views ------------------------------------------------===//
//
// Every function gets the memory of the step as arguments. Weights and caches become pairs (segment, offset). Segments
// have static sizes, so they are bare pointers after lowering. A weight is a cast of its pair until its kernel is
// lowered.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/ModuleAttributes.h"
#include "compiler/targets/cpu/Passes.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/Layout.h"
#include "dialects/spmd/SPMDOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::lm {
#define GEN_PASS_DEF_LOWERPHASES
#include "compiler/targets/cpu/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

/// The first arguments of every lowered function.
enum Context { kWeights, kArena, kScratch, kCache, kStep, kWorker, kWorkers, kContextSize };

/// The name of a program's layer function in the module.
std::string flatName(spmd::ProgramOp program, StringRef kind) { return (program.getSymName() + "." + kind).str(); }

struct LowerPhases : mlir::lm::impl::LowerPhasesBase<LowerPhases> {
  using LowerPhasesBase::LowerPhasesBase;

  void runOnOperation() override;

private:
  LogicalResult verifyInput();
  void lowerProgram(spmd::ProgramOp program);
  void lowerFunction(func::FuncOp function, spmd::ProgramOp program);
  spmd::BufferOp bufferOf(StringRef name) {
    auto own = programSymbols->lookup<spmd::BufferOp>(name);
    return own ? own : symbols->lookup<spmd::BufferOp>(name);
  }
  void lower(spmd::PhaseOp phase);
  Value firstTile(Value worker, Value tiles);
  Block *loopOverTiles(spmd::PhaseOp phase);
  void lower(spmd::LayersOp layers, spmd::ProgramOp program);
  void lower(spmd::BarrierOp barrier);
  struct Prefetch {
    Value address = {}, bytes = {}; // null: unknown
  };
  Prefetch prefetchAfter(spmd::BarrierOp barrier);
  Prefetch firstRead(Block &block, IRMapping &mapping);
  template <typename Access> void lowerAccess(Access access);
  Value context(Context what) { return current.getArgument(what); }
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(*rewriter, Location(loc), value); }

  func::FuncOp current;
  IRRewriter *rewriter; // both live for one run
  Value tile;           // of the phase being lowered
  LocationAttr loc;
  SmallVector<Type> contextTypes;
  SymbolTable *symbols, *programSymbols;                // of the module, and of the program being lowered
  DenseMap<StringAttr, SmallVector<std::string>> slots; // of each layer function, in the order of its arguments
};

void LowerPhases::runOnOperation() {
  ModuleOp module = getOperation();
  loc = module.getLoc();
  if (failed(verifyInput()))
    return signalPassFailure();
  IRRewriter irRewriter(&getContext());
  rewriter = &irRewriter;
  SymbolTable symbolTable(module);
  symbols = &symbolTable;
  Type pointer = LLVM::LLVMPointerType::get(&getContext()), index = rewriter->getIndexType();
  Type i64 = rewriter->getI64Type();
  for (StringRef segment : {"weights_bytes", "arena_bytes", "scratch_bytes", "cache_bytes"}) {
    FailureOr<int64_t> bytes = lathe::getModuleInteger(module, "lm.program", segment, 1, lathe::kMaxBytes);
    if (failed(bytes))
      return signalPassFailure();
    contextTypes.push_back(MemRefType::get({*bytes}, rewriter->getI8Type()));
  }
  contextTypes.append({pointer, index, index});

  rewriter->setInsertionPointToStart(module.getBody());
  auto declare = [&](StringRef name, ArrayRef<Type> arguments, ArrayRef<Type> results) {
    func::FuncOp::create(*rewriter, Location(loc), name, rewriter->getFunctionType(arguments, results)).setPrivate();
  };
  declare("lrt_barrier", {pointer, i64, i64, i64}, {});
  if (!staticTiles)
    declare("lrt_next_tile", {pointer, i64, i64}, {i64});
  for (auto program : llvm::make_early_inc_range(module.getOps<spmd::ProgramOp>()))
    lowerProgram(program);
  for (auto buffer : llvm::make_early_inc_range(module.getOps<spmd::BufferOp>()))
    rewriter->eraseOp(buffer);
}

/// Moves the program's functions into the module: the entry of @decode becomes `decode`, its @layer `decode.layer`.
void LowerPhases::lowerProgram(spmd::ProgramOp program) {
  SymbolTable own(program);
  programSymbols = &own;
  slots.clear();
  SmallVector<func::FuncOp> functions(program.getBody().getOps<func::FuncOp>());
  for (func::FuncOp function : functions) {
    SmallVector<std::string> &names = slots[function.getSymNameAttr()];
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto slot = function.getArgAttrOfType<StringAttr>(i, kSlotAttr))
        names.push_back(slot.getValue().str());
  }
  for (func::FuncOp function : functions)
    lowerFunction(function, program);
  rewriter->eraseOp(program);
}

/// Checks that passes before have set the offsets of weights, states and buffers.
LogicalResult LowerPhases::verifyInput() {
  auto needsOffset = [](auto op, StringRef pass) -> LogicalResult {
    return op.getOffset() ? success() : op.emitOpError() << "expects an offset (" << pass << ")";
  };
  WalkResult result = getOperation().walk([&](Operation *op) -> WalkResult {
    if (auto weight = dyn_cast<WeightOp>(op))
      return needsOffset(weight, "lm-pack-weights");
    if (auto state = dyn_cast<StateOp>(op))
      return needsOffset(state, "lm-plan-cache");
    if (auto buffer = dyn_cast<spmd::BufferOp>(op); buffer && buffer.getSpace() != spmd::Space::Caller)
      return needsOffset(buffer, "lm-plan-memory");
    return success();
  });
  return failure(result.wasInterrupted());
}

/// (rows, position, weights...) becomes (context..., [tokens, logits,] rows, position, offsets...).
void LowerPhases::lowerFunction(func::FuncOp function, spmd::ProgramOp program) {
  current = function;
  Block &body = function.getBody().front();
  bool isEntry = spmd::ProgramOp::isEntry(function);
  function->moveBefore(program);
  function.setSymName(isEntry ? program.getSymName().str() : flatName(program, function.getSymName()));
  loc = function.getLoc();
  for (auto [index, type] : llvm::enumerate(contextTypes))
    body.insertArgument(index, type, Location(loc));
  rewriter->setInsertionPointToStart(&body);
  if (isEntry) {
    // The caller's buffers, if the program has them.
    unsigned at = kContextSize;
    for (auto [role, element] : {std::pair<spmd::Role, Type>(spmd::Role::Tokens, rewriter->getI32Type()),
                                 {spmd::Role::Logits, rewriter->getF32Type()}}) {
      spmd::BufferOp buffer = program.getBuffer(role);
      Type type = buffer ? buffer.getBufferType() : MemRefType::get({1, 1}, element);
      body.insertArgument(at++, type, Location(loc));
    }
  }
  for (unsigned i = kContextSize; i < body.getNumArguments(); ++i) {
    BlockArgument argument = body.getArgument(i);
    Type type = argument.getType();
    if (!isa<WeightType, CacheType, RecurrentStateType>(type))
      continue;
    argument.setType(rewriter->getIndexType());
    Value segment = context(isa<WeightType>(type) ? kWeights : kCache);
    auto cast = UnrealizedConversionCastOp::create(*rewriter, Location(loc), type, ValueRange{segment, argument});
    rewriter->replaceAllUsesExcept(argument, cast.getResult(0), cast);
  }
  function.setFunctionType(rewriter->getFunctionType(body.getArgumentTypes(), {}));
  function.removeArgAttrsAttr();

  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa_and_nonnull<spmd::SPMDDialect>(op->getDialect()) || isa<UseOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    rewriter->setInsertionPoint(op);
    loc = op->getLoc();
    if (auto phase = dyn_cast<spmd::PhaseOp>(op)) {
      lower(phase);
    } else if (auto layers = dyn_cast<spmd::LayersOp>(op)) {
      lower(layers, program);
    } else if (auto read = dyn_cast<spmd::ReadOp>(op)) {
      lowerAccess(read);
    } else if (auto write = dyn_cast<spmd::WriteOp>(op)) {
      lowerAccess(write);
    } else if (auto barrier = dyn_cast<spmd::BarrierOp>(op)) {
      lower(barrier);
    } else if (auto use = dyn_cast<UseOp>(op)) {
      Operation *target = symbols->lookup(use.getSymbol());
      auto weight = dyn_cast<WeightOp>(target);
      int64_t offset = *(weight ? weight.getOffset() : cast<StateOp>(target).getOffset());
      rewriter->replaceOpWithNewOp<UnrealizedConversionCastOp>(
          use, use.getType(), ValueRange{context(weight ? kWeights : kCache), constant(offset)});
    }
  }
}

template <typename Access> void LowerPhases::lowerAccess(Access access) {
  spmd::BufferOp buffer = bufferOf(access.getBuffer());
  MemRefType type = buffer.getBufferType();
  Value base;
  switch (buffer.getSpace()) {
  case spmd::Space::Caller:
    base = current.getArgument(kContextSize + (*buffer.getRole() == spmd::Role::Logits));
    break;
  case spmd::Space::Arena:
  case spmd::Space::Scratch:
    base = memref::ViewOp::create(*rewriter, Location(loc), type,
                                  context(buffer.getSpace() == spmd::Space::Arena ? kArena : kScratch),
                                  constant(*buffer.getOffset()), ValueRange{});
    break;
  }
  auto resultType = cast<MemRefType>(access.getResult().getType());
  auto size = [&](int dim, Value value) -> OpFoldResult {
    if (resultType.isDynamicDim(dim))
      return value;
    return rewriter->getIndexAttr(resultType.getDimSize(dim));
  };
  SmallVector<OpFoldResult> offsets = {access.getRow(), access.getColumn()};
  SmallVector<OpFoldResult> sizes = {size(0, access.getRows()), size(1, access.getColumns())};
  SmallVector<OpFoldResult> strides(2, rewriter->getIndexAttr(1));
  rewriter->replaceOpWithNewOp<memref::SubViewOp>(access, resultType, base, offsets, sizes, strides);
}

void LowerPhases::lower(spmd::PhaseOp phase) {
  Block *block = phase->getBlock();
  if (!phase.getPrologue().empty())
    rewriter->inlineBlockBefore(&phase.getPrologue().front(), block, phase->getIterator());
  rewriter->setInsertionPoint(phase);
  Block *loop = loopOverTiles(phase);
  rewriter->inlineBlockBefore(&phase.getBody().front(), loop->getTerminator(), tile);
  rewriter->eraseOp(phase);
}

/// Each worker gets one tile after another from the runtime; with static tiles, worker w of n has [w T / n, (w + 1) T /
/// n).
Block *LowerPhases::loopOverTiles(spmd::PhaseOp phase) {
  if (staticTiles) {
    Value worker = context(kWorker), tiles = phase.getTiles();
    Value next = arith::AddIOp::create(*rewriter, Location(loc), worker, constant(1));
    auto loop =
        scf::ForOp::create(*rewriter, Location(loc), firstTile(worker, tiles), firstTile(next, tiles), constant(1));
    tile = loop.getInductionVar();
    return loop.getBody();
  }
  Type i64 = rewriter->getI64Type();
  auto toI64 = [&](Value value) -> Value { return arith::IndexCastOp::create(*rewriter, Location(loc), i64, value); };
  Value worker = toI64(context(kWorker)), tiles = toI64(phase.getTiles());
  auto loop = scf::WhileOp::create(*rewriter, Location(loc), TypeRange{i64}, ValueRange{});
  rewriter->createBlock(&loop.getBefore());
  Value next = func::CallOp::create(*rewriter, Location(loc), "lrt_next_tile", TypeRange{i64},
                                    ValueRange{context(kStep), worker, tiles})
                   .getResult(0);
  Value zero = arith::ConstantOp::create(*rewriter, Location(loc), rewriter->getI64IntegerAttr(0));
  Value isTile = arith::CmpIOp::create(*rewriter, Location(loc), arith::CmpIPredicate::sge, next, zero);
  scf::ConditionOp::create(*rewriter, Location(loc), isTile, next);
  Block *body = rewriter->createBlock(&loop.getAfter(), {}, {i64}, {Location(loc)});
  tile = arith::IndexCastOp::create(*rewriter, Location(loc), rewriter->getIndexType(), body->getArgument(0));
  scf::YieldOp::create(*rewriter, Location(loc));
  return body;
}

/// Worker w of n starts at tile w * T / n of T.
Value LowerPhases::firstTile(Value worker, Value tiles) {
  Value product = arith::MulIOp::create(*rewriter, Location(loc), worker, tiles);
  return arith::DivUIOp::create(*rewriter, Location(loc), product, context(kWorkers));
}

/// Tells the barrier which memory to prefetch for the next phase (docs/experiments/2026-11-26-barrier-prefetch.md).
void LowerPhases::lower(spmd::BarrierOp barrier) {
  Type i64 = rewriter->getI64Type();
  auto [address, bytes] = prefetchAfter(barrier);
  SmallVector<Value> arguments = {context(kStep)};
  for (Value value : {context(kWorker), address ? address : constant(0), bytes ? bytes : constant(0)})
    arguments.push_back(arith::IndexCastOp::create(*rewriter, Location(loc), i64, value));
  rewriter->replaceOpWithNewOp<func::CallOp>(barrier, "lrt_barrier", TypeRange{}, arguments);
}

/// The part of a matrix that the worker's first tile of the phase after the barrier reads first. Null if it is not
/// known at the barrier.
LowerPhases::Prefetch LowerPhases::prefetchAfter(spmd::BarrierOp barrier) {
  IRMapping mapping;
  for (Operation *op = barrier->getNextNode(); !op->hasTrait<OpTrait::IsTerminator>(); op = op->getNextNode()) {
    if (auto phase = dyn_cast<spmd::PhaseOp>(op)) {
      Block &body = phase.getBody().front();
      mapping.map(body.getArgument(0), firstTile(context(kWorker), mapping.lookupOrDefault(phase.getTiles())));
      return firstRead(body, mapping);
    }
    if (!isPure(op) || isa<UseOp>(op))
      return {};
    rewriter->clone(*op, mapping);
  }
  return {};
}

/// The memory that the first product in `block`, or in the branch that the tile takes, reads first. Copies the ops that
/// compute the product's offset to the insertion point.
LowerPhases::Prefetch LowerPhases::firstRead(Block &block, IRMapping &mapping) {
  auto make = [&](auto op, Value a, Value b) -> Value { return decltype(op)::create(*rewriter, Location(loc), a, b); };
  auto isKnown = [&](Value value) {
    return mapping.contains(value) || !value.getParentRegion()->getParentOfType<spmd::PhaseOp>();
  };
  for (Operation &op : block.without_terminator()) {
    if (auto product = dyn_cast<kernel::MatmulOp>(op)) {
      auto matrix = product.getWeight().getDefiningOp<UnrealizedConversionCastOp>();
      if (!matrix || !isKnown(matrix.getResult(0)) || !isKnown(product.getFirst()) || product.getExpert() ||
          product.getHead())
        return {};
      lathe::PanelLayout layout(cast<WeightType>(product.getWeight().getType()));
      Value panel = make(arith::DivUIOp(), mapping.lookupOrDefault(product.getFirst()), constant(layout.rows));
      Value offset = make(arith::MulIOp(), panel, constant(layout.panelBytes));
      Value rest = make(arith::SubIOp(), constant(layout.bytes()), offset);
      Value segment = memref::ExtractAlignedPointerAsIndexOp::create(*rewriter, Location(loc), matrix.getInputs()[0]);
      Value start = make(arith::AddIOp(), segment, matrix.getInputs()[1]);
      return {make(arith::AddIOp(), start, offset), make(arith::MinSIOp(), rest, constant(prefetchBytes))};
    }
    if (auto choice = dyn_cast<scf::IfOp>(op)) {
      if (choice.getElseRegion().empty() || !isKnown(choice.getCondition()))
        return {};
      Type index = rewriter->getIndexType();
      auto copy = scf::IfOp::create(*rewriter, Location(loc), TypeRange{index, index},
                                    mapping.lookupOrDefault(choice.getCondition()), /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(*rewriter);
      for (auto [from, to] : llvm::zip(choice->getRegions(), copy->getRegions())) {
        rewriter->setInsertionPointToStart(&to.front());
        Prefetch prefetch = firstRead(from.front(), mapping);
        if (!prefetch.address)
          prefetch.address = prefetch.bytes = constant(0);
        scf::YieldOp::create(*rewriter, Location(loc), ValueRange{prefetch.address, prefetch.bytes});
      }
      return {copy.getResult(0), copy.getResult(1)};
    }
    bool isNumber = llvm::all_of(op.getResultTypes(), [](Type type) { return type.isIntOrIndex(); });
    if (isNumber && isPure(&op) && op.getNumRegions() == 0 && llvm::all_of(op.getOperands(), isKnown))
      rewriter->clone(op, mapping);
  }
  return {};
}

/// A loop over a constant table [layers][1 + slots]: the number of the layer's function, then an offset for each slot.
void LowerPhases::lower(spmd::LayersOp layers, spmd::ProgramOp program) {
  llvm::SetVector<StringAttr> kinds;
  for (auto name : layers.getKinds().getAsRange<FlatSymbolRefAttr>())
    kinds.insert(name.getAttr());

  SmallVector<SmallVector<int64_t>> table;
  int64_t width = 1;
  for (StringAttr kind : kinds)
    width = std::max<int64_t>(width, 1 + slots[kind].size());
  for (auto [layer, name] : llvm::enumerate(layers.getKinds().getAsRange<FlatSymbolRefAttr>())) {
    SmallVector<int64_t> row(width, 0);
    row[0] = std::distance(kinds.begin(), llvm::find(kinds, name.getAttr()));
    for (auto [column, slot] : llvm::enumerate(slots[name.getAttr()])) {
      if (slot == kLayerSlot) {
        row[column + 1] = layer;
        continue;
      }
      Operation *target = symbols->lookup(LayersOp::bind(layer, slot));
      auto weight = dyn_cast<WeightOp>(target);
      row[column + 1] = *(weight ? weight.getOffset() : cast<StateOp>(target).getOffset());
    }
    table.push_back(row);
  }
  SmallVector<int64_t> flat;
  for (auto &row : table)
    flat.append(row.begin(), row.end());
  auto tableType = MemRefType::get({static_cast<int64_t>(table.size()), width}, rewriter->getI64Type());
  std::string tableName = (current.getSymName() + ".layers").str();
  {
    OpBuilder::InsertionGuard guard(*rewriter);
    rewriter->setInsertionPoint(current);
    auto elements = DenseElementsAttr::get(RankedTensorType::get(tableType.getShape(), rewriter->getI64Type()),
                                           ArrayRef<int64_t>(flat));
    memref::GlobalOp::create(*rewriter, Location(loc), tableName, rewriter->getStringAttr("private"), tableType,
                             elements,
                             /*constant=*/true, IntegerAttr());
  }

  Value offsets = memref::GetGlobalOp::create(*rewriter, Location(loc), tableType, tableName);
  auto loop = scf::ForOp::create(*rewriter, Location(loc), constant(0), constant(table.size()), constant(1));
  rewriter->setInsertionPoint(loop.getBody()->getTerminator());
  auto load = [&](int64_t column) -> Value {
    Value value =
        memref::LoadOp::create(*rewriter, Location(loc), offsets, ValueRange{loop.getInductionVar(), constant(column)});
    return arith::IndexCastOp::create(*rewriter, Location(loc), rewriter->getIndexType(), value);
  };
  auto call = [&](StringAttr kind) {
    SmallVector<Value> arguments;
    for (int what = 0; what < kContextSize; ++what)
      arguments.push_back(context(static_cast<Context>(what)));
    arguments.append({layers.getRows(), layers.getPosition()});
    for (size_t column = 0; column < slots[kind].size(); ++column)
      arguments.push_back(load(column + 1));
    func::CallOp::create(*rewriter, Location(loc), flatName(program, kind), TypeRange{}, arguments);
  };
  if (kinds.size() == 1) {
    call(kinds.front());
  } else {
    SmallVector<int64_t> cases;
    for (size_t i = 0; i + 1 < kinds.size(); ++i)
      cases.push_back(i);
    auto choice = scf::IndexSwitchOp::create(*rewriter, Location(loc), TypeRange{}, load(0), cases, cases.size());
    for (auto [index, kind] : llvm::enumerate(kinds)) {
      Region &region = index < cases.size() ? choice.getCaseRegions()[index] : choice.getDefaultRegion();
      rewriter->createBlock(&region);
      call(kind);
      scf::YieldOp::create(*rewriter, loc);
    }
  }
  rewriter->eraseOp(layers);
}

} // namespace
