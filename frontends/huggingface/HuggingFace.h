//===- HuggingFace.h - reads directories that transformers writes -------------------------------------------------===//

#ifndef LATHE_FRONTENDS_HUGGINGFACE_HUGGINGFACE_H
#define LATHE_FRONTENDS_HUGGINGFACE_HUGGINGFACE_H

#include "absl/status/statusor.h"
#include "frontends/config/ModelSource.h"
#include "frontends/config/models/Model.h"

namespace lathe {

/// Reads config.json from its `text`, and sets `model` to the architecture. `path` is for messages.
absl::StatusOr<Config> readConfig(llvm::StringRef path, llvm::StringRef text, const Model *&model);

/// A directory with config.json and weights, or the path of a config.json. With the latter no weights are read, even if
/// there are some in the same directory.
absl::StatusOr<ModelSource> openHuggingFace(llvm::StringRef path);

} // namespace lathe

#endif // LATHE_FRONTENDS_HUGGINGFACE_HUGGINGFACE_H
