//===- TokenizerModel.h - a tokenizer, whatever file it came from -------------------------------------------------===//
//
// HuggingFace.cpp and Gguf.cpp fill it, Serialize.cpp writes it as runtime/include/lrt/tokenizer.h describes; flags and
// kinds are that header's.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_TOKENIZERMODEL_H
#define LATHE_FRONTENDS_TOKENIZER_TOKENIZERMODEL_H

#include "absl/status/statusor.h"
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
  struct Guard {
    uint32_t kind, trim; // LRT_GUARD_..., LRT_TOKENIZER_TRIM_CHAT_...
    std::string text;
  };
  std::vector<Guard> chatGuards; // texts of a user that the template treats otherwise
  bool isChatUndated = false;    // the template writes a date of its own, since the program gives it none
  std::string chatRefusal; // why there is none: shown when somebody asks to chat. Without the folders of this machine

  TokenizerModel() { byteIds.fill(-1); }
};

/// The tokenizer section of a weights file.
absl::StatusOr<std::vector<uint8_t>> serialize(const TokenizerModel &model);

/// The tokenizer of a Hugging Face directory: tokenizer.json with the special tokens and the chat template of the files
/// beside it, as transformers reads them (other files say more about ends: Config::endTokens). Null when the directory
/// has no tokenizer.
absl::StatusOr<std::unique_ptr<TokenizerModel>> readHuggingFaceTokenizer(llvm::StringRef directory);

/// The same from the contents of the files; an absent file is empty.
struct HuggingFaceFiles {
  std::string directory; // for messages
  std::string tokenizer, tokenizerConfig, specialTokensMap, addedTokens;
  std::string chatTemplate; // chat_template.jinja
  std::vector<std::pair<std::string, std::string>>
      moreTemplates;             // NAME and text of additional_chat_templates/NAME.jinja
  std::string processorTemplate; // chat_template.json

  // Read where there is no tokenizer.json.
  std::vector<std::string> names;                             // of all files, in the order of the alphabet
  std::string config, vocab, merges, sentencePiece, tikToken; // config.json, vocab.json, merges.txt, *.model
};
absl::StatusOr<std::unique_ptr<TokenizerModel>> readHuggingFaceTokenizer(const HuggingFaceFiles &files);

/// What a GGUF file says about its tokenizer, keys as in the file behind "tokenizer.ggml.". Ids are -1 and booleans
/// absent
/// (-1) where the file has no such key.
struct GgufTokenizer {
  std::string path; // for messages
  std::string model, pre;
  std::vector<std::string> tokens, merges;
  std::vector<float> scores;
  std::vector<int32_t> types;                                                 // token_type
  int64_t bos = -1, eos = -1, eot = -1, eom = -1, unknown = -1, padding = -1; // *_token_id
  int64_t fimPad = -1, fimRep = -1, fimSep = -1;                              // fim_*_token_id
  int addBos = -1, addEos = -1, addSpacePrefix = -1;
  bool hasMerges = false;
  std::string name;         // general.name
  std::string chatTemplate; // tokenizer.chat_template
};
absl::StatusOr<std::unique_ptr<TokenizerModel>> readGgufTokenizer(const GgufTokenizer &gguf);

/// Renders one user turn with a generation prompt. `named` are names and texts of special tokens: bos_token, ...
struct RenderedChat {
  std::string prefix, suffix;
  uint32_t trim = 0; // LRT_TOKENIZER_TRIM_CHAT_LEFT, LRT_TOKENIZER_TRIM_CHAT_RIGHT
  std::vector<TokenizerModel::Guard> guards;
  bool isUndated = false;
};
absl::StatusOr<RenderedChat> renderChat(llvm::StringRef path, llvm::StringRef chatTemplate,
                                        llvm::ArrayRef<std::pair<std::string, std::string>> named);

/// Oniguruma's syntax, as tokenizer.json has it, to PCRE2's; `unicode` is the version whose characters it means (16 for
/// `tokenizers`, 15 for llama.cpp). Errors say what is not understood.
absl::StatusOr<std::string> translatePattern(llvm::StringRef oniguruma, int unicode = 16);

/// Whether PCRE2 compiles it, as the runtime will.
absl::Status checkPattern(llvm::StringRef pcre2);

/// GPT-2's printable stand-ins back to bytes; false for a text with other characters.
bool decodeByteAlphabet(llvm::StringRef text, std::string &bytes);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_TOKENIZERMODEL_H
