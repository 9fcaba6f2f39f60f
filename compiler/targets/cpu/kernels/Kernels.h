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

/// Where the panels of a product lie.
enum class Panels {
  Weights,
  Cache,   // a few rows meet each: asks for the next one
  Latents, // a cache's, which many rows meet
  Scratch, // a worker's own f32 memory, a line of values: places and strides count values
};

/// The operands of an outlined product: `outputs` columns of `out` get the products of `input` with panels that begin
/// at `place` of `area` and are `panelStride` bytes apart, summed over `columns` values.
struct Product {
  Value segment, offset, panelStride, columns;
  Value input, out; // memref<?x?xf32, bf16 or i8, strided>, memref<?x?xf32, strided>
  Format format;
  int64_t depth;
  Panels panels = Panels::Weights;
  bool accumulates = false; // adds to out
  bool isPaired = false;    // an f32 of input is two bf16, side by side in a column each
  /// Of a cache: memory that is asked for meanwhile, a line for each line of the panels. 16 values of a panel ask from
  /// `place` on, the next 16 `run` bytes behind that, those of the next panel `panel` bytes.
  struct Prefetch {
    Value offset, panelStride, runStride; // null: the panel that comes next is asked for
  } prefetch = {};
};

/// The `depth` columns of the step at `at` of a panel of a format without groups, 16 values each.
SmallVector<Value> loadStep(VectorEmitter &emitter, Value segment, Value at, Format format, int64_t depth);
/// Row `id` of a packed matrix, the one of `expert` where there are several: put(column, value) for each column.
void readRow(VectorEmitter &emitter, Value matrix, Value id, function_ref<void(Value column, Value value)> put,
             Value expert = {});

/// The body of a function for products of many rows.
void emitBlockedProduct(VectorEmitter &emitter, const CPUInfo &cpu, const Product &product, func::FuncOp function);

/// Outlines products: one function per (area, format, depth, accumulates), where it pays another one for many rows or
/// for a number that is known.
class ProductLibrary {
public:
  ProductLibrary(ModuleOp module, const CPUInfo &cpu) : module(module), cpu(cpu) {}
  void call(VectorEmitter &emitter, const Product &product);

private:
  func::FuncOp get(const Product &product, bool isBlocked);
  ModuleOp module;
  const CPUInfo &cpu;
};

/// What expansions need to know besides their op.
struct KernelContext {
  ModuleOp module;
  const CPUInfo &cpu;
  ProductLibrary &products;
};

/// The CPU's table: every op of `kernel` on memory but kernel.compute, which lm-lower-compute lowers.
Expansions getCPUExpansions(KernelContext &context);

void expand(kernel::AddPositionsOp op, VectorEmitter &emitter);
void expand(kernel::EmbedOp op, VectorEmitter &emitter);
void expand(kernel::ValuesOp op, VectorEmitter &emitter);
void expand(kernel::CachedOp op, VectorEmitter &emitter);
void expand(kernel::Conv1dOp op, VectorEmitter &emitter);
void expand(kernel::DeltaRuleOp op, VectorEmitter &emitter);
void expand(kernel::RouteOp op, VectorEmitter &emitter);
void expand(kernel::DispatchOp op, VectorEmitter &emitter);
void expand(kernel::CombineOp op, VectorEmitter &emitter);
void expand(kernel::QuantizeOp op, VectorEmitter &emitter);
void expand(kernel::MatmulOp op, VectorEmitter &emitter, KernelContext &context);
void expand(kernel::AppendOp op, VectorEmitter &emitter);
void expand(kernel::AttentionOp op, VectorEmitter &emitter, KernelContext &context);
void expand(kernel::AbsorbedAttentionOp op, VectorEmitter &emitter, KernelContext &context);
void expand(kernel::LatentAttentionOp op, VectorEmitter &emitter, KernelContext &context);
void expand(kernel::CombinePartialsOp op, VectorEmitter &emitter);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELS_KERNELS_H
