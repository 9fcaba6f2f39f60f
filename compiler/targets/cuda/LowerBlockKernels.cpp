//===- LowerBlockKernels.cpp - kernels become code for the threads of a block ------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"
#include "compiler/targets/cuda/Passes.h"
#include "compiler/targets/cuda/kernels/Kernels.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::lm {
#define GEN_PASS_DEF_LOWERBLOCKKERNELS
#include "compiler/targets/cuda/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using namespace lathe;

Expansions lathe::getBlockExpansions(BlockContext &context) {
  Expansions table;
  addRowwise(table);
  addRope(table);
  table.addOwn<BlockEmitter, kernel::AppendOp, kernel::CachedOp>();
  table.addOwn<BlockEmitter, kernel::AttentionOp, kernel::CombinePartialsOp>();
  table.addOwn<BlockEmitter, kernel::AbsorbedAttentionOp, kernel::LatentAttentionOp>();
  table.addWith<BlockEmitter, kernel::MatmulOp>(context);
  table.addOwn<BlockEmitter, kernel::QuantizeOp>();
  table.addOwn<BlockEmitter, kernel::EmbedOp, kernel::AddPositionsOp, kernel::ValuesOp>();
  table.addOwn<BlockEmitter, kernel::RouteOp, kernel::DispatchOp>();
  table.addOwn<BlockEmitter, kernel::Conv1dOp, kernel::DeltaRuleOp>();
  return table;
}

namespace {
struct LowerBlockKernels : mlir::lm::impl::LowerBlockKernelsBase<LowerBlockKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<CUDAInfo> gpu = CUDAInfo::get(module);
    if (failed(gpu))
      return signalPassFailure();
    BlockContext context{module, *gpu};
    Expansions ofBlock = getBlockExpansions(context);
    // A kernel without a form for blocks is the CPU's, for an x86-64 without dot instructions, in one thread.
    const CPUInfo cpu;
    ProductLibrary products(module, cpu);
    KernelContext serial{module, cpu, products};
    Expansions ofThread = getCPUExpansions(serial);

    SmallVector<Operation *> ops;
    module.walk([&](kernel::KernelOpInterface op) { ops.push_back(op); });
    for (Operation *op : ops) {
      OpBuilder builder(op);
      BlockEmitter block(op->getLoc(), builder, module, gpu->blockThreads);
      if (const Expansions::Expansion *expansion = ofBlock.lookup(op->getName())) {
        (*expansion)(op, block);
      } else if (const Expansions::Expansion *expansion = ofThread.lookup(op->getName())) {
        block.onOneThread([&] {
          OpBuilder inside(block.getContext());
          inside.setInsertionPoint(block.getInsertionBlock(), block.getInsertionPoint());
          VectorEmitter emitter(op->getLoc(), inside);
          (*expansion)(op, emitter);
        });
      } else {
        op->emitOpError() << "has no expansion on this target";
        return signalPassFailure();
      }
      op->erase();
    }
    module.walk([](UnrealizedConversionCastOp cast) {
      if (cast->use_empty())
        cast->erase();
    });
  }
};
} // namespace
