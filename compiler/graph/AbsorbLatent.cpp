//===- AbsorbLatent.cpp - latent attention becomes attention to the latent vectors themselves
//--------------------------===//

#include "compiler/graph/Passes.h"
#include "dialects/lm/LMOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::lm {
#define GEN_PASS_DEF_ABSORBLATENT
#include "compiler/graph/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

// latent_attention(q, k_up, v_up)  ->  head_linear(attention(head_linear(q, k_up)), v_up)
struct AbsorbIntoQueries : OpRewritePattern<LatentAttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LatentAttentionOp op, PatternRewriter &rewriter) const override {
    auto cache = cast<CacheType>(op.getCache().getType());
    int64_t heads = cast<WeightType>(op.getKUp().getType()).getExperts();
    auto rows = [&](int64_t columns) {
      return RankedTensorType::get({ShapedType::kDynamic, heads * columns}, rewriter.getF32Type());
    };
    Value query = HeadLinearOp::create(rewriter, op.getLoc(), rows(cache.getDim()), op.getQuery(), op.getKUp());
    Value mixed = AttentionOp::create(rewriter, op.getLoc(), query, op.getCache(), op.getPosition(), heads,
                                      op.getScale().convertToDouble());
    rewriter.replaceOpWithNewOp<HeadLinearOp>(op, op.getType(), mixed, op.getVUp());
    return success();
  }
};

struct AbsorbLatent : mlir::lm::impl::AbsorbLatentBase<AbsorbLatent> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<AbsorbIntoQueries>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
