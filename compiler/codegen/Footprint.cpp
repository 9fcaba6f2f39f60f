#include "compiler/codegen/Footprint.h"
#include "dialects/lm/Layout.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace lathe;
using namespace mlir;

Buffer::Buffer(spmd::BufferOp op)
    : name(op.getSymName()), program(op.getProgram()), space(op.getSpace()), role(op.getRole()),
      rows(op.getBufferType().getDimSize(0)), columns(op.getBufferType().getDimSize(1)),
      elementBytes(op.getBufferType().getElementTypeBitWidth() / 8), offset(op.getOffset().value_or(0)) {}

bool Buffer::sharesMemoryWith(const Buffer &other) const {
  bool isOneProgram = !program || !other.program || program == other.program;
  return space == other.space && space != spmd::Space::Caller && isOneProgram &&
         bytes({0, rows, 0, columns}).overlaps(other.bytes({0, other.rows, 0, other.columns}));
}

FailureOr<ScheduleFunction> ScheduleFunction::create(func::FuncOp function,
                                                     const DenseMap<Operation *, int32_t> &bufferIds) {
  FailureOr<IndexEvaluator> evaluator = IndexEvaluator::compile(function);
  if (failed(evaluator))
    return failure();
  ScheduleFunction result(std::move(*evaluator));
  result.function = function;
  result.leaves.resize(result.evaluator.getLeafCount());

  ViewIds views;
  SymbolTableCollection symbols;
  auto bufferOf = [&](Operation *access) {
    return bufferIds.lookup(lm::lookupSymbol(access, access->getAttrOfType<FlatSymbolRefAttr>("buffer"), symbols));
  };
  if (failed(result.inspect(function.getBody().front(), bufferOf, views)))
    return failure();
  return result;
}

LogicalResult ScheduleFunction::inspect(Block &block, function_ref<int32_t(Operation *)> bufferOf, ViewIds &views) {
  LogicalResult status = success();
  evaluator.forEachLeaf(block, [&](const IndexEvaluator::Leaf &leaf) {
    Operation *op = leaf.op;
    LeafInfo &info = leaves[leaf.id];
    if (failed(status)) {
      return;
    } else if (auto phase = dyn_cast<spmd::PhaseOp>(op)) {
      if (!phase.getPrologue().empty())
        status = inspect(phase.getPrologue().front(), bufferOf, views);
      if (succeeded(status))
        status = inspect(phase.getBody().front(), bufferOf, views);
    } else if (isa<spmd::ReadOp, spmd::WriteOp>(op)) {
      info.kind = LeafInfo::View;
      info.buffer = bufferOf(op);
      info.view = views[op->getResult(0)] = viewCount++;
      info.writes = isa<spmd::WriteOp>(op);
    } else if (auto kernelOp = dyn_cast<kernel::KernelOpInterface>(op)) {
      info.kind = LeafInfo::Kernel;
      status = inspectKernel(kernelOp, views, info);
    } else if (op->getParentOfType<spmd::PhaseOp>()) {
      status = op->emitOpError() << "is not understood by verify-schedule";
    }
  });
  return status;
}

LogicalResult ScheduleFunction::inspectKernel(kernel::KernelOpInterface op, const ViewIds &views, LeafInfo &info) {
  kernel::Accesses accesses = op.getAccesses();
  for (const kernel::BufferAccess &access : accesses.buffers) {
    auto view = views.find(access.view);
    if (view == views.end())
      return op.emitOpError() << "expects memory that spmd.read or spmd.write hands out";
    info.operands.push_back({view->second, access.reads, access.writes});
  }
  for (const kernel::StateAccess &access : accesses.states) {
    if (!access.position)
      return access.op->emitOpError() << "is not understood by verify-schedule";
    if (!access.rows)
      return access.op->emitOpError() << "expects rows that its kernel.compute is handed";
    info.states.push_back({cacheId(access.state), access, views.lookup(access.rows)});
  }
  return success();
}

unsigned ScheduleFunction::cacheId(Value cache) {
  auto *known = llvm::find(caches, cache);
  unsigned id = known - caches.begin();
  if (known == caches.end())
    caches.push_back(cache);
  return id;
}

SmallVector<Rect> lathe::without(ArrayRef<Rect> parts, const Rect &hole) {
  SmallVector<Rect> rest;
  for (const Rect &part : parts) {
    Rect middle = part.intersect(hole);
    if (middle.isEmpty()) {
      rest.push_back(part);
      continue;
    }
    for (Rect side : {Rect{part.row, middle.row, part.column, part.columnEnd},
                      Rect{middle.rowEnd, part.rowEnd, part.column, part.columnEnd},
                      Rect{middle.row, middle.rowEnd, part.column, middle.column},
                      Rect{middle.row, middle.rowEnd, middle.columnEnd, part.columnEnd}})
      if (!side.isEmpty())
        rest.push_back(side);
  }
  return rest;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Reading a phase
//===--------------------------------------------------------------------------------------------------------------===//

namespace lathe {

class FootprintReader {
public:
  FootprintReader(ScheduleFunction &function, Footprint &out, Buffers buffers, StringRef where)
      : function(function), out(out), buffers(buffers), where(where), views(function.viewCount) {}

  LogicalResult run(Block *block, int32_t newTile) {
    tile = newTile;
    own.clear();
    if (block)
      function.evaluator.run(*block, [&](const IndexEvaluator::Leaf &leaf) {
        if (succeeded(status))
          visit(leaf);
      });
    return status;
  }
  LogicalResult finish();

private:
  struct View {
    Part part;
    bool writes = false;
  };

  InFlightDiagnostic error(Operation *op) {
    status = failure();
    return op->emitError() << "phase \"" << out.name() << "\" ";
  }
  StringRef name(const Part &part) { return buffers[part.buffer].name; }

  void visit(const IndexEvaluator::Leaf &leaf);
  void visitView(const IndexEvaluator::Leaf &leaf, int32_t buffer, View &view);
  void visitState(Operation *op, const ScheduleFunction::StateOperand &operand);
  void visitCache(Operation *op, const ScheduleFunction::StateOperand &operand, CacheUse &use);
  void visitRecurrent(Operation *op, const ScheduleFunction::StateOperand &operand, CacheUse &use);
  void touch(Operation *op, const View &view, bool writes);
  CacheUse &cacheUse(unsigned cache);

  ScheduleFunction &function;
  Footprint &out;
  Buffers buffers;
  StringRef where;
  std::vector<View> views;
  SmallVector<Part, 8> own; // parts that this tile has written, in order
  SmallVector<std::pair<unsigned, CacheUse>, 1> caches;
  std::vector<std::tuple<int64_t, int64_t, int64_t, unsigned>> appended; // column, begin, end, cache
  int32_t tile = 0;
  LogicalResult status = success();
};

} // namespace lathe

/// Looks at the last four parts only: most repetitions are those of the tile before, and sortUnique removes the others.
static void add(std::vector<Part> &parts, const Part &part) {
  for (size_t i = parts.size(), n = 0; i-- > 0 && n < 4; ++n)
    if (parts[i] == part)
      return;
  parts.push_back(part);
}

static void sortUnique(std::vector<Part> &parts) {
  llvm::sort(parts);
  parts.erase(llvm::unique(parts), parts.end());
}

void FootprintReader::visit(const IndexEvaluator::Leaf &leaf) {
  const ScheduleFunction::LeafInfo &info = function.leaves[leaf.id];
  switch (info.kind) {
  case ScheduleFunction::LeafInfo::Other:
    break;
  case ScheduleFunction::LeafInfo::View:
    views[info.view].writes = info.writes;
    visitView(leaf, info.buffer, views[info.view]);
    break;
  case ScheduleFunction::LeafInfo::Kernel:
    for (const auto &operand : info.operands)
      if (operand.reads)
        touch(leaf.op, views[operand.view], false);
    for (const auto &operand : info.operands)
      if (operand.writes && succeeded(status))
        touch(leaf.op, views[operand.view], true);
    for (const auto &state : info.states)
      if (succeeded(status))
        visitState(leaf.op, state);
    break;
  }
}

void FootprintReader::visitView(const IndexEvaluator::Leaf &leaf, int32_t id, View &view) {
  auto number = [&](unsigned operand) { return function.evaluator.get(leaf, operand); };
  const Buffer &buffer = buffers[id];
  int64_t row = number(0), column = number(1), rows = number(2), columns = number(3);
  bool fits = row >= 0 && column >= 0 && rows >= 0 && columns >= 0 && rows <= buffer.rows &&
              columns <= buffer.columns && row <= buffer.rows - rows && column <= buffer.columns - columns;
  if (!fits) {
    error(leaf.op) << (view.writes ? "writes " : "reads ") << rows << " rows from " << row << " and " << columns
                   << " columns from " << column << " of @" << buffer.name << ", which has " << buffer.rows << " x "
                   << buffer.columns << where;
    return;
  }
  view.part = {id, {row, row + rows, column, column + columns}};
  if (view.part.part.isEmpty() || buffer.isScratch())
    return;
  if (view.writes && tile == Access::kPrologue) {
    error(leaf.op) << "writes @" << buffer.name << " in its prologue, which every worker runs" << where;
    return;
  }
  (view.writes ? out.writes : out.reads).push_back({id, tile, view.part.part});
}

/// A kernel reads or writes the part of a view.
void FootprintReader::touch(Operation *op, const View &view, bool writes) {
  const Part &part = view.part;
  if (part.part.isEmpty())
    return;
  const Buffer &buffer = buffers[part.buffer];
  if (writes) {
    if (!view.writes) {
      error(op) << "writes @" << name(part) << ", which it only declares to read" << where;
      return;
    }
    if (tile != Access::kPrologue)
      own.push_back(part);
    if (buffer.isScratch() && tile == Access::kPrologue)
      out.prologue.push_back({part, true});
    else if (buffer.isScratch())
      add(out.scratchFills, part);
    return;
  }
  // Latest write first: what remains in `missing` was written by none of the later ones.
  SmallVector<Rect> missing = {part.part};
  for (const Part &filled : llvm::reverse(own)) {
    if (filled.buffer == part.buffer) {
      missing = without(missing, filled.part);
      if (missing.empty())
        return;
      continue;
    }
    if (!buffer.sharesMemoryWith(buffers[filled.buffer]))
      continue;
    Bytes taken = buffers[filled.buffer].bytes(filled.part);
    for (const Rect &rect : missing)
      if (Bytes bytes = buffer.bytes(rect); bytes.overlaps(taken)) {
        error(op) << "reads @" << name(part) << " [bytes " << bytes.begin << ".." << bytes.end
                  << ") after it has written @" << name(filled) << " there" << where;
        return;
      }
  }
  for (const Rect &rect : missing) {
    Part need = {part.buffer, rect};
    if (!buffer.isScratch())
      add(out.needs, need);
    else if (tile == Access::kPrologue)
      out.prologue.push_back({need, false});
    else
      add(out.scratchNeeds, need);
  }
}

CacheUse &FootprintReader::cacheUse(unsigned cache) {
  for (auto &[known, use] : caches)
    if (known == cache)
      return use;
  CacheUse use;
  use.cache = function.caches[cache];
  use.type = dyn_cast<lm::CacheType>(use.cache.getType());
  use.columns.resize(use.columnCount());
  return caches.emplace_back(cache, std::move(use)).second;
}

void FootprintReader::visitState(Operation *op, const ScheduleFunction::StateOperand &operand) {
  CacheUse &use = cacheUse(operand.cache);
  return use.type ? visitCache(op, operand, use) : visitRecurrent(op, operand, use);
}

void FootprintReader::visitRecurrent(Operation *op, const ScheduleFunction::StateOperand &operand, CacheUse &use) {
  const kernel::StateAccess &access = operand.access;
  const Rect &input = views[operand.rows].part.part;
  int64_t position = function.evaluator.get(access.position), count = input.rowEnd - input.row;
  if (!count)
    return;
  int64_t first = access.index ? function.evaluator.get(access.index) : 0;
  int64_t end = access.index ? first + 1 : use.heads();
  if (first < 0 || first >= use.heads() || position < 0 || tile == Access::kPrologue) {
    error(op) << "advances part " << first << " at position " << position
              << (tile == Access::kPrologue ? " in its prologue" : "") << ", but the state is " << use.cache.getType()
              << where;
    return;
  }
  for (int64_t part = first; part < end; ++part) {
    use.appends.push_back({0, tile, {0, 1, part, part + 1}});
    appended.push_back({part, position, position + count, operand.cache});
  }
}

void FootprintReader::visitCache(Operation *op, const ScheduleFunction::StateOperand &operand, CacheUse &use) {
  const kernel::StateAccess &access = operand.access;
  bool isAppend = access.kind == kernel::StateAccess::Kind::Append;
  int64_t position = function.evaluator.get(access.position);
  int64_t rows = use.type.getRows();
  const Rect &input = views[operand.rows].part.part;
  int64_t count = input.rowEnd - input.row, width = input.columnEnd - input.column;
  if (access.rowsPerHead && count)
    count = std::max<int64_t>(1, function.evaluator.get(access.rowsPerHead));
  int64_t head = 0, heads = use.type.getHeads();
  if (access.index) {
    head = function.evaluator.get(access.index);
    heads = isAppend ? width / use.type.getDim() : 1;
  }
  if (!count)
    return;
  // The rows of one token's query heads may be attended together, where they share a head of the cache.
  bool isWhole = isAppend ? width == heads * use.type.getDim()
                          : width % use.type.getDim() == 0 && (width == use.type.getDim() || count == 1);
  if (rows < 1 || head < 0 || head + heads > use.type.getHeads() || (access.index && !isWhole) || position < 0) {
    error(op) << (isAppend ? "appends " : "attends with ") << width << " columns at head " << head << " and position "
              << position << ", but the cache is " << use.type << where;
    return;
  }
  if (tile == Access::kPrologue) {
    error(op) << "uses a cache in its prologue, which every worker runs" << where;
    return;
  }
  int64_t window = use.type.getWindow();
  int64_t begin = isAppend                ? position
                  : use.type.getChunked() ? position / window * window
                  : window                ? std::max<int64_t>(0, position - window + 1)
                                          : 0;
  int64_t end = position + count;
  if (end - begin > rows) {
    error(op) << (isAppend ? "appends " : "needs ") << "positions " << begin << ".." << end << " of a cache of " << rows
              << " rows" << where;
    return;
  }
  SmallVector<int64_t, 2> columns;
  for (int64_t i = 0; i < heads; ++i) {
    if (access.keys)
      columns.push_back(head + i);
    if (access.values && !use.type.getLatent()) // a latent cache has one column for both
      columns.push_back(use.type.getHeads() + head + i);
  }
  // Attention reads whole panels of rows, and masks those it must not see.
  constexpr int64_t panel = kPanelRows;
  int64_t slot = begin % rows, slotEnd = slot + end - begin; // may be past the end of the ring
  int64_t first = isAppend ? slot : slot / panel * panel;
  int64_t last = std::min<int64_t>(isAppend ? slotEnd : llvm::alignTo(slotEnd, panel), rows);
  int64_t wrapped = slotEnd > rows ? slotEnd - rows : 0;
  if (!isAppend)
    wrapped = std::min<int64_t>(llvm::alignTo(wrapped, panel), rows);
  for (int64_t column : columns) {
    auto &accesses = isAppend ? use.appends : use.reads;
    accesses.push_back({0, tile, {first, last, column, column + 1}});
    if (wrapped)
      accesses.push_back({0, tile, {0, wrapped, column, column + 1}});
    CacheColumn &at = use.columns[column];
    if (isAppend)
      appended.push_back({column, begin, end, operand.cache});
    else if (at.readBegin == at.readEnd)
      at.readBegin = begin, at.readEnd = end;
    else
      at.readBegin = std::min(at.readBegin, begin), at.readEnd = std::max(at.readEnd, end);
  }
}

LogicalResult FootprintReader::finish() {
  // The tiles together append each position of a column once, without gaps.
  llvm::sort(appended);
  for (auto [column, begin, end, cache] : appended) {
    CacheUse &use = cacheUse(cache);
    CacheColumn &at = use.columns[column];
    if (at.appendBegin == at.appendEnd) {
      at.appendBegin = begin, at.appendEnd = end;
      continue;
    }
    if (begin != at.appendEnd) {
      int64_t head = column % use.heads();
      error(out.phase) << (begin < at.appendEnd ? "appends twice" : "does not append") << " the "
                       << (column < use.heads() ? "keys" : "values") << " of head " << head << " at position "
                       << (begin < at.appendEnd ? begin : at.appendEnd) << where;
      return failure();
    }
    at.appendEnd = end;
  }
  for (auto &[cache, use] : caches)
    out.caches.push_back(std::move(use));

  auto order = [](const Access &a, const Access &b) {
    return std::tie(a.buffer, a.part, a.tile) < std::tie(b.buffer, b.part, b.tile);
  };
  auto merge = [&](std::vector<Access> &accesses, bool evenOfTiles) {
    llvm::sort(accesses, order);
    size_t kept = 0;
    for (const Access &access : accesses) {
      Access *last = kept ? &accesses[kept - 1] : nullptr;
      if (last && last->buffer == access.buffer && last->part == access.part &&
          (evenOfTiles || last->tile == access.tile)) {
        // Every worker runs the prologue, so an access of the prologue is one of every tile.
        if (last->tile != access.tile && last->tile != Access::kPrologue)
          last->tile = Access::kManyTiles;
        continue;
      }
      accesses[kept++] = access;
    }
    accesses.resize(kept);
  };
  merge(out.reads, true);
  merge(out.writes, false);
  for (CacheUse &use : out.caches) {
    merge(use.reads, true);
    merge(use.appends, false);
  }
  sortUnique(out.needs);
  sortUnique(out.scratchNeeds);
  sortUnique(out.scratchFills);

  std::map<int32_t, Summary> summaries;
  auto summarise = [&](const std::vector<Access> &accesses, Rect Summary::*what) {
    for (const Access &access : accesses) {
      Summary &summary = summaries[access.buffer];
      summary.buffer = access.buffer;
      summary.*what = (summary.*what).hull(access.part);
    }
  };
  summarise(out.reads, &Summary::reads);
  summarise(out.writes, &Summary::writes);
  for (auto &[buffer, summary] : summaries)
    out.summaries.push_back(summary);
  return success();
}

FailureOr<Footprint> ScheduleFunction::read(spmd::PhaseOp phase, Buffers buffers, StringRef where) {
  Footprint result;
  result.phase = phase;
  FootprintReader reader(*this, result, buffers, where);
  int64_t tiles = evaluator.get(phase.getTiles());
  constexpr int64_t maxTiles = 1 << 24;
  if (tiles < 1 || tiles > maxTiles)
    return phase.emitError() << "phase \"" << phase.getName() << "\" has " << tiles << " tiles" << where;
  if (!phase.getPrologue().empty() && failed(reader.run(&phase.getPrologue().front(), Access::kPrologue)))
    return failure();
  Block &body = phase.getBody().front();
  for (int64_t tile = 0; tile < tiles; ++tile) {
    evaluator.set(body.getArgument(0), tile);
    if (failed(reader.run(&body, static_cast<int32_t>(tile))))
      return failure();
  }
  if (failed(reader.finish()))
    return failure();
  return result;
}
