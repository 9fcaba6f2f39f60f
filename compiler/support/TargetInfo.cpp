#include "compiler/support/TargetInfo.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/ModuleAttributes.h"

using namespace lathe;
using namespace mlir;

FailureOr<TargetInfo> lathe::describeTarget(ModuleOp module) {
  auto *dialect = module.getContext()->getOrLoadDialect<lm::LMDialect>();
  if (auto *describer = dialect->getRegisteredInterface<TargetDescriber>())
    return describer->describe(module);
  return module.emitError() << "expected " << lm::kTargetAttr << ", or a tool that describes targets; found none";
}

FailureOr<lm::TargetAttr> lathe::getTarget(ModuleOp module) {
  if (auto target = module->getAttrOfType<lm::TargetAttr>(lm::kTargetAttr))
    return target;
  FailureOr<TargetInfo> info = describeTarget(module);
  if (failed(info))
    return failure();
  return info->target;
}
