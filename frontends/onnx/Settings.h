//===- Settings.h - what files beside a graph say about it --------------------------------------------------------===//
//
// The graph alone says what is computed. genai_config.json and config.json give its name, the context, end ids and
// sampling.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_SETTINGS_H
#define LATHE_FRONTENDS_ONNX_SETTINGS_H

#include "absl/status/statusor.h"
#include "frontends/Describe.h"
#include "frontends/tokenizer/Section.h"
#include <optional>

namespace lathe::onnx {

struct Settings {
  std::string architecture = "onnx";
  int64_t context = 8192; // positions; the default of a graph without any file beside it
  std::vector<int64_t> endTokens;
  std::optional<SamplingValues> sampling;
};

/// Files that are absent say nothing. Errors name the file and the key.
absl::StatusOr<Settings> readSettings(llvm::StringRef directory);

/// `model.decoder.filename` of the directory's genai_config.json; empty: there is none.
std::string decoderNamedIn(llvm::StringRef directory);

/// The tokenizer in the directory of `model`; without one, the program takes ids.
absl::StatusOr<TokenizerSection> readTokenizer(llvm::StringRef model, llvm::StringRef directory,
                                               const Settings &settings, int64_t vocabulary);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_SETTINGS_H
