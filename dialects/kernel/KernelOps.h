#ifndef LATHE_DIALECTS_KERNEL_KERNELOPS_H
#define LATHE_DIALECTS_KERNEL_KERNELOPS_H

#include "dialects/lm/LMOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"

#include "dialects/kernel/KernelDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/kernel/KernelOps.h.inc"

#endif // LATHE_DIALECTS_KERNEL_KERNELOPS_H
