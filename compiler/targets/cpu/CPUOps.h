//===- CPUOps.h - the cpu dialect ---------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CPU_CPUOPS_H
#define LATHE_COMPILER_TARGETS_CPU_CPUOPS_H

#include "dialects/lm/KnownAttributes.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "compiler/targets/cpu/CPUDialect.h.inc"
#define GET_OP_CLASSES
#include "compiler/targets/cpu/CPUOps.h.inc"

#endif // LATHE_COMPILER_TARGETS_CPU_CPUOPS_H
