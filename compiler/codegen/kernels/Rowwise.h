//===- Rowwise.h - expansions of kernel ops that go over rows -----------------------------------------------------===//
//
// Each value of the result is computed from its row, other rows at the same columns, and weights that are vectors. All
// targets share this code. Matrix products, attention and recurrences are written for each target.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_KERNELS_ROWWISE_H
#define LATHE_COMPILER_CODEGEN_KERNELS_ROWWISE_H

#include "compiler/codegen/kernels/Expansions.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/Layout.h"

namespace lathe {

/// Adds the expansions of this folder to a target's table. The list of each file is at its end.
void addRowwise(Expansions &table);
void addRope(Expansions &table);

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_ROWWISE_H
