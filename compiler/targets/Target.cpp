#include "compiler/targets/Target.h"
#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

llvm::SmallVector<llvm::StringRef> lathe::getGPUs(ModuleOp module) {
  auto options = module->getAttrOfType<DictionaryAttr>("lm.options");
  auto names = options ? options.getAs<StringAttr>("gpu") : StringAttr();
  llvm::SmallVector<llvm::StringRef> gpus;
  if (names)
    names.getValue().split(gpus, ',');
  return gpus;
}

std::string lathe::deviceCodeSymbol(ModuleOp module, llvm::StringRef gpu) {
  return (getSymbolPrefix(module) + "_code_" + gpu).str();
}
