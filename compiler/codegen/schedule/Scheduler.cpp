//===- Scheduler.cpp - buffers, phases and the walk over ops ------------------------------------------------------===//

#include "compiler/codegen/schedule/Scheduler.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::lm;

/// Where a buffer of the program belongs: before its functions.
static Block::iterator endOfBuffers(Block *program) { return llvm::find_if(*program, llvm::IsaPred<func::FuncOp>); }

spmd::BufferOp Scheduler::buffer(const Twine &wanted, int64_t rowCount, int64_t columns, Type element,
                                 spmd::Space space) {
  auto type = MemRefType::get({rowCount, columns}, element);
  // Equal names and types share memory (codes of what lies in one buffer, say); another type is numbered.
  std::string symbol = wanted.str();
  for (int n = 2; spmd::BufferOp known = allBuffers.lookup(symbol); ++n) {
    if (known.getType() == type)
      return known;
    symbol = (wanted + "." + Twine(n)).str();
  }
  OpBuilder::InsertionGuard guard(builder);
  Block *body = &program.getBody().front();
  builder.setInsertionPoint(body, endOfBuffers(body));
  return allBuffers[symbol] =
             spmd::BufferOp::create(builder, loc, symbol, type, space, spmd::RoleAttr(), IntegerAttr());
}

spmd::BufferOp Scheduler::callersBuffer(spmd::Role role, int64_t columns, Type element) {
  spmd::BufferOp result = buffer(spmd::stringifyRole(role), maxRows, columns, element, spmd::Space::Caller);
  result.setRole(role);
  return result;
}

spmd::BufferOp Scheduler::streamBuffer(const Twine &suffix, int64_t columns, spmd::Space space) {
  if (entry != Entry::Prefill)
    return buffer(suffix, maxRows, columns, builder.getF32Type(), space);
  std::string symbol = ("prefill." + suffix).str();
  spmd::BufferOp &known = allBuffers[symbol];
  if (!known) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(program);
    auto type = MemRefType::get({maxRows, columns}, builder.getF32Type());
    known = spmd::BufferOp::create(builder, loc, symbol, type, space, spmd::RoleAttr(), IntegerAttr());
  }
  return known;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Phases
//===--------------------------------------------------------------------------------------------------------------===//

void Scheduler::phase(StringRef what, Value tiles, function_ref<void()> prologue, function_ref<void(Value)> body) {
  // Before each phase, so that it is known to the barrier.
  if (!std::exchange(isFirstPhase, false))
    spmd::BarrierOp::create(builder, loc);
  auto op = spmd::PhaseOp::create(builder, loc, what, tiles);
  builder.setInsertionPointToEnd(&op.getPrologue().front());
  prologue();
  builder.setInsertionPointToEnd(&op.getBody().front());
  body(op.getBody().getArgument(0));
  builder.setInsertionPointAfter(op);
}

void Scheduler::flushRows() {
  if (rowwise.empty())
    return;
  if (entry == Entry::Decode) // one row, known to be one: some kernels take no more
    return phase("rows", constant(1), [] {}, [&](Value) { workOnRows(); });
  const int64_t block = target.getTiles().getBlockRows();
  Value tiles = arith::CeilDivUIOp::create(builder, loc, rows, constant(block));
  phase(
      "rows", tiles, [] {},
      [&](Value tile) {
        Value row = arith::MulIOp::create(builder, loc, tile, constant(block));
        Value rest = arith::SubIOp::create(builder, loc, rows, row);
        Value count = arith::MinUIOp::create(builder, loc, rest, constant(block));
        for (RowsFn &work : rowwise)
          work(row, count);
      });
  rowwise.clear();
}

void Scheduler::tiled(StringRef what, int64_t columnTiles, int64_t blockRows, TileFn body) {
  if (replicates || entry == Entry::Decode) {
    if (!replicates)
      flushRows();
    phase(what, constant(columnTiles), [&] { workOnRows(); }, [&](Value tile) { body(tile, constant(0), rows); });
    return;
  }
  flushRows();
  Value blocks = arith::CeilDivUIOp::create(builder, loc, rows, constant(blockRows)), size = constant(blockRows);
  // Of nearly one size, or a worker would wait for the other's last block; but of whole blocks of rows.
  const int64_t unit = target.getTiles().getBlockRows();
  if (blockRows % unit == 0) {
    Value even = arith::CeilDivUIOp::create(builder, loc, rows, blocks);
    Value units = arith::CeilDivUIOp::create(builder, loc, even, constant(unit));
    size = arith::MulIOp::create(builder, loc, units, constant(unit));
  }
  Value tiles = arith::MulIOp::create(builder, loc, blocks, constant(columnTiles));
  phase(
      what, tiles, [] {},
      [&](Value tile) {
        // Row blocks outside: a worker's neighbouring tiles read the same activations.
        Value columnTile = arith::RemUIOp::create(builder, loc, tile, constant(columnTiles));
        Value block = arith::DivUIOp::create(builder, loc, tile, constant(columnTiles));
        Value row = arith::MulIOp::create(builder, loc, block, size);
        Value rest = arith::SubIOp::create(builder, loc, rows, row);
        Value count = arith::MinUIOp::create(builder, loc, rest, size);
        body(columnTile, row, count);
      });
}

void Scheduler::choosePart(Value tile, ArrayRef<int64_t> tiles, function_ref<void(size_t, Value)> body) {
  int64_t begin = 0;
  std::function<void(size_t)> emit = [&](size_t part) {
    auto here = [&] {
      body(part, begin ? arith::SubIOp::create(builder, loc, tile, constant(begin)).getResult() : tile);
    };
    if (part + 1 == tiles.size())
      return here();
    Value isHere = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, tile, constant(begin + tiles[part]));
    auto choice = scf::IfOp::create(builder, loc, isHere, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(choice.thenBlock());
    here();
    builder.setInsertionPointToStart(choice.elseBlock());
    begin += tiles[part];
    emit(part + 1);
  };
  emit(0);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Any op, by its decomposition
//===--------------------------------------------------------------------------------------------------------------===//

void Scheduler::compute(ArrayRef<Operation *> ops, Value row, Value count, Value at, ValueRange outs) {
  IRMapping inside = mapping;
  SmallVector<Value> ins, outer;
  for (Operation *op : ops)
    for (Value operand : op->getOperands()) {
      if (operand.getType().isIndex()) {
        if (!mapping.contains(operand)) // else a layer's number
          inside.map(operand, at);
      } else if (spmd::BufferOp from = bufferOf(operand); from && isa<RankedTensorType>(operand.getType())) {
        ins.push_back(readRows(from, rowIn(from, row), count));
        outer.push_back(operand);
      }
    }
  auto kernelOp = kernel::ComputeOp::create(builder, loc, ins, outs);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&kernelOp.getBody().front());
  for (auto [operand, tensor] : llvm::zip(outer, kernelOp.getBody().getArguments())) {
    Value rowsIn = tensor;
    if (cast<RankedTensorType>(operand.getType()).getRank() == 1) // ids
      rowsIn = tensor::CollapseShapeOp::create(builder, loc, tensor, ArrayRef<ReassociationIndices>{{0, 1}});
    inside.map(operand, rowsIn);
  }
  Operation *last = nullptr;
  for (Operation *op : ops)
    last = builder.clone(*op, inside);
  kernel::YieldOp::create(builder, loc, last->getResults());
}

void Scheduler::scheduleDecomposed(StringRef what, ArrayRef<Operation *> ops, spmd::BufferOp out) {
  tiled(what, 1, maxRows, [&](Value, Value row, Value count) {
    compute(ops, row, count, arith::AddIOp::create(builder, loc, position, row), writeRows(out, row, count));
  });
}

void Scheduler::scheduleWhole(Operation *op) {
  StringRef what = op->getName().stripDialect();
  spmd::BufferOp out = buffers[op->getResult(0)] = arenaBuffer(local(what), columnsOf(op->getResult(0)));
  scheduleDecomposed(what, op, out);
}

//===--------------------------------------------------------------------------------------------------------------===//
// The walk
//===--------------------------------------------------------------------------------------------------------------===//

/// What an op works on has a place in the schedule: rows a buffer, weights a layout, caches rows.
LogicalResult Scheduler::verifyOperands(Operation *op) {
  for (Value operand : op->getOperands()) {
    auto weight = dyn_cast<WeightType>(operand.getType());
    auto cache = dyn_cast<CacheType>(operand.getType());
    if (weight && !weight.isVector() && !weight.getLayout())
      return op->emitOpError() << "expects packed weights (lm-pack-weights), but found " << weight;
    if (cache && !cache.getRows())
      return op->emitOpError() << "expects a cache with rows (lm-plan-cache), but found " << cache;
    bool isRows = isa<RankedTensorType>(operand.getType()), isCarried = isa<CarryType>(operand.getType());
    if (isRows ? !bufferOf(operand) : (weight || cache || isCarried) && !mapping.contains(operand))
      return op->emitOpError() << "works on " << operand.getType() << " that has no place in the schedule";
  }
  return success();
}

LogicalResult Scheduler::schedule(Operation *op) {
  loc = op->getLoc();
  if (!isa<SoftcapOp, ActivationOp>(op) && failed(verifyOperands(op)))
    return failure();
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](AddNormOp op) { return scheduleAddNorm(op), success(); })
      .Case([&](QKVOp op) { return scheduleQKV(op), success(); })
      .Case([&](AttentionOp op) { return scheduleAttention(op), success(); })
      .Case([&](AddOp op) { return scheduleAdd(op), success(); })
      .Case([&](NormOp op) { return scheduleNorm(op), success(); })
      .Case([&](RopeOp op) { return scheduleRope(op), success(); })
      .Case([&](AddPositionsOp op) { return scheduleAddPositions(op), success(); })
      .Case([&](AppendOp op) { return scheduleAppend(op), success(); })
      .Case([&](AppendLatentOp op) { return scheduleAppendLatent(op), success(); })
      .Case([&](LatentAttentionOp op) { return scheduleLatentAttention(op), success(); })
      .Case([&](HeadLinearOp op) { return scheduleHeadLinear(op), success(); })
      .Case([&](GatedDeltaRuleOp op) {
        isDecomposed(op) ? scheduleWhole(op) : scheduleDeltaRule(op);
        return success();
      })
      .Case([&](PartOp op) { return schedulePart(op), success(); })
      .Case([&](GluOp op) {
        auto activation = op.getActivationAttr();
        scheduleRowwise(op, [=, this](ValueRange in, Value out) {
          kernel::GluOp::create(builder, loc, in[0], in[1], out, activation);
        });
        return success();
      })
      .Case([&](ScaleOp op) {
        FloatAttr factor = op.getFactorAttr();
        scheduleRowwise(op, [=, this](ValueRange in, Value out) {
          kernel::CopyOp::create(builder, loc, in[0], out);
          kernel::ScaleOp::create(builder, loc, out, factor);
        });
        return success();
      })
      .Case([&](MultiplyOp op) {
        Value factors = weight(op.getWeight());
        scheduleRowwise(
            op, [=, this](ValueRange in, Value out) { kernel::MultiplyOp::create(builder, loc, in[0], factors, out); });
        return success();
      })
      .Case([&](ConcatOp op) {
        scheduleRowwise(op, [this](ValueRange in, Value out) { kernel::ConcatOp::create(builder, loc, in, out); });
        return success();
      })
      .Case([&](SparsifyOp op) {
        FloatAttr deviations = op.getDeviationsAttr();
        scheduleRowwise(op, [=, this](ValueRange in, Value out) {
          kernel::SparsifyOp::create(builder, loc, in[0], out, deviations);
        });
        return success();
      })
      .Case([&](MatchMagnitudeOp op) {
        FloatAttr eps = op.getEpsAttr();
        scheduleRowwise(op, [=, this](ValueRange in, Value out) {
          kernel::MatchMagnitudeOp::create(builder, loc, in[0], in[1], out, eps);
        });
        return success();
      })
      .Case([&](AltUpPredictOp op) {
        scheduleRowwise(
            op, [this](ValueRange in, Value out) { kernel::AltUpPredictOp::create(builder, loc, in[0], in[1], out); });
        return success();
      })
      .Case([&](AltUpCorrectOp op) {
        scheduleRowwise(op, [this](ValueRange in, Value out) {
          kernel::AltUpCorrectOp::create(builder, loc, in[0], in[1], in[2], out);
        });
        return success();
      })
      .Case([&](AltUpInjectOp op) {
        scheduleRowwise(
            op, [this](ValueRange in, Value out) { kernel::AltUpInjectOp::create(builder, loc, in[0], in[1], out); });
        return success();
      })
      .Case([&](CausalConv1dOp op) -> LogicalResult {
        if (scheduled.contains(op))
          return success();
        if (isDecomposed(op))
          return scheduleWhole(op), success();
        SmallVector<CausalConv1dOp> group = {op};
        for (auto next = dyn_cast<CausalConv1dOp>(op->getNextNode()); next;
             next = dyn_cast<CausalConv1dOp>(next->getNextNode())) {
          if (failed(verifyOperands(next)))
            return failure();
          group.push_back(next);
          scheduled.insert(next);
        }
        return scheduleConvolutions(group), success();
      })
      .Case<LinearOp, GatedLinearOp>([&](Operation *op) -> LogicalResult {
        if (scheduled.contains(op))
          return success();
        SmallVector<Operation *> group = {op};
        if (LinearOp shared = asSharedDown(op)) {
          buffers[shared.getResult()] = arenaBuffer(local("projected"), columnsOf(shared.getResult()));
          return deferred.insert(shared), success();
        }
        for (Operation *next = op->getNextNode(); isa_and_nonnull<LinearOp, GatedLinearOp>(next);
             next = next->getNextNode())
          if (next->getOperand(0) == op->getOperand(0)) {
            if (failed(verifyOperands(next)))
              return failure();
            group.push_back(next);
            scheduled.insert(next);
          }
        if (group.size() == 1 && deferQueries(op))
          return success();
        return scheduleProjections(group), success();
      })
      .Case([&](RouteOp op) { return scheduleRoute(op), success(); })
      .Case([&](ExpertsOp op) { return scheduleExperts(op), success(); })
      .Case<SoftcapOp, ActivationOp>([&](Operation *op) -> LogicalResult {
        // Done by the projection it follows.
        return bufferOf(op->getResult(0)) ? success() : op->emitOpError("expects a projection before it");
      })
      .Case([&](UseOp op) {
        mapping.map(op.getResult(), builder.clone(*op)->getResult(0));
        return success();
      })
      .Case([&](AggregatedOpInterface op) -> LogicalResult {
        // No phase of its own yet: one tile computes it.
        if (op->getNumResults() != 1)
          return op->emitOpError("has no place in the schedule; is the graph stage complete?");
        return scheduleWhole(op), success();
      })
      .Default(
          [](Operation *op) { return op->emitOpError("has no place in the schedule; is the graph stage complete?"); });
}

LogicalResult Scheduler::storeStreams(Operation *op, ValueRange values) {
  SmallVector<std::pair<spmd::BufferOp, spmd::BufferOp>> moves;
  for (auto [index, value] : llvm::enumerate(values)) {
    if (!bufferOf(value))
      return op->emitOpError() << "works on " << value.getType() << " that has no place in the schedule";
    if (spmd::BufferOp to = streamBuffer(index, columnsOf(value)); to != bufferOf(value))
      moves.push_back({bufferOf(value), to});
  }
  tiled("streams", 1, target.getTiles().getBlockRows(), [&](Value, Value row, Value count) {
    for (auto [from, to] : moves)
      kernel::CopyOp::create(builder, loc, readRows(from, row, count), writeRows(to, row, count));
  });
  return success();
}

LogicalResult Scheduler::schedule(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(schedule(&op)))
      return failure();
  if (isDeferred && !rowwise.empty())
    return block.getTerminator()->emitOpError("expects the last op to be a projection");
  return success();
}

LogicalResult Scheduler::scheduleKind(func::FuncOp kind) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&program.getBody().front());
  // (streams..., position, weights...) becomes (rows, position, weights...).
  SmallVector<Type> types = {builder.getIndexType(), builder.getIndexType()};
  SmallVector<DictionaryAttr> attrs(2, builder.getDictionaryAttr({}));
  unsigned streams = kind.getNumResults();
  for (unsigned i = streams + 1; i < kind.getNumArguments(); ++i) {
    types.push_back(kind.getArgumentTypes()[i]);
    attrs.push_back(kind.getArgAttrDict(i));
  }
  auto function = func::FuncOp::create(builder, kind.getLoc(), kind.getSymName(), builder.getFunctionType(types, {}));
  function.setPrivate();
  function.setAllArgAttrs(attrs);
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);

  Block &source = kind.getBody().front();
  Value outerRows = rows, outerPosition = position;
  rows = maxRows == 1 ? constant(1) : body->getArgument(0);
  position = body->getArgument(1);
  for (unsigned i = streams + 1; i < kind.getNumArguments(); ++i)
    mapping.map(source.getArgument(i), body->getArgument(i - streams + 1));
  int64_t hidden = columnsOf(source.getArgument(0));
  if (isDeferred) {
    buffers[source.getArgument(0)] = residual(hidden);
    buffers[source.getArgument(1)] = pending(hidden);
  } else {
    for (BlockArgument stream : source.getArguments().take_front(streams))
      buffers[stream] = streamBuffer(stream.getArgNumber(), columnsOf(stream));
  }
  prefix = kind.getSymName().str() + ".";
  locals = 0;
  LogicalResult result = schedule(source);
  Operation *end = source.getTerminator();
  if (succeeded(result) && isDeferred &&
      (bufferOf(end->getOperand(0)) != bufferOf(source.getArgument(0)) ||
       bufferOf(end->getOperand(1)) != bufferOf(source.getArgument(1))))
    result = end->emitOpError("expects to return the stream and what is pending");
  if (succeeded(result) && !isDeferred)
    result = storeStreams(end, end->getOperands());
  func::ReturnOp::create(builder, kind.getLoc());
  prefix.clear();
  rows = outerRows, position = outerPosition;
  return result;
}

LogicalResult Scheduler::run(func::FuncOp forward) {
  if (!llvm::hasSingleElement(forward.getBody()))
    return forward.emitOpError("expects a body of one block");
  Block &source = forward.getBody().front();
  LayersOp layers;
  for (auto op : source.getOps<LayersOp>())
    layers = op;
  if (!layers)
    return forward.emitOpError("expects layers");
  isDeferred = layers.getStream().size() == 2 && layers.getStream()[1].getDefiningOp<ZerosOp>();
  SymbolTable symbols(forward->getParentOfType<ModuleOp>());
  builder.setInsertionPointToEnd(module.getBody());
  program = spmd::ProgramOp::create(builder, loc, name, maxRows, entry == Entry::Head ? "prefill" : "");
  if (entry != Entry::Head) {
    llvm::SetVector<Attribute> kinds(llvm::from_range, layers.getKinds());
    for (Attribute kind : kinds)
      if (failed(scheduleKind(symbols.lookup<func::FuncOp>(cast<FlatSymbolRefAttr>(kind).getValue()))))
        return failure();
  }

  builder.setInsertionPointToEnd(&program.getBody().front());
  SmallVector<Type> types(spmd::kEntryArguments, builder.getIndexType());
  auto function = func::FuncOp::create(builder, loc, "entry", builder.getFunctionType(types, {}));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  rows = maxRows == 1 ? constant(1) : body->getArgument(spmd::kRowsArgument);
  position = body->getArgument(spmd::kPositionArgument);
  first = body->getArgument(spmd::kFirstArgument);
  isFirstPhase = true;

  int64_t hidden = columnsOf(layers.getStream()[0]);
  bool before = entry != Entry::Head, after = entry != Entry::Prefill, isPast = false;
  for (Operation &op : source.without_terminator()) {
    loc = op.getLoc();
    if (isa<LayersOp>(op)) {
      isPast = true;
      if (entry == Entry::Head) {
        // Prefill's buffers: its stream waits there.
        auto left = [&](const Twine &what) { return module.lookupSymbol<spmd::BufferOp>(("prefill." + what).str()); };
        if (isDeferred) {
          buffers[layers.getResult(0)] = left("stream");
          buffers[layers.getResult(1)] = left("pending");
        } else {
          for (OpResult stream : layers.getResults())
            buffers[stream] = left("stream." + Twine(stream.getResultNumber()));
        }
        continue;
      }
      if (!isDeferred && failed(storeStreams(layers, layers.getStream())))
        return failure();
      spmd::LayersOp::create(builder, loc, rows, position, layers.getKinds());
      if (isDeferred) {
        buffers[layers.getResult(0)] = residual(hidden);
        buffers[layers.getResult(1)] = pending(hidden);
      } else {
        for (OpResult stream : layers.getResults())
          buffers[stream] = streamBuffer(stream.getResultNumber(), columnsOf(stream));
      }
    } else if (auto embed = dyn_cast<EmbedOp>(op)) {
      if (!before)
        continue;
      if (!mapping.contains(embed.getTable()) || !cast<WeightType>(embed.getTable().getType()).getLayout())
        return embed.emitOpError("expects a packed table that lm.use names");
      auto x = buffers[embed.getResult()] =
          isDeferred ? residual(hidden) : rowsBuffer(local("embedded"), columnsOf(embed.getResult()));
      spmd::BufferOp tokens = callersBuffer(spmd::Role::Tokens, 1, builder.getI32Type());
      Value tableValue = weight(embed.getTable());
      FloatAttr scale = embed.getScaleAttr();
      buffers[embed.getIds()] = tokens;
      Operation *whole = embed;
      rowwise.push_back([=, this](Value row, Value count) {
        if (isDecomposed(whole))
          return compute(whole, row, count, Value(), writeRows(x, row, count));
        kernel::EmbedOp::create(builder, loc, readRows(tokens, row, count), tableValue, writeRows(x, row, count),
                                scale);
      });
      // With the first of them come the angles of the call's positions.
      for (RopeAttr rope : std::exchange(hasAngles, true) ? ArrayRef<RopeAttr>() : ArrayRef(ropes)) {
        spmd::BufferOp angles = ropeTable(rope);
        rowwise.push_back([=, this](Value row, Value count) {
          Value at = arith::AddIOp::create(builder, loc, position, row);
          kernel::RopeTableOp::create(builder, loc, at, writeRows(angles, row, count), rope);
        });
      }
    } else if (isDeferred && isa<ZerosOp>(op)) {
      if (!before)
        continue;
      spmd::BufferOp zeros = pending(hidden);
      tiled("start", 1, target.getTiles().getRows(),
            [&](Value, Value row, Value count) { kernel::ZeroOp::create(builder, loc, writeRows(zeros, row, count)); });
    } else if (isa<UseOp>(op) || (isPast ? after : before)) {
      if (failed(schedule(&op)))
        return failure();
    }
  }
  spmd::BarrierOp::create(builder, loc);
  func::ReturnOp::create(builder, loc);
  return success();
}
