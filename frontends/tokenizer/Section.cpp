#include "frontends/tokenizer/Section.h"
#include "compiler/support/Errors.h"
#include "frontends/tokenizer/TokenizerModel.h"

using namespace lathe;

/// Some published models have tokens without a row of the embedding. Only a text with such a token is a problem.
static std::string noteBeyond(const TokenizerModel &model, int64_t vocabulary) {
  constexpr int shown = 3;
  int64_t count = 0;
  std::string names;
  for (size_t id = vocabulary; id < model.tokens.size(); ++id) {
    if (model.tokens[id].piece.empty())
      continue;
    if (++count <= shown)
      names += (count > 1 ? ", " : "") + std::to_string(id) + " " + quoted(model.tokens[id].piece);
  }
  if (count == 0)
    return "";
  return (printable(model.path) + llvm::Twine(": the tokenizer has ") + llvm::Twine(count) +
          (count == 1 ? " id" : " ids") + " beyond the vocabulary of " + llvm::Twine(vocabulary) + " (" + names +
          (count > shown ? ", ..." : "") + "); run refuses a text that gives one")
      .str();
}

absl::StatusOr<TokenizerSection> lathe::makeTokenizerSection(FoundTokenizer found, int64_t vocabulary) {
  TokenizerSection section;
  std::unique_ptr<TokenizerModel> &model = found.model;
  if (!model || model->tokens.empty())
    section.notes.push_back(std::move(found.missing));
  if (!found.endTokens.empty()) {
    if (!model)
      model = std::make_unique<TokenizerModel>(); // without tokens, only for the end ids
    model->endIds.assign(found.endTokens.begin(), found.endTokens.end());
  }
  if (!model)
    return section;
  LATHE_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, serialize(*model));
  section.bytes.assign(bytes.begin(), bytes.end());
  if (model->isChatRefused)
    section.notes.push_back("no --chat: " + model->chatRefusal);
  if (model->isChatUndated)
    section.notes.push_back("the chat template asks for today's date: --chat uses what the template writes without it");
  if (std::string note = noteBeyond(*model, vocabulary); !note.empty())
    section.notes.push_back(std::move(note));
  return section;
}
