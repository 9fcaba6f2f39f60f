//===- Section.h - the tokenizer section that a frontend returns --------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_SECTION_H
#define LATHE_FRONTENDS_TOKENIZER_SECTION_H

#include "absl/status/statusor.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lathe {

struct TokenizerModel;

struct TokenizerSection {
  std::string bytes;              // of the weights file (lrt/tokenizer.h); empty: the model has no tokenizer
  std::vector<std::string> notes; // lines for the user
};

/// A tokenizer as a frontend found it in the files.
struct FoundTokenizer {
  std::unique_ptr<TokenizerModel> model; // null: the files have none; without tokens: it cannot be read
  std::string missing;                   // the note if there are no tokens: the reason
  /// Ids that end generation, from other files; they replace the tokenizer's own unless empty.
  std::vector<int64_t> endTokens;
};

/// `vocabulary`: logits per row. A note names the tokens with larger ids.
absl::StatusOr<TokenizerSection> makeTokenizerSection(FoundTokenizer found, int64_t vocabulary);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_SECTION_H
