//===- Vocabularies.h - reads vocabularies without a tokenizer.json -----------------------------------------------===//
//
// vocab.json with merges.txt, SentencePiece's tokenizer.model and tiktoken's ranks are converted to the form of
// tokenizer.json. Settings that such a file does not have (patterns, normal forms, special tokens) are those of the
// class that AutoTokenizer of transformers would choose.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_VOCABULARIES_H
#define LATHE_FRONTENDS_TOKENIZER_VOCABULARIES_H

#include "compiler/support/Json.h"
#include "frontends/tokenizer/HuggingFaceFiles.h"
#include <map>
#include <optional>

namespace lathe {

/// Tokenizer classes of transformers, and Kimi's. Backend (TokenizersBackend) has no settings of its own.
enum class TokenizerClass { Backend, GPT2, Qwen2, Qwen35, GPTNeoX, Cohere, Llama, Gemma, Kimi };

struct Vocabulary {
  std::string path;             // of the file, for messages
  llvm::json::Object tokenizer; // in the form of tokenizer.json
  // Merges that follow from the tokens of the file. Not in `tokenizer`: as texts they could have a thousand times the
  // size of the file.
  std::vector<TokenizerModel::Merge> merges;
  bool hasRanksOfResults = false; // merges into the same token have the same rank, as in tiktoken
  bool hasRawAdded = false;       // tokens with an id in tokenizer_config.json are found before a text is normalised
  bool hasPlainSpecial = false;   // flags of special tokens in files are ignored
  uint64_t ids = std::numeric_limits<uint64_t>::max(); // vocab_size of config.json
  // Names and texts of the class's special tokens, if no file has others.
  std::vector<std::pair<std::string, std::string>> named;
};

/// The vocabulary of a directory without tokenizer.json; none if there is no vocabulary file. An Unimplemented error
/// means that the file is of a kind that Lathe does not support: the model can be compiled, but takes only ids.
absl::StatusOr<std::optional<Vocabulary>> readVocabulary(const HuggingFaceFiles &files);

/// An Unimplemented error.
absl::Status notRead(llvm::StringRef path, const llvm::Twine &message);

/// The path of a file in the directory.
std::string pathOf(const HuggingFaceFiles &files, llvm::StringRef name);

// The readers of each kind. `config`: tokenizer_config.json; an empty object if there is no such file.

absl::StatusOr<Vocabulary> readByteLevel(const HuggingFaceFiles &files, TokenizerClass kind, const JsonObject &config);
absl::StatusOr<Vocabulary> readSentencePiece(const HuggingFaceFiles &files, TokenizerClass kind,
                                             const JsonObject &config);
/// `text` are the contents of the file `name`.
absl::StatusOr<Vocabulary> readTikToken(const HuggingFaceFiles &files, llvm::StringRef name, llvm::StringRef text,
                                        TokenizerClass kind, const JsonObject &config);

/// Whether the first line is a token in base64 and its rank.
bool isTikToken(llvm::StringRef text);

/// added_tokens_decoder: texts by id.
std::map<int64_t, std::string> readAddedNames(const JsonObject &config);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_VOCABULARIES_H
