//===- HuggingFace.h - shared by the readers of tokenizer.json ----------------------------------------------------===//

#ifndef LATHE_FRONTENDS_TOKENIZER_HUGGINGFACE_H
#define LATHE_FRONTENDS_TOKENIZER_HUGGINGFACE_H

#include "compiler/support/Json.h"
#include "frontends/tokenizer/SpecialTokens.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace lathe {

/// Appends the steps of a `normalizer` or `pre_tokenizer`. Errors are left in the status of `from`.
void readNormalizer(const JsonObject &from, TokenizerModel &model);
void readSplitter(const JsonObject &from, TokenizerModel &model);

/// A pattern that matches exactly `text`.
std::string escapePattern(llvm::StringRef text);

/// Calls `read` for every element of an array of objects. Error: not an array, or an element is not an object.
void forEachObject(const JsonObject &from, llvm::StringRef key, llvm::function_ref<void(const JsonObject &)> read);

/// Parses the contents of a file, which must be an object.
absl::StatusOr<llvm::json::Value> parseJsonObject(llvm::StringRef path, llvm::StringRef text);

/// Sets the beginning and end ids by `special`, and the chat template. The same for all files of a vocabulary.
absl::Status finishTokenizer(const HuggingFaceFiles &files, const SpecialTokens &special,
                             const AddedVocabulary &vocabulary, TokenizerModel &model);

/// Stores the rendered chat, or the reason why there is none.
void setChat(TokenizerModel &model, const absl::StatusOr<RenderedChat> &chat);

} // namespace lathe

#endif // LATHE_FRONTENDS_TOKENIZER_HUGGINGFACE_H
