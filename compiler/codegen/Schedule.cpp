//===- Schedule.cpp - fused layers become phases of an SPMD program -----------------------------------------------===//

#include "compiler/codegen/AbsorbLatent.h"
#include "compiler/codegen/Passes.h"
#include "compiler/codegen/schedule/ProgramSchedule.h"
#include "compiler/support/ModuleAttributes.h"
#include "compiler/support/TargetInfo.h"

namespace mlir::lm {
#define GEN_PASS_DEF_SCHEDULE
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

struct Schedule : mlir::lm::impl::ScheduleBase<Schedule> {
  using ScheduleBase::ScheduleBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto forward = module.lookupSymbol<func::FuncOp>("forward");
    FailureOr<TargetAttr> target = lathe::getTarget(module);
    if (!forward) {
      module.emitError() << "lm-schedule: expects a function @forward";
      return signalPassFailure();
    }
    if (failed(target))
      return signalPassFailure();
    SmallVector<func::FuncOp> sources(module.getOps<func::FuncOp>());
    if (auto options = module->getAttrOfType<DictionaryAttr>("lm.options"))
      if (auto names = options.getAs<StringAttr>("decompose"))
        decompose = names.str();
    FailureOr<int64_t> callRows = lathe::getPrefillRows(module, prefillRows);
    if (failed(callRows))
      return signalPassFailure();
    FailureOr<int64_t> context = *callRows;
    if (module->hasAttr(kModelAttr))
      context = lathe::getModuleInteger(module, kModelAttr, "context", 1, lathe::kMaxContext);
    if (failed(context))
      return signalPassFailure();
    if (logitsRows < 1 || logitsRows > lathe::kMaxRows) {
      module.emitError() << "lm-schedule: expects logits-rows from 1 to " << lathe::kMaxRows << ", but found "
                         << logitsRows.getValue();
      return signalPassFailure();
    }
    // A decode step attends to the latent vectors themselves; prefill chooses when it runs.
    OwningOpRef<ModuleOp> absorbed;
    bool hasLatent = module.walk([](LatentAttentionOp) { return WalkResult::interrupt(); }).wasInterrupted();
    if (hasLatent && !ProgramOptions::isNamed(decompose, LatentAttentionOp::getOperationName())) {
      absorbed = module.clone();
      lathe::absorbLatent(*absorbed);
    }
    const ScheduleTable table;
    const StringRef decomposed = decompose.getValue();
    const int64_t prefill = std::min(*callRows, *context);
    for (const ProgramOptions &options :
         {ProgramOptions{Entry::Decode, "decode", 1, *target, decomposed},
          ProgramOptions{Entry::Prefill, "prefill", prefill, *target, decomposed},
          ProgramOptions{Entry::Logits, "logits", logitsRows.getValue(), *target, decomposed}}) {
      bool isAbsorbed = options.entry == Entry::Decode && absorbed;
      auto source = isAbsorbed ? absorbed->lookupSymbol<func::FuncOp>("forward") : forward;
      if (failed(scheduleProgram(module, source, table, options)))
        return signalPassFailure();
    }
    for (func::FuncOp source : llvm::reverse(sources))
      source.erase();
  }
};

} // namespace
