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
