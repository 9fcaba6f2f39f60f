//===- PlanCache.cpp - caches take their element, rows and place
//------------------------------------------------------===//

#include "compiler/graph/Passes.h"
#include "compiler/graph/Retype.h"
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
    auto model = module->getAttrOfType<DictionaryAttr>(kModelAttr);
    auto context = model ? model.getAs<IntegerAttr>("context") : IntegerAttr();
    if (!context) {
      module.emitError() << "lm-plan-cache: expects the context in " << kModelAttr;
      return signalPassFailure();
    }
    if (auto options = module->getAttrOfType<DictionaryAttr>("lm.options"))
      if (auto wanted = options.getAs<IntegerAttr>("prefill_rows"))
        rows = wanted.getInt();
    Builder builder(&getContext());
    Type type = element == "f32" ? Type(builder.getF32Type()) : Type(builder.getBF16Type());
    retype(module, [&](Type old) -> Type {
      auto cache = dyn_cast<CacheType>(old);
      if (!cache)
        return old;
      int64_t needed = context.getInt();
      if (cache.getWindow())
        needed = std::min(needed, cache.getWindow() - 1 + rows);
      return CacheType::get(&getContext(), cache.getHeads(), cache.getDim(), type, cache.getWindow(),
                            llvm::alignTo(needed, lathe::CacheLayout::kPanel));
    });
    int64_t place = 0;
    for (auto state : module.getOps<StateOp>()) {
      state.setPlace(place);
      place = llvm::alignTo(place + lathe::getCacheBytes(state.getCacheType()), 4096);
    }
  }
};
} // namespace
