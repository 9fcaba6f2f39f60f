//===- VerifySchedule.cpp - no tile reads or writes what another writes -------------------------------------------===//
//
// The pass evaluates the schedule's index arithmetic for calls with several numbers of rows at several positions. That
// gives the footprint of each phase (Footprint.h). It then simulates a sequence of calls in which every program follows
// every other one, and keeps:
//
//   `open`     the phase since the last barrier. Its tiles may run at the same time, so no second phase may be open
//   `live`     the parts of each buffer that hold a value. A write through another buffer of the same bytes ends it
//   `columns`  the last position in each head's keys and values
//
// The checks compare tiles, not workers, so they hold for any number of workers. Computing a footprint takes about a
// microsecond per tile and is done once per kind of layer and call; simulating a layer takes a few comparisons per
// phase.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/codegen/Footprint.h"
#include "compiler/codegen/Passes.h"
#include "compiler/codegen/SampledCalls.h"
#include "compiler/codegen/WriteGrid.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/Layout.h"
#include "llvm/ADT/STLExtras.h"
#include <map>

namespace mlir::lm {
#define GEN_PASS_DEF_VERIFYSCHEDULE
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using namespace lathe;

namespace {

ArrayRef<Access> accessesOf(int32_t buffer, ArrayRef<Access> accesses) {
  auto range = std::equal_range(accesses.begin(), accesses.end(), Access{buffer, 0, {}},
                                [](const Access &a, const Access &b) { return a.buffer < b.buffer; });
  return {range.first, range.second};
}

std::string toString(const Rect &part) {
  return ("[rows " + Twine(part.row) + ".." + Twine(part.rowEnd) + ", columns " + Twine(part.column) + ".." +
          Twine(part.columnEnd) + ")")
      .str();
}

//===--------------------------------------------------------------------------------------------------------------===//
// The pass
//===--------------------------------------------------------------------------------------------------------------===//

/// A phase, with the symbol of the cache for each of its footprint's `caches`.
struct BoundPhase {
  const Footprint *footprint;
  SmallVector<StringRef, 1> caches;
};

/// A part of a buffer, and the phase that wrote it (null: the caller).
struct Live {
  Rect part;
  const Footprint *by;
};

/// A part of a buffer whose value was overwritten: by which phase, through which buffer.
struct Lost {
  Rect part;
  const Footprint *by;
  int32_t through;
};

struct VerifySchedule : mlir::lm::impl::VerifyScheduleBase<VerifySchedule> {
  void runOnOperation() override {
    if (failed(verifyOffsets()) || failed(prepare()))
      return signalPassFailure();
    for (const Call &call : sampleCalls(getOperation()))
      if (failed(play(call)))
        return signalPassFailure();
    // Last: a ring that is too short usually has no whole panels either, and its own message is better.
    if (auto [footprint, type] = ragged; footprint) {
      where.clear();
      (void)fail(*footprint, quote(*footprint) + " attends to a cache of " + Twine(type.getRows()) +
                                 " rows, which are no whole panels of " + Twine(kPanelRows));
      return signalPassFailure();
    }
    markAllAnalysesPreserved();
  }

private:
  LogicalResult verifyOffsets();
  LogicalResult prepare();

  FailureOr<const Footprint *> getFootprint(ScheduleFunction &function, spmd::PhaseOp phase, const Call &call);
  LogicalResult verifyTiles(const Footprint &footprint);

  LogicalResult play(const Call &call);
  LogicalResult playFunction(ScheduleFunction &function, const Call &call, function_ref<StringRef(Value)> bind);
  LogicalResult playPhase(const BoundPhase &phase);
  LogicalResult playCaches(const BoundPhase &phase);
  LogicalResult expect(const Footprint &footprint, const Part &part, bool ofTile);
  void fill(const Footprint &footprint, const Part &part, bool isKept);

  StringRef name(int32_t buffer) { return buffers[buffer].name; }
  std::string bytes(int32_t buffer, const Rect &part) {
    Bytes range = buffers[buffer].bytes(part);
    return ("@" + name(buffer) + " [bytes " + Twine(range.begin) + ".." + Twine(range.end) + ")").str();
  }
  LogicalResult fail(const Footprint &footprint, const Twine &message) {
    return spmd::PhaseOp(footprint.phase).emitError() << message << where;
  }
  static std::string quote(const Footprint &footprint) { return ("phase \"" + footprint.name() + "\"").str(); }

  std::vector<Buffer> buffers;
  std::vector<SmallVector<int32_t, 4>> neighbours; // of each buffer: those that share bytes with it
  llvm::MapVector<Operation *, ScheduleFunction> functions;
  llvm::StringMap<StringRef> shared; // a state's symbol to the symbol of the state it shares
  std::map<std::tuple<Operation *, int64_t, int64_t, int64_t>, Footprint> footprints;
  std::string where; // " (in a call ...)": ends messages

  const Footprint *open = nullptr;
  std::vector<SmallVector<Live, 2>> live;
  std::vector<SmallVector<Lost, 2>> lost;
  struct Column {
    int64_t end = 0; // one past the last position
    const Footprint *by = nullptr;
  };
  struct CacheState {
    std::vector<Column> columns;
    const Footprint *filledBy = nullptr;
  };
  llvm::StringMap<CacheState> caches;
  int64_t callPosition = 0;
  std::pair<const Footprint *, CacheType> ragged; // a cache whose rows are no whole panels, and a phase that reads it
};

//===--------------------------------------------------------------------------------------------------------------===//
// Offsets
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult VerifySchedule::verifyOffsets() {
  ModuleOp module = getOperation();
  auto sizeOf = [&](StringRef key) { return module->getAttrOfType<IntegerAttr>(key); };
  WalkResult result = module.walk([&](spmd::BufferOp buffer) -> WalkResult {
    if (buffer.getSpace() == spmd::Space::Caller)
      return WalkResult::advance();
    StringRef key = buffer.getSpace() == spmd::Space::Arena ? spmd::kArenaBytesAttr : spmd::kScratchBytesAttr;
    if (!buffer.getOffset() || !sizeOf(key))
      return buffer.emitOpError() << "expects an offset and the module's " << key << " (lm-plan-memory)";
    if (int64_t end = *buffer.getOffset() + buffer.getBytes(); end > sizeOf(key).getInt())
      return buffer.emitOpError() << "ends at byte " << end << ", but " << key << " is " << sizeOf(key).getInt();
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();

  using Range = std::tuple<int64_t, int64_t, Operation *>;
  auto verifyDisjoint = [](std::vector<Range> &ranges) -> LogicalResult {
    llvm::sort(ranges);
    for (size_t i = 1; i < ranges.size(); ++i) {
      auto [begin, end, op] = ranges[i];
      auto [otherBegin, otherEnd, other] = ranges[i - 1];
      if (begin < otherEnd)
        return op->emitOpError() << "at bytes " << begin << ".." << end << " overlaps @"
                                 << SymbolTable::getSymbolName(other).getValue() << " at bytes " << otherBegin << ".."
                                 << otherEnd;
    }
    return success();
  };
  std::vector<Range> weights, states;
  for (auto weight : module.getOps<WeightOp>())
    if (weight.getOffset())
      weights.emplace_back(*weight.getOffset(), *weight.getOffset() + getPackedBytes(weight.getWeightType()), weight);
  for (auto state : module.getOps<StateOp>())
    if (state.getOffset() && !state.getShares())
      states.emplace_back(*state.getOffset(), *state.getOffset() + getStateBytes(state.getType()), state);
  if (failed(verifyDisjoint(weights)) || failed(verifyDisjoint(states)))
    return failure();
  return success();
}

LogicalResult VerifySchedule::prepare() {
  ModuleOp module = getOperation();
  for (auto state : module.getOps<StateOp>())
    if (state.getShares())
      shared[state.getSymName()] = *state.getShares();
  DenseMap<Operation *, int32_t> ids;
  module.walk([&](spmd::BufferOp buffer) {
    ids[buffer] = buffers.size();
    buffers.emplace_back(buffer);
  });
  neighbours.resize(buffers.size());
  for (size_t i = 0; i < buffers.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (buffers[i].sharesMemoryWith(buffers[j])) {
        neighbours[i].push_back(j);
        neighbours[j].push_back(i);
      }
  live.resize(buffers.size());
  lost.resize(buffers.size());
  WalkResult result = module.walk([&](func::FuncOp function) -> WalkResult {
    if (function.isExternal())
      return WalkResult::advance();
    FailureOr<ScheduleFunction> prepared = ScheduleFunction::create(function, ids);
    if (failed(prepared))
      return failure();
    functions.insert({function, std::move(*prepared)});
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

//===--------------------------------------------------------------------------------------------------------------===//
// Races
//===--------------------------------------------------------------------------------------------------------------===//

FailureOr<const Footprint *> VerifySchedule::getFootprint(ScheduleFunction &function, spmd::PhaseOp phase,
                                                          const Call &call) {
  auto depends = [&](unsigned argument) {
    if (argument >= function.function.getNumArguments())
      return false;
    bool inPrologue =
        !phase.getPrologue().empty() && function.evaluator.dependsOn(phase.getPrologue().front(), argument);
    return inPrologue || function.evaluator.dependsOn(phase.getBody().front(), argument) ||
           function.evaluator.dependsOn(phase.getTiles(), argument);
  };
  std::tuple<Operation *, int64_t, int64_t, int64_t> key(phase, call.rows,
                                                         depends(spmd::kPositionArgument) ? call.position : -1,
                                                         depends(spmd::kFirstArgument) ? call.first : -1);
  auto known = footprints.find(key);
  if (known != footprints.end())
    return &known->second;
  FailureOr<Footprint> footprint = function.read(phase, buffers, where);
  if (failed(footprint) || failed(verifyTiles(*footprint)))
    return failure();
  return &footprints.emplace(key, std::move(*footprint)).first->second;
}

/// The tiles of one phase: each part is written once, without gaps, and no tile reads what another writes.
LogicalResult VerifySchedule::verifyTiles(const Footprint &footprint) {
  auto tileName = [](int32_t tile) {
    return tile == Access::kPrologue    ? std::string("the prologue")
           : tile == Access::kManyTiles ? std::string("another tile")
                                        : ("tile " + Twine(tile)).str();
  };
  for (const Summary &summary : footprint.summaries) {
    int32_t buffer = summary.buffer;
    if (summary.writes.isEmpty())
      continue;
    if (buffers[buffer].role == spmd::Role::Tokens)
      return fail(footprint, quote(footprint) + " writes @" + name(buffer) + ", which is the caller's");
    WriteGrid grid(accessesOf(buffer, footprint.writes));
    if (grid.twice)
      return fail(footprint, tileName(grid.twice->first) + " and " + tileName(grid.twice->second) + " of " +
                                 quote(footprint) + " both write @" + name(buffer) + " " + toString(grid.twice->part));
    if (std::optional<Rect> gap = grid.findGap())
      return fail(footprint, "no tile of " + quote(footprint) + " writes @" + name(buffer) + " " + toString(*gap) +
                                 " amid what its tiles write");
    for (const Access &read : accessesOf(buffer, footprint.reads))
      if (auto other = grid.findOther(read))
        return fail(footprint, tileName(read.tile) + " of " + quote(footprint) + " reads @" + name(buffer) + " " +
                                   toString(other->first) + ", which " + tileName(other->second) + " writes");
    for (const Summary &second : footprint.summaries) {
      Rect part = second.reads.hull(second.writes);
      bool isWritten = !second.writes.isEmpty();
      if (second.buffer == buffer || (isWritten && second.buffer < buffer) ||
          !buffers[buffer].sharesMemoryWith(buffers[second.buffer]) ||
          !buffers[buffer].bytes(summary.writes).overlaps(buffers[second.buffer].bytes(part)))
        continue;
      return fail(footprint, quote(footprint) + " writes " + bytes(buffer, summary.writes) + " and " +
                                 (isWritten ? "writes " : "reads ") + bytes(second.buffer, part) + " at the same time");
    }
  }
  for (const CacheUse &use : footprint.caches) {
    if (use.appends.empty())
      continue;
    WriteGrid grid(use.appends);
    auto columnName = [&](int64_t column) {
      int64_t heads = use.heads();
      return ((column < heads ? "keys" : "values") + Twine(" of head ") + Twine(column % heads)).str();
    };
    if (grid.twice)
      return fail(footprint, tileName(grid.twice->first) + " and " + tileName(grid.twice->second) + " of " +
                                 quote(footprint) + " both append to the cache's row " + Twine(grid.twice->part.row) +
                                 ", " + columnName(grid.twice->part.column));
    for (const Access &read : use.reads)
      if (auto other = grid.findOther(read))
        return fail(footprint, tileName(read.tile) + " of " + quote(footprint) + " attends to the cache's row " +
                                   Twine(other->first.row) + ", " + columnName(other->first.column) + ", to which " +
                                   tileName(other->second) + " appends");
  }
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// What buffers and caches hold
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult VerifySchedule::play(const Call &call) {
  spmd::ProgramOp program = call.program;
  func::FuncOp entry = program.getEntry();
  where = (" (in a call of @" + program.getSymName() + ", rows = " + Twine(call.rows) +
           ", position = " + Twine(call.position) + ")")
              .str();
  int32_t logits = -1;
  for (auto [id, buffer] : llvm::enumerate(buffers)) {
    // Only buffers of the module keep their values, for a program that comes after this call's.
    if (!buffer.program && program.getAfter())
      continue;
    live[id].clear();
    lost[id].clear();
    if (buffer.program != program)
      continue;
    if (buffer.role == spmd::Role::Tokens)
      live[id].push_back({{0, std::min(call.rows, buffer.rows), 0, buffer.columns}, nullptr});
    if (buffer.role == spmd::Role::Logits)
      logits = id;
  }
  caches.clear();
  callPosition = call.position;

  auto bind = [](Value cache) -> StringRef {
    auto use = cache.getDefiningOp<UseOp>();
    return use ? use.getSymbol() : StringRef();
  };
  if (failed(playFunction(functions.find(entry)->second, call, bind)))
    return failure();

  if (logits >= 0) {
    Rect whole{0, call.rows, 0, buffers[logits].columns};
    SmallVector<Rect> missing = {whole};
    for (const Live &part : live[logits]) {
      missing = without(missing, part.part);
    }
    if (!missing.empty())
      return entry.emitError() << (live[logits].empty() ? "no phase" : "only " + quote(*live[logits].front().by))
                               << " writes @" << name(logits) << ", which leaves out " << toString(missing.front())
                               << where;
  }
  for (auto &cache : caches)
    for (auto [column, state] : llvm::enumerate(cache.second.columns))
      if (cache.second.filledBy && state.end != call.position + call.rows) {
        size_t heads = cache.second.columns.size() / 2;
        return fail(*cache.second.filledBy, quote(*cache.second.filledBy) + " fills @" + cache.first() +
                                                ", but no phase appends the " + (column < heads ? "keys" : "values") +
                                                " of head " + Twine(column % heads) + " at position " +
                                                Twine(state.end));
      }
  return success();
}

LogicalResult VerifySchedule::playFunction(ScheduleFunction &function, const Call &call,
                                           function_ref<StringRef(Value)> bind) {
  Block &body = function.function.getBody().front();
  for (auto [index, number] : llvm::enumerate(std::array{call.rows, call.position, call.first}))
    if (index < body.getNumArguments() && body.getArgument(index).getType().isIndex())
      function.evaluator.set(body.getArgument(index), number);

  LogicalResult status = success();
  function.evaluator.run(body, [&](const IndexEvaluator::Leaf &leaf) {
    if (failed(status))
      return;
    if (isa<spmd::BarrierOp>(leaf.op)) {
      open = nullptr;
    } else if (auto phase = dyn_cast<spmd::PhaseOp>(leaf.op)) {
      FailureOr<const Footprint *> footprint = getFootprint(function, phase, call);
      if (failed(footprint)) {
        status = failure();
        return;
      }
      BoundPhase next{*footprint, {}};
      for (const CacheUse &use : (*footprint)->caches)
        next.caches.push_back(bind(use.cache));
      status = playPhase(next);
    } else if (auto layers = dyn_cast<spmd::LayersOp>(leaf.op)) {
      Call inner = call;
      inner.rows = function.evaluator.get(layers.getRows());
      inner.position = function.evaluator.get(layers.getPosition());
      for (auto [layer, name] : llvm::enumerate(layers.getKinds().getAsRange<FlatSymbolRefAttr>())) {
        auto kind = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(layers, name);
        auto bindSlot = [&](Value cache) -> StringRef {
          auto argument = dyn_cast<BlockArgument>(cache);
          auto slot = argument ? kind.getArgAttrOfType<StringAttr>(argument.getArgNumber(), kSlotAttr) : StringAttr();
          if (!slot)
            return bind(cache);
          std::string symbol = lm::LayersOp::bind(layer, slot.getValue());
          if (auto other = shared.find(symbol); other != shared.end())
            return other->second;
          return StringAttr::get(&getContext(), symbol).getValue();
        };
        // The columns that a layer reads of a row with columns for all layers depend on the layer's number. They are
        // linear in it: if they are inside the buffer for the first and the last layer, they are for all.
        Call own = inner;
        for (unsigned i = 0; i < kind.getNumArguments(); ++i)
          if (auto slot = kind.getArgAttrOfType<StringAttr>(i, kSlotAttr);
              slot && slot.getValue() == kLayerSlot && kind.getArgumentTypes()[i].isIndex()) {
            own.first = layer + 1 == layers.getKinds().size() ? layer : 0;
            functions.find(kind)->second.evaluator.set(kind.getArgument(i), own.first);
          }
        if (failed(status = playFunction(functions.find(kind)->second, own, bindSlot)))
          return;
      }
    }
  });
  return status;
}

LogicalResult VerifySchedule::playPhase(const BoundPhase &next) {
  const Footprint &footprint = *next.footprint;
  if (open)
    return fail(footprint, quote(footprint) + " follows " + quote(*open) + " with no barrier between them");
  open = &footprint;

  // Usually one live part contains all that a phase reads of a buffer. Only if not, each needed part is looked up.
  int32_t complete = -1;
  for (const Part &need : footprint.needs) {
    if (need.buffer == complete)
      continue;
    const Rect &whole = llvm::lower_bound(footprint.summaries, need.buffer, [](const Summary &summary, int32_t buffer) {
                          return summary.buffer < buffer;
                        })->reads;
    if (llvm::any_of(live[need.buffer], [&](const Live &part) { return part.part.contains(whole); }))
      complete = need.buffer;
    else if (failed(expect(footprint, need, false)))
      return failure();
  }
  for (const Footprint::Event &event : footprint.prologue) {
    if (event.writes)
      fill(footprint, event.part, true);
    else if (failed(expect(footprint, event.part, false)))
      return failure();
  }
  // It is not known which tiles a worker runs before this one: what any of them writes to scratch counts as lost.
  for (const Part &part : footprint.scratchFills)
    fill(footprint, part, false);
  for (const Part &need : footprint.scratchNeeds)
    if (failed(expect(footprint, need, true)))
      return failure();
  for (const Summary &summary : footprint.summaries) {
    if (summary.writes.isEmpty())
      continue;
    // Part of the buffer new, part old: a tile is missing.
    for (const Live &held : live[summary.buffer])
      if (!held.part.intersect(summary.writes).isEmpty() && !summary.writes.contains(held.part))
        return fail(footprint, quote(footprint) + " writes " + toString(summary.writes) + " of @" +
                                   name(summary.buffer) + " and leaves the rest of " + toString(held.part) + " as " +
                                   (held.by ? quote(*held.by) : std::string("the caller")) + " wrote it");
    fill(footprint, {summary.buffer, summary.writes}, true);
  }
  return playCaches(next);
}

/// Checks that the part holds what was last written through its own buffer.
LogicalResult VerifySchedule::expect(const Footprint &footprint, const Part &part, bool ofTile) {
  SmallVector<Rect> missing = {part.part};
  for (const Live &held : live[part.buffer]) {
    missing = without(missing, held.part);
    if (missing.empty())
      return success();
  }
  std::string what = quote(footprint) + " reads " + bytes(part.buffer, missing.front()) + ", which ";
  for (const Lost &taken : llvm::reverse(lost[part.buffer])) {
    if (taken.part.intersect(missing.front()).isEmpty())
      continue;
    if (taken.through == part.buffer)
      return fail(footprint, what + "other tiles of " + quote(*taken.by) + " fill, perhaps on another worker");
    return fail(footprint, what + quote(*taken.by) + " overwrites through @" + name(taken.through));
  }
  return fail(footprint, what + "no phase has written in this call");
}

/// The phase writes the part: it ends the values there. `isKept`: the new value is live, else it is lost, too.
void VerifySchedule::fill(const Footprint &footprint, const Part &part, bool isKept) {
  auto take = [&](int32_t from, const Rect &hole) {
    SmallVector<Live, 2> rest;
    for (const Live &held : live[from]) {
      if (held.part.intersect(hole).isEmpty()) {
        rest.push_back(held);
        continue;
      }
      if (from != part.buffer || !isKept)
        lost[from].push_back({held.part.intersect(hole), &footprint, part.buffer});
      for (const Rect &left : without(held.part, hole))
        rest.push_back({left, held.by});
    }
    live[from] = rest;
  };
  take(part.buffer, part.part);
  Bytes bytes = buffers[part.buffer].bytes(part.part);
  for (int32_t other : neighbours[part.buffer]) {
    const Buffer &buffer = buffers[other];
    // Whole rows: the other columns of a row count as overwritten, too.
    int64_t pitch = buffer.columns * buffer.elementBytes;
    int64_t row = std::max<int64_t>(0, (bytes.begin - buffer.offset) / pitch);
    int64_t rowEnd =
        std::min<int64_t>(buffer.rows, llvm::divideCeil(std::max<int64_t>(0, bytes.end - buffer.offset), pitch));
    if (row < rowEnd)
      take(other, {row, rowEnd, 0, buffer.columns});
  }
  if (isKept)
    live[part.buffer].push_back({part.part, &footprint});
  else
    lost[part.buffer].push_back({part.part, &footprint, part.buffer});
}

LogicalResult VerifySchedule::playCaches(const BoundPhase &phase) {
  const Footprint &footprint = *phase.footprint;
  for (auto [use, symbol] : llvm::zip_equal(footprint.caches, phase.caches)) {
    CacheState &cache = caches[symbol];
    int64_t heads = use.heads(), rows = use.type ? use.type.getRows() : 0;
    if (cache.columns.empty())
      cache.columns.assign(use.columnCount(), {callPosition, nullptr});
    for (auto [index, does] : llvm::enumerate(use.columns)) {
      Column &column = cache.columns[index];
      int64_t head = static_cast<int64_t>(index) % heads;
      StringRef what = static_cast<int64_t>(index) < heads ? "keys" : "values";
      auto refuse = [&](const Twine &doing, const Twine &rest) {
        return fail(footprint,
                    quote(footprint) + doing + " of @" + symbol + " (" + what + " of head " + Twine(head) + ")" + rest);
      };
      if (does.readBegin < does.readEnd) {
        if (does.readEnd > column.end)
          return refuse(" attends to position " + Twine(std::max(column.end, does.readBegin)),
                        ", which no phase has appended");
        if (does.readBegin + rows < column.end) {
          std::string by = column.by ? quote(*column.by) : std::string("an earlier call");
          return refuse(" attends to position " + Twine(does.readBegin),
                        ", which " + by + " overwrites with position " + Twine(does.readBegin + rows) + ": " +
                            Twine(rows) + " rows are too few");
        }
      }
      if (does.appendBegin < does.appendEnd) {
        if (does.appendBegin != column.end)
          return refuse(" appends position " + Twine(does.appendBegin),
                        ", but position " + Twine(column.end) + " is next");
        column = {does.appendEnd, &footprint};
        cache.filledBy = &footprint;
      }
    }
    if (use.type && !use.reads.empty() && rows % kPanelRows)
      ragged = {&footprint, use.type};
  }
  return success();
}

} // namespace
