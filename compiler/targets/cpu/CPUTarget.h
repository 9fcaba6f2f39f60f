//===- CPUTarget.h - the target "cpu": x86-64 ---------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CPU_CPUTARGET_H
#define LATHE_COMPILER_TARGETS_CPU_CPUTARGET_H

#include "compiler/targets/Target.h"

namespace lathe {

std::unique_ptr<Target> createCPUTarget();

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_CPUTARGET_H
