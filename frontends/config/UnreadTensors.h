//===- UnreadTensors.h - what a checkpoint holds and the architecture does not read -------------------------------===//
//
// A weight that nobody reads makes another model: biases of Qwen2 under the model_type llama, norms of queries, layers
// beyond those that the config counts. Inside a decoder layer, and beside the embedding, the final norm and the head,
// that is an error. Not errors are buffers that older writers stored, and what transformers ignores.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_UNREADTENSORS_H
#define LATHE_FRONTENDS_CONFIG_UNREADTENSORS_H

#include "absl/status/statusor.h"
#include "frontends/config/Config.h"
#include "frontends/config/Tensors.h"
#include <map>

namespace lathe {

/// Tensors that are left out and that a user hears of, in the order of the files.
struct UnreadTensors {
  std::map<int64_t, std::string> predictingLayers; // that predict further tokens: number -> "model.layers.61"
  std::vector<const TensorInfo *> vision, audio;
  std::vector<const TensorInfo *> others; // of none of these, nor of the decoder: value heads, what training left
  int64_t ignored = 0;                    // that the caller's patterns name
};

/// `ignore` are glob patterns of names of tensors to leave out whatever they are; each must match one that is not read.
/// `checkpoint` has everything that the architecture reads (checkTensors).
absl::StatusOr<UnreadTensors> findUnreadTensors(const Model &model, const Config &config, const Checkpoint &checkpoint,
                                                llvm::ArrayRef<std::string> ignore);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_UNREADTENSORS_H
