//===- GgufPatterns.h - patterns for the names of tokenizer.ggml.pre ----------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_GGUFPATTERNS_H
#define LATHE_FRONTENDS_TOKENIZER_GGUFPATTERNS_H

#include "absl/status/statusor.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace lathe {

struct GgufPattern {
  std::vector<std::string> patterns; // of PCRE2; each splits the words that the one before it made
  uint32_t flags = 0;                // LRT_TOKENIZER_...
  bool addsBos = false;              // default of tokenizer.ggml.add_bos_token
};

/// An error names the file and lists the known names.
absl::StatusOr<GgufPattern> findGgufPattern(llvm::StringRef path, llvm::StringRef name);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_GGUFPATTERNS_H
