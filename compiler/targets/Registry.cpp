#include "compiler/targets/Registry.h"
#include "compiler/support/Errors.h"
#include "compiler/targets/cpu/CPUTarget.h"
#include "compiler/targets/cuda/CUDATarget.h"
#include "dialects/lm/LMDialect.h"

using namespace lathe;
using namespace mlir;

static std::vector<std::unique_ptr<Target>> &targets() {
  static std::vector<std::unique_ptr<Target>> all = [] {
    std::vector<std::unique_ptr<Target>> all;
    all.push_back(createCPUTarget());
    all.push_back(createCUDATarget());
    return all;
  }();
  return all;
}

llvm::ArrayRef<std::unique_ptr<Target>> lathe::allTargets() { return targets(); }

void lathe::addTarget(std::unique_ptr<Target> target) { targets().push_back(std::move(target)); }

absl::StatusOr<const Target *> lathe::findTarget(llvm::StringRef option, llvm::StringRef name) {
  std::vector<llvm::StringRef> names;
  for (const std::unique_ptr<Target> &target : targets()) {
    if (target->getName() == name)
      return target.get();
    names.push_back(target->getName());
  }
  return absl::InvalidArgumentError(option.str() + ": " + expectedOneOf(names, name));
}

absl::StatusOr<const Target *> lathe::targetOf(ModuleOp module) {
  auto options = module->getAttrOfType<DictionaryAttr>("lm.options");
  auto name = options ? options.getAs<StringAttr>("target") : StringAttr();
  if (!name)
    return targets().front().get();
  return findTarget("lm.options.target", name.getValue());
}

namespace {
struct Describer : TargetDescriber {
  using TargetDescriber::TargetDescriber;

  FailureOr<TargetInfo> describe(ModuleOp module) const override {
    absl::StatusOr<const Target *> target = targetOf(module);
    if (!target.ok())
      return module.emitError() << std::string(target.status().message());
    return (*target)->describe(module);
  }
};
} // namespace

void lathe::registerTargetDescriber(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *, lm::LMDialect *dialect) { dialect->addInterfaces<Describer>(); });
}
