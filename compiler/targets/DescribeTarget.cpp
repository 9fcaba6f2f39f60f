//===- DescribeTarget.cpp - the description of the target as attributes -------------------------------------------===//

#include "compiler/support/TargetInfo.h"
#include "compiler/targets/Passes.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/ModuleAttributes.h"
#include "mlir/IR/Builders.h"

namespace mlir::lm {
#define GEN_PASS_DEF_DESCRIBETARGET
#include "compiler/targets/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {
struct DescribeTarget : mlir::lm::impl::DescribeTargetBase<DescribeTarget> {
  using DescribeTargetBase::DescribeTargetBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module->hasAttr(kTargetAttr))
      return;
    if (!mcpu.empty()) {
      NamedAttrList options(module->getAttrOfType<DictionaryAttr>("lm.options"));
      options.set("mcpu", StringAttr::get(&getContext(), mcpu));
      module->setAttr("lm.options", options.getDictionary(&getContext()));
    }
    FailureOr<lathe::TargetInfo> info = lathe::describeTarget(module);
    if (failed(info))
      return signalPassFailure();
    module->setAttr(kTargetAttr, info->target);
    module->setAttr(kTuningAttr, info->tuning);
  }
};
} // namespace
