//===- Rowwise.h - expansions of kernel ops that go over rows -----------------------------------------------------===//
//
// Each value of a row is computed from the row itself, other rows at the same columns, and vectors of weights: what
// every target does the same way. Products, attention and recurrences are each target's own.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_KERNELS_ROWWISE_H
#define LATHE_COMPILER_CODEGEN_KERNELS_ROWWISE_H

#include "compiler/codegen/kernels/Emitter.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/Layout.h"

namespace lathe {

void expand(kernel::ZeroOp op, Emitter &emitter);
void expand(kernel::AddOp op, Emitter &emitter);
void expand(kernel::CopyOp op, Emitter &emitter);
void expand(kernel::ConcatOp op, Emitter &emitter);
void expand(kernel::MultiplyOp op, Emitter &emitter);
void expand(kernel::SparsifyOp op, Emitter &emitter);
void expand(kernel::MatchMagnitudeOp op, Emitter &emitter);
void expand(kernel::AltUpPredictOp op, Emitter &emitter);
void expand(kernel::AltUpCorrectOp op, Emitter &emitter);
void expand(kernel::AltUpInjectOp op, Emitter &emitter);
void expand(kernel::ScaleOp op, Emitter &emitter);
void expand(kernel::ScaleRowsOp op, Emitter &emitter);
void expand(kernel::ActivationOp op, Emitter &emitter);
void expand(kernel::AddBiasOp op, Emitter &emitter);
void expand(kernel::NormOp op, Emitter &emitter);
void expand(kernel::GluOp op, Emitter &emitter);
void expand(kernel::SoftcapOp op, Emitter &emitter);
void expand(kernel::RopeOp op, Emitter &emitter);
void expand(kernel::RopeTableOp op, Emitter &emitter);

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_ROWWISE_H
