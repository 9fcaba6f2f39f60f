//===- HuggingFace.h - directories as transformers writes them ----------------------------------------------------===//

#ifndef LATHE_FRONTENDS_HUGGINGFACE_HUGGINGFACE_H
#define LATHE_FRONTENDS_HUGGINGFACE_HUGGINGFACE_H

#include "absl/status/statusor.h"
#include "frontends/config/ModelSource.h"
#include "frontends/config/models/Model.h"

namespace lathe {

/// config.json's `text` -> config; `model` is set to the architecture. `path` is used in messages only.
absl::StatusOr<Config> readConfig(llvm::StringRef path, llvm::StringRef text, const Model *&model);

/// generation_config.json's `text` -> end ids and sampling values of `config`.
absl::Status readGenerationConfig(llvm::StringRef path, llvm::StringRef text, Config &config);

/// The sampling values alone of config.json's `text`: where transformers looks when there is no generation_config.json.
absl::Status readSampling(llvm::StringRef path, llvm::StringRef text, Config &config);

/// A directory with config.json, or a config.json named as a file (then without weights).
/// A config.json named as a file is bare, whatever lies beside it.
absl::StatusOr<ModelSource> openHuggingFace(llvm::StringRef path);

} // namespace lathe

#endif // LATHE_FRONTENDS_HUGGINGFACE_HUGGINGFACE_H
