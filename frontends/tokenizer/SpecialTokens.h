//===- SpecialTokens.h - tokens that stand beside a vocabulary ----------------------------------------------------===//
//
// tokenizer_config.json, special_tokens_map.json and added_tokens.json name tokens, their flags and their roles; which
// file counts is decided as in transformers 5 (PreTrainedTokenizerBase._from_pretrained). Ids are given as the library
// `tokenizers` gives them, not as a file claims.
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

/// A text that is cut out before the model of the tokenizer sees the rest.
struct AddedToken {
  std::string text;
  bool singleWord = false, stripLeft = false, stripRight = false, special = false;
  std::optional<bool> normalized; // when a file says so; else special tokens are not

  bool isNormalized() const { return normalized.value_or(!special); }
  friend bool operator==(const AddedToken &, const AddedToken &) = default;
};

/// {"content": ..., "lstrip": ..., ...}; errors go to the object's status.
AddedToken readAddedToken(const JsonObject &from);

/// What the files say.
struct SpecialTokens {
  struct Token {
    AddedToken token;
    bool isText; // written as a string: only its text is known

    friend bool operator==(const Token &, const Token &) = default;
  };

  std::vector<AddedToken> listed;                   // with an id in some file, in the order of these ids
  std::vector<std::pair<std::string, Token>> named; // "bos_token" and so on, in the order of transformers
  std::vector<Token> extra;                         // extra_special_tokens, additional_special_tokens
  llvm::StringSet<> assumed;                        // texts in `named` that no file says
  bool splitsSpecial = false;                       // split_special_tokens: their texts are read as any other text
  std::optional<bool> addBos, addEos;               // transformers reads them only where there is no tokenizer.json
  std::optional<bool> addPrefixSpace;               // where the tokenizer_class reads it
  std::string tokenizerClass;                       // without "Fast"

  /// The text of a named token; empty when no file names one.
  std::string textOf(llvm::StringRef name) const;

  /// Names and texts, for a chat template.
  std::vector<std::pair<std::string, std::string>> texts() const;

  /// The tokens to add to a tokenizer that has some already, in the order in which new ones get their ids.
  std::vector<AddedToken> toAdd(llvm::function_ref<bool(llvm::StringRef)> isAdded) const;
};

/// `added`: the added_tokens of tokenizer.json, or null where there is no such file. `assumed`: standard names and
/// texts where no file says otherwise, if only null.
absl::StatusOr<SpecialTokens> readSpecialTokens(const HuggingFaceFiles &files, const llvm::json::Array *added,
                                                llvm::ArrayRef<std::pair<std::string, std::string>> assumed = {});

/// The added tokens of a tokenizer, which give ids to those that come.
class AddedVocabulary {
public:
  /// `find` says the id of a text in the vocabulary of the model itself, or -1; `size` counts its texts.
  AddedVocabulary(TokenizerModel &model, std::function<int64_t(llvm::StringRef)> find, size_t size)
      : model(model), find(std::move(find)), size(static_cast<int64_t>(size)) {}

  /// One call of `add_tokens`: a known text keeps its id and takes the new flags, the others get the next ids.
  absl::Status add(llvm::ArrayRef<AddedToken> tokens);
  bool has(llvm::StringRef text) const { return ids.contains(text); }
  /// Also in the vocabulary of the model; -1 for an unknown text.
  int64_t idOf(llvm::StringRef text) const;

private:
  TokenizerModel &model;
  std::function<int64_t(llvm::StringRef)> find;
  int64_t size, last = -1; // the largest id of an added token
  llvm::StringMap<uint32_t> ids;
  llvm::DenseMap<uint32_t, size_t> places; // in model.added
};

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_SPECIALTOKENS_H
