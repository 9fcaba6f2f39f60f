//===- Decompose.cpp - ops of lm become linalg on tensors ---------------------------------------------------------===//

#include "compiler/codegen/Passes.h"
#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::lm {
#define GEN_PASS_DEF_DECOMPOSE
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

/// Fused ops become the ops they were fused from, which become linalg.
struct DecomposeAggregated : OpInterfaceRewritePattern<AggregatedOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(AggregatedOpInterface op, PatternRewriter &rewriter) const override {
    if (!isa<LMDialect>(op->getDialect()))
      return rewriter.notifyMatchFailure(op, "not an op of lm");
    FailureOr<SmallVector<Value>> values = op.decomposeOperation(rewriter);
    if (failed(values))
      return rewriter.notifyMatchFailure(op, "the op has no decomposition of these operands");
    rewriter.replaceOp(op, *values);
    return success();
  }
};

struct Decompose : mlir::lm::impl::DecomposeBase<Decompose> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DecomposeAggregated>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
