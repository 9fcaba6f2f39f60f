//===- Rowwise.h - expansions of kernel ops that go over rows -----------------------------------------------------===//
//
// Each value of a row is computed from the row itself, other rows at the same columns, and vectors of weights: what
// every target does the same way. Products, attention and recurrences are each target's own.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_KERNELS_ROWWISE_H
#define LATHE_COMPILER_CODEGEN_KERNELS_ROWWISE_H

#include "compiler/codegen/kernels/Expansions.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/Layout.h"

namespace lathe {

/// Adds the expansions of this folder to a target's table. Each file has a list of its own at its end.
void addRowwise(Expansions &table);
void addRope(Expansions &table);

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_ROWWISE_H
