//===- Frontend.h - a path becomes a described model --------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_FRONTEND_H
#define LATHE_FRONTENDS_FRONTEND_H

#include "absl/status/statusor.h"
#include "frontends/config/Checkpoint.h"
#include "frontends/config/Config.h"
#include "frontends/config/Tensors.h"
#include "frontends/config/models/Model.h"
#include "frontends/gguf/Gguf.h"
#include <memory>
#include <string>

namespace lathe {

/// Everything a model's files say, weights excepted.
struct ModelSource {
  std::string path;      // as the user gave it
  std::string directory; // where its files lie
  Config config;
  const Model *model = nullptr;           // the architecture; lives for ever
  std::unique_ptr<Checkpoint> checkpoint; // null: a bare config
  std::shared_ptr<const Gguf> gguf;       // metadata (tokenizer.ggml.*) when the source is a GGUF, else null

  // Files beside config.json; empty when absent.
  std::string tokenizerJson;   // tokenizer.json
  std::string tokenizerConfig; // tokenizer_config.json
  std::string tokenizerModel;  // tokenizer.model
  std::string chatTemplate;    // chat_template.jinja

  absl::StatusOr<TensorBinding> bind(Slot slot, int64_t layer = 0) const {
    return bindTensor(*model, config, checkpoint.get(), slot, layer);
  }
};

/// A Hugging Face directory with weights, a config.json alone or a .gguf file. With a checkpoint every tensor the
/// architecture needs has been found and checked. A config.json named as a file is bare, whatever lies beside it.
absl::StatusOr<ModelSource> openModel(llvm::StringRef path);

/// Compares the files with what the architecture reads. A tensor of the decoder that it does not read is an error, so
/// are layers that the config does not count (UnreadTensors.h). Lines for the user tell what else is left out, of a
/// model with this context: other modalities, layers that predict further tokens, adapters, any other tensor. Without a
/// checkpoint what config.json describes counts. `ignoreTensors` are patterns of names to leave out all the same.
absl::StatusOr<std::vector<std::string>> checkLeftOut(const ModelSource &source, int64_t context,
                                                      llvm::ArrayRef<std::string> ignoreTensors = {});

} // namespace lathe

#endif // LATHE_FRONTENDS_FRONTEND_H
