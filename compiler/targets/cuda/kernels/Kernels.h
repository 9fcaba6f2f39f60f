//===- Kernels.h - the GPU's own expansions of kernel ops --------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CUDA_KERNELS_KERNELS_H
#define LATHE_COMPILER_TARGETS_CUDA_KERNELS_KERNELS_H

#include "compiler/codegen/kernels/Expansions.h"
#include "compiler/targets/cuda/CUDAInfo.h"
#include "compiler/targets/cuda/kernels/BlockEmitter.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/Formats.h"

namespace lathe {

/// What expansions need besides their op.
struct BlockContext {
  ModuleOp module;
  const CUDAInfo &gpu;
};

/// The operands of an outlined product: out[r][o] = sum over k < columns of input[r][k] * W[o][k]. The panels of W
/// begin at byte `offset` of `segment` and are `panelStride` bytes apart.
struct BlockProduct {
  Value segment, offset, panelStride, columns;
  Value input, out; // memref<?x?xf32, bf16 or i8, strided>, memref<?x?xf32, strided>
  Format format;
  int64_t depth;
};

/// Emits the body of a function that multiplies many bf16 rows by bf16 panels (depth 2) on tensor cores. Its arguments
/// are those of BlockProduct; `columns` and the distance of rows are multiples of 8.
void emitGemm(BlockEmitter &emitter, func::FuncOp function);

/// Calls the function that multiplies; all threads of the block come here. `out` may be read after the next sync().
void callProduct(BlockEmitter &emitter, BlockContext &context, const BlockProduct &product);

/// The expansion of every op of `kernel` that a block runs with all of its threads.
Expansions getBlockExpansions(BlockContext &context);

void expand(kernel::AppendOp op, BlockEmitter &emitter);
void expand(kernel::CachedOp op, BlockEmitter &emitter);
void expand(kernel::AttentionOp op, BlockEmitter &emitter);
void expand(kernel::AbsorbedAttentionOp op, BlockEmitter &emitter);
void expand(kernel::LatentAttentionOp op, BlockEmitter &emitter);
void expand(kernel::CombinePartialsOp op, BlockEmitter &emitter);
void expand(kernel::MatmulOp op, BlockEmitter &emitter, BlockContext &context);
void expand(kernel::QuantizeOp op, BlockEmitter &emitter);
void expand(kernel::EmbedOp op, BlockEmitter &emitter);
void expand(kernel::AddPositionsOp op, BlockEmitter &emitter);
void expand(kernel::ValuesOp op, BlockEmitter &emitter);
void expand(kernel::RouteOp op, BlockEmitter &emitter);
void expand(kernel::DispatchOp op, BlockEmitter &emitter);
void expand(kernel::Conv1dOp op, BlockEmitter &emitter);
void expand(kernel::DeltaRuleOp op, BlockEmitter &emitter);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_KERNELS_KERNELS_H
