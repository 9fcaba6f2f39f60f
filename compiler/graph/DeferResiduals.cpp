//===- DeferResiduals.cpp - add to the residual stream at the next norm -------------------------------------------===//
//
// A layer x -> x' becomes (x, pending) -> (x', pending'), where the residual stream is x' + pending'. Inside and
// between layers `norm(add(x, [norm](block)))` becomes one lm.add_norm, the input of the next projection.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/graph/Passes.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/LMOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"

namespace mlir::lm {
#define GEN_PASS_DEF_DEFERRESIDUALS
#include "compiler/graph/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

/// Whether it is a norm of whole rows, with a weight and no bias.
bool isPlain(NormOp norm) { return norm && norm.getGroups() == 1 && norm.getWeight() && !norm.getBias(); }

/// The last addition of a layer: the block's output, and the norm after the block, if there is one.
struct Tail {
  AddOp add;
  NormOp post; // may be null
  Value block;
  StringAttr postSlot; // of the norm's weight

  /// Whether both have the same norm: a layer applies the post norm of the layer before, whose kind may be another.
  bool handsOverLike(Tail &other) {
    return postSlot == other.postSlot && (!post || post.getEps() == other.post.getEps());
  }
};

std::optional<Tail> findTail(func::FuncOp kind) {
  auto result = cast<func::ReturnOp>(kind.getBody().front().getTerminator());
  auto add = result.getOperand(0).getDefiningOp<AddOp>();
  if (!add || !add->hasOneUse())
    return std::nullopt;
  Tail tail{add, {}, add.getRhs(), {}};
  if (auto post = add.getRhs().getDefiningOp<NormOp>(); isPlain(post) && post->hasOneUse())
    if (auto weight = dyn_cast<BlockArgument>(post.getWeight())) {
      tail.post = post, tail.block = post.getInput();
      tail.postSlot = kind.getArgAttrOfType<StringAttr>(weight.getArgNumber(), kSlotAttr);
    }
  return tail;
}

void remarkMissed(Location loc, const char *reason) {
  remark::missed(loc, remark::RemarkOpts::name("defer-residuals").category("fusion")) << remark::reason("{0}", reason);
}

/// norm(add(x, [norm](block)))  ->  add_norm(x, block [post])
void fuseInside(func::FuncOp function, IRRewriter &rewriter) {
  SmallVector<AddOp> adds;
  function.walk([&](AddOp add) { adds.push_back(add); });
  for (AddOp add : adds) {
    NormOp norm;
    for (Operation *user : add->getUsers())
      if (auto candidate = dyn_cast<NormOp>(user); isPlain(candidate) && !norm)
        norm = candidate;
    if (!norm)
      continue;
    Value block = add.getRhs(), postWeight;
    auto post = block.getDefiningOp<NormOp>();
    if (isPlain(post) && post->hasOneUse() && post.getEps() == norm.getEps())
      block = post.getInput(), postWeight = post.getWeight();
    else
      post = {};
    // Other uses of the sum come after the norm. The op that provides its weight may stand between the two.
    if (llvm::any_of(add->getUsers(), [&](Operation *user) { return user != norm && user->isBeforeInBlock(norm); })) {
      remarkMissed(norm.getLoc(), "the sum is used before it is normed");
      continue;
    }
    rewriter.setInsertionPoint(norm);
    auto fused = AddNormOp::create(rewriter, norm.getLoc(), add.getLhs(), block, postWeight, norm.getWeight(),
                                   norm.getEps().convertToDouble());
    rewriter.replaceOp(norm, fused.getNormed());
    rewriter.replaceOp(add, fused.getSum());
    if (post)
      rewriter.eraseOp(post);
  }
}

struct DeferResiduals : mlir::lm::impl::DeferResidualsBase<DeferResiduals> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    IRRewriter rewriter(&getContext());
    SmallVector<LayersOp> stacks;
    module.walk([&](LayersOp layers) { stacks.push_back(layers); });
    for (LayersOp layers : stacks)
      if (layers.getStream().size() == 1)
        rewriteLayers(layers, symbols, rewriter);
    for (auto function : module.getOps<func::FuncOp>())
      fuseInside(function, rewriter);
  }

  void rewriteLayers(LayersOp layers, SymbolTable &symbols, IRRewriter &rewriter);
};

void DeferResiduals::rewriteLayers(LayersOp layers, SymbolTable &symbols, IRRewriter &rewriter) {
  SmallVector<func::FuncOp> kinds;
  for (auto name : layers.getKinds().getAsRange<FlatSymbolRefAttr>())
    if (auto kind = symbols.lookup<func::FuncOp>(name.getValue()); !llvm::is_contained(kinds, kind))
      kinds.push_back(kind);
  // All kinds of layers return (stream, pending), or none does: any kind may follow any other.
  SmallVector<Tail> tails;
  for (func::FuncOp kind : kinds) {
    std::optional<Tail> tail = findTail(kind);
    if (!tail)
      return remarkMissed(kind.getLoc(), "the layer does not end with an addition to the stream");
    if (!tails.empty() && !tail->handsOverLike(tails.front()))
      return remarkMissed(kind.getLoc(), "layer kinds hand over with different norms");
    tails.push_back(*tail);
  }

  StringAttr postSlot;
  double eps = 0;
  for (auto [kind, tail] : llvm::zip_equal(kinds, tails)) {
    if (tail.post) {
      postSlot = tail.postSlot;
      eps = tail.post.getEps().convertToDouble();
    }
    Block &body = kind.getBody().front();
    Type stream = body.getArgument(0).getType();
    // (x, position, ...) becomes (x, pending, position, ..., previous post norm).
    BlockArgument x = body.getArgument(0), pending = body.insertArgument(1u, stream, kind.getLoc());
    SmallVector<DictionaryAttr> attrs;
    kind.getAllArgAttrs(attrs);
    attrs.insert(attrs.begin() + 1, DictionaryAttr::get(&getContext()));
    Value previous;
    if (tail.post) {
      previous = body.addArgument(tail.post.getWeight().getType(), kind.getLoc());
      attrs.push_back(DictionaryAttr::get(
          &getContext(), rewriter.getNamedAttr(kSlotAttr, rewriter.getStringAttr("previous." + postSlot.getValue()))));
    }
    rewriter.setInsertionPointToStart(&body);
    Value added = pending;
    Operation *guard = nullptr;
    if (previous)
      guard = NormOp::create(rewriter, tail.post.getLoc(), pending, previous, eps, 1), added = guard->getResult(0);
    auto sum = AddOp::create(rewriter, tail.add.getLoc(), stream, x, added);
    rewriter.replaceAllUsesExcept(x, sum, sum);
    auto result = cast<func::ReturnOp>(body.getTerminator());
    rewriter.setInsertionPoint(result);
    rewriter.replaceOpWithNewOp<func::ReturnOp>(result, ValueRange{tail.add.getLhs(), tail.block});
    rewriter.eraseOp(tail.add);
    if (tail.post)
      rewriter.eraseOp(tail.post);
    kind.setFunctionType(rewriter.getFunctionType(body.getArgumentTypes(), {stream, stream}));
    kind.setAllArgAttrs(attrs);
  }

  rewriter.setInsertionPoint(layers);
  Value x = layers.getStream()[0];
  Value zeros = ZerosOp::create(rewriter, layers.getLoc(), x.getType(), x);
  auto deferred =
      LayersOp::create(rewriter, layers.getLoc(), ValueRange{x, zeros}, layers.getPosition(), layers.getKinds());
  Value pending = deferred.getResult(1);
  if (postSlot) {
    std::string name = LayersOp::bind(layers.getKinds().size() - 1, postSlot.getValue());
    auto weight = symbols.lookup<WeightOp>(name);
    Value post = UseOp::create(rewriter, layers.getLoc(), weight.getWeightType(), name);
    pending = NormOp::create(rewriter, layers.getLoc(), pending, post, eps, 1);
  }
  rewriter.replaceOpWithNewOp<AddOp>(layers, x.getType(), deferred.getResult(0), pending);
}

} // namespace
