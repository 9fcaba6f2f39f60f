//===- PackWeights.cpp - weights get the target's layout and offsets in the weights file --------------------------===//

#include "compiler/graph/Passes.h"
#include "compiler/graph/Retype.h"
#include "compiler/support/TargetInfo.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/Layout.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::lm {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "compiler/graph/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {
struct PackWeights : mlir::lm::impl::PackWeightsBase<PackWeights> {
  void runOnOperation() override {
    FailureOr<TargetAttr> target = lathe::getTarget(getOperation());
    if (failed(target))
      return signalPassFailure();
    // A matrix that is multiplied outside of the layers makes the logits.
    llvm::DenseSet<Type> heads;
    getOperation().walk([&](LayersOp layers) {
      for (auto linear : layers->getBlock()->getOps<LinearOp>())
        heads.insert(linear.getWeight().getType());
    });
    retype(getOperation(), [&](Type type) -> Type {
      auto weight = dyn_cast<WeightType>(type);
      if (!weight || weight.isVector() || weight.getLayout())
        return type;
      return weight.withLayout(target->getPanels(weight, heads.contains(type)));
    });
    int64_t offset = 0;
    for (auto weight : getOperation().getOps<WeightOp>()) {
      weight.setOffset(offset);
      offset = llvm::alignTo(offset + lathe::getPackedBytes(weight.getWeightType()), lathe::kTensorAlign);
    }
  }
};
} // namespace
