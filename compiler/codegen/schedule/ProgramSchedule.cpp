#include "compiler/codegen/schedule/ProgramSchedule.h"
#include "compiler/codegen/schedule/Decomposed.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::lm;

namespace {

class ProgramSchedule {
public:
  ProgramSchedule(spmd::ProgramOp program, func::FuncOp forward, LayersOp layers, const ScheduleTable &table,
                  const ProgramOptions &options)
      : b(program, options), program(program), forward(forward), layers(layers), table(table) {
    b.hasPending = layers.getStream().size() == 2 && layers.getStream()[1].getDefiningOp<ZerosOp>();
  }

  LogicalResult run();

private:
  LogicalResult scheduleKind(func::FuncOp kind);
  LogicalResult scheduleOps(Block &kind);
  LogicalResult scheduleEntry();
  LogicalResult scheduleLayers();
  LogicalResult scheduleEmbed(EmbedOp op);
  void scheduleStart();
  LogicalResult storeStreams(Operation *op, ValueRange values);
  void setStreams(ValueRange streams);
  LogicalResult verifyEnd(Block &kind);

  bool makesOnlyLogits() const { return b.options.entry == Entry::Logits; }

  ScheduleBuilder b;
  spmd::ProgramOp program;
  func::FuncOp forward;
  LayersOp layers;
  const ScheduleTable &table;
  bool hasAngles = false; // the rotary angles of the call's positions are scheduled
};

} // namespace

LogicalResult ProgramSchedule::run() {
  SymbolTable symbols(forward->getParentOfType<ModuleOp>());
  llvm::SetVector<Attribute> kinds;
  if (!makesOnlyLogits())
    kinds.insert_range(layers.getKinds());
  for (Attribute kind : kinds)
    if (failed(scheduleKind(symbols.lookup<func::FuncOp>(cast<FlatSymbolRefAttr>(kind).getValue()))))
      return failure();
  return scheduleEntry();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Kinds of layers
//===--------------------------------------------------------------------------------------------------------------===//

/// (streams..., position, slots...) becomes (rows, position, slots...).
LogicalResult ProgramSchedule::scheduleKind(func::FuncOp kind) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(&program.getBody().front());
  SmallVector<Type> types(spmd::kPositionArgument + 1, b.getIndexType());
  SmallVector<DictionaryAttr> attrs(types.size(), b.getDictionaryAttr({}));
  const unsigned streams = kind.getNumResults(), slots = streams + 1;
  for (unsigned i = slots; i < kind.getNumArguments(); ++i) {
    types.push_back(kind.getArgumentTypes()[i]);
    attrs.push_back(kind.getArgAttrDict(i));
  }
  auto function =
      func::FuncOp::create(static_cast<OpBuilder &>(b), kind.getLoc(), kind.getSymName(), b.getFunctionType(types, {}));
  function.setPrivate();
  function.setAllArgAttrs(attrs);
  Block *body = function.addEntryBlock();
  b.setInsertionPointToEnd(body);

  Block &source = kind.getBody().front();
  b.function = {};
  b.function.rows = b.options.maxRows == 1 ? b.constant(1) : body->getArgument(spmd::kRowsArgument);
  b.function.position = body->getArgument(spmd::kPositionArgument);
  b.function.prefix = kind.getSymName().str() + ".";
  for (unsigned i = slots; i < kind.getNumArguments(); ++i)
    b.mapping.map(source.getArgument(i), body->getArgument(i - streams + 1));
  setStreams(source.getArguments().take_front(streams));
  if (failed(scheduleOps(source)) || failed(verifyEnd(source)))
    return failure();
  func::ReturnOp::create(static_cast<OpBuilder &>(b), kind.getLoc());
  return success();
}

/// The buffers in which a layer finds the streams of the layer before.
void ProgramSchedule::setStreams(ValueRange streams) {
  if (b.hasPending) {
    b.setBuffer(streams[0], b.residual(columnsOf(streams[0])));
    b.setBuffer(streams[1], b.pending(columnsOf(streams[0])));
    return;
  }
  for (auto [index, stream] : llvm::enumerate(streams))
    b.setBuffer(stream, b.stream(index, columnsOf(stream)));
}

LogicalResult ProgramSchedule::scheduleOps(Block &kind) {
  for (Operation &op : kind.without_terminator())
    if (failed(table.schedule(b, &op)))
      return failure();
  if (b.hasPending && b.hasRowsWork())
    return kind.getTerminator()->emitOpError("expects the last op to be a projection");
  return success();
}

/// Checks or makes sure that the layer's results are in the buffers where the next layer reads them.
LogicalResult ProgramSchedule::verifyEnd(Block &kind) {
  Operation *end = kind.getTerminator();
  if (!b.hasPending)
    return storeStreams(end, end->getOperands());
  for (unsigned i : {0, 1})
    if (b.bufferOf(end->getOperand(i)) != b.bufferOf(kind.getArgument(i)))
      return end->emitOpError("expects to return the stream and what is pending");
  return success();
}

/// Copies values into the buffers that hold streams between layers.
LogicalResult ProgramSchedule::storeStreams(Operation *op, ValueRange values) {
  SmallVector<std::pair<spmd::BufferOp, spmd::BufferOp>> moves;
  for (auto [index, value] : llvm::enumerate(values)) {
    if (!b.bufferOf(value))
      return op->emitOpError() << "works on " << value.getType() << " that is not scheduled";
    if (spmd::BufferOp to = b.stream(index, columnsOf(value)); to != b.bufferOf(value))
      moves.push_back({b.bufferOf(value), to});
  }
  b.tiled("streams", 1, b.tiles.getBlockRows(), [&](Value, Value row, Value count) {
    for (auto [from, to] : moves)
      kernel::CopyOp::create(b, b.readRows(from, row, count), b.writeRows(to, row, count));
  });
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// The entry
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult ProgramSchedule::scheduleEntry() {
  b.setLoc(forward.getLoc());
  b.setInsertionPointToEnd(&program.getBody().front());
  SmallVector<Type> types(spmd::kEntryArguments, b.getIndexType());
  auto function = func::FuncOp::create(b, "entry", b.getFunctionType(types, {}));
  Block *body = function.addEntryBlock();
  b.setInsertionPointToEnd(body);
  b.function = {};
  b.function.rows = b.options.maxRows == 1 ? b.constant(1) : body->getArgument(spmd::kRowsArgument);
  b.function.position = body->getArgument(spmd::kPositionArgument);
  b.function.first = body->getArgument(spmd::kFirstArgument);
  b.beginEntry();

  const bool hasBefore = !makesOnlyLogits(), hasAfter = b.options.entry != Entry::Prefill;
  bool isAfter = false;
  for (Operation &op : forward.getBody().front().without_terminator()) {
    b.setLoc(op.getLoc());
    LogicalResult status = success();
    if (&op == layers.getOperation()) {
      isAfter = true;
      status = scheduleLayers();
    } else if (!isa<UseOp>(op) && !(isAfter ? hasAfter : hasBefore)) {
      continue;
    } else if (auto embed = dyn_cast<EmbedOp>(op)) {
      status = scheduleEmbed(embed);
    } else if (b.hasPending && isa<ZerosOp>(op)) {
      scheduleStart();
    } else {
      status = table.schedule(b, &op);
    }
    if (failed(status))
      return failure();
  }
  spmd::BarrierOp::create(b);
  func::ReturnOp::create(b);
  return success();
}

LogicalResult ProgramSchedule::scheduleLayers() {
  if (!makesOnlyLogits()) {
    if (!b.hasPending && failed(storeStreams(layers, layers.getStream())))
      return failure();
    spmd::LayersOp::create(b, b.function.rows, b.function.position, layers.getKinds());
  }
  setStreams(layers.getResults());
  return success();
}

LogicalResult ProgramSchedule::scheduleEmbed(EmbedOp op) {
  if (!b.mapping.contains(op.getTable()) || !cast<WeightType>(op.getTable().getType()).getLayout())
    return op.emitOpError("expects a packed table that lm.use names");
  int64_t columns = columnsOf(op.getResult());
  spmd::BufferOp x =
      b.hasPending ? b.residual(columnsOf(layers.getStream()[0])) : b.rowsBuffer(b.numbered("embedded"), columns);
  spmd::BufferOp tokens = b.callersBuffer(spmd::Role::Tokens, 1, b.getI32Type());
  b.setBuffer(op.getResult(), x);
  b.setBuffer(op.getIds(), tokens);
  Value embeddings = b.weight(op.getTable());
  b.onRows([=, this](Value row, Value count) mutable {
    if (b.isDecomposed(op))
      return computeDecomposed(b, op.getOperation(), {row, count}, b.writeRows(x, row, count));
    kernel::EmbedOp::create(b, b.readRows(tokens, row, count), embeddings, b.writeRows(x, row, count),
                            op.getScaleAttr());
  });
  // The first embedding also computes the rotary angles of the call's positions.
  for (RopeAttr rope : std::exchange(hasAngles, true) ? ArrayRef<RopeAttr>() : b.getRopes()) {
    spmd::BufferOp angles = b.ropeTable(rope);
    b.onRows([=, this](Value row, Value count) {
      Value position = arith::AddIOp::create(b, b.function.position, row);
      kernel::RopeTableOp::create(b, position, b.writeRows(angles, row, count), rope);
    });
  }
  return success();
}

/// Zeroes what is pending, for the first layer.
void ProgramSchedule::scheduleStart() {
  spmd::BufferOp pending = b.pending(columnsOf(layers.getStream()[0]));
  b.tiled("start", 1, b.tiles.getRows(),
          [&](Value, Value row, Value count) { kernel::ZeroOp::create(b, b.writeRows(pending, row, count)); });
}

LogicalResult lm::scheduleProgram(ModuleOp module, func::FuncOp forward, const ScheduleTable &table,
                                  const ProgramOptions &options) {
  if (!llvm::hasSingleElement(forward.getBody()))
    return forward.emitOpError("expects a body of one block");
  LayersOp layers;
  for (auto op : forward.getBody().getOps<LayersOp>())
    layers = op;
  if (!layers)
    return forward.emitOpError("expects layers");
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  StringRef after = options.entry == Entry::Logits ? "prefill" : "";
  auto program = spmd::ProgramOp::create(builder, forward.getLoc(), options.name, options.maxRows, after);
  return ProgramSchedule(program, forward, layers, table, options).run();
}
