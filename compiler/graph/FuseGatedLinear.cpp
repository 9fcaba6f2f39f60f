//===- FuseGatedLinear.cpp - gate, up and glu become lm.gated_linear ----------------------------------------------===//

#include "compiler/graph/Passes.h"
#include "dialects/lm/LMOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::lm {
#define GEN_PASS_DEF_FUSEGATEDLINEAR
#include "compiler/graph/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

// glu(linear(x, gate), linear(x, up))  ->  gated_linear(x, gate, up)
struct FuseLinearsIntoGlu : OpRewritePattern<GluOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GluOp glu, PatternRewriter &rewriter) const override {
    auto gate = glu.getGate().getDefiningOp<LinearOp>(), up = glu.getUp().getDefiningOp<LinearOp>();
    if (!gate || !up || gate.isScaled() || up.isScaled())
      return rewriter.notifyMatchFailure(glu, "gate or up is no plain projection");
    if (!gate->hasOneUse() || !up->hasOneUse())
      return rewriter.notifyMatchFailure(glu, "gate or up has another user");
    if (gate.getInput() != up.getInput())
      return rewriter.notifyMatchFailure(glu, "gate and up read different inputs");
    rewriter.replaceOpWithNewOp<GatedLinearOp>(glu, glu.getType(), gate.getInput(), gate.getWeight(), up.getWeight(),
                                               gate.getBias(), up.getBias(), glu.getActivationAttr());
    rewriter.eraseOp(gate);
    rewriter.eraseOp(up);
    return success();
  }
};

struct FuseGatedLinear : mlir::lm::impl::FuseGatedLinearBase<FuseGatedLinear> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseLinearsIntoGlu>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
