//===- LeftOut.h - parts of a model's files that are not compiled -------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_LEFTOUT_H
#define LATHE_FRONTENDS_CONFIG_LEFTOUT_H

#include "frontends/config/ModelSource.h"

namespace lathe {

/// Compares the files with what the architecture reads. Errors: a tensor of the decoder that it does not read, layers
/// that the config does not count (UnreadTensors.h). Returns lines for the user about everything else that a model
/// compiled for `context` positions leaves out: other modalities, layers of multi-token prediction, adapters, other
/// tensors. Without a checkpoint the parts that config.json describes. `ignoreTensors`: see ImportOptions.
absl::StatusOr<std::vector<std::string>> checkLeftOut(const ModelSource &source, int64_t context,
                                                      llvm::ArrayRef<std::string> ignoreTensors = {});

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_LEFTOUT_H
