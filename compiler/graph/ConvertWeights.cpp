//===- ConvertWeights.cpp - weights get the format of --weights ---------------------------------------------------===//

#include "compiler/graph/Passes.h"
#include "compiler/graph/Retype.h"

namespace mlir::lm {
#define GEN_PASS_DEF_CONVERTWEIGHTS
#include "compiler/graph/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using lathe::Format;

namespace {
struct ConvertWeights : mlir::lm::impl::ConvertWeightsBase<ConvertWeights> {
  using ConvertWeightsBase::ConvertWeightsBase;

  void runOnOperation() override {
    std::optional<Format> wanted;
    if (policy == "f32")
      wanted = Format::F32;
    else if (policy == "bf16")
      wanted = Format::BF16;
    else if (policy == "q8")
      wanted = Format::Q8_0;
    else if (policy == "q4")
      wanted = Format::Q4_1;
    else if (policy != "as-stored") {
      getOperation().emitError() << "lm-convert-weights: unknown policy '" << policy
                                 << "'; expected as-stored, f32, bf16, q8 or q4";
      return signalPassFailure();
    }
    bool isPacked = false;
    retype(getOperation(), [&](Type type) -> Type {
      auto weight = dyn_cast<WeightType>(type);
      if (!weight)
        return type;
      if (weight.isVector())
        return weight.withFormat(Format::F32);
      if (!wanted || weight.getFormat() == *wanted)
        return weight;
      isPacked |= weight.getLayout() != PanelsAttr();
      if (weight.getColumns() % lathe::getFormatInfo(*wanted).block)
        return weight.withFormat(Format::BF16);
      return weight.withFormat(*wanted);
    });
    if (isPacked) {
      // A layout is one of the old format.
      getOperation().emitError() << "lm-convert-weights: expects weights that are not packed yet";
      signalPassFailure();
    }
  }
};
} // namespace
