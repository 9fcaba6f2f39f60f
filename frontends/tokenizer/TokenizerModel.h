//===- TokenizerModel.h - a tokenizer, whatever file it came from -------------------------------------------------===//
//
// HuggingFaceFiles.h and GgufTokenizer.h say how it is filled, Serialize.cpp writes it as
// runtime/include/lrt/tokenizer.h describes; flags and kinds are that header's.
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
    std::string piece;    // the bytes it stands for
    double score = 0;     // not for BPE
    bool special = false; // not shown when text is generated
  };
  struct Entry {
    std::string text; // what the model looks up: bytes when flags have LRT_TOKENIZER_BYTES, else text with its U+2581
    uint32_t symbol;  // an id, or a number from tokens.size() on for texts that only exist between two merges
  };
  struct Merge {
    uint32_t left, right, result; // symbols; in the order of rank
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
  std::vector<Token> tokens; // by id; ids nobody uses are empty
  std::vector<Entry> entries;
  std::vector<Merge> merges;
  bool hasRanksOfResults = false; // merges into the same token have the same rank; they lie one behind the other
  std::array<int32_t, 256> byteIds;
  std::vector<Added> added;
  std::vector<Step> normalizers, splitters;
  std::vector<uint32_t> prefixIds, suffixIds, endIds;
  int32_t unknown = -1, bos = -1;

  // One user turn of the model's chat template; hasChat is false when there is none, or none that is known here.
  bool hasChat = false;
  bool isChatRefused = false; // there is a template that is not understood
  std::string chatPrefix, chatSuffix;
  std::vector<ChatGuard> chatGuards; // texts of a user that the template treats otherwise
  bool isChatUndated = false;        // the template writes a date of its own, since the program gives it none
  std::string chatRefusal; // why there is none: shown when somebody asks to chat. Without the folders of this machine

  TokenizerModel() { byteIds.fill(-1); }
};

/// The tokenizer section of a weights file.
absl::StatusOr<std::vector<uint8_t>> serialize(const TokenizerModel &model);

/// Oniguruma's syntax, as tokenizer.json has it, to PCRE2's; `unicode` is the version whose characters it means (16 for
/// `tokenizers`, 15 for llama.cpp). Errors say what is not understood.
absl::StatusOr<std::string> translatePattern(llvm::StringRef oniguruma, int unicode = 16);

/// Whether PCRE2 compiles it, as the runtime will.
absl::Status checkPattern(llvm::StringRef pcre2);

/// GPT-2's printable stand-ins back to bytes; false for a text with other characters.
bool decodeByteAlphabet(llvm::StringRef text, std::string &bytes);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_TOKENIZERMODEL_H
