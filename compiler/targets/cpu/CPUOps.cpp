//===- CPUOps.cpp - the cpu dialect -------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/CPUOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace mlir::cpu;

#include "compiler/targets/cpu/CPUDialect.cpp.inc"
#define GET_OP_CLASSES
#include "compiler/targets/cpu/CPUOps.cpp.inc"

void CPUDialect::initialize() {
  lm::addStrictOperations<
#define GET_OP_LIST
#include "compiler/targets/cpu/CPUOps.cpp.inc"
      >(*this);
}

// The dialect has no attributes.
LogicalResult CPUDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  return lm::refuseAttribute(op, attribute, {});
}
LogicalResult CPUDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned, NamedAttribute attribute) {
  return lm::refuseAttribute(op, attribute, {});
}
LogicalResult CPUDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned, NamedAttribute attribute) {
  return lm::refuseAttribute(op, attribute, {});
}

/// Checks that each side has `terms` values for each sum.
static LogicalResult checkDot(Operation *op, Value lhs, int64_t terms) {
  auto sides = cast<VectorType>(lhs.getType()), sums = cast<VectorType>(op->getResult(0).getType());
  if (sides.isScalable() || sums.isScalable() || sides.getNumElements() != terms * sums.getNumElements())
    return op->emitOpError() << "expects " << terms << " values for each sum, but found " << sides << " for " << sums;
  return success();
}

LogicalResult DotU8S8Op::verify() { return checkDot(*this, getLhs(), 4); }
LogicalResult MaddU8S8Op::verify() { return checkDot(*this, getLhs(), 2); }
LogicalResult MaddI16Op::verify() { return checkDot(*this, getLhs(), 2); }
LogicalResult DotBF16Op::verify() { return checkDot(*this, getLhs(), 2); }
