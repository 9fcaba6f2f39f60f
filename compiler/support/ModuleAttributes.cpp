#include "compiler/support/ModuleAttributes.h"

using namespace lathe;
using namespace mlir;

FailureOr<int64_t> lathe::getModuleInteger(ModuleOp module, llvm::StringRef dictionary, llvm::StringRef key,
                                           int64_t min, int64_t max) {
  auto entries = module->getAttrOfType<DictionaryAttr>(dictionary);
  Attribute found = entries ? entries.get(key) : Attribute();
  auto number = llvm::dyn_cast_or_null<IntegerAttr>(found);
  if (number && number.getType().isSignlessInteger(64) && number.getInt() >= min && number.getInt() <= max)
    return number.getInt();
  auto error = module.emitError() << dictionary << "." << key << ": expected an integer from " << min << " to " << max
                                  << ", found ";
  return found ? error << found : error << "none";
}

llvm::StringRef lathe::getSymbolPrefix(ModuleOp module) {
  auto options = module->getAttrOfType<DictionaryAttr>("lm.options");
  auto prefix = options ? options.getAs<StringAttr>("symbol_prefix") : StringAttr();
  return prefix ? prefix.getValue() : "lathe";
}

FailureOr<int64_t> lathe::getPrefillRows(ModuleOp module, int64_t otherwise) {
  auto options = module->getAttrOfType<DictionaryAttr>("lm.options");
  if (options && options.contains("prefill_rows"))
    return getModuleInteger(module, "lm.options", "prefill_rows", 1, kMaxRows);
  if (otherwise >= 1 && otherwise <= kMaxRows)
    return otherwise;
  return module.emitError() << "expected from 1 to " << kMaxRows << " rows of one call, found " << otherwise;
}
