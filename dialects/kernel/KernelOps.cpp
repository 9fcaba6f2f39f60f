//===- KernelOps.cpp - the kernel dialect
//-----------------------------------------------------------------------------===//

#include "dialects/kernel/KernelOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace mlir::kernel;

#include "dialects/kernel/KernelDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/kernel/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/kernel/KernelOps.cpp.inc"
      >();
}

//===------------------------------------------------------------------------------------------------------------------===//
// kernel.compute
//===------------------------------------------------------------------------------------------------------------------===//

/// Rows in memory as a tensor of any number of rows: the type ops of `lm` work on.
static RankedTensorType rowsType(Value memory) {
  auto type = cast<MemRefType>(memory.getType());
  return RankedTensorType::get({ShapedType::kDynamic, type.getDimSize(1)}, type.getElementType());
}

void ComputeOp::build(OpBuilder &builder, OperationState &state, ValueRange ins, ValueRange outs) {
  state.addOperands(ins);
  state.addOperands(outs);
  state.getOrAddProperties<Properties>().operandSegmentSizes = {static_cast<int32_t>(ins.size()),
                                                                static_cast<int32_t>(outs.size())};
  Block &body = state.addRegion()->emplaceBlock();
  for (Value in : ins)
    body.addArgument(rowsType(in), state.location);
}

LogicalResult ComputeOp::verify() {
  Block &block = getBody().front();
  if (block.getNumArguments() != getIns().size())
    return emitOpError() << "expects a tensor for each of " << getIns().size() << " inputs, but found "
                         << block.getNumArguments();
  for (auto [in, argument] : llvm::zip(getIns(), block.getArguments()))
    if (argument.getType() != rowsType(in))
      return emitOpError() << "expects " << rowsType(in) << " for an input " << in.getType() << ", but found "
                           << argument.getType();
  auto yield = dyn_cast<YieldOp>(block.back());
  if (!yield)
    return emitOpError() << "expects kernel.yield at its end, but found " << block.back().getName();
  if (yield.getValues().size() != getOuts().size())
    return emitOpError() << "expects a result for each of " << getOuts().size() << " outputs, but found "
                         << yield.getValues().size();
  for (auto [out, value] : llvm::zip(getOuts(), yield.getValues()))
    if (value.getType() != rowsType(out))
      return emitOpError() << "expects " << rowsType(out) << " for an output " << out.getType() << ", but found "
                           << value.getType();
  return success();
}
