//===- UnreadTensors.h - tensors of a checkpoint that the architecture does not read ------------------------------===//
//
// A weight that is not read means that the model is another one: biases of Qwen2 under the model_type llama, norms of
// queries, more layers than the config counts. This is an error in a decoder layer, and in the modules of embedding,
// final norm and lm_head. Buffers that older writers stored, and tensors that transformers ignores, are no errors.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_UNREADTENSORS_H
#define LATHE_FRONTENDS_CONFIG_UNREADTENSORS_H

#include "absl/status/statusor.h"
#include "frontends/config/Config.h"
#include "frontends/config/Tensors.h"
#include <map>

namespace lathe {

/// Tensors that are left out and that the user is told of, in the order of the files.
struct UnreadTensors {
  std::map<int64_t, std::string> predictingLayers; // of multi-token prediction: number -> "model.layers.61"
  std::vector<const TensorInfo *> vision, audio;
  std::vector<const TensorInfo *> others; // neither of these nor of the decoder: value heads, training state
  int64_t ignored = 0;                    // number of tensors that the caller's patterns match
};

/// `ignore`: glob patterns of names of tensors to leave out whatever they are; each must match one that is not read.
/// `checkpoint` must have everything that the architecture reads (checkTensors).
absl::StatusOr<UnreadTensors> findUnreadTensors(const Model &model, const Config &config, const Checkpoint &checkpoint,
                                                llvm::ArrayRef<std::string> ignore);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_UNREADTENSORS_H
