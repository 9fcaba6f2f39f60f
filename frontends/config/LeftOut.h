//===- LeftOut.h - what a model's files hold beside the language model --------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_LEFTOUT_H
#define LATHE_FRONTENDS_CONFIG_LEFTOUT_H

#include "frontends/config/ModelSource.h"

namespace lathe {

/// Compares the files with what the architecture reads. A tensor of the decoder that it does not read is an error, so
/// are layers that the config does not count (UnreadTensors.h). Lines for the user tell what else is left out, of a
/// model with this context: other modalities, layers that predict further tokens, adapters, any other tensor. Without a
/// checkpoint what config.json describes counts. `ignoreTensors` are patterns of names to leave out all the same.
absl::StatusOr<std::vector<std::string>> checkLeftOut(const ModelSource &source, int64_t context,
                                                      llvm::ArrayRef<std::string> ignoreTensors = {});

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_LEFTOUT_H
