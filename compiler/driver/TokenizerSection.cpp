#include "compiler/driver/TokenizerSection.h"
#include "compiler/support/Errors.h"
#include "frontends/tokenizer/TokenizerModel.h"

using namespace lathe;

namespace {

/// tokenizer.ggml.* of a GGUF.
class GgufKeys {
public:
  explicit GgufKeys(const Gguf &gguf) : gguf(gguf) {}

  absl::StatusOr<GgufTokenizer> read();

private:
  absl::Status readId(llvm::StringRef name, int64_t &id) {
    const Gguf::Value *tokens = gguf.find(key("tokens"));
    LATHE_ASSIGN_OR_RETURN(const std::optional<int64_t> found,
                           gguf.tokenId(key(name + "_token_id"), tokens ? static_cast<int64_t>(tokens->count) : 0));
    id = found.value_or(-1);
    if (id > LRT_TOKENIZER_MAX_ID)
      return gguf.error(key(name + "_token_id"),
                        "expected an id up to " + llvm::Twine(LRT_TOKENIZER_MAX_ID) + ", got " + llvm::Twine(id));
    return absl::OkStatus();
  }
  absl::Status readFlag(llvm::StringRef name, int &flag) {
    if (!gguf.has(key(name)))
      return absl::OkStatus();
    LATHE_ASSIGN_OR_RETURN(flag, gguf.boolean(key(name)));
    return absl::OkStatus();
  }
  static std::string key(const llvm::Twine &name) { return ("tokenizer.ggml." + name).str(); }

  const Gguf &gguf;
};

absl::StatusOr<GgufTokenizer> GgufKeys::read() {
  GgufTokenizer tokenizer;
  tokenizer.path = gguf.path().str();
  const std::pair<std::string, std::string *> texts[] = {{key("model"), &tokenizer.model},
                                                         {key("pre"), &tokenizer.pre},
                                                         {"general.name", &tokenizer.name},
                                                         {"tokenizer.chat_template", &tokenizer.chatTemplate}};
  for (auto &[name, text] : texts) {
    LATHE_ASSIGN_OR_RETURN(llvm::StringRef value, gguf.string(name, ""));
    *text = value.str();
  }
  for (auto [name, list] : {std::pair("tokens", &tokenizer.tokens), std::pair("merges", &tokenizer.merges)}) {
    LATHE_ASSIGN_OR_RETURN(std::vector<llvm::StringRef> values, gguf.strings(key(name)));
    list->assign(values.begin(), values.end());
  }
  tokenizer.hasMerges = gguf.has(key("merges"));
  LATHE_ASSIGN_OR_RETURN(tokenizer.scores, gguf.floats(key("scores")));
  LATHE_ASSIGN_OR_RETURN(std::vector<int64_t> types, gguf.integers(key("token_type"), INT32_MIN, INT32_MAX));
  tokenizer.types.assign(types.begin(), types.end());

  const std::pair<llvm::StringRef, int64_t *> ids[] = {
      {"bos", &tokenizer.bos},        {"eos", &tokenizer.eos},         {"eot", &tokenizer.eot},
      {"eom", &tokenizer.eom},        {"unknown", &tokenizer.unknown}, {"padding", &tokenizer.padding},
      {"fim_pad", &tokenizer.fimPad}, {"fim_rep", &tokenizer.fimRep},  {"fim_sep", &tokenizer.fimSep}};
  for (auto [name, id] : ids)
    LATHE_RETURN_IF_ERROR(readId(name, *id));
  const std::pair<llvm::StringRef, int *> flags[] = {{"add_bos_token", &tokenizer.addBos},
                                                     {"add_eos_token", &tokenizer.addEos},
                                                     {"add_space_prefix", &tokenizer.addSpacePrefix}};
  for (auto [name, flag] : flags)
    LATHE_RETURN_IF_ERROR(readFlag(name, *flag));
  return tokenizer;
}

} // namespace

/// Models are published with tokens that have no row of the embedding; only a text that gives one does harm.
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

/// Null when the files hold no tokenizer that Lathe reads; `note` then says so.
static absl::StatusOr<std::unique_ptr<TokenizerModel>> readTokenizer(const ModelSource &source, std::string &note) {
  note = source.path + ": no tokenizer: the program takes ids only (--tokens)";
  if (!source.gguf) {
    auto model = readHuggingFaceTokenizer(source.directory);
    if (model.status().code() == absl::StatusCode::kUnimplemented) {
      const std::string reason(model.status().message());
      note = reason + "; text cannot be fed, ids can (--tokens)";
      // The program says why, too, without the folders of this machine.
      auto unread = std::make_unique<TokenizerModel>();
      llvm::StringRef inside = reason;
      if (inside.consume_front(source.directory))
        inside = inside.ltrim('/');
      unread->chatRefusal = inside.str();
      return unread;
    }
    return model;
  }
  LATHE_ASSIGN_OR_RETURN(llvm::StringRef kind, source.gguf->string("tokenizer.ggml.model", "none"));
  if (kind == "none" || kind == "no_vocab") // llama.cpp's names for a file without texts
    return nullptr;
  LATHE_ASSIGN_OR_RETURN(GgufTokenizer keys, GgufKeys(*source.gguf).read());
  return readGgufTokenizer(keys);
}

absl::StatusOr<TokenizerSection> lathe::tokenizerSection(const ModelSource &source) {
  TokenizerSection section;
  std::string note;
  LATHE_ASSIGN_OR_RETURN(std::unique_ptr<TokenizerModel> model, readTokenizer(source, note));
  if (!model || model->tokens.empty())
    section.notes.push_back(std::move(note));
  // A GGUF's tokenizer knows more ends than its keys name, by what tokens are called.
  const std::vector<int64_t> &ends = source.config.endTokens;
  if (!model && ends.empty())
    return section;
  if (!model || (!source.gguf && !ends.empty())) {
    if (!model)
      model = std::make_unique<TokenizerModel>(); // without texts: ids end generation all the same
    model->endIds.assign(ends.begin(), ends.end());
  }
  LATHE_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, serialize(*model));
  section.bytes.assign(bytes.begin(), bytes.end());
  if (model->isChatRefused)
    section.notes.push_back("no --chat: " + model->chatRefusal);
  if (model->isChatUndated)
    section.notes.push_back("the chat template asks for today's date: --chat uses what the template writes without it");
  if (std::string note = noteBeyond(*model, source.config.vocabulary); !note.empty())
    section.notes.push_back(std::move(note));
  return section;
}
