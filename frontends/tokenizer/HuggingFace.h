//===- HuggingFace.h - what the readers of tokenizer.json share ---------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_HUGGINGFACE_H
#define LATHE_FRONTENDS_TOKENIZER_HUGGINGFACE_H

#include "compiler/support/Json.h"
#include "frontends/tokenizer/SpecialTokens.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace lathe {

/// Appends the steps of a `normalizer` or `pre_tokenizer`; errors go to the object's status.
void readNormalizer(const JsonObject &from, TokenizerModel &model);
void readSplitter(const JsonObject &from, TokenizerModel &model);

/// The text as a pattern that matches it.
std::string escapePattern(llvm::StringRef text);

/// Calls `read` for every element of an array of objects; anything else is an error.
void forEachObject(const JsonObject &from, llvm::StringRef key, llvm::function_ref<void(const JsonObject &)> read);

/// An object in the contents of a file.
absl::StatusOr<llvm::json::Value> parseJsonObject(llvm::StringRef path, llvm::StringRef text);

/// What comes after the vocabulary, whatever file that was in: the end and the beginning that `special` names, and the
/// chat template.
absl::Status finishTokenizer(const HuggingFaceFiles &files, const SpecialTokens &special,
                             const AddedVocabulary &vocabulary, TokenizerModel &model);

/// Keeps the rendered chat, or why there is none.
void setChat(TokenizerModel &model, const absl::StatusOr<RenderedChat> &chat);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_HUGGINGFACE_H
