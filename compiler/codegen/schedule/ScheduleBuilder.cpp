#include "compiler/codegen/schedule/ScheduleBuilder.h"

using namespace mlir;
using namespace mlir::lm;

ScheduleBuilder::ScheduleBuilder(spmd::ProgramOp program, const ProgramOptions &options)
    : ImplicitLocOpBuilder(program.getLoc(), program.getContext()), options(options), tiles(options.target.getTiles()),
      scratch(options.target.getScratch()),
      // Not prefill: its stream must be in the arena, where the logits entry reads it.
      hasFewRows(options.entry != Entry::Prefill && options.maxRows <= tiles.getReplicatedRows()), program(program) {}

OpFoldResult ScheduleBuilder::widthFrom(Value column, int64_t columns, int64_t step) {
  if (columns % step == 0)
    return getIndexAttr(step);
  Value rest = arith::SubIOp::create(*this, constant(columns), column);
  return arith::MinUIOp::create(*this, rest, constant(step)).getResult();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Buffers
//===--------------------------------------------------------------------------------------------------------------===//

spmd::BufferOp ScheduleBuilder::buffer(const Twine &name, int64_t rows, int64_t columns, Type element,
                                       spmd::Space space) {
  auto type = MemRefType::get({rows, columns}, element);
  std::string symbol = name.str();
  for (int n = 2; spmd::BufferOp known = named.lookup(symbol); ++n) {
    if (known.getType() == type)
      return known;
    symbol = (name + "." + Twine(n)).str();
  }
  OpBuilder::InsertionGuard guard(*this);
  Block *body = &program.getBody().front();
  setInsertionPoint(body, llvm::find_if(*body, llvm::IsaPred<func::FuncOp>)); // buffers stand before functions
  return named[symbol] = spmd::BufferOp::create(*this, symbol, type, space, spmd::RoleAttr(), IntegerAttr());
}

spmd::BufferOp ScheduleBuilder::callersBuffer(spmd::Role role, int64_t columns, Type element) {
  spmd::BufferOp result = buffer(spmd::stringifyRole(role), options.maxRows, columns, element, spmd::Space::Caller);
  result.setRole(role);
  return result;
}

spmd::BufferOp ScheduleBuilder::rowsBuffer(const Twine &name, int64_t columns, Type element) {
  return buffer(name, options.maxRows, columns, element ? element : getF32Type(),
                hasFewRows ? spmd::Space::Scratch : spmd::Space::Arena);
}

spmd::BufferOp ScheduleBuilder::arenaBuffer(const Twine &name, int64_t columns) {
  return buffer(name, options.maxRows, columns, getF32Type(), spmd::Space::Arena);
}

spmd::BufferOp ScheduleBuilder::scratchBuffer(const Twine &name, int64_t rows, int64_t columns) {
  return buffer(name, std::min(rows, options.maxRows), columns, getF32Type(), spmd::Space::Scratch);
}

/// Prefill makes a buffer of the module, and the logits entry reads that.
spmd::BufferOp ScheduleBuilder::streamBuffer(const Twine &name, int64_t columns, spmd::Space space) {
  if (options.entry == Entry::Decode)
    return buffer(name, options.maxRows, columns, getF32Type(), space);
  std::string symbol = ("prefill." + name).str();
  spmd::BufferOp &known = named[symbol];
  if (!known && options.entry == Entry::Logits)
    known = program->getParentOfType<ModuleOp>().lookupSymbol<spmd::BufferOp>(symbol);
  if (!known) {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPoint(program);
    auto type = MemRefType::get({options.maxRows, columns}, getF32Type());
    known = spmd::BufferOp::create(*this, symbol, type, space, spmd::RoleAttr(), IntegerAttr());
  }
  return known;
}

spmd::BufferOp ScheduleBuilder::residual(int64_t columns) {
  return residualStream = streamBuffer("stream", columns, hasFewRows ? spmd::Space::Scratch : spmd::Space::Arena);
}

spmd::BufferOp ScheduleBuilder::pending(int64_t columns) {
  return streamBuffer("pending", columns, spmd::Space::Arena);
}

bool ScheduleBuilder::isPending(Value value) const {
  return hasPending && !isEntry() && llvm::any_of(value.getUsers(), llvm::IsaPred<func::ReturnOp>);
}

spmd::BufferOp ScheduleBuilder::outputBuffer(Value value, const Twine &name) {
  int64_t columns = columnsOf(value);
  return isPending(value) ? pending(columns) : arenaBuffer(name, columns);
}

spmd::BufferOp ScheduleBuilder::stream(unsigned index, int64_t columns) {
  return streamBuffer("stream." + Twine(index), columns, spmd::Space::Arena);
}

spmd::BufferOp ScheduleBuilder::ropeTable(RopeAttr rope) {
  const auto *known = llvm::find(ropes, rope);
  int64_t index = known - ropes.begin();
  if (known == ropes.end())
    ropes.push_back(rope);
  return rowsBuffer("rope." + Twine(index), rope.getDim());
}

//===--------------------------------------------------------------------------------------------------------------===//
// Parts of buffers
//===--------------------------------------------------------------------------------------------------------------===//

Value ScheduleBuilder::read(spmd::BufferOp buffer, OpFoldResult row, OpFoldResult column, OpFoldResult rows,
                            OpFoldResult columns) {
  return spmd::ReadOp::create(*this, buffer, row, column, rows, columns);
}

Value ScheduleBuilder::write(spmd::BufferOp buffer, OpFoldResult row, OpFoldResult column, OpFoldResult rows,
                             OpFoldResult columns) {
  return spmd::WriteOp::create(*this, buffer, row, column, rows, columns);
}

Value ScheduleBuilder::readRows(spmd::BufferOp buffer, Value row, Value count) {
  return read(buffer, row, getIndexAttr(0), count, getIndexAttr(buffer.getBufferType().getDimSize(1)));
}

Value ScheduleBuilder::writeRows(spmd::BufferOp buffer, Value row, Value count) {
  return write(buffer, row, getIndexAttr(0), count, getIndexAttr(buffer.getBufferType().getDimSize(1)));
}

Value ScheduleBuilder::rowIn(spmd::BufferOp buffer, Value row) {
  bool isPrefills = options.entry == Entry::Logits && !buffer.getProgram();
  return isPrefills ? arith::AddIOp::create(*this, row, function.first).getResult() : row;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Phases
//===--------------------------------------------------------------------------------------------------------------===//

void ScheduleBuilder::phase(StringRef name, Value tiles, function_ref<void()> prologue,
                            function_ref<void(Value)> body) {
  // Before each phase, so that it is known to the barrier.
  if (!std::exchange(isFirstPhase, false))
    spmd::BarrierOp::create(*this);
  auto op = spmd::PhaseOp::create(*this, name, tiles);
  setInsertionPointToEnd(&op.getPrologue().front());
  prologue();
  setInsertionPointToEnd(&op.getBody().front());
  body(op.getBody().getArgument(0));
  setInsertionPointAfter(op);
}

void ScheduleBuilder::workOnRows() {
  Value begin = rowwise.empty() ? Value() : constant(0);
  for (RowsFn &work : rowwise)
    work(begin, function.rows);
  rowwise.clear();
}

void ScheduleBuilder::flushRows() {
  if (rowwise.empty())
    return;
  if (isOneRow())
    return phase("rows", constant(1), [] {}, [&](Value) { workOnRows(); });
  const int64_t block = tiles.getBlockRows();
  Value blocks = arith::CeilDivUIOp::create(*this, function.rows, constant(block));
  phase(
      "rows", blocks, [] {},
      [&](Value tile) {
        Value row = times(tile, block);
        Value rest = arith::SubIOp::create(*this, function.rows, row);
        Value count = arith::MinUIOp::create(*this, rest, constant(block));
        for (RowsFn &work : rowwise)
          work(row, count);
      });
  rowwise.clear();
}

void ScheduleBuilder::tiled(StringRef name, int64_t columnTiles, int64_t blockRows, TileFn body) {
  if (!hasFewRows)
    flushRows();
  if (hasFewRows || isOneRow())
    return phase(
        name, constant(columnTiles), [&] { workOnRows(); },
        [&](Value tile) { body(tile, constant(0), function.rows); });
  Value blocks = arith::CeilDivUIOp::create(*this, function.rows, constant(blockRows)), size = constant(blockRows);
  // Blocks of nearly the same number of rows, or workers would wait for the one with the last, larger block; but
  // multiples of `unit` rows.
  const int64_t unit = tiles.getBlockRows();
  if (blockRows % unit == 0) {
    Value even = arith::CeilDivUIOp::create(*this, function.rows, blocks);
    Value units = arith::CeilDivUIOp::create(*this, even, constant(unit));
    size = times(units, unit);
  }
  phase(
      name, times(blocks, columnTiles), [] {},
      [&](Value tile) {
        // Columns vary fastest: a worker's neighbouring tiles read the same activations.
        Value columnTile = arith::RemUIOp::create(*this, tile, constant(columnTiles));
        Value block = arith::DivUIOp::create(*this, tile, constant(columnTiles));
        Value row = arith::MulIOp::create(*this, block, size);
        Value rest = arith::SubIOp::create(*this, function.rows, row);
        Value count = arith::MinUIOp::create(*this, rest, size);
        body(columnTile, row, count);
      });
}

void ScheduleBuilder::choosePart(Value tile, ArrayRef<int64_t> tiles, function_ref<void(size_t, Value)> body) {
  int64_t begin = 0;
  std::function<void(size_t)> emit = [&](size_t part) {
    auto here = [&] { body(part, begin ? arith::SubIOp::create(*this, tile, constant(begin)).getResult() : tile); };
    if (part + 1 == tiles.size())
      return here();
    Value isHere = arith::CmpIOp::create(*this, arith::CmpIPredicate::ult, tile, constant(begin + tiles[part]));
    auto choice = scf::IfOp::create(*this, isHere, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(choice.thenBlock());
    here();
    setInsertionPointToStart(choice.elseBlock());
    begin += tiles[part];
    emit(part + 1);
  };
  emit(0);
}

/// Few rows: enough tiles for any number of workers. Many rows: enough work per tile.
int64_t ScheduleBuilder::productStep(int64_t columns) const {
  int64_t panels = llvm::divideCeil(columns, kPanelRows);
  return kPanelRows * (hasFewRows ? std::max<int64_t>(1, panels / tiles.getProductTiles())
                                  : std::min<int64_t>(panels, tiles.getProductPanels()));
}
