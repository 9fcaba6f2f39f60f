#include "compiler/codegen/schedule/Decomposed.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::lm;

void lm::computeDecomposed(ScheduleBuilder &b, ArrayRef<Operation *> ops, const CallRows &rows, ValueRange outs) {
  IRMapping inside = b.mapping;
  SmallVector<Value> ins, outer;
  for (Operation *op : ops)
    for (Value operand : op->getOperands()) {
      if (operand.getType().isIndex()) {
        if (!b.mapping.contains(operand)) // else it is the number of a layer
          inside.map(operand, rows.position);
      } else if (spmd::BufferOp from = b.bufferOf(operand); from && isa<RankedTensorType>(operand.getType())) {
        ins.push_back(b.readRows(from, b.rowIn(from, rows.row), rows.count));
        outer.push_back(operand);
      }
    }
  auto compute = kernel::ComputeOp::create(b, ins, outs);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(&compute.getBody().front());
  for (auto [operand, tensor] : llvm::zip(outer, compute.getBody().getArguments())) {
    Value values = tensor;
    if (cast<RankedTensorType>(operand.getType()).getRank() == 1) // ids
      values = tensor::CollapseShapeOp::create(b, tensor, ArrayRef<ReassociationIndices>{{0, 1}});
    inside.map(operand, values);
  }
  Operation *last = nullptr;
  for (Operation *op : ops)
    last = b.clone(*op, inside);
  kernel::YieldOp::create(b, last->getResults());
}

void lm::scheduleDecomposed(ScheduleBuilder &b, StringRef name, ArrayRef<Operation *> ops, spmd::BufferOp out) {
  b.tiled(name, 1, b.options.maxRows, [&](Value, Value row, Value count) {
    Value position = arith::AddIOp::create(b, b.function.position, row);
    computeDecomposed(b, ops, {row, count, position}, b.writeRows(out, row, count));
  });
}
