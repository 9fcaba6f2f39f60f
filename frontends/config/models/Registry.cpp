#include "frontends/config/models/Model.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace lathe;

static const NamedModel named[] = {
#define LATHE_MODEL(name) {#name, &models::name},
#include "frontends/config/models/Models.inc"
#undef LATHE_MODEL
};

llvm::ArrayRef<NamedModel> lathe::allModels() { return named; }

llvm::SmallVector<llvm::StringRef, 4> lathe::namesIn(const char *const (&list)[4]) {
  llvm::SmallVector<llvm::StringRef, 4> out;
  for (const char *name : list)
    if (name)
      out.push_back(name);
  return out;
}

const Model *lathe::findModelType(llvm::StringRef modelType, bool &isWrapper) {
  for (const NamedModel &entry : named) {
    isWrapper = llvm::is_contained(namesIn(entry.model->huggingFace.wrapperTypes), modelType);
    if (isWrapper || llvm::is_contained(namesIn(entry.model->huggingFace.modelTypes), modelType))
      return entry.model;
  }
  return nullptr;
}

const Model *lathe::findClass(llvm::ArrayRef<std::string> architectures) {
  for (const NamedModel &entry : named)
    if (entry.model->huggingFace.className && llvm::is_contained(architectures, entry.model->huggingFace.className))
      return entry.model;
  return nullptr;
}

const Model *lathe::findGgufArchitecture(llvm::StringRef architecture, Scoring scoring) {
  const Model *found = nullptr;
  for (const NamedModel &entry : named)
    if (llvm::is_contained(namesIn(entry.model->gguf.architectures), architecture) &&
        (!found || entry.model->experts.scoring == scoring))
      found = entry.model;
  return found;
}

static std::vector<llvm::StringRef> sorted(std::vector<llvm::StringRef> names) {
  llvm::sort(names);
  names.erase(llvm::unique(names), names.end());
  return names;
}

std::vector<llvm::StringRef> lathe::knownModelTypes() {
  std::vector<llvm::StringRef> names;
  for (const NamedModel &entry : named) {
    llvm::append_range(names, namesIn(entry.model->huggingFace.modelTypes));
    llvm::append_range(names, namesIn(entry.model->huggingFace.wrapperTypes));
  }
  return sorted(std::move(names));
}

std::vector<llvm::StringRef> lathe::knownGgufArchitectures() {
  std::vector<llvm::StringRef> names;
  for (const NamedModel &entry : named)
    llvm::append_range(names, namesIn(entry.model->gguf.architectures));
  return sorted(std::move(names));
}
