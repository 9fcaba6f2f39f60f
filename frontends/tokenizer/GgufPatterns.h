//===- GgufPatterns.h - what the names in tokenizer.ggml.pre mean -------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_GGUFPATTERNS_H
#define LATHE_FRONTENDS_TOKENIZER_GGUFPATTERNS_H

#include "absl/status/statusor.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace lathe {

struct GgufPattern {
  std::vector<std::string> patterns; // PCRE2's; one after the other, each on the words the one before left
  uint32_t flags = 0;                // LRT_TOKENIZER_...
  bool addsBos = false;              // unless the file says otherwise
};

/// Errors name the file and list the names that are known.
absl::StatusOr<GgufPattern> findGgufPattern(llvm::StringRef path, llvm::StringRef name);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_GGUFPATTERNS_H
