//===- HuggingFace.cpp - reads tokenizer.json ---------------------------------------------------------------------===//
//
// Supports the models BPE (of bytes, or of characters with byte fallback) and Unigram; HuggingFaceSteps.cpp reads the
// steps before the model. Added tokens get the ids that the library `tokenizers` gives them; those in the file are not
// used.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/tokenizer/HuggingFace.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "compiler/support/File.h"
#include "frontends/tokenizer/Vocabularies.h"
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

/// Reads one tokenizer.json, or another file in that form (Vocabularies.h).
class TokenizerReader {
public:
  /// `source` is null for a tokenizer.json.
  TokenizerReader(TokenizerModel &model, const Vocabulary *source) : path(model.path), model(model), source(source) {}

  absl::Status read(const json::Object &object, const HuggingFaceFiles &files);

private:
  void readBpe(const JsonObject &from);
  void readMerges(const JsonObject &from);
  void readUnigram(const JsonObject &from);
  absl::Status readAdded(const JsonObject &root, const HuggingFaceFiles &files, AddedVocabulary &added);
  absl::Status addSpecial(AddedVocabulary &added);
  void readAffixes(const AddedVocabulary &added);
  absl::Status checkPrefixSpace(const HuggingFaceFiles &files);
  void readDecoder(const JsonObject &from);
  void readPostProcessor(const JsonObject &from);
  void makePieces();
  void readByteIds();
  bool addToken(const JsonObject &from, llvm::StringRef key, llvm::StringRef text, int64_t id);

  std::string path;
  TokenizerModel &model;
  const Vocabulary *source;
  absl::Status status;
  llvm::StringMap<uint32_t> vocabulary; // the model's own
  llvm::DenseMap<uint32_t, std::string> contents;
  Decoder decoder;
  SpecialTokens special;
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
  // Tables are as large as the largest id: a small file must not make a large table.
  const int64_t max = std::min<int64_t>(LRT_TOKENIZER_MAX_ID, int64_t(1 << 16) + 16 * int64_t(vocabulary.size() + 1));
  if (id < 0 || id >= max) {
    from.fail(key,
              "expected ids from 0 to " + llvm::Twine(max - 1) + ", got " + llvm::Twine(id) + " for " + quoted(text));
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
  // Of equal pairs the last one is used.
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
    const auto [entry, isNew] = ranks.try_emplace(uint64_t(leftId->second) << 32 | rightId->second, found.size());
    if (!isNew) {
      found[entry->second].result = LRT_TOKENIZER_MAX_ID; // dropped below
      entry->second = found.size();
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
    else if (decodeByteAlphabet(entry.first(), bytes)) // others are not the text of any bytes
      model.entries.push_back({bytes, entry.second});
  }
  // Sorted, as the order of a hash table may differ between machines.
  llvm::sort(model.entries,
             [](const auto &a, const auto &b) { return std::tie(a.symbol, a.text) < std::tie(b.symbol, b.text); });

  if (from.has("unk_token")) {
    const std::string text = from.string("unk_token", "");
    if (auto found = vocabulary.find(text); found != vocabulary.end())
      model.unknown = static_cast<int32_t>(found->second);
    else if (!(model.flags & LRT_TOKENIZER_BYTES))
      from.fail("unk_token", "expected a token of model.vocab, got " + quoted(text));
  }
  if (source && !source->merges.empty())
    model.merges = source->merges;
  else
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
    vocabulary[*text] = id; // of equal texts the last one is used
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

/// Added tokens of tokenizer.json, then those that only the other files have.
absl::Status TokenizerReader::readAdded(const JsonObject &root, const HuggingFaceFiles &files, AddedVocabulary &added) {
  std::vector<AddedToken> own;
  if (root.has("added_tokens"))
    forEachObject(root, "added_tokens", [&](const JsonObject &token) {
      token.string("content"); // required
      own.push_back(readAddedToken(token));
    });
  LATHE_RETURN_IF_ERROR(status);
  LATHE_RETURN_IF_ERROR(added.add(own));
  const json::Value *list = source ? nullptr : root.find("added_tokens");
  LATHE_ASSIGN_OR_RETURN(special, readSpecialTokens(files, list ? list->getAsArray() : nullptr,
                                                    source ? llvm::ArrayRef(source->named)
                                                           : llvm::ArrayRef<std::pair<std::string, std::string>>()));
  LATHE_RETURN_IF_ERROR(addSpecial(added));
  if (special.splitsSpecial)
    for (TokenizerModel::Added &token : model.added)
      token.flags |= model.tokens[token.id].special ? uint32_t(LRT_ADDED_AS_TEXT) : 0;
  return absl::OkStatus();
}

absl::Status TokenizerReader::addSpecial(AddedVocabulary &added) {
  std::vector<AddedToken> tokens = special.toAdd([&](llvm::StringRef text) { return added.has(text); });
  if (!source)
    return added.add(tokens);
  for (size_t i = 0; source->hasRawAdded && i < special.listed.size(); ++i) // `listed` are the first of `tokens`
    tokens[i].normalized = false;
  // Skips tokens of the class's defaults that are not in the vocabulary, if the model has no more ids for them.
  llvm::erase_if(tokens, [&](const AddedToken &token) {
    const auto isListed = [&](const AddedToken &other) { return other.text == token.text; };
    return special.assumed.contains(token.text) && added.idOf(token.text) < 0 && model.tokens.size() >= source->ids &&
           llvm::none_of(special.listed, isListed);
  });
  LATHE_RETURN_IF_ERROR(added.add(tokens));
  if (!source->hasPlainSpecial)
    return absl::OkStatus();
  std::vector<AddedToken> plain;
  const auto addPlain = [&](llvm::StringRef text) {
    if (added.has(text))
      plain.push_back({.text = text.str(), .special = true});
  };
  for (const auto &[name, token] : special.named)
    addPlain(token.token.text);
  for (const SpecialTokens::Token &token : special.extra)
    addPlain(token.token.text);
  return added.add(plain);
}

/// Reads from tokenizer_config.json which special tokens stand before and after a text. A tokenizer.json would say it
/// itself.
void TokenizerReader::readAffixes(const AddedVocabulary &added) {
  for (const auto &[flag, name, ids] : {std::tuple(special.addBos, "bos_token", &model.prefixIds),
                                        std::tuple(special.addEos, "eos_token", &model.suffixIds)}) {
    const std::string text = special.textOf(name);
    const int64_t id = text.empty() ? -1 : added.idOf(text);
    if (flag.value_or(false) && id >= 0)
      ids->push_back(static_cast<uint32_t>(id));
  }
}

/// Some classes of transformers replace the steps of tokenizer.json by their own, with add_prefix_space of
/// tokenizer_config.json. If the two files differ it is not clear which is meant: an error.
absl::Status TokenizerReader::checkPrefixSpace(const HuggingFaceFiles &files) {
  const bool isBytes = model.flags & LRT_TOKENIZER_BYTES;
  if (!special.addPrefixSpace || (special.tokenizerClass == "LlamaTokenizer") == isBytes)
    return absl::OkStatus();
  const auto addsSpace = [](const TokenizerModel::Step &step) {
    return step.kind == LRT_TEXT_PREPEND || step.kind == LRT_TEXT_SPACE_PREFIX ||
           (step.kind == LRT_TEXT_METASPACE && step.mode != LRT_PREFIX_NEVER);
  };
  const bool hasPrefix = llvm::any_of(model.normalizers, addsSpace) || llvm::any_of(model.splitters, addsSpace);
  if (hasPrefix == *special.addPrefixSpace)
    return absl::OkStatus();
  llvm::SmallString<256> path(files.directory);
  llvm::sys::path::append(path, "tokenizer_config.json");
  const auto nameOf = [](bool value) { return value ? "true" : "false"; };
  return fileError(path, "add_prefix_space",
                   llvm::Twine("expected ") + nameOf(hasPrefix) + ", as tokenizer.json has it, got " +
                       nameOf(!hasPrefix));
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
  } else if (type != "Fuse" && type != "Strip") { // Strip removes a space at the start of a text: not for a stream
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
    bool isAfter = false;
    forEachObject(from, "single", [&](const JsonObject &part) {
      if (part.has("Sequence")) {
        isAfter = true;
        return;
      }
      std::optional<JsonObject> token = part.object("SpecialToken");
      const std::string name = token ? token->string("id") : "";
      std::optional<JsonObject> entry = known ? known->object(name) : std::nullopt;
      if (!entry)
        return from.fail("single", "expected special tokens that special_tokens describes, got " + quoted(name));
      for (int64_t id : entry->integers("ids", 0, static_cast<int64_t>(model.tokens.size()) - 1))
        (isAfter ? after : before).push_back(static_cast<uint32_t>(id));
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
  } else if (type != "ByteLevel") { // ByteLevel changes only offsets
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
      if (!model.tokens[id].special) // for example Gemma's tokens of several U+2581, which are spaces
        decoder.replace(piece);
    } else if (auto text = contents.find(static_cast<uint32_t>(id)); text != contents.end()) {
      piece = decoder.decode(text->second);
    }
  }
}

absl::Status TokenizerReader::read(const json::Object &object, const HuggingFaceFiles &files) {
  JsonObject root(path, object, status);
  if (std::optional<JsonObject> normalizer = root.object("normalizer"))
    readNormalizer(*normalizer, model);
  if (std::optional<JsonObject> splitter = root.object("pre_tokenizer"))
    readSplitter(*splitter, model);

  std::optional<JsonObject> from = root.object("model");
  if (!from)
    return fileError(path, "model", "expected an object, got no such key");
  // Older files do not have the key; they are BPE.
  const std::string type = from->string("type", from->has("merges") ? "BPE" : "");
  if (type == "BPE")
    readBpe(*from);
  else if (type == "Unigram")
    readUnigram(*from);
  else
    from->fail("type", "expected BPE or Unigram, got " + quoted(type));
  LATHE_RETURN_IF_ERROR(status);
  readByteIds();
  const size_t size = model.model == LRT_TOKENIZER_UNIGRAM ? model.tokens.size() : vocabulary.size();
  AddedVocabulary added(
      model,
      [&](llvm::StringRef text) {
        const auto found = vocabulary.find(text);
        return found == vocabulary.end() ? int64_t(-1) : int64_t(found->second);
      },
      size);
  LATHE_RETURN_IF_ERROR(readAdded(root, files, added));
  if (!source)
    LATHE_RETURN_IF_ERROR(checkPrefixSpace(files));
  if (std::optional<JsonObject> decoderObject = root.object("decoder"))
    readDecoder(*decoderObject);
  if (std::optional<JsonObject> processor = root.object("post_processor"))
    readPostProcessor(*processor);
  LATHE_RETURN_IF_ERROR(status);
  if (source)
    readAffixes(added);
  makePieces();
  return finishTokenizer(files, special, added, model);
}

absl::StatusOr<std::unique_ptr<TokenizerModel>> lathe::readHuggingFaceTokenizer(const HuggingFaceFiles &files) {
  auto model = std::make_unique<TokenizerModel>();
  if (!files.tokenizer.empty()) {
    model->path = pathOf(files, "tokenizer.json");
    LATHE_ASSIGN_OR_RETURN(json::Value tokenizer, parseJsonObject(model->path, files.tokenizer));
    LATHE_RETURN_IF_ERROR(TokenizerReader(*model, nullptr).read(*tokenizer.getAsObject(), files));
    return model;
  }
  LATHE_ASSIGN_OR_RETURN(std::optional<Vocabulary> vocabulary, readVocabulary(files));
  if (!vocabulary)
    return nullptr;
  model->path = vocabulary->path;
  model->hasRanksOfResults = vocabulary->hasRanksOfResults;
  LATHE_RETURN_IF_ERROR(TokenizerReader(*model, &*vocabulary).read(vocabulary->tokenizer, files));
  return model;
}

/// The contents of a file; empty if there is no such file.
static absl::StatusOr<std::string> readIfThere(llvm::StringRef directory, llvm::StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  if (!isThere(path))
    return std::string();
  LATHE_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> file, MappedFile::open(path));
  return file->bytes().str();
}

absl::StatusOr<std::unique_ptr<TokenizerModel>> lathe::readHuggingFaceTokenizer(llvm::StringRef directory) {
  HuggingFaceFiles files;
  files.directory = directory.str();
  for (const auto &[name, text] :
       {std::pair("tokenizer.json", &files.tokenizer), std::pair("tokenizer_config.json", &files.tokenizerConfig),
        std::pair("special_tokens_map.json", &files.specialTokensMap),
        std::pair("added_tokens.json", &files.addedTokens), std::pair("chat_template.jinja", &files.chatTemplate),
        std::pair("chat_template.json", &files.processorTemplate)}) {
    LATHE_ASSIGN_OR_RETURN(*text, readIfThere(directory, name));
  }
  llvm::SmallString<256> folder(directory);
  llvm::sys::path::append(folder, "additional_chat_templates");
  for (const std::string &name :
       llvm::sys::fs::is_directory(folder) ? filesEndingIn(folder, {".jinja"}) : std::vector<std::string>()) {
    LATHE_ASSIGN_OR_RETURN(std::string text, readIfThere(folder, name));
    files.moreTemplates.emplace_back(llvm::StringRef(name).drop_back(strlen(".jinja")).str(), std::move(text));
  }
  if (files.tokenizer.empty()) {
    files.names = filesEndingIn(directory, {""});
    for (const auto &[name, text] :
         {std::pair("config.json", &files.config), std::pair("vocab.json", &files.vocab),
          std::pair("merges.txt", &files.merges), std::pair("tokenizer.model", &files.sentencePiece),
          std::pair("tiktoken.model", &files.tikToken)}) {
      LATHE_ASSIGN_OR_RETURN(*text, readIfThere(directory, name));
    }
  }
  return readHuggingFaceTokenizer(files);
}
