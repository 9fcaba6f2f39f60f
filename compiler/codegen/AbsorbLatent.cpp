//===- AbsorbLatent.cpp - latent attention becomes attention to the latent vectors themselves ---------------------===//

#include "compiler/codegen/AbsorbLatent.h"
#include "compiler/codegen/Passes.h"
#include "dialects/lm/LMOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::lm {
#define GEN_PASS_DEF_ABSORBLATENT
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

// latent_attention(q, k_up, v_up)  ->  head_linear(attention(head_linear(q, k_up)), v_up)
void absorb(LatentAttentionOp op, IRRewriter &rewriter) {
  rewriter.setInsertionPoint(op);
  auto cache = cast<CacheType>(op.getCache().getType());
  int64_t heads = cast<WeightType>(op.getKUp().getType()).getExperts();
  auto rows = [&](int64_t columns) {
    return RankedTensorType::get({ShapedType::kDynamic, heads * columns}, rewriter.getF32Type());
  };
  Value query = HeadLinearOp::create(rewriter, op.getLoc(), rows(cache.getDim()), op.getQuery(), op.getKUp());
  Value mixed = AttentionOp::create(rewriter, op.getLoc(), query, op.getCache(), op.getPosition(), heads,
                                    op.getScale().convertToDouble());
  rewriter.replaceOpWithNewOp<HeadLinearOp>(op, op.getType(), mixed, op.getVUp());
}

struct AbsorbLatent : mlir::lm::impl::AbsorbLatentBase<AbsorbLatent> {
  void runOnOperation() override { lathe::absorbLatent(getOperation()); }
};

} // namespace

void lathe::absorbLatent(ModuleOp module) {
  SmallVector<LatentAttentionOp> ops;
  module.walk([&](LatentAttentionOp op) { ops.push_back(op); });
  IRRewriter rewriter(module.getContext());
  for (LatentAttentionOp op : ops)
    absorb(op, rewriter);
}
