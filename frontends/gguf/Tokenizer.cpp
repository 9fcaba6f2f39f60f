//===- Tokenizer.cpp - reads the tokenizer keys of a GGUF ---------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/config/Config.h"
#include "frontends/gguf/Gguf.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "frontends/tokenizer/Section.h"

using namespace lathe;

namespace {

/// The keys tokenizer.ggml.* of a GGUF.
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

absl::StatusOr<std::unique_ptr<TokenizerModel>> readModel(const Gguf &gguf) {
  LATHE_ASSIGN_OR_RETURN(llvm::StringRef kind, gguf.string("tokenizer.ggml.model", "none"));
  if (kind == "none" || kind == "no_vocab") // llama.cpp's names for a file without texts
    return nullptr;
  LATHE_ASSIGN_OR_RETURN(GgufTokenizer keys, GgufKeys(gguf).read());
  return readGgufTokenizer(keys);
}

} // namespace

absl::StatusOr<TokenizerSection> lathe::readGgufTokenizerSection(const Gguf &gguf, const Config &config) {
  FoundTokenizer found;
  LATHE_ASSIGN_OR_RETURN(found.model, readModel(gguf));
  found.missing = gguf.path().str() + ": no tokenizer: the program takes ids only (--tokens)";
  // A tokenizer finds its end ids itself, by keys and by the texts of tokens.
  if (!found.model)
    found.endTokens = config.endTokens;
  return makeTokenizerSection(std::move(found), config.vocabulary);
}
