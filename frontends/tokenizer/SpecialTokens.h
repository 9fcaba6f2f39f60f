//===- SpecialTokens.h - special and added tokens of a tokenizer --------------------------------------------------===//
//
// tokenizer_config.json, special_tokens_map.json and added_tokens.json name tokens, their flags and their roles. Which
// file is used is decided as in transformers 5 (PreTrainedTokenizerBase._from_pretrained). Tokens get the ids that the
// library `tokenizers` gives them; those in the files only give an order.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_SPECIALTOKENS_H
#define LATHE_FRONTENDS_TOKENIZER_SPECIALTOKENS_H

#include "compiler/support/Json.h"
#include "frontends/tokenizer/HuggingFaceFiles.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringSet.h"
#include <functional>

namespace lathe {

/// A text that becomes one token before the rest of the input is tokenized.
struct AddedToken {
  std::string text;
  bool singleWord = false, stripLeft = false, stripRight = false, special = false;
  std::optional<bool> normalized; // none: no file has it; the default is true, but false for special tokens

  bool isNormalized() const { return normalized.value_or(!special); }
  friend bool operator==(const AddedToken &, const AddedToken &) = default;
};

/// Reads {"content": ..., "lstrip": ..., ...}. Errors are left in the status of `from`.
AddedToken readAddedToken(const JsonObject &from);

/// The special and added tokens in the files.
struct SpecialTokens {
  struct Token {
    AddedToken token;
    bool isText; // a string in the file: it has no flags

    friend bool operator==(const Token &, const Token &) = default;
  };

  std::vector<AddedToken> listed;                   // tokens with an id in a file, in the order of these ids
  std::vector<std::pair<std::string, Token>> named; // "bos_token" and so on, in the order of transformers
  std::vector<Token> extra;                         // extra_special_tokens, additional_special_tokens
  llvm::StringSet<> assumed;                        // texts in `named` that are defaults of the class
  bool splitsSpecial = false;                       // split_special_tokens: special tokens are tokenized as text
  std::optional<bool> addBos, addEos;               // transformers uses them only without a tokenizer.json
  std::optional<bool> addPrefixSpace;               // set if the tokenizer_class reads it
  std::string tokenizerClass;                       // without "Fast"

  /// The text of a named token; empty if there is none.
  std::string textOf(llvm::StringRef name) const;

  /// Names and texts, for a chat template.
  std::vector<std::pair<std::string, std::string>> texts() const;

  /// The tokens to add to a tokenizer, in the order in which new ones get ids. `isAdded`: the tokenizer has it already.
  std::vector<AddedToken> toAdd(llvm::function_ref<bool(llvm::StringRef)> isAdded) const;
};

/// `added`: the added_tokens of tokenizer.json; null if there is no such file. `assumed`: the class's defaults,
/// standard names and texts. A file replaces or, with null, removes them.
absl::StatusOr<SpecialTokens> readSpecialTokens(const HuggingFaceFiles &files, const llvm::json::Array *added,
                                                llvm::ArrayRef<std::pair<std::string, std::string>> assumed = {});

/// The added tokens of a tokenizer. Gives ids to new ones.
class AddedVocabulary {
public:
  /// `find` returns the id of a text in the model's own vocabulary, or -1. `size`: texts in that vocabulary.
  AddedVocabulary(TokenizerModel &model, std::function<int64_t(llvm::StringRef)> find, size_t size)
      : model(model), find(std::move(find)), size(static_cast<int64_t>(size)) {}

  /// One call of `add_tokens`: a known text keeps its id and gets the new flags, other texts get the next ids.
  absl::Status add(llvm::ArrayRef<AddedToken> tokens);
  bool has(llvm::StringRef text) const { return ids.contains(text); }
  /// The id of an added token or of a text in the model's vocabulary; -1 for an unknown text.
  int64_t idOf(llvm::StringRef text) const;

private:
  TokenizerModel &model;
  std::function<int64_t(llvm::StringRef)> find;
  int64_t size, last = -1; // the largest id of an added token
  llvm::StringMap<uint32_t> ids;
  llvm::DenseMap<uint32_t, size_t> indices; // in model.added
};

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_SPECIALTOKENS_H
