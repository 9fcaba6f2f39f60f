//===- FuseQKV.cpp - projections, q/k norm, rope and append become lm.qkv -----------------------------------------===//

#include "compiler/graph/Passes.h"
#include "dialects/lm/LMOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::lm {
#define GEN_PASS_DEF_FUSEQKV
#include "compiler/graph/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

/// The queries or the keys: rope(norm(linear)), where rope and norm are optional.
struct Path {
  RopeOp rope;
  NormOp norm;
  LinearOp linear;

  static FailureOr<Path> match(PatternRewriter &rewriter, Operation *op, Value value) {
    Path path;
    auto single = [&](Operation *producer) { return producer->hasOneUse(); };
    if ((path.rope = value.getDefiningOp<RopeOp>()))
      value = path.rope.getInput();
    if ((path.norm = value.getDefiningOp<NormOp>()))
      value = path.norm.getInput();
    path.linear = value.getDefiningOp<LinearOp>();
    if (!path.linear || path.linear.isScaled() || (path.norm && (path.norm.getBias() || !path.norm.getWeight())))
      return rewriter.notifyMatchFailure(op, "queries or keys do not come from a projection");
    for (Operation *producer : {path.rope.getOperation(), path.norm.getOperation(), path.linear.getOperation()})
      if (producer && !single(producer))
        return rewriter.notifyMatchFailure(op, "a part of the way into the cache has another user");
    return path;
  }
};

// append(rope(norm(linear k)), linear v); attention(rope(norm(linear q)))  ->  attention(qkv)
struct FuseIntoQKV : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp attention, PatternRewriter &rewriter) const override {
    AppendOp append;
    for (Operation *user : attention.getCache().getUsers())
      if (auto candidate = dyn_cast<AppendOp>(user))
        append = append ? nullptr : candidate;
    if (!append || append->getBlock() != attention->getBlock() || !append->isBeforeInBlock(attention))
      return rewriter.notifyMatchFailure(attention, "the cache is not filled by one append before it");

    FailureOr<Path> q = Path::match(rewriter, attention, attention.getQuery());
    FailureOr<Path> k = Path::match(rewriter, attention, append.getKeys());
    auto v = append.getValues().getDefiningOp<LinearOp>();
    if (failed(q) || failed(k) || !v || v.isScaled() || !v->hasOneUse())
      return rewriter.notifyMatchFailure(attention, "queries, keys or values are not plain projections");
    if (q->linear.getInput() != v.getInput() || k->linear.getInput() != v.getInput())
      return rewriter.notifyMatchFailure(attention, "the projections read different inputs");
    auto cache = cast<CacheType>(attention.getCache().getType());
    auto isRotatedAlike = [&](RopeOp rope, int64_t heads) {
      return !rope || (static_cast<int64_t>(rope.getHeads()) == heads &&
                       rope.getPosition() == attention.getPosition() && rope.getRope() == q->rope.getRope());
    };
    if (!q->rope != !k->rope || !isRotatedAlike(q->rope, attention.getHeads()) ||
        !isRotatedAlike(k->rope, cache.getHeads()))
      return rewriter.notifyMatchFailure(attention, "queries and keys are rotated differently");
    if (append.getPosition() != attention.getPosition())
      return rewriter.notifyMatchFailure(attention, "keys are appended at another position");
    auto isPerHead = [](NormOp norm, int64_t heads) {
      return !norm || static_cast<int64_t>(norm.getGroups()) == heads;
    };
    if (!q->norm != !k->norm || !isPerHead(q->norm, attention.getHeads()) || !isPerHead(k->norm, cache.getHeads()))
      return rewriter.notifyMatchFailure(attention, "a norm spans heads");
    if (q->norm && q->norm.getEps() != k->norm.getEps())
      return rewriter.notifyMatchFailure(attention, "queries and keys are normed with different eps");
    // The fused op replaces the append: keys and values are defined before it.
    const Value weights[] = {q->linear.getWeight(), q->linear.getBias(),
                             q->norm ? Value(q->norm.getWeight()) : Value()};
    for (Value weight : weights)
      if (Operation *use = weight ? weight.getDefiningOp() : nullptr;
          use && use->getBlock() == append->getBlock() && !use->isBeforeInBlock(append))
        return rewriter.notifyMatchFailure(attention, "a weight of the queries is fetched after the cache is filled");

    rewriter.setInsertionPoint(append);
    auto weightOf = [](NormOp norm) -> Value { return norm ? norm.getWeight() : Value(); };
    auto fused = QKVOp::create(
        rewriter, attention.getLoc(), attention.getQuery().getType(), v.getInput(), q->linear.getWeight(),
        k->linear.getWeight(), v.getWeight(), q->linear.getBias(), k->linear.getBias(), v.getBias(), weightOf(q->norm),
        weightOf(k->norm), attention.getCache(), attention.getPosition(), attention.getHeadsAttr(),
        q->norm ? q->norm.getEpsAttr() : rewriter.getF64FloatAttr(0), q->rope ? q->rope.getRopeAttr() : RopeAttr());
    Value query = attention.getQuery();
    rewriter.modifyOpInPlace(attention, [&] { attention.getQueryMutable().assign(fused); });
    rewriter.eraseOp(append);
    for (Operation *dead : {query.getDefiningOp(), k->rope.getOperation(), k->norm.getOperation(),
                            k->linear.getOperation(), v.getOperation()})
      if (dead && dead->use_empty())
        rewriter.eraseOp(dead);
    return success();
  }
};

struct FuseQKV : mlir::lm::impl::FuseQKVBase<FuseQKV> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseIntoQKV>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
