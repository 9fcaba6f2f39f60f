//===- PlanCache.cpp - caches get element type, rows and offset ---------------------------------------------------===//

#include "compiler/graph/Passes.h"
#include "compiler/graph/Retype.h"
#include "compiler/support/ModuleAttributes.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/Layout.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::lm {
#define GEN_PASS_DEF_PLANCACHE
#include "compiler/graph/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {
struct PlanCache : mlir::lm::impl::PlanCacheBase<PlanCache> {
  using PlanCacheBase::PlanCacheBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<int64_t> context = lathe::getModuleInteger(module, kModelAttr, "context", 1, lathe::kMaxContext);
    FailureOr<int64_t> callRows = lathe::getPrefillRows(module, rows);
    if (failed(context) || failed(callRows))
      return signalPassFailure();
    if (element != "f32" && element != "bf16") {
      module.emitError() << "lm-plan-cache: unknown element '" << element << "'; expected bf16 or f32";
      return signalPassFailure();
    }
    Builder builder(&getContext());
    const Type wide = builder.getF32Type(), chosen = element == "f32" ? wide : Type(builder.getBF16Type());
    bool isFeasible = true;
    retype(module, [&](Type old) -> Type {
      auto cache = dyn_cast<CacheType>(old);
      if (!cache)
        return old;
      int64_t needed = *context;
      if (cache.getWindow())
        needed = std::min(needed, cache.getWindow() - 1 + *callRows);
      int64_t allotted = llvm::alignTo(needed, lathe::kPanelRows);
      // Pairs of bf16 values lie together.
      Type type = cache.getDim() % 2 ? wide : chosen;
      CacheType planned =
          CacheType::getChecked([&] { return module.emitError(); }, &getContext(), cache.getHeads(), cache.getDim(),
                                type, cache.getWindow(), allotted, cache.getChunked(), cache.getLatent());
      isFeasible &= planned != CacheType();
      return planned ? planned : old;
    });
    if (!isFeasible)
      return signalPassFailure();
    int64_t offset = 0;
    for (auto state : module.getOps<StateOp>()) {
      if (state.getShares())
        continue;
      state.setOffset(offset);
      offset = llvm::alignTo(offset + lathe::getStateBytes(state.getType()), 4096);
    }
    SymbolTable symbols(module);
    for (auto state : module.getOps<StateOp>())
      if (state.getShares())
        state.setOffset(symbols.lookup<StateOp>(*state.getShares()).getOffset());
  }
};
} // namespace
