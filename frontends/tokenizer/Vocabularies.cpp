//===- Vocabularies.cpp - finds the vocabulary file and the tokenizer class ---------------------------------------===//

#include "frontends/tokenizer/Vocabularies.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Path.h"

using namespace lathe;
namespace json = llvm::json;

absl::Status lathe::notRead(llvm::StringRef path, const llvm::Twine &message) {
  return absl::UnimplementedError(fileError(path, message).message());
}

std::string lathe::pathOf(const HuggingFaceFiles &files, llvm::StringRef name) {
  llvm::SmallString<256> path(files.directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

std::map<int64_t, std::string> lathe::readAddedNames(const JsonObject &config) {
  std::map<int64_t, std::string> names;
  std::optional<JsonObject> decoder = config.object("added_tokens_decoder");
  if (!decoder)
    return names;
  for (const auto &[key, value] : decoder->keys()) {
    int64_t id = 0;
    if (llvm::StringRef(key).getAsInteger(10, id) || id < 0)
      decoder->fail(printable(key), "expected an id as the key");
    else if (std::optional<JsonObject> token = decoder->object(key))
      names[id] = token->string("content", "");
  }
  return names;
}

/// The class that transformers registers for a model_type, for those that Lathe compiles; "" for none.
static llvm::StringRef registeredClass(llvm::StringRef modelType) {
  return llvm::StringSwitch<llvm::StringRef>(modelType)
      .Case("gpt2", "GPT2Tokenizer")
      .Cases({"qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl", "qwen3", "qwen3_moe", "qwen3_next", "qwen3_vl",
              "qwen3_vl_moe"},
             "Qwen2Tokenizer")
      .Cases({"gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text"}, "GemmaTokenizer")
      .Cases({"kimi_k2", "kimi_k25", "kimi_linear"}, "TikTokenTokenizer") // Python code in the model's directory
      // For these transformers ignores the class that the files name.
      .Cases({"glm4_moe", "granite", "olmo2", "olmo3", "phi3"}, "TokenizersBackend")
      .Cases({"mistral", "mistral3", "ministral", "ministral3", "pixtral"}, "TokenizersBackend")
      .Default("");
}

static std::optional<TokenizerClass> findClass(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<TokenizerClass>>(name)
      .Cases({"", "TokenizersBackend", "PreTrainedTokenizer", "PreTrainedTokenizerFast"}, TokenizerClass::Backend)
      .Case("GPT2Tokenizer", TokenizerClass::GPT2)
      .Case("Qwen2Tokenizer", TokenizerClass::Qwen2)
      .Case("Qwen3_5Tokenizer", TokenizerClass::Qwen35)
      .Case("GPTNeoXTokenizer", TokenizerClass::GPTNeoX)
      .Case("CohereTokenizer", TokenizerClass::Cohere)
      .Case("LlamaTokenizer", TokenizerClass::Llama)
      .Case("GemmaTokenizer", TokenizerClass::Gemma)
      .Case("TikTokenTokenizer", TokenizerClass::Kimi)
      .Default(std::nullopt);
}

namespace {

/// Finds the class as AutoTokenizer does.
class Finder {
public:
  explicit Finder(const HuggingFaceFiles &files) : files(files) {}

  absl::StatusOr<std::optional<Vocabulary>> run();

private:
  absl::Status parse();
  absl::Status chooseClass();
  absl::StatusOr<Vocabulary> read();
  absl::StatusOr<std::optional<Vocabulary>> readForeign() const;
  bool isThere(llvm::StringRef name) const { return llvm::is_contained(files.names, name); }
  bool hasBytes() const { return isThere("vocab.json") && isThere("merges.txt"); }
  static bool isByteLevel(TokenizerClass kind) {
    return kind != TokenizerClass::Backend && kind < TokenizerClass::Llama;
  }

  const HuggingFaceFiles &files;
  absl::Status status; // shared by all JsonObjects
  json::Value modelConfig = json::Object(), tokenizerConfig = json::Object();
  std::string named;                     // the class that the files name
  std::optional<TokenizerClass> byModel; // the class that is registered for the model_type
  TokenizerClass kind = TokenizerClass::Backend;
};

} // namespace

absl::Status Finder::parse() {
  for (const auto &[name, text, value] :
       {std::tuple("config.json", &files.config, &modelConfig),
        std::tuple("tokenizer_config.json", &files.tokenizerConfig, &tokenizerConfig)})
    if (!text->empty()) {
      const std::string path = pathOf(files, name);
      LATHE_ASSIGN_OR_RETURN(*value, parseJson(path, *text));
      if (!value->getAsObject())
        return fileError(path, "expected an object, got " + describe(*value));
    }
  return absl::OkStatus();
}

absl::Status Finder::chooseClass() {
  const std::string path = pathOf(files, "tokenizer_config.json");
  const JsonObject config(pathOf(files, "config.json"), *modelConfig.getAsObject(), status);
  const JsonObject tokenizer(path, *tokenizerConfig.getAsObject(), status);
  named = tokenizer.string("tokenizer_class", "");
  if (named.empty())
    named = config.string("tokenizer_class", "");
  const std::string modelType = config.string("model_type", "");
  const llvm::StringRef registered = registeredClass(modelType);
  byModel = findClass(registered);
  // auto_map: a class of Python code in the directory. Kimi's is known; with other code there must be a class of
  // transformers, too. Of a list, the last element that is not null is used.
  std::string code;
  const json::Value *map = tokenizer.find("auto_map");
  if (map && map->getAsObject())
    map = map->getAsObject()->get("AutoTokenizer");
  if (map && map->getAsString())
    code = map->getAsString()->str();
  if (map && map->getAsArray())
    for (const json::Value &element : *map->getAsArray())
      if (std::optional<llvm::StringRef> text = element.getAsString())
        code = text->str();
  LATHE_RETURN_IF_ERROR(status);
  llvm::StringRef name = named;
  name.consume_back("Fast");
  if (name == "TikTokenTokenizer" || llvm::StringRef(code).ends_with(".TikTokenTokenizer")) {
    kind = TokenizerClass::Kimi;
    return absl::OkStatus();
  }
  const std::optional<TokenizerClass> own = findClass(name);
  if (!code.empty() && (!own || *own == TokenizerClass::Backend))
    return notRead(path, "auto_map.AutoTokenizer: expected none or tokenization_kimi.TikTokenTokenizer, got " +
                             quoted(code) + ", which is Python code beside the model");
  if (registered == "TokenizersBackend")
    return absl::OkStatus();
  // Files of these model types name wrong classes.
  const bool isWrong = modelType == "qwen2" || byModel == TokenizerClass::Kimi;
  const std::optional<TokenizerClass> chosen = !registered.empty() && (name.empty() || isWrong) ? byModel : own;
  if (!chosen)
    return notRead(path, "tokenizer_class: expected CohereTokenizer, GPT2Tokenizer, GPTNeoXTokenizer, GemmaTokenizer, "
                         "LlamaTokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer, Qwen3_5Tokenizer or "
                         "TikTokenTokenizer, got " +
                             quoted(named));
  kind = *chosen;
  return absl::OkStatus();
}

/// The error for a vocabulary file of a kind that is not supported; none if there is no such file.
absl::StatusOr<std::optional<Vocabulary>> Finder::readForeign() const {
  struct Kind {
    llvm::StringRef begin, end; // of the name
    llvm::StringRef what;
  };
  static constexpr Kind kinds[] = {
      {"vocab", ".txt", "a WordPiece vocabulary"},
      {"tekken", ".json", "Mistral's own kind of vocabulary"},
      {"tokenizer.model.", "", "Mistral's own kind of vocabulary"},
      {"spiece", ".model", "a SentencePiece model of an encoder"},
      {"sentencepiece", ".model", "a SentencePiece model of an encoder"},
      {"", ".spm", "a SentencePiece model of a translator"},
      {"", ".tiktoken", "ranks without a class that says how a text is split"},
      {"tokenizer.tok", ".json", "a vocabulary of SGLang"},
      {"tokenizer", ".pkl", "Python objects"},
      {"bpe.codes", "", "a vocabulary of fastBPE"},
      {"vocab.json", "", "a vocabulary without its merges.txt"},
      {"merges.txt", "", "merges without their vocab.json"},
      {"", ".model", "a vocabulary under another name"},
      {"tokenization_", ".py", "Python code"},
      {"tokenizer_config.json", "", "settings of a vocabulary that is not there"},
  };
  for (const Kind &kind : kinds)
    for (llvm::StringRef name : files.names)
      if (name.starts_with(kind.begin) && name.ends_with(kind.end))
        return notRead(pathOf(files, name),
                       "expected tokenizer.json, tokenizer.model, tiktoken.model or vocab.json with "
                       "merges.txt, got " +
                           kind.what);
  return std::nullopt;
}

absl::StatusOr<Vocabulary> Finder::read() {
  const JsonObject config(pathOf(files, "tokenizer_config.json"), *tokenizerConfig.getAsObject(), status);
  const bool hasRanks = isThere("tiktoken.model");
  // The class's own file first, then the others in the order in which AutoTokenizer looks for them.
  if (hasBytes() && isByteLevel(kind))
    return readByteLevel(files, kind, config);
  if (hasRanks && kind == TokenizerClass::Kimi)
    return readTikToken(files, "tiktoken.model", files.tikToken, kind, config);
  if (isThere("tokenizer.model")) {
    if (isTikToken(files.sentencePiece))
      return readTikToken(files, "tokenizer.model", files.sentencePiece, kind, config);
    if (kind == TokenizerClass::Kimi || isByteLevel(kind))
      return notRead(pathOf(files, "tokenizer.model"),
                     "expected a tokenizer_class of SentencePiece models, got " + quoted(named));
    return readSentencePiece(files, kind, config);
  }
  if (hasRanks)
    return readTikToken(files, "tiktoken.model", files.tikToken, kind, config);
  // AutoTokenizer would fail here if the model_type's class needs other files. Here a class that tells how a text is
  // split is enough.
  llvm::StringRef name = named;
  name.consume_back("Fast");
  for (const std::optional<TokenizerClass> &other : {findClass(name), byModel})
    if (other && isByteLevel(*other))
      return readByteLevel(files, *other, config);
  return notRead(pathOf(files, "vocab.json"),
                 "expected a tokenizer_class CohereTokenizer, GPT2Tokenizer, GPTNeoXTokenizer, Qwen2Tokenizer or "
                 "Qwen3_5Tokenizer in tokenizer_config.json, which says how a text is split, got " +
                     (named.empty() ? std::string("none") : quoted(named)));
}

absl::StatusOr<std::optional<Vocabulary>> Finder::run() {
  if (!hasBytes() && !isThere("tokenizer.model") && !isThere("tiktoken.model"))
    return readForeign();
  LATHE_RETURN_IF_ERROR(parse());
  LATHE_RETURN_IF_ERROR(chooseClass());
  LATHE_ASSIGN_OR_RETURN(Vocabulary found, read());
  const JsonObject config(pathOf(files, "config.json"), *modelConfig.getAsObject(), status);
  const std::optional<JsonObject> inner = config.object("text_config");
  const json::Value *size = (inner && !config.has("vocab_size") ? *inner : config).find("vocab_size");
  if (std::optional<int64_t> ids = size ? asInteger(*size) : std::nullopt; ids && *ids > 0)
    found.ids = static_cast<uint64_t>(*ids);
  return found;
}

absl::StatusOr<std::optional<Vocabulary>> lathe::readVocabulary(const HuggingFaceFiles &files) {
  return Finder(files).run();
}
