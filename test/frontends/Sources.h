//===- Sources.h - opens models that have a config ----------------------------------------------------------------===//

#ifndef LATHE_TEST_FRONTENDS_SOURCES_H
#define LATHE_TEST_FRONTENDS_SOURCES_H

#include "compiler/support/Errors.h"
#include "frontends/Registry.h"
#include "frontends/config/ModelSource.h"
#include "frontends/gguf/Gguf.h"
#include "frontends/gguf/GgufFrontend.h"
#include "frontends/huggingface/HuggingFace.h"

namespace lathe::testing {

/// The ModelSource that the frontend for a path reads before the import.
inline absl::StatusOr<ModelSource> openModel(llvm::StringRef path) {
  LATHE_ASSIGN_OR_RETURN(const Frontend *frontend, findFrontend(path));
  if (frontend != &ggufFrontend())
    return openHuggingFace(path);
  LATHE_ASSIGN_OR_RETURN(std::shared_ptr<const Gguf> gguf, Gguf::open(path));
  return describeGguf(*gguf);
}

} // namespace lathe::testing

#endif // LATHE_TEST_FRONTENDS_SOURCES_H
