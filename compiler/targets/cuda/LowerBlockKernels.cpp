//===- LowerBlockKernels.cpp - kernels become code for the threads of a block ------------------------------------===//

#include "compiler/codegen/kernels/Rowwise.h"
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
    Expansions expansions = getBlockExpansions(context);
    SmallVector<Operation *> ops;
    module.walk([&](kernel::KernelOpInterface op) { ops.push_back(op); });
    for (Operation *op : ops) {
      const Expansions::Expansion *expansion = expansions.lookup(op->getName());
      if (!expansion) {
        op->emitOpError() << "has no expansion on this target";
        return signalPassFailure();
      }
      OpBuilder builder(op);
      BlockEmitter block(op->getLoc(), builder, module, gpu->blockThreads);
      (*expansion)(op, block);
      op->erase();
    }
    module.walk([](UnrealizedConversionCastOp cast) {
      if (cast->use_empty())
        cast->erase();
    });
  }
};
} // namespace
