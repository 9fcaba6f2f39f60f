//===- Vocabularies.h - vocabularies without a tokenizer.json -----------------------------------------------------===//
//
// vocab.json with merges.txt, SentencePiece's tokenizer.model and tiktoken's ranks become what tokenizer.json would
// say. What such a file leaves open (patterns, normal forms, special tokens) is said by the class of transformers that
// AutoTokenizer would take.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_VOCABULARIES_H
#define LATHE_FRONTENDS_TOKENIZER_VOCABULARIES_H

#include "compiler/support/Json.h"
#include "frontends/tokenizer/HuggingFaceFiles.h"
#include <map>
#include <optional>

namespace lathe {

/// Classes of transformers, and Kimi's own. Backend is the one without rules of its own (TokenizersBackend).
enum class TokenizerClass { Backend, GPT2, Qwen2, Qwen35, GPTNeoX, Cohere, Llama, Gemma, Kimi };

struct Vocabulary {
  std::string path;             // of the file, for messages
  llvm::json::Object tokenizer; // what tokenizer.json would say
  // Those of a model whose merges are not in the file: as texts they could take a thousand times its size.
  std::vector<TokenizerModel::Merge> merges;
  bool hasRanksOfResults = false; // two merges into the same token have the same rank, as in tiktoken
  bool hasRawAdded = false;       // tokens with an id in tokenizer_config.json are found before a text is normalised
  bool hasPlainSpecial = false;   // special tokens lose the flags that files give them
  uint64_t ids = std::numeric_limits<uint64_t>::max(); // vocab_size of config.json
  // Names and texts of special tokens that the class has where no file says otherwise.
  std::vector<std::pair<std::string, std::string>> named;
};

/// The vocabulary of a directory without tokenizer.json; nothing when there is none of any kind. An error with the code
/// Unimplemented is about a file that is not damaged, but of a kind that Lathe does not read: the model can be compiled
/// all the same, and takes ids.
absl::StatusOr<std::optional<Vocabulary>> readVocabulary(const HuggingFaceFiles &files);

/// An error with the code Unimplemented.
absl::Status notRead(llvm::StringRef path, const llvm::Twine &message);

/// Path of a file of the directory.
std::string pathOf(const HuggingFaceFiles &files, llvm::StringRef name);

// The readers of each kind. `config` is tokenizer_config.json, an empty object where there is none.

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
