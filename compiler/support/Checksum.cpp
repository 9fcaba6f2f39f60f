#include "compiler/support/Checksum.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/ModuleAttributes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace lathe;
using namespace mlir;

std::string lathe::hashOf(llvm::StringRef bytes) {
  return llvm::utohexstr(llvm::xxh3_64bits(bytes), /*LowerCase=*/true);
}

std::string lathe::checksumOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto add = [&](llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> ignored = {}) {
    NamedAttrList entries(module->getAttrOfType<DictionaryAttr>(name));
    for (llvm::StringRef key : ignored)
      entries.erase(key);
    stream << name << entries.getDictionary(module.getContext()) << '\n';
  };
  // The tokenizer and the files have comparisons of their own (compiler/driver/CheckDump.cpp).
  add(lm::kModelAttr, {"name", "path", "tokenizer"});
  add("lm.options", {"threads", "embed_weights"});
  add("lm.program");
  add(lm::kTuningAttr);
  if (Attribute target = module->getAttr(lm::kTargetAttr))
    stream << lm::kTargetAttr << target << '\n';
  for (Operation &op : *module.getBody()) {
    if (auto weight = dyn_cast<lm::WeightOp>(op))
      stream << weight.getSymName() << weight.getType() << weight.getOffsetAttr() << '\n';
    if (auto state = dyn_cast<lm::StateOp>(op))
      stream << state.getSymName() << state.getType() << state.getSharesAttr() << state.getOffsetAttr() << '\n';
  }
  return hashOf(text);
}
