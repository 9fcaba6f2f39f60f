//===- HuggingFaceFiles.h - reads the tokenizer of a directory that transformers writes ---------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_HUGGINGFACEFILES_H
#define LATHE_FRONTENDS_TOKENIZER_HUGGINGFACEFILES_H

#include "frontends/tokenizer/TokenizerModel.h"

namespace lathe {

/// The tokenizer of a Hugging Face directory, as transformers reads it: tokenizer.json, and special tokens and the chat
/// template from other files (not the end ids of config.json and generation_config.json: Config::endTokens). Null if
/// the directory has no tokenizer.
absl::StatusOr<std::unique_ptr<TokenizerModel>> readHuggingFaceTokenizer(llvm::StringRef directory);

/// The same from the contents of the files; an absent file is empty.
struct HuggingFaceFiles {
  std::string directory; // for messages
  std::string tokenizer, tokenizerConfig, specialTokensMap, addedTokens;
  std::string chatTemplate; // chat_template.jinja
  std::vector<std::pair<std::string, std::string>>
      moreTemplates;             // NAME and text of additional_chat_templates/NAME.jinja
  std::string processorTemplate; // chat_template.json

  // Read only if there is no tokenizer.json.
  std::vector<std::string> names;                             // of all files, sorted
  std::string config, vocab, merges, sentencePiece, tikToken; // config.json, vocab.json, merges.txt, *.model
};
absl::StatusOr<std::unique_ptr<TokenizerModel>> readHuggingFaceTokenizer(const HuggingFaceFiles &files);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_HUGGINGFACEFILES_H
