//===- TokenizerModel.h - a tokenizer, independent of its file ----------------------------------------------------===//
//
// HuggingFaceFiles.h and GgufTokenizer.h read it. Serialize.cpp writes it in the form of
// runtime/include/lrt/tokenizer.h, which defines the flags and kinds.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_TOKENIZERMODEL_H
#define LATHE_FRONTENDS_TOKENIZER_TOKENIZERMODEL_H

#include "absl/status/statusor.h"
#include "frontends/chat/ChatTemplate.h"
#include "lrt/tokenizer.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <array>
#include <memory>
#include <string>
#include <vector>

namespace lathe {

struct TokenizerModel {
  struct Token {
    std::string piece;    // its bytes in a generated text
    double score = 0;     // not used by BPE
    bool special = false; // not shown in a generated text
  };
  struct Entry {
    std::string text; // the key of the vocabulary: bytes with LRT_TOKENIZER_BYTES, else characters (U+2581 for a space)
    uint32_t symbol;  // an id; from tokens.size() on: an intermediate result of merges that is not a token
  };
  struct Merge {
    uint32_t left, right, result; // symbols
  };
  struct Added {
    std::string text;
    uint32_t id, flags;
  };
  struct Step {
    uint32_t kind, mode = 0;
    std::string a, b;
  };

  std::string path; // of the file, for messages
  uint32_t model = LRT_TOKENIZER_BPE;
  uint32_t flags = 0;
  std::vector<Token> tokens; // by id; unused ids are empty
  std::vector<Entry> entries;
  std::vector<Merge> merges;      // in the order of ranks
  bool hasRanksOfResults = false; // merges into the same token have the same rank; they follow one another
  std::array<int32_t, 256> byteIds;
  std::vector<Added> added;
  std::vector<Step> normalizers, splitters;
  std::vector<uint32_t> prefixIds, suffixIds, endIds;
  int32_t unknown = -1, bos = -1;

  // One user turn of the chat template. hasChat is false if there is no template or it is not supported.
  bool hasChat = false;
  bool isChatRefused = false; // there is a template, but it is not supported
  std::string chatPrefix, chatSuffix;
  std::vector<ChatGuard> chatGuards;
  bool isChatUndated = false; // the template asks for the date, and gets none
  std::string chatRefusal;    // the reason why there is no chat, shown by --chat; without directories

  TokenizerModel() { byteIds.fill(-1); }
};

/// The tokenizer section of a weights file.
absl::StatusOr<std::vector<uint8_t>> serialize(const TokenizerModel &model);

/// Translates a pattern from Oniguruma's syntax (tokenizer.json) to PCRE2's. `unicode`: the version of the categories,
/// 16 for `tokenizers`, 15 for llama.cpp. Error: the syntax that is not supported.
absl::StatusOr<std::string> translatePattern(llvm::StringRef oniguruma, int unicode = 16);

/// Checks that PCRE2 compiles the pattern with the options that the runtime uses.
absl::Status checkPattern(llvm::StringRef pcre2);

/// Decodes GPT-2's printable characters to bytes; false if the text has other characters.
bool decodeByteAlphabet(llvm::StringRef text, std::string &bytes);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_TOKENIZERMODEL_H
