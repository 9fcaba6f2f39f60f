#include "frontends/Describe.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/ModuleAttributes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace lathe;

SmallString<128> lathe::absolutePath(StringRef path) {
  SmallString<128> absolute(path);
  llvm::sys::fs::make_absolute(absolute);
  llvm::sys::path::remove_dots(absolute);
  return absolute;
}

/// The last component of the path; for a config.json the folder's name: "smollm2" for models/smollm2/config.json.
static std::string nameAfter(StringRef path) {
  SmallString<128> named(path);
  llvm::sys::path::remove_dots(named, /*remove_dot_dot=*/true);
  StringRef name = llvm::sys::path::filename(named);
  if (name == "config.json")
    name = llvm::sys::path::filename(llvm::sys::path::parent_path(named));
  return name.str();
}

void lathe::describeModel(ModuleOp module, const ModelDescription &model) {
  Builder b(module.getContext());
  SmallVector<NamedAttribute> entries;
  auto integer = [&](StringRef key, int64_t value) {
    entries.push_back({b.getStringAttr(key), b.getI64IntegerAttr(value)});
  };
  auto string = [&](StringRef key, StringRef value) {
    entries.push_back({b.getStringAttr(key), b.getStringAttr(value)});
  };
  const SmallString<128> path = absolutePath(model.path);
  string("path", path);
  string("name", model.name.empty() ? nameAfter(path) : model.name);
  string("architecture", model.architecture);
  integer("layers", model.layers);
  integer("hidden", model.hidden);
  integer("heads", model.heads);
  integer("vocabulary", model.vocabulary);
  integer("context", model.context);
  integer("parameters", model.parameters);
  if (model.activeParameters != model.parameters)
    integer("active_parameters", model.activeParameters);
  if (model.expertsPerToken)
    integer("experts_per_token", model.expertsPerToken);
  if (model.isBare)
    entries.push_back({b.getStringAttr("bare"), b.getUnitAttr()});
  module->setAttr(lm::kModelAttr, b.getDictionaryAttr(entries));
}

void lathe::describeSampling(ModuleOp module, const SamplingValues &values) {
  Builder b(module.getContext());
  const std::pair<StringRef, Attribute> entries[] = {
      {"origin", b.getStringAttr(values.origin)},
      {"temperature", b.getF64FloatAttr(values.temperature)},
      {"top_k", b.getI64IntegerAttr(values.topK)},
      {"top_p", b.getF64FloatAttr(values.topP)},
      {"min_p", b.getF64FloatAttr(values.minP)},
      {"repeat_penalty", b.getF64FloatAttr(values.repeatPenalty)},
      {"unfollowed", b.getStringAttr(llvm::join(values.unfollowed, ", "))}};
  SmallVector<NamedAttribute> attributes;
  for (auto &[key, value] : entries)
    attributes.push_back({b.getStringAttr(key), value});
  module->setAttr(lm::kSamplingAttr, b.getDictionaryAttr(attributes));
}

void lathe::describeFiles(ModuleOp module, llvm::ArrayRef<WeightsFile> files) {
  Builder b(module.getContext());
  SmallVector<NamedAttribute> entries;
  for (const WeightsFile &file : files) {
    const std::string hash = llvm::utohexstr(llvm::xxh3_64bits(file.header), /*LowerCase=*/true);
    entries.push_back(b.getNamedAttr(
        absolutePath(file.path), b.getDictionaryAttr({b.getNamedAttr("bytes", b.getI64IntegerAttr(int64_t(file.bytes))),
                                                      b.getNamedAttr("header", b.getStringAttr(hash))})));
  }
  module->setAttr(lm::kFilesAttr, b.getDictionaryAttr(entries));
}
