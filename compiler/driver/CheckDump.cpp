#include "compiler/driver/CheckDump.h"
#include "compiler/codegen/Passes.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Program.h"
#include "compiler/support/Checksum.h"
#include "compiler/support/Errors.h"
#include "compiler/targets/Registry.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/ModuleAttributes.h"
#include "mlir/Pass/PassManager.h"

using namespace lathe;
using namespace mlir;

/// lm.options and lm.tuning, of which the verifier checks types only.
static absl::Status checkOptions(ModuleOp module) {
  if (auto entries = module->getAttrOfType<DictionaryAttr>(kOptionsAttr)) {
    if (auto names = entries.getAs<StringAttr>("decompose"))
      LATHE_RETURN_IF_ERROR(checkDecompose(*module.getContext(), "lm.options.decompose", names.getValue()));
    for (llvm::StringRef key : {"mcpu", "schedule_for"})
      if (auto name = entries.getAs<StringAttr>(key); name && !llvm::is_contained(knownCPUs(), name.getValue()))
        return absl::InvalidArgumentError("lm.options." + key.str() + ": expected the name of a CPU, got " +
                                          quoted(name.getValue()));
    if (auto tuning = entries.getAs<StringAttr>("tuning")) {
      LATHE_ASSIGN_OR_RETURN(const Target *target, targetOf(module));
      if (const std::string wrong = target->checkTuning(tuning.getValue()); !wrong.empty())
        return absl::InvalidArgumentError("lm.options.tuning: " + wrong);
    }
  }
  FirstError errors(*module.getContext());
  FailureOr<TargetInfo> info = describeTarget(module);
  if (failed(info))
    return errors.status("");
  auto found = module->getAttrOfType<lm::TargetAttr>(lm::kTargetAttr);
  if (!found || found == info->target)
    return absl::OkStatus();
  std::string text;
  llvm::raw_string_ostream(text) << "expected " << info->target << ", as " << kOptionsAttr << " and " << lm::kTuningAttr
                                 << " make it, found " << found << "; without " << lm::kTargetAttr
                                 << " it is described anew";
  return absl::InvalidArgumentError(lm::kTargetAttr.str() + ": " + text);
}

/// Verifies the schedule again, and computes its costs and lm.program again to compare them.
static absl::Status checkSchedule(ModuleOp module) {
  MLIRContext *context = module.getContext();
  FirstError errors(*context);
  PassManager verifier(context), counter(context);
  verifier.addPass(lm::createVerifySchedule());
  counter.addPass(lm::createPredictCost());
  counter.addPass(lm::createDescribeProgram());
  if (failed(verifier.run(module)))
    return errors.status("");
  const bool isCounted = module->hasAttr(kProgramAttr);
  OwningOpRef<ModuleOp> copy(isCounted ? module.clone() : ModuleOp());
  if (failed(counter.run(isCounted ? *copy : module)) || (isCounted && failed(verifyCounts(*copy, module))))
    return errors.status("");
  return absl::OkStatus();
}

/// From stage vector on, the code relies on numbers that no op has any more; lm.checksum covers them.
static absl::Status checkChecksum(ModuleOp module, llvm::StringRef dump) {
  auto recorded = module->getAttrOfType<StringAttr>(lm::kChecksumAttr);
  const std::string found = checksumOf(module);
  if (recorded && recorded.getValue() == found)
    return absl::OkStatus();
  return fileError(dump, lm::kChecksumAttr,
                   "expected " + llvm::Twine(found) +
                       " for these lm.model, lm.options, lm.target, lm.tuning, lm.program, weights and states, found " +
                       (recorded ? recorded.getValue() : "none") + "; they can be edited up to stage schedule");
}

absl::Status lathe::checkDecompose(MLIRContext &context, llvm::StringRef option, llvm::StringRef names) {
  if (names == "all")
    return absl::OkStatus();
  for (llvm::StringRef name : llvm::split(names, ',')) {
    auto op = RegisteredOperationName::lookup(name, &context);
    if (!op || !op->hasInterface<lm::AggregatedOpInterface>())
      return absl::InvalidArgumentError(option.str() + ": expected all or ops of lm, lm.attention,lm.qkv, got " +
                                        quoted(names));
  }
  return absl::OkStatus();
}

absl::Status lathe::checkDump(ModuleOp module, Stage from, llvm::StringRef dump) {
  const llvm::StringRef stage = getStageInfo(from).name;
  auto printed = module->getAttrOfType<StringAttr>(lm::kStageAttr);
  if (printed && printed.getValue() != stage)
    return fileError(dump, "expected what --emit " + stage + " printed, found stage " + printed.getValue());
  if (!module->hasAttr(lm::kModelAttr))
    return fileError(dump,
                     "expected a module that --emit " + stage + " printed, with an attribute lm.model; found none");
  {
    FirstError errors(*module.getContext());
    // The code of stage object is not in the module.
    if (failed(from == Stage::Object ? verifyAttributes(module, from) : verifyStage(module, from)))
      return errors.status("");
  }
  LATHE_RETURN_IF_ERROR(checkOptions(module));
  if (from >= Stage::Vector)
    return checkChecksum(module, dump);
  return from == Stage::Schedule ? checkSchedule(module) : absl::OkStatus();
}
