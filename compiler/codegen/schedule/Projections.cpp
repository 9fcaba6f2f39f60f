//===- Projections.cpp - products with weight matrices ------------------------------------------------------------===//

#include "compiler/codegen/schedule/Scheduler.h"

using namespace mlir;
using namespace mlir::lm;

namespace {

/// What a projection's tiles do to their outputs besides: scale, soft limit, activation.
struct Epilogue {
  SmallVector<Operation *> ops; // the projection, and what follows it
  Value result;                 // of the last

  explicit Epilogue(LinearOp linear) : ops({linear}), result(linear.getResult()) {
    while (result.hasOneUse() && isa<SoftcapOp, ActivationOp>(*result.user_begin())) {
      ops.push_back(*result.user_begin());
      result = ops.back()->getResult(0);
    }
  }
};

} // namespace

/// Projections of one input, gated or not, that nobody waits for between them: one phase.
void Scheduler::scheduleProjections(ArrayRef<Operation *> ops) {
  struct Part {
    LinearOp linear; // or gated
    GatedLinearOp gated;
    SmallVector<Operation *> ops; // with its epilogue
    spmd::BufferOp in, upIn;
    Outlet out;
    int64_t outputs, step;
  };
  SmallVector<Part> parts;
  StringRef what;
  for (Operation *op : ops) {
    Part part{dyn_cast<LinearOp>(op), dyn_cast<GatedLinearOp>(op), {op}, {}, {}, {}, 0, 0};
    Value result = op->getResult(0);
    part.outputs = columnsOf(result);
    part.step = tilePanels(llvm::divideCeil(part.outputs, kPanelRows)) * kPanelRows;
    bool isLogits = false, isPending = false;
    if (part.gated) {
      what = "gate_up";
    } else {
      Epilogue epilogue(part.linear);
      part.ops = epilogue.ops;
      result = epilogue.result;
      for (Operation *user : result.getUsers())
        if (isa<func::ReturnOp>(user)) {
          isLogits |= user->getNumOperands() == 1 && prefix.empty();
          isPending |= user->getNumOperands() > 1;
        }
      what = isLogits ? "head" : slotOf(part.linear.getWeight());
    }
    if (ops.size() > 1)
      what = "projections";
    std::string suffix = isPending ? "pending" : local(part.gated ? "gated" : "projected");
    if (isLogits)
      part.out.rows = callersBuffer(spmd::Role::Logits, part.outputs, builder.getF32Type());
    else if (isDecomposed(op))
      part.out.rows = isPending ? pending(part.outputs) : arenaBuffer(suffix, part.outputs);
    else
      part.out = outletFor(result, suffix, target.getTiles().getRows(), part.step);
    if (isLogits || isDecomposed(op))
      buffers[result] = part.out.rows;
    if (isDecomposed(op)) {
      scheduleDecomposed(what, part.ops, part.out.rows);
      continue;
    }
    Value input = op->getOperand(0);
    part.in = inputFor(input, part.gated ? part.gated.getGate() : part.linear.getWeight());
    if (part.gated)
      part.upIn = inputFor(input, part.gated.getUp());
    parts.push_back(part);
  }
  if (parts.empty())
    return;
  auto tiles =
      llvm::map_to_vector(parts, [](Part &part) -> int64_t { return llvm::divideCeil(part.outputs, part.step); });
  auto body = [&](Value tile, Value row, Value count) {
    choosePart(tile, tiles, [&](size_t index, Value local) {
      Part &part = parts[index];
      Value column = arith::MulIOp::create(builder, loc, local, constant(part.step));
      OpFoldResult width = widthFrom(column, part.outputs, part.step), zero = builder.getIndexAttr(0);
      auto product = [&](spmd::BufferOp in, Value matrix, Value bias, Value out) {
        kernel::MatmulOp::create(builder, loc, readRows(in, row, count), weight(matrix), column, out);
        if (bias)
          kernel::AddBiasOp::create(builder, loc, weight(bias), column, out);
      };
      if (GatedLinearOp op = part.gated) {
        Value gate = write(tileBuffer("gate." + Twine(part.step), target.getTiles().getRows(), part.step), zero, zero,
                           count, width);
        Value up = write(tileBuffer("up." + Twine(part.step), target.getTiles().getRows(), part.step), zero, zero,
                         count, width);
        product(part.in, op.getGate(), op.getGateBias(), gate);
        product(part.upIn, op.getUp(), op.getUpBias(), up);
        auto fill = [&](Value out) { kernel::GluOp::create(builder, loc, gate, up, out, op.getActivationAttr()); };
        return put(part.out, row, column, count, width, fill, /*rounds=*/true);
      }
      put(part.out, row, column, count, width, [&](Value out) {
        product(part.in, part.linear.getWeight(), part.linear.getBias(), out);
        if (part.linear.isScaled())
          kernel::ScaleOp::create(builder, loc, out, part.linear.getScaleAttr());
        for (Operation *next : ArrayRef(part.ops).drop_front())
          if (auto softcap = dyn_cast<SoftcapOp>(next))
            kernel::SoftcapOp::create(builder, loc, out, softcap.getCapAttr());
          else
            kernel::ActivationOp::create(builder, loc, out, cast<ActivationOp>(next).getActivationAttr());
      });
    });
  };
  tiled(what, llvm::sum_of(tiles), target.getTiles().getRows(), body);
}
