//===- Kernels.h - the CPU's own expansions of kernel ops ---------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELS_KERNELS_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELS_KERNELS_H

#include "compiler/codegen/kernels/Rowwise.h"
#include "compiler/targets/cpu/CPUInfo.h"
#include "compiler/targets/cpu/CPUOps.h"
#include "compiler/targets/cpu/kernels/VectorEmitter.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/Layout.h"

namespace lathe {

/// The memory that holds the panels of a product.
enum class Panels {
  Weights,
  Cache,   // of a KV cache, multiplied by a few rows: they prefetch the next panel
  Latents, // of a latent cache, multiplied by many rows
  Scratch, // a worker's scratch buffer, 1-d f32: offsets and strides count values
};

/// The operands of an outlined product: out[r][o] = sum over k < columns of input[r][k] * W[o][k]. The panels of W
/// begin at byte `offset` of `segment` and are `panelStride` bytes apart.
struct Product {
  Value segment, offset, panelStride, columns;
  Value input, out; // memref<?x?xf32, bf16 or i8, strided>, memref<?x?xf32, strided>
  Format format;
  int64_t depth;
  Panels panels = Panels::Weights;
  bool accumulates = false; // adds to out
  bool isPaired = false;    // each f32 of input holds two neighbouring bf16 values
  /// Decode attention only: a second region to prefetch, one cache line per line of the panels read. The lines for the
  /// columns [16 i, 16 i + 16) of panel p begin at offset + p * panelStride + i * runStride, in bytes.
  struct Prefetch {
    Value offset, panelStride, runStride; // null: prefetch the next panel instead
  } prefetch = {};
};

/// The `depth` columns of a panel's step at byte `at`, 16 f32 each, for formats that are not quantised.
SmallVector<Value> loadStep(VectorEmitter &emitter, Value segment, Value at, Format format, int64_t depth);
/// Calls put(column, value) for each column of row `id` of a packed matrix. `expert` selects one of several matrices.
void readRow(VectorEmitter &emitter, Value matrix, Value id, function_ref<void(Value column, Value value)> put,
             Value expert = {});

/// Emits the body of a function for products of many rows (BlockedMatmul.cpp).
void emitBlockedProduct(VectorEmitter &emitter, const CPUInfo &cpu, const Product &product, func::FuncOp function);

/// Outlines products: one function per (panels, format, depth, accumulates), and another one for many rows or for a
/// known number of rows where that pays.
class ProductLibrary {
public:
  ProductLibrary(ModuleOp module, const CPUInfo &cpu) : module(module), cpu(cpu) {}
  void call(VectorEmitter &emitter, const Product &product);

private:
  func::FuncOp get(const Product &product, bool isBlocked);
  ModuleOp module;
  const CPUInfo &cpu;
};

/// What expansions need besides their op.
struct KernelContext {
  ModuleOp module;
  const CPUInfo &cpu;
  ProductLibrary &products;
};

/// The CPU's expansion of every op of `kernel` on memory, except kernel.compute (see lm-lower-compute).
Expansions getCPUExpansions(KernelContext &context);

void expand(kernel::AddPositionsOp op, VectorEmitter &emitter);
void expand(kernel::EmbedOp op, VectorEmitter &emitter);
void expand(kernel::ValuesOp op, VectorEmitter &emitter);
void expand(kernel::CachedOp op, VectorEmitter &emitter);
void expand(kernel::Conv1dOp op, VectorEmitter &emitter);
void expand(kernel::DeltaRuleOp op, VectorEmitter &emitter);
void expand(kernel::RouteOp op, VectorEmitter &emitter);
void expand(kernel::DispatchOp op, VectorEmitter &emitter);
void expand(kernel::QuantizeOp op, VectorEmitter &emitter);
void expand(kernel::MatmulOp op, VectorEmitter &emitter, KernelContext &context);
void expand(kernel::AppendOp op, VectorEmitter &emitter);
void expand(kernel::AttentionOp op, VectorEmitter &emitter, KernelContext &context);
void expand(kernel::AbsorbedAttentionOp op, VectorEmitter &emitter, KernelContext &context);
void expand(kernel::LatentAttentionOp op, VectorEmitter &emitter, KernelContext &context);
void expand(kernel::CombinePartialsOp op, VectorEmitter &emitter);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELS_KERNELS_H
