//===- GenerationConfig.h - reads generation_config.json ----------------------------------------------------------===//
//
// Any frontend may use it: the file is found in directories of safetensors and next to ONNX models.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_GENERATIONCONFIG_H
#define LATHE_FRONTENDS_GENERATIONCONFIG_H

#include "absl/status/statusor.h"
#include "frontends/Describe.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <vector>

namespace lathe {

struct GenerationConfig {
  std::vector<int64_t> endTokens;         // sorted; empty: the file has none
  std::optional<SamplingValues> sampling; // none: the file has no sampling settings
};

/// Reads generation_config.json from its `text`. `path` is for messages; its file name is SamplingValues::origin.
absl::StatusOr<GenerationConfig> readGenerationConfig(llvm::StringRef path, llvm::StringRef text);

/// Reads the same sampling keys of config.json, where transformers looks if there is no generation_config.json.
absl::StatusOr<std::optional<SamplingValues>> readSampling(llvm::StringRef path, llvm::StringRef text);

} // namespace lathe

#endif // LATHE_FRONTENDS_GENERATIONCONFIG_H
