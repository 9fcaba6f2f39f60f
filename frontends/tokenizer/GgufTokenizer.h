//===- GgufTokenizer.h - the tokenizer of a GGUF file -------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_GGUFTOKENIZER_H
#define LATHE_FRONTENDS_TOKENIZER_GGUFTOKENIZER_H

#include "frontends/tokenizer/TokenizerModel.h"

namespace lathe {

/// The tokenizer keys of a GGUF file: members have the names of the keys tokenizer.ggml.*. Ids and booleans are -1 if
/// the file does not have the key.
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

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_GGUFTOKENIZER_H
