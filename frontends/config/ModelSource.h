//===- ModelSource.h - a model with a config ----------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_MODELSOURCE_H
#define LATHE_FRONTENDS_CONFIG_MODELSOURCE_H

#include "frontends/config/Checkpoint.h"
#include "frontends/config/Config.h"
#include "frontends/config/Tensors.h"

namespace lathe {

/// A model as its files describe it, and its weights. With a checkpoint, every tensor that the architecture needs has
/// been found and checked.
struct ModelSource {
  std::string path;      // as the user gave it
  std::string directory; // of its files
  std::string name;      // of the model, for programs; empty: from the path
  Config config;
  const Model *model = nullptr;           // the architecture, a constant
  std::unique_ptr<Checkpoint> checkpoint; // null: a config without weights

  absl::StatusOr<TensorBinding> bind(Slot slot, int64_t layer = 0) const {
    return bindTensor(*model, config, checkpoint.get(), slot, layer);
  }
};

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_MODELSOURCE_H
