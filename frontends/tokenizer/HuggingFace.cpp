//===- HuggingFace.cpp - tokenizer.json
//--------------------------------------------------------------------------------===//
//
// Models BPE (of bytes, or of characters with byte fallback) and Unigram; the steps before the model are in
// HuggingFaceSteps.cpp. Ids are given as `tokenizers` gives them, not as the file claims.
//
//===------------------------------------------------------------------------------------------------------------------===//

#include "frontends/tokenizer/HuggingFace.h"
#include "frontends/support/Errors.h"
#include "frontends/support/File.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace lathe;
namespace json = llvm::json;

namespace {

/// How the decoder turns a token's text into bytes.
struct Decoder {
  bool isByteLevel = false, hasByteFallback = false;
  std::vector<std::pair<std::string, std::string>> replacements;

  void replace(std::string &text) const;
  std::string decode(llvm::StringRef token) const;
};

/// One tokenizer.json.
class TokenizerReader {
public:
  TokenizerReader(llvm::StringRef path, TokenizerModel &model) : path(path), model(model) {}

  absl::Status read(const json::Object &object);

private:
  void readBpe(const JsonObject &from);
  void readMerges(const JsonObject &from);
  void readUnigram(const JsonObject &from);
  void readAdded(const JsonObject &root);
  void readDecoder(const JsonObject &from);
  void readPostProcessor(const JsonObject &from);
  void makePieces();
  void readByteIds();
  bool addToken(const JsonObject &from, llvm::StringRef key, llvm::StringRef text, int64_t id);

  std::string path;
  TokenizerModel &model;
  absl::Status status;
  llvm::StringMap<uint32_t> vocabulary; // the model's own
  llvm::DenseMap<uint32_t, std::string> contents;
  llvm::StringMap<uint32_t> addedIds;
  Decoder decoder;
};

} // namespace

void Decoder::replace(std::string &text) const {
  for (const auto &[from, to] : replacements) {
    std::string out;
    llvm::StringRef rest = text;
    for (size_t found; !from.empty() && (found = rest.find(from)) != rest.npos;
         rest = rest.drop_front(found + from.size()))
      (out += rest.take_front(found)) += to;
    text = out + rest.str();
  }
}

/// <0xAB>
static bool isByteToken(llvm::StringRef token, uint8_t &byte) {
  return token.size() == 6 && token.consume_front("<0x") && token.consume_back(">") && !token.getAsInteger(16, byte);
}

std::string Decoder::decode(llvm::StringRef token) const {
  std::string bytes;
  if (isByteLevel)
    return decodeByteAlphabet(token, bytes) ? bytes : token.str();
  uint8_t byte;
  if (hasByteFallback && isByteToken(token, byte))
    return std::string(1, static_cast<char>(byte));
  std::string text = token.str();
  replace(text);
  return text;
}

bool TokenizerReader::addToken(const JsonObject &from, llvm::StringRef key, llvm::StringRef text, int64_t id) {
  // Ids size tables, so a small file must not name a large one.
  const int64_t most = std::min<int64_t>(LRT_TOKENIZER_MAX_ID, int64_t(1 << 16) + 16 * int64_t(vocabulary.size() + 1));
  if (id < 0 || id >= most) {
    from.fail(key,
              "expected ids from 0 to " + llvm::Twine(most - 1) + ", got " + llvm::Twine(id) + " for " + quoted(text));
    return false;
  }
  if (model.tokens.size() <= static_cast<size_t>(id))
    model.tokens.resize(id + 1);
  contents.try_emplace(static_cast<uint32_t>(id), text.str());
  return true;
}

void TokenizerReader::readMerges(const JsonObject &from) {
  const json::Value *merges = from.find("merges");
  const json::Array *list = merges ? merges->getAsArray() : nullptr;
  if (!list)
    return from.fail("merges", "expected an array, got " + (merges ? describe(*merges) : std::string("no such key")));
  // A pair that is there twice counts where it is last.
  llvm::DenseMap<uint64_t, size_t> ranks;
  std::vector<TokenizerModel::Merge> found;
  for (const json::Value &value : *list) {
    llvm::StringRef left, right;
    bool isPair = false;
    if (std::optional<llvm::StringRef> text = value.getAsString()) {
      if (text->starts_with("#version"))
        continue;
      std::tie(left, right) = text->split(' ');
      isPair = !left.empty() && !right.empty() && !right.contains(' ');
    } else if (const json::Array *pair = value.getAsArray(); pair && pair->size() == 2) {
      std::optional<llvm::StringRef> first = (*pair)[0].getAsString(), second = (*pair)[1].getAsString();
      isPair = first && second;
      left = first.value_or("");
      right = second.value_or("");
    }
    const std::string key = "merges[" + std::to_string(&value - list->data()) + "]";
    if (!isPair)
      return from.fail(key, "expected two tokens, got " + describe(value));
    const auto leftId = vocabulary.find(left), rightId = vocabulary.find(right);
    const auto result = vocabulary.find((left + right).str());
    if (leftId == vocabulary.end() || rightId == vocabulary.end() || result == vocabulary.end())
      return from.fail(key,
                       "expected tokens of model.vocab that make one, got " + quoted(left) + " and " + quoted(right));
    const auto [place, isNew] = ranks.try_emplace(uint64_t(leftId->second) << 32 | rightId->second, found.size());
    if (!isNew) {
      found[place->second].result = LRT_TOKENIZER_MAX_ID; // dropped below
      place->second = found.size();
    }
    found.push_back({leftId->second, rightId->second, result->second});
  }
  for (const TokenizerModel::Merge &merge : found)
    if (merge.result != LRT_TOKENIZER_MAX_ID)
      model.merges.push_back(merge);
}

void TokenizerReader::readBpe(const JsonObject &from) {
  model.model = LRT_TOKENIZER_BPE;
  for (llvm::StringRef key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (std::string text = from.string(key, ""); !text.empty())
      from.fail(key, "expected none, got " + quoted(text));
  if (from.number("dropout", 0) != 0)
    from.fail("dropout", "expected none: ids would be random");
  model.flags |= (from.boolean("fuse_unk", false) ? LRT_TOKENIZER_FUSE_UNKNOWN : 0) |
                 (from.boolean("byte_fallback", false) ? LRT_TOKENIZER_BYTE_FALLBACK : 0) |
                 (from.boolean("ignore_merges", false) ? LRT_TOKENIZER_WHOLE_WORDS : 0);

  std::optional<JsonObject> vocab = from.object("vocab");
  if (!vocab)
    return from.fail("vocab", "expected an object, got no such key");
  for (const auto &[text, value] : vocab->keys())
    vocabulary.try_emplace(text, 0);
  for (const auto &[text, value] : vocab->keys()) {
    std::optional<int64_t> id = asInteger(value);
    if (!id)
      return vocab->fail(printable(text), "expected an id, got " + describe(value));
    if (!addToken(from, "vocab", text, *id))
      return;
    vocabulary[text] = static_cast<uint32_t>(*id);
  }
  std::string bytes;
  for (const auto &entry : vocabulary) {
    if (!(model.flags & LRT_TOKENIZER_BYTES))
      model.entries.push_back({entry.first().str(), entry.second});
    else if (decodeByteAlphabet(entry.first(), bytes)) // others cannot come out of bytes
      model.entries.push_back({bytes, entry.second});
  }
  // The order of a hash table is not the same everywhere.
  llvm::sort(model.entries,
             [](const auto &a, const auto &b) { return std::tie(a.symbol, a.text) < std::tie(b.symbol, b.text); });

  if (from.has("unk_token")) {
    const std::string text = from.string("unk_token", "");
    if (auto found = vocabulary.find(text); found != vocabulary.end())
      model.unknown = static_cast<int32_t>(found->second);
    else if (!(model.flags & LRT_TOKENIZER_BYTES))
      from.fail("unk_token", "expected a token of model.vocab, got " + quoted(text));
  }
  readMerges(from);
}

void TokenizerReader::readUnigram(const JsonObject &from) {
  model.model = LRT_TOKENIZER_UNIGRAM;
  model.flags |= from.boolean("byte_fallback", false) ? LRT_TOKENIZER_BYTE_FALLBACK : 0;
  const json::Value *value = from.find("vocab");
  const json::Array *vocab = value ? value->getAsArray() : nullptr;
  if (!vocab || vocab->size() > LRT_TOKENIZER_MAX_ID)
    return from.fail("vocab", "expected an array of at most " + llvm::Twine(LRT_TOKENIZER_MAX_ID) + " pairs, got " +
                                  (value ? describe(*value) : std::string("no such key")));
  for (const json::Value &element : *vocab) {
    const json::Array *pair = element.getAsArray();
    std::optional<llvm::StringRef> text = pair && pair->size() == 2 ? (*pair)[0].getAsString() : std::nullopt;
    std::optional<double> score = text ? (*pair)[1].getAsNumber() : std::nullopt;
    if (!score)
      return from.fail("vocab[" + std::to_string(model.tokens.size()) + "]",
                       "expected a text and a score, got " + describe(element));
    const uint32_t id = static_cast<uint32_t>(model.tokens.size());
    model.tokens.emplace_back().score = *score;
    contents.try_emplace(id, text->str());
    vocabulary[*text] = id; // the last of equal texts counts
  }
  for (const auto &entry : vocabulary)
    if (!entry.first().empty())
      model.entries.push_back({entry.first().str(), entry.second});
  llvm::sort(model.entries, [](const auto &a, const auto &b) { return a.symbol < b.symbol; });
  if (!from.has("unk_id"))
    return from.fail("unk_id", "expected the id of the unknown token, got none");
  model.unknown = static_cast<int32_t>(from.integer("unk_id", 0, static_cast<int64_t>(vocab->size()) - 1));
}

void TokenizerReader::readByteIds() {
  if (model.flags & LRT_TOKENIZER_BYTES) {
    for (const TokenizerModel::Entry &entry : model.entries)
      if (entry.text.size() == 1)
        model.byteIds[static_cast<uint8_t>(entry.text[0])] = static_cast<int32_t>(entry.symbol);
    return;
  }
  if (!(model.flags & LRT_TOKENIZER_BYTE_FALLBACK))
    return;
  for (int byte = 0; byte < 256; ++byte)
    if (auto found = vocabulary.find(llvm::formatv("<0x{0:X-2}>", byte).str()); found != vocabulary.end())
      model.byteIds[byte] = static_cast<int32_t>(found->second);
}

void TokenizerReader::readAdded(const JsonObject &root) {
  if (!root.has("added_tokens"))
    return;
  int64_t next = model.model == LRT_TOKENIZER_UNIGRAM ? model.tokens.size() : vocabulary.size();
  llvm::DenseMap<uint32_t, size_t> places;
  forEachObject(root, "added_tokens", [&](const JsonObject &token) {
    const std::string text = token.string("content");
    const bool isSpecial = token.boolean("special", false);
    if (text.empty())
      return;
    const auto inVocabulary = vocabulary.find(text);
    const auto before = addedIds.find(text);
    const int64_t id = before != addedIds.end()           ? before->second
                       : inVocabulary != vocabulary.end() ? inVocabulary->second
                                                          : next++;
    addedIds[text] = static_cast<uint32_t>(id);
    if (!addToken(token, "content", text, id))
      return;
    model.tokens[id].special |= isSpecial;
    const uint32_t flags = (token.boolean("single_word", false) ? uint32_t(LRT_ADDED_SINGLE_WORD) : 0) |
                           (token.boolean("lstrip", false) ? uint32_t(LRT_ADDED_STRIP_LEFT) : 0) |
                           (token.boolean("rstrip", false) ? uint32_t(LRT_ADDED_STRIP_RIGHT) : 0) |
                           (token.boolean("normalized", !isSpecial) ? uint32_t(LRT_ADDED_NORMALIZED) : 0);
    const auto [place, isNew] = places.try_emplace(static_cast<uint32_t>(id), model.added.size());
    if (isNew)
      model.added.push_back({text, static_cast<uint32_t>(id), flags});
    else
      model.added[place->second] = {text, static_cast<uint32_t>(id), flags};
  });
}

void TokenizerReader::readDecoder(const JsonObject &from) {
  const std::string type = from.string("type");
  if (type == "Sequence") {
    forEachObject(from, "decoders", [&](const JsonObject &part) { readDecoder(part); });
  } else if (type == "ByteLevel") {
    decoder.isByteLevel = true;
  } else if (type == "ByteFallback") {
    decoder.hasByteFallback = true;
  } else if (type == "Metaspace") {
    decoder.replacements.emplace_back(from.string("replacement"), " ");
  } else if (type == "Replace") {
    if (std::optional<JsonObject> pattern = from.object("pattern"))
      decoder.replacements.emplace_back(pattern->string("String"), from.string("content"));
    else
      from.fail("pattern", "expected an object, got none");
  } else if (type != "Fuse" && type != "Strip") { // Strip takes a space off the start of a text, which a stream has not
    from.fail("type",
              "expected ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Sequence or Strip, got " + quoted(type));
  }
}

void TokenizerReader::readPostProcessor(const JsonObject &from) {
  const std::string type = from.string("type");
  if (type == "Sequence") {
    forEachObject(from, "processors", [&](const JsonObject &part) { readPostProcessor(part); });
    return;
  }
  std::vector<uint32_t> before, after;
  const auto isId = [&](std::optional<int64_t> id) { return id && *id >= 0 && *id < int64_t(model.tokens.size()); };
  if (type == "TemplateProcessing") {
    std::optional<JsonObject> known = from.object("special_tokens");
    bool isBehind = false;
    forEachObject(from, "single", [&](const JsonObject &part) {
      if (part.has("Sequence")) {
        isBehind = true;
        return;
      }
      std::optional<JsonObject> token = part.object("SpecialToken");
      const std::string name = token ? token->string("id") : "";
      std::optional<JsonObject> entry = known ? known->object(name) : std::nullopt;
      if (!entry)
        return from.fail("single", "expected special tokens that special_tokens describes, got " + quoted(name));
      for (int64_t id : entry->integers("ids", 0, static_cast<int64_t>(model.tokens.size()) - 1))
        (isBehind ? after : before).push_back(static_cast<uint32_t>(id));
    });
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    for (const auto &[key, list] : {std::pair("cls", &before), std::pair("sep", &after)}) {
      const json::Value *value = from.find(key);
      const json::Array *pair = value ? value->getAsArray() : nullptr;
      std::optional<int64_t> id = pair && pair->size() == 2 ? asInteger((*pair)[1]) : std::nullopt;
      if (!isId(id))
        return from.fail(key,
                         "expected a token and its id, got " + (value ? describe(*value) : std::string("no such key")));
      list->push_back(static_cast<uint32_t>(*id));
    }
  } else if (type != "ByteLevel") { // which changes offsets only
    from.fail("type", "expected BertProcessing, ByteLevel, RobertaProcessing, Sequence or TemplateProcessing, got " +
                          quoted(type));
  }
  model.prefixIds.insert(model.prefixIds.begin(), before.begin(), before.end());
  model.suffixIds.insert(model.suffixIds.end(), after.begin(), after.end());
}

void TokenizerReader::makePieces() {
  llvm::DenseMap<uint32_t, llvm::StringRef> added;
  for (const TokenizerModel::Added &token : model.added)
    added[token.id] = token.text;
  for (size_t id = 0; id < model.tokens.size(); ++id) {
    std::string &piece = model.tokens[id].piece;
    if (auto token = added.find(static_cast<uint32_t>(id)); token != added.end()) {
      piece = token->second.str();
      if (!model.tokens[id].special) // Gemma's runs of U+2581 are spaces
        decoder.replace(piece);
    } else if (auto text = contents.find(static_cast<uint32_t>(id)); text != contents.end()) {
      piece = decoder.decode(text->second);
    }
  }
}

absl::Status TokenizerReader::read(const json::Object &object) {
  JsonObject root(path, object, status);
  if (std::optional<JsonObject> normalizer = root.object("normalizer"))
    readNormalizer(*normalizer, model);
  if (std::optional<JsonObject> splitter = root.object("pre_tokenizer"))
    readSplitter(*splitter, model);

  std::optional<JsonObject> from = root.object("model");
  if (!from)
    return fileError(path, "model", "expected an object, got no such key");
  // Files from before the key was written are BPE.
  const std::string type = from->string("type", from->has("merges") ? "BPE" : "");
  if (type == "BPE")
    readBpe(*from);
  else if (type == "Unigram")
    readUnigram(*from);
  else
    from->fail("type", "expected BPE or Unigram, got " + quoted(type));
  LATHE_RETURN_IF_ERROR(status);
  readByteIds();
  readAdded(root);
  LATHE_RETURN_IF_ERROR(status);
  if (std::optional<JsonObject> decoderObject = root.object("decoder"))
    readDecoder(*decoderObject);
  if (std::optional<JsonObject> processor = root.object("post_processor"))
    readPostProcessor(*processor);
  LATHE_RETURN_IF_ERROR(status);
  makePieces();
  return status;
}

/// The text of a token that is a string or an object with a content.
static std::string tokenText(const JsonObject &config, llvm::StringRef key) {
  const json::Value *value = config.find(key);
  if (!value)
    return "";
  if (value->getAsObject())
    return config.object(key)->string("content", "");
  return config.string(key, "");
}

/// chat_template of tokenizer_config.json: a text, or a list of named ones.
static std::string configuredTemplate(const JsonObject &config) {
  const json::Value *value = config.find("chat_template");
  if (!value || !value->getAsArray())
    return config.string("chat_template", "");
  std::string text;
  forEachObject(config, "chat_template", [&](const JsonObject &named) {
    if (named.string("name") == "default" || text.empty())
      text = named.string("template");
  });
  return text;
}

static absl::StatusOr<json::Value> parseObject(llvm::StringRef path, llvm::StringRef text) {
  LATHE_ASSIGN_OR_RETURN(json::Value value, parseJson(path, text));
  if (!value.getAsObject())
    return fileError(path, "expected an object, got " + describe(value));
  return value;
}

absl::StatusOr<std::unique_ptr<TokenizerModel>> lathe::readHuggingFaceTokenizer(const HuggingFaceFiles &files) {
  const auto pathOf = [&](llvm::StringRef name) {
    llvm::SmallString<256> path(files.directory);
    llvm::sys::path::append(path, name);
    return path.str().str();
  };
  if (files.tokenizer.empty())
    return nullptr;
  auto model = std::make_unique<TokenizerModel>();
  model->path = pathOf("tokenizer.json");
  LATHE_ASSIGN_OR_RETURN(json::Value tokenizer, parseObject(model->path, files.tokenizer));
  LATHE_RETURN_IF_ERROR(TokenizerReader(model->path, *model).read(*tokenizer.getAsObject()));

  absl::Status status;
  std::string chatTemplate = files.chatTemplate, bos, eos, templateName = "chat_template.jinja";
  if (!files.tokenizerConfig.empty()) {
    const std::string path = pathOf("tokenizer_config.json");
    LATHE_ASSIGN_OR_RETURN(json::Value value, parseObject(path, files.tokenizerConfig));
    JsonObject config(path, *value.getAsObject(), status);
    bos = tokenText(config, "bos_token");
    eos = tokenText(config, "eos_token");
    if (chatTemplate.empty()) {
      chatTemplate = configuredTemplate(config);
      templateName = "tokenizer_config.json: chat_template";
    }
    LATHE_RETURN_IF_ERROR(status);
  }
  const auto idOf = [&](llvm::StringRef text) -> int32_t {
    for (const TokenizerModel::Added &token : model->added)
      if (token.text == text)
        return static_cast<int32_t>(token.id);
    for (const TokenizerModel::Entry &entry : model->entries)
      if (entry.text == text)
        return static_cast<int32_t>(entry.symbol);
    return -1;
  };
  model->bos = bos.empty() ? -1 : idOf(bos);
  if (!eos.empty())
    if (int32_t id = idOf(eos); id >= 0)
      model->endIds.push_back(static_cast<uint32_t>(id));

  if (chatTemplate.empty()) {
    model->chatRefusal = "expected a chat template, got none; use --prompt";
    return model;
  }
  // What the template writes is all there is: Hugging Face adds no special tokens to it.
  setChat(*model, renderChat(templateName, chatTemplate, bos, eos));
  return model;
}

void lathe::setChat(TokenizerModel &model, const absl::StatusOr<RenderedChat> &chat) {
  model.hasChat = chat.ok();
  if (!chat.ok()) {
    model.chatRefusal = std::string(chat.status().message());
    return;
  }
  model.chatPrefix = chat->prefix;
  model.chatSuffix = chat->suffix;
  model.flags |= chat->trims ? uint32_t(LRT_TOKENIZER_TRIM_CHAT) : 0;
}

absl::StatusOr<std::unique_ptr<TokenizerModel>> lathe::readHuggingFaceTokenizer(llvm::StringRef directory) {
  HuggingFaceFiles files;
  files.directory = directory.str();
  for (const auto &[name, text] :
       {std::pair("tokenizer.json", &files.tokenizer), std::pair("tokenizer_config.json", &files.tokenizerConfig),
        std::pair("chat_template.jinja", &files.chatTemplate)}) {
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, name);
    if (!llvm::sys::fs::exists(path))
      continue;
    LATHE_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> file, MappedFile::open(path));
    *text = file->bytes().str();
  }
  llvm::SmallString<256> lone(directory);
  llvm::sys::path::append(lone, "tokenizer.model");
  if (files.tokenizer.empty() && llvm::sys::fs::exists(lone))
    return fileError(lone, "expected tokenizer.json beside it; a SentencePiece model alone is not read");
  return readHuggingFaceTokenizer(files);
}
