//===- Section.h - what a frontend hands on of a tokenizer --------------------------------------------------------===//

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
  std::string bytes;              // as the weights file holds it (lrt/tokenizer.h); empty when the model has none
  std::vector<std::string> notes; // what the user should know now, a line each
};

/// What a frontend found in the files.
struct FoundTokenizer {
  std::unique_ptr<TokenizerModel> model; // null: the files have none; without tokens: one that cannot be read
  std::string missing;                   // said where there are no tokens: why
  /// Ids that end generation, where other files know them better than the tokenizer's own; empty: its own count.
  std::vector<int64_t> endTokens;
};

/// `vocabulary`: logits of a row; tokens with larger ids are pointed out.
absl::StatusOr<TokenizerSection> makeTokenizerSection(FoundTokenizer found, int64_t vocabulary);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_SECTION_H
