//===- Experts.cpp - routing and mixtures of experts --------------------------------------------------------------===//

#include "compiler/codegen/schedule/Scheduler.h"

using namespace mlir;
using namespace mlir::lm;

void Scheduler::scheduleRoute(RouteOp op) {
  int64_t top = op.getTop();
  spmd::BufferOp scores = bufferOf(op.getScores()), weights = rowsBuffer(local("weights"), top);
  spmd::BufferOp experts = rowsBuffer(local("experts"), top, builder.getI32Type());
  buffers[op.getWeights()] = weights;
  buffers[op.getExperts()] = experts;
  Operation *whole = op;
  lm::ScoringAttr scoring = op.getScoringAttr();
  UnitAttr normalized = op.getNormalizedAttr();
  FloatAttr scale = op.getScaleAttr();
  Value correction = weight(op.getCorrection());
  IntegerAttr groups = op.getGroupsAttr(), topGroups = op.getTopGroupsAttr(), terms = op.getGroupTermsAttr();
  spmd::BufferOp room;
  if (op.getTopGroups() < op.getGroups())
    room = rowsBuffer(local("scores"), columnsOf(op.getScores()));
  rowwise.push_back([=, this](Value row, Value count) {
    Value outs[] = {writeRows(weights, row, count), writeRows(experts, row, count)};
    if (isDecomposed(whole))
      return compute(whole, row, count, Value(), outs);
    kernel::RouteOp::create(builder, loc, readRows(scores, row, count), correction,
                            room ? writeRows(room, row, count) : Value(), outs[0], outs[1], scoring, scale, normalized,
                            groups, topGroups, terms);
  });
}

/// Slots hold a row for one of its experts. In a decode step slot k is the row's k-th expert; else rows are sorted by
/// expert into blocks of slots, so that a tile is a product of several rows with one expert's matrix.
void Scheduler::scheduleExperts(ExpertsOp op) {
  auto gateType = cast<WeightType>(op.getGate().getType());
  int64_t top = columnsOf(op.getWeights()), inner = gateType.getRows(), hidden = columnsOf(op.getResult());
  int64_t count = gateType.getExperts(), block = replicates ? 1 : target.getTiles().getBlockRows();
  bool isPending = llvm::any_of(op->getUsers(), [](Operation *user) { return isa<func::ReturnOp>(user); });
  spmd::BufferOp out = buffers[op.getResult()] = isPending ? pending(hidden) : arenaBuffer(local("mixed"), hidden);
  if (isDecomposed(op))
    return scheduleDecomposed("experts", op.getOperation(), out);

  int64_t blocks = replicates ? maxRows * top : llvm::divideCeil(maxRows * top, block) + std::min(count, maxRows * top);
  int64_t slots = blocks * block;
  auto slotBuffer = [&](StringRef what, int64_t columns, Type element) {
    return buffer(local(what), slots, columns, element, spmd::Space::Arena);
  };
  spmd::BufferOp weights = bufferOf(op.getWeights()), experts = bufferOf(op.getExperts());
  auto sharedDown = op.getShared() ? op.getShared().getDefiningOp<LinearOp>() : LinearOp();
  if (sharedDown && !deferred.contains(sharedDown))
    sharedDown = {};
  spmd::BufferOp shared = op.getShared() ? bufferOf(op.getShared()) : spmd::BufferOp();
  spmd::BufferOp sharedGate = op.getSharedGate() ? bufferOf(op.getSharedGate()) : spmd::BufferOp();
  spmd::BufferOp in = inputFor(op.getInput(), op.getGate()), upIn = inputFor(op.getInput(), op.getUp());
  spmd::BufferOp places, slotWeights = weights;
  Value someBlocks;
  OpFoldResult none = builder.getIndexAttr(0), one = builder.getIndexAttr(1), all = builder.getIndexAttr(block);
  auto widthOf = [&](spmd::BufferOp buffer) { return builder.getIndexAttr(buffer.getBufferType().getDimSize(1)); };
  auto blockRow = [&](Value index) { return arith::MulIOp::create(builder, loc, index, constant(block)).getResult(); };
  spmd::BufferOp blockExperts = experts;
  if (!replicates) {
    flushRows();
    spmd::BufferOp order = slotBuffer("order", 1, builder.getI32Type());
    places = buffer(local("places"), maxRows, top, builder.getI32Type(), spmd::Space::Arena);
    blockExperts = buffer(local("blocks"), blocks, 1, builder.getI32Type(), spmd::Space::Arena);
    phase(
        "dispatch", constant(1), [] {},
        [&](Value) {
          kernel::DispatchOp::create(
              builder, loc, readRows(experts, constant(0), rows), writeRows(order, constant(0), constant(slots)),
              writeRows(places, constant(0), rows), writeRows(blockExperts, constant(0), constant(blocks)), count);
        });
    // Blocks that so many rows can fill.
    Value chosen = arith::MulIOp::create(builder, loc, rows, constant(top));
    Value most = arith::CeilDivUIOp::create(builder, loc, chosen, constant(block));
    someBlocks =
        arith::AddIOp::create(builder, loc, most, arith::MinUIOp::create(builder, loc, chosen, constant(count)));
    auto gather = [&](spmd::BufferOp from) {
      spmd::BufferOp to =
          slotBuffer("gathered", from.getBufferType().getDimSize(1), from.getBufferType().getElementType());
      phase(
          "gather", someBlocks, [] {},
          [&](Value index) {
            Value row = blockRow(index);
            kernel::GatherOp::create(builder, loc, readRows(from, constant(0), rows), read(order, row, none, all, one),
                                     write(to, row, none, all, widthOf(from)));
          });
      return to;
    };
    bool isSame = in == upIn;
    in = gather(in);
    upIn = isSame ? in : gather(upIn);
    if (op.getScalesInput())
      slotWeights = gather(weights);
  } else {
    someBlocks = constant(blocks);
  }
  // The number of a block's expert: in a decode step the row's own.
  auto expertOf = [&](Value index) {
    return replicates ? read(experts, none, index, one, one) : read(blockExperts, index, none, one, one);
  };
  auto addBias = [&](Value bias, Value column, Value out, int64_t each, Value index) {
    if (bias)
      kernel::AddBiasOp::create(builder, loc, weight(bias), column, out, expertOf(index), each);
  };
  // A phase of `columns` outputs in tiles for each block.
  auto perBlock = [&](StringRef what, int64_t columns, function_ref<void()> prologue,
                      function_ref<void(Value index, Value row, Value column, OpFoldResult width)> body,
                      int64_t besideTiles = 0, function_ref<void(Value tile)> besideBody = nullptr) {
    int64_t panels = llvm::divideCeil(columns, kPanelRows);
    int64_t step = tilePanels(panels) * kPanelRows, each = llvm::divideCeil(columns, step);
    auto here = [&](Value tile) {
      Value index = arith::DivUIOp::create(builder, loc, tile, constant(each));
      Value column = arith::MulIOp::create(builder, loc, arith::RemUIOp::create(builder, loc, tile, constant(each)),
                                           constant(step));
      OpFoldResult width = widthFrom(column, columns, step);
      body(index, blockRow(index), column, width);
    };
    if (!besideTiles)
      return phase(what, arith::MulIOp::create(builder, loc, someBlocks, constant(each)), prologue, here);
    phase(what, constant(blocks * each + besideTiles), prologue, [&](Value tile) {
      choosePart(tile, {blocks * each, besideTiles},
                 [&](size_t part, Value local) { part == 0 ? here(local) : besideBody(local); });
    });
  };

  int64_t step = tilePanels(llvm::divideCeil(inner, kPanelRows)) * kPanelRows;
  // What the second product reads: rows of many are converted tile by tile; in a decode step every worker converts all
  // slots for itself.
  RowForm form = formFor(cast<WeightType>(op.getDown().getType()));
  OpFoldResult downColumns = columnsIn(form, builder.getIndexAttr(inner));
  Outlet product{{}, {}, block, step};
  if (!canConvertTiles(form, step))
    product.rows = slotBuffer("gated", inner, builder.getF32Type());
  spmd::BufferOp downIn = product.rows;
  if (form != RowForm::F32)
    downIn = buffer(local("gated_codes"), slots, *getConstantIntValue(downColumns), elementOf(form),
                    replicates ? spmd::Space::Scratch : spmd::Space::Arena);
  if (!product.rows)
    product.forms.push_back({form, downIn});
  spmd::BufferOp gateRoom =
      buffer("expert_gate." + Twine(step), block, step, builder.getF32Type(), spmd::Space::Scratch);
  spmd::BufferOp upRoom = buffer("expert_up." + Twine(step), block, step, builder.getF32Type(), spmd::Space::Scratch);
  // Tiles are dealt out by number: those of the expert for all rows are made as much work as the others.
  int64_t sharedStep = 0, sharedTiles = 0;
  spmd::BufferOp sharedIn;
  if (sharedDown) {
    sharedIn = inputFor(sharedDown.getInput(), sharedDown.getWeight());
    int64_t panelWork = columnsOf(sharedDown.getInput()) * kPanelRows;
    int64_t panels =
        std::clamp<int64_t>((2 * step * hidden + panelWork / 2) / panelWork, 1, llvm::divideCeil(hidden, kPanelRows));
    sharedStep = panels * kPanelRows;
    sharedTiles = llvm::divideCeil(hidden, sharedStep);
  }
  perBlock(
      "experts_gate_up", inner, [&] { workOnRows(); },
      [&](Value index, Value row, Value column, OpFoldResult width) {
        Value gate = write(gateRoom, none, none, all, width), up = write(upRoom, none, none, all, width);
        OpFoldResult from = replicates ? none : OpFoldResult(row);
        kernel::MatmulOp::create(builder, loc, read(in, from, none, all, widthOf(in)), weight(op.getGate()), column,
                                 gate, expertOf(index));
        kernel::MatmulOp::create(builder, loc, read(upIn, from, none, all, widthOf(upIn)), weight(op.getUp()), column,
                                 up, expertOf(index));
        if (op.getScalesInput()) {
          // What multiplies the input multiplies its products.
          Value factors = read(slotWeights, replicates ? none : OpFoldResult(row), none, all, one);
          kernel::ScaleRowsOp::create(builder, loc, factors, gate);
          kernel::ScaleRowsOp::create(builder, loc, factors, up);
        }
        addBias(op.getGateBias(), column, gate, inner, index);
        addBias(op.getUpBias(), column, up, inner, index);
        auto fill = [&](Value out) {
          kernel::GluOp::create(builder, loc, gate, up, out, op.getActivationAttr(), op.getLimitAttr(),
                                op.getUpOffsetAttr());
        };
        put(product, row, column, all, width, fill, /*rounds=*/true);
      },
      sharedTiles,
      [&](Value tile) {
        Value column = arith::MulIOp::create(builder, loc, tile, constant(sharedStep));
        Value to = write(shared, none, column, one, widthFrom(column, hidden, sharedStep));
        kernel::MatmulOp::create(builder, loc, readRows(sharedIn, constant(0), rows), weight(sharedDown.getWeight()),
                                 column, to);
        if (sharedDown.isScaled())
          kernel::ScaleOp::create(builder, loc, to, sharedDown.getScaleAttr());
      });

  std::function<void(Value, OpFoldResult)> convertRows;
  if (form != RowForm::F32 && product.rows)
    convertRows = [&](Value row, OpFoldResult size) {
      convert(form, read(product.rows, row, none, size, widthOf(product.rows)),
              write(downIn, row, none, size, downColumns));
    };
  auto down = [&](Value index, Value row, Value column, Value to) {
    kernel::MatmulOp::create(builder, loc, read(downIn, row, none, all, widthOf(downIn)), weight(op.getDown()), column,
                             to, expertOf(index));
    addBias(op.getDownBias(), column, to, hidden, index);
  };
  auto combine = [&](Value mixed, Value row, Value rowCount, OpFoldResult column, OpFoldResult width) {
    kernel::CombineOp::create(builder, loc, mixed, readRows(weights, row, rowCount),
                              places ? readRows(places, row, rowCount) : Value(),
                              shared ? read(shared, row, column, rowCount, width) : Value(),
                              sharedGate ? readRows(sharedGate, row, rowCount) : Value(),
                              write(out, row, column, rowCount, width), op.getScalesInputAttr());
  };
  if (replicates) {
    // A tile is some outputs of all the row's experts: it adds them up.
    int64_t outputs = tilePanels(llvm::divideCeil(hidden, kPanelRows)) * kPanelRows;
    spmd::BufferOp room =
        buffer("expert_out." + Twine(outputs), slots, outputs, builder.getF32Type(), spmd::Space::Scratch);
    return phase(
        "experts_down", constant(llvm::divideCeil(hidden, outputs)),
        [&] {
          if (convertRows)
            convertRows(constant(0), builder.getIndexAttr(slots));
        },
        [&](Value tile) {
          Value column = arith::MulIOp::create(builder, loc, tile, constant(outputs));
          OpFoldResult width = widthFrom(column, hidden, outputs);
          for (int64_t slot = 0; slot < slots; ++slot) {
            Value index = constant(slot);
            down(index, index, column, write(room, index, none, one, width));
          }
          combine(read(room, none, none, builder.getIndexAttr(slots), width), constant(0), rows, column, width);
        });
  }
  if (convertRows)
    phase("experts_codes", someBlocks, [] {}, [&](Value index) { convertRows(blockRow(index), all); });
  spmd::BufferOp mixed = slotBuffer("expert_out", hidden, builder.getF32Type());
  perBlock(
      "experts_down", hidden, [] {},
      [&](Value index, Value row, Value column, OpFoldResult width) {
        down(index, row, column, write(mixed, row, column, all, width));
      });
  tiled("combine", 1, target.getTiles().getBlockRows(), [&](Value, Value row, Value rowCount) {
    OpFoldResult width = builder.getIndexAttr(hidden);
    combine(read(mixed, none, none, blockRow(someBlocks), width), row, rowCount, none, width);
  });
}
