//===- ModelSource.h - a model by its config ----------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_MODELSOURCE_H
#define LATHE_FRONTENDS_CONFIG_MODELSOURCE_H

#include "frontends/config/Checkpoint.h"
#include "frontends/config/Config.h"
#include "frontends/config/Tensors.h"

namespace lathe {

/// What a source's files say of a model, and where its weights lie. With a checkpoint every tensor that the
/// architecture needs has been found and checked.
struct ModelSource {
  std::string path;      // as the user gave it
  std::string directory; // where its files lie
  std::string name;      // what programs call the model; empty: after the path
  Config config;
  const Model *model = nullptr;           // the architecture; lives for ever
  std::unique_ptr<Checkpoint> checkpoint; // null: a bare config

  absl::StatusOr<TensorBinding> bind(Slot slot, int64_t layer = 0) const {
    return bindTensor(*model, config, checkpoint.get(), slot, layer);
  }
};

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_MODELSOURCE_H
