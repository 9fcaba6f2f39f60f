#include "frontends/tokenizer/SpecialTokens.h"
#include "compiler/support/Errors.h"
#include "frontends/tokenizer/HuggingFace.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace lathe;
namespace json = llvm::json;

/// Limit of names of special tokens. transformers has seven, multimodal models about ten more.
static constexpr size_t maxNames = 1000;

static constexpr llvm::StringLiteral standardNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                        "pad_token", "cls_token", "mask_token"};

AddedToken lathe::readAddedToken(const JsonObject &from) {
  AddedToken token;
  token.text = from.string("content", "");
  token.special = from.boolean("special", false);
  token.singleWord = from.boolean("single_word", false);
  token.stripLeft = from.boolean("lstrip", false);
  token.stripRight = from.boolean("rstrip", false);
  if (from.has("normalized"))
    token.normalized = from.boolean("normalized");
  return token;
}

/// The members of a well-formed object in the order of the file, each with the text of its value. LLVM's objects have
/// no order, but new tokens get their ids in the order of the file. Of members with the same name, the position of the
/// first and the value of the last one.
static std::vector<std::pair<std::string, llvm::StringRef>> membersOf(llvm::StringRef object) {
  std::vector<std::pair<std::string, llvm::StringRef>> members;
  llvm::StringMap<size_t> indices;
  int depth = 0;
  size_t valueBegin = 0;
  std::string key;
  bool isKey = true;
  const auto finish = [&](size_t end) {
    if (isKey) // an empty object
      return;
    const llvm::StringRef value = object.slice(valueBegin, end);
    const auto [entry, isNew] = indices.try_emplace(key, members.size());
    if (isNew)
      members.emplace_back(key, value);
    else
      members[entry->second].second = value;
    isKey = true;
  };
  for (size_t i = 0; i < object.size(); ++i) {
    const char c = object[i];
    if (c == '"') {
      const size_t begin = i;
      for (++i; i < object.size() && object[i] != '"'; ++i)
        i += object[i] == '\\';
      if (depth != 1 || !isKey)
        continue;
      if (llvm::Expected<json::Value> name = json::parse(object.slice(begin, i + 1)))
        key = name->getAsString().value_or("").str();
      else
        llvm::consumeError(name.takeError());
      isKey = false;
      valueBegin = std::min(object.find(':', i), object.size() - 1) + 1;
      i = valueBegin - 1;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0)
        finish(i);
    } else if (c == ',' && depth == 1) {
      finish(i);
    }
  }
  return members;
}

namespace {

/// A set of tokens. They are grouped by text, so that insertion takes constant time: few tokens have the same text.
class TokenSet {
public:
  bool insert(const SpecialTokens::Token &token) {
    std::vector<SpecialTokens::Token> &same = tokens[token.token.text];
    const bool isNew = !llvm::is_contained(same, token);
    if (isNew)
      same.push_back(token);
    return isNew;
  }

private:
  llvm::StringMap<std::vector<SpecialTokens::Token>> tokens;
};

/// Computes the arguments of a tokenizer's constructor from the files, as transformers does.
class Reader {
public:
  Reader(const HuggingFaceFiles &files, const json::Array *added,
         llvm::ArrayRef<std::pair<std::string, std::string>> assumed)
      : files(files), added(added) {
    for (const auto &[name, text] : assumed)
      standard.push_back({name, Token{{.text = text, .special = true}, true}, false, true});
  }

  absl::StatusOr<SpecialTokens> read();

  using Token = SpecialTokens::Token;
  struct Setting {
    std::string name;
    std::optional<Token> token; // none: null in the file
    bool isObject;              // an object of tokenizer_config.json, which transformers reads late
    bool isAssumed = false;     // a default of the class, not from a file
  };

private:
  static bool isStandard(llvm::StringRef name) { return llvm::is_contained(standardNames, name); }
  void set(const JsonObject &from, std::vector<Setting> &settings, Setting setting);

  /// A token as a text or an object; other values are errors. `isSpecial`: the token is special even if the object says
  /// false.
  std::optional<Token> readToken(const JsonObject &from, llvm::StringRef key, bool isSpecial);
  std::vector<Setting> readTokens(const JsonObject &from, llvm::StringRef key, bool isSpecial);
  void readMembers(const JsonObject &from, llvm::StringRef key, llvm::StringRef text);
  void readConfig(const JsonObject &config);
  void readMap(const JsonObject &map);
  void readListed(const JsonObject &listed);
  void readAddedTokens(const JsonObject &tokens);
  void readTokenizer();
  SpecialTokens finish();

  const HuggingFaceFiles &files;
  const json::Array *added;
  absl::Status status;
  // Standard names; other names. `late` ones are first in the result; `early` ones replace `late` ones of the same
  // name.
  std::vector<Setting> standard, late, early;
  std::optional<std::vector<Setting>> extra, additional; // none: no file has the list; null in a file is an empty list
  std::map<int64_t, AddedToken> byId;
  llvm::StringMap<AddedToken> byText;
  SpecialTokens found;
};

} // namespace

static void put(std::vector<Reader::Setting> &settings, Reader::Setting setting) {
  auto known = llvm::find_if(settings, [&](const Reader::Setting &other) { return other.name == setting.name; });
  if (known == settings.end())
    settings.push_back(std::move(setting));
  else
    *known = std::move(setting);
}

void Reader::set(const JsonObject &from, std::vector<Setting> &settings, Setting setting) {
  if (settings.size() == maxNames)
    return from.fail(printable(setting.name), "expected at most " + llvm::Twine(maxNames) + " names of tokens");
  put(settings, std::move(setting));
}

std::optional<SpecialTokens::Token> Reader::readToken(const JsonObject &from, llvm::StringRef key, bool isSpecial) {
  const json::Value *value = from.find(key);
  if (!value)
    return std::nullopt;
  if (std::optional<llvm::StringRef> text = value->getAsString()) {
    AddedToken token;
    token.text = text->str();
    token.special = true;
    return Token{std::move(token), true};
  }
  if (!value->getAsObject()) {
    from.fail(key, "expected a token's text or object, got " + describe(*value));
    return std::nullopt;
  }
  AddedToken token = readAddedToken(*from.object(key));
  token.special |= isSpecial;
  return Token{std::move(token), false};
}

/// A list of texts and objects; null is an empty one.
std::vector<Reader::Setting> Reader::readTokens(const JsonObject &from, llvm::StringRef key, bool isSpecial) {
  std::vector<Setting> tokens;
  const json::Value *value = from.find(key);
  const json::Array *list = value ? value->getAsArray() : nullptr;
  if (value && !list)
    from.fail(key, "expected an array of tokens, got " + describe(*value));
  for (size_t i = 0; list && i < list->size(); ++i) {
    // Under a key with the index, so that messages name the element.
    const std::string name = (key + "[" + llvm::Twine(i) + "]").str();
    json::Object named;
    named[name] = (*list)[i];
    JsonObject element = from;
    element.setDefaults(&named);
    std::optional<Token> token = readToken(element, name, isSpecial);
    if (!token && from.ok())
      from.fail(name, "expected a token's text or object, got null");
    if (token)
      tokens.push_back({"", token, !token->isText && !isSpecial});
  }
  return tokens;
}

/// An object of names and tokens.
void Reader::readMembers(const JsonObject &from, llvm::StringRef key, llvm::StringRef text) {
  std::optional<JsonObject> members = from.object(key);
  if (!members)
    return;
  for (const auto &[name, value] : membersOf(text)) {
    std::optional<Token> token = readToken(*members, name, false);
    if (!token)
      return members->fail(printable(name), "expected a token's text or object, got null");
    set(*members, early, {name, token, false});
  }
}

void Reader::readConfig(const JsonObject &config) {
  found.splitsSpecial = config.boolean("split_special_tokens", false);
  for (const auto &[key, flag] : {std::pair("add_bos_token", &found.addBos), std::pair("add_eos_token", &found.addEos)})
    if (config.has(key))
      *flag = config.boolean(key);
  const std::string className = config.string("tokenizer_class", "");
  llvm::StringRef name = className;
  name.consume_back("Fast");
  found.tokenizerClass = name.str();
  if (llvm::is_contained({"GPT2Tokenizer", "LlamaTokenizer", "Qwen2Tokenizer"}, name) && config.has("add_prefix_space"))
    found.addPrefixSpace = config.boolean("add_prefix_space");

  const auto isObject = [&](llvm::StringRef key) { return config.has(key) && config.find(key)->getAsObject(); };
  const auto isList = [&](llvm::StringRef key) { return config.has(key) && config.find(key)->getAsArray(); };
  llvm::StringRef extraText, specificText;
  for (const auto &[key, text] : membersOf(files.tokenizerConfig)) {
    if (key == "extra_special_tokens")
      extraText = text;
    if (key == "model_specific_special_tokens")
      specificText = text;
    if (isStandard(key))
      set(config, standard, {key, readToken(config, key, false), isObject(key)});
    else if (llvm::StringRef(key).ends_with("_token") && config.has(key) && config.find(key)->getAsString())
      set(config, early, {key, readToken(config, key, false), false});
    else if (llvm::StringRef(key).ends_with("_token")) // null keeps the position for special_tokens_map.json
      set(config, late,
          {key, isObject(key) && config.object(key)->has("__type") ? readToken(config, key, false) : std::nullopt,
           false});
  }

  bool isExtraEmpty = !config.has("extra_special_tokens");
  if (isObject("extra_special_tokens")) {
    isExtraEmpty = config.find("extra_special_tokens")->getAsObject()->empty();
    readMembers(config, "extra_special_tokens", extraText);
  } else if (config.states("extra_special_tokens")) {
    isExtraEmpty |= isList("extra_special_tokens") && config.find("extra_special_tokens")->getAsArray()->empty();
    extra = readTokens(config, "extra_special_tokens", false);
  }
  if (config.states("additional_special_tokens"))
    (isExtraEmpty ? extra : additional) = readTokens(config, "additional_special_tokens", false);
  if (early.empty() && !specificText.empty())
    readMembers(config, "model_specific_special_tokens", specificText);
}

void Reader::readMap(const JsonObject &map) {
  for (const auto &[key, text] : membersOf(files.specialTokensMap)) {
    const json::Value *value = map.find(key);
    if (isStandard(key)) {
      set(map, standard, {key, readToken(map, key, true), false});
    } else if (key == "extra_special_tokens" && value && value->getAsObject()) {
      extra.reset();
      readMembers(map, key, text);
    } else if (key == "extra_special_tokens") {
      std::vector<Setting> tokens = extra && value ? *extra : std::vector<Setting>();
      TokenSet known;
      for (const Setting &token : tokens)
        known.insert(*token.token);
      for (Setting &token : readTokens(map, key, true))
        if (known.insert(*token.token))
          tokens.push_back(std::move(token));
      extra = std::move(tokens);
    } else if (key == "additional_special_tokens") {
      additional = readTokens(map, key, false);
    } else if (!llvm::StringRef(key).ends_with("_token")) {
      map.fail(printable(key), "expected a name of a special token, such as bos_token");
    } else { // null removes the token of tokenizer_config.json
      const bool isToken = value && (value->getAsString() || value->getAsObject());
      set(map, late, {key, isToken ? readToken(map, key, true) : std::nullopt, false});
    }
  }
}

void Reader::readListed(const JsonObject &listed) {
  for (const auto &[key, value] : listed.keys()) {
    const llvm::StringRef name = key;
    int64_t id = 0;
    if (name.getAsInteger(10, id))
      return listed.fail(printable(name), "expected an id as the key of a token");
    std::optional<JsonObject> object = listed.object(name);
    if (!object)
      return listed.fail(name, "expected a token's object, got " + describe(value));
    byId[id] = readAddedToken(*object);
    byText[byId[id].text] = byId[id];
  }
}

void Reader::readAddedTokens(const JsonObject &tokens) {
  llvm::StringMap<bool> special;
  const auto insert = [&](llvm::ArrayRef<Setting> settings) {
    for (const Setting &setting : settings)
      if (setting.token && !setting.isObject)
        special[setting.token->token.text] = true;
  };
  insert(standard);
  if (extra)
    insert(*extra);
  for (const auto &[text, ignored] : membersOf(files.addedTokens)) {
    AddedToken token;
    token.text = text;
    token.special = special.contains(text);
    token.normalized = !token.special;
    const json::Value *value = tokens.find(text);
    std::optional<int64_t> id = value ? asInteger(*value) : std::nullopt;
    if (!id)
      return tokens.fail(printable(text), "expected an id, got " + (value ? describe(*value) : "null"));
    byId[*id] = byText[text] = token;
  }
}

/// Ignores errors: the reader of tokenizer.json reports them.
void Reader::readTokenizer() {
  for (const json::Value &value :
       added ? llvm::ArrayRef(added->data(), added->size()) : llvm::ArrayRef<json::Value>()) {
    const json::Object *object = value.getAsObject();
    if (!object)
      continue;
    absl::Status ignored;
    AddedToken token = readAddedToken(JsonObject("", *object, ignored));
    const json::Value *id = object->get("id");
    if (std::optional<int64_t> number = id ? asInteger(*id) : std::nullopt)
      byId[*number] = token;
    byText[token.text] = std::move(token);
  }
}

SpecialTokens Reader::finish() {
  const auto resolve = [&](Token &token) {
    if (auto known = byText.find(token.token.text); known != byText.end())
      token = {known->second, false};
  };
  for (auto &[id, token] : byId)
    found.listed.push_back(std::move(token));
  for (llvm::StringRef name : standardNames)
    for (Setting &setting : standard)
      if (setting.name == name && setting.token) {
        if (setting.isAssumed)
          found.assumed.insert(setting.token->token.text);
        else
          resolve(*setting.token);
        found.named.emplace_back(name, std::move(*setting.token));
      }
  llvm::erase_if(late, [](const Setting &setting) { return !setting.token; });
  for (Setting &setting : early)
    put(late, std::move(setting));
  for (Setting &setting : late)
    found.named.emplace_back(setting.name, std::move(*setting.token));
  if (!extra)
    extra = std::move(additional);
  if (extra)
    for (Setting &setting : *extra)
      found.extra.push_back(std::move(*setting.token));
  return std::move(found);
}

absl::StatusOr<SpecialTokens> Reader::read() {
  const auto readFile = [&](llvm::StringRef name, llvm::StringRef text, auto read) {
    if (text.empty())
      return absl::OkStatus();
    llvm::SmallString<256> path(files.directory);
    llvm::sys::path::append(path, name);
    LATHE_ASSIGN_OR_RETURN(json::Value value, parseJsonObject(path, text));
    read(JsonObject(path, *value.getAsObject(), status));
    return status;
  };
  bool isListed = false; // if added_tokens_decoder exists, the other files are not read
  LATHE_RETURN_IF_ERROR(readFile("tokenizer_config.json", files.tokenizerConfig, [&](const JsonObject &config) {
    readConfig(config);
    std::optional<JsonObject> listed = config.object("added_tokens_decoder");
    if ((isListed = listed.has_value()))
      readListed(*listed);
  }));
  if (!isListed) {
    LATHE_RETURN_IF_ERROR(
        readFile("special_tokens_map.json", files.specialTokensMap, [&](const JsonObject &map) { readMap(map); }));
    LATHE_RETURN_IF_ERROR(
        readFile("added_tokens.json", files.addedTokens, [&](const JsonObject &tokens) { readAddedTokens(tokens); }));
    readTokenizer();
  }
  return finish();
}

absl::StatusOr<SpecialTokens> lathe::readSpecialTokens(const HuggingFaceFiles &files, const json::Array *added,
                                                       llvm::ArrayRef<std::pair<std::string, std::string>> assumed) {
  return Reader(files, added, assumed).read();
}

std::string SpecialTokens::textOf(llvm::StringRef name) const {
  for (const auto &[key, token] : named)
    if (key == name)
      return token.token.text;
  return "";
}

std::vector<std::pair<std::string, std::string>> SpecialTokens::texts() const {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto &[key, token] : named)
    pairs.emplace_back(key, token.token.text);
  return pairs;
}

std::vector<AddedToken> SpecialTokens::toAdd(llvm::function_ref<bool(llvm::StringRef)> isAdded) const {
  std::vector<Token> tokens;
  TokenSet known;
  llvm::StringMap<bool> isListed, isNamed;
  for (const AddedToken &token : listed) {
    tokens.push_back({token, false});
    isListed[token.text] = true;
  }
  const auto addMissing = [&](const Token &token) {
    if (!isAdded(token.token.text) && !isListed.contains(token.token.text) && known.insert(token))
      tokens.push_back(token);
  };
  for (const auto &[name, token] : named) {
    isNamed[token.token.text] = true;
    addMissing(token);
  }
  for (const Token &token : extra)
    addMissing(token);

  std::vector<AddedToken> flat;
  for (Token &token : tokens) {
    token.token.special |= isNamed.contains(token.token.text);
    flat.push_back(std::move(token.token));
  }
  return flat;
}

absl::Status AddedVocabulary::add(llvm::ArrayRef<AddedToken> tokens) {
  int64_t next = std::max(last + 1, size);
  for (const AddedToken &token : tokens) {
    if (token.text.empty())
      continue;
    const auto before = ids.find(token.text);
    int64_t id = before != ids.end() ? int64_t(before->second) : find(token.text);
    if (id < 0)
      id = next++;
    if (id >= int64_t(LRT_TOKENIZER_MAX_ID))
      return fileError(model.path, "expected ids below " + llvm::Twine(LRT_TOKENIZER_MAX_ID) + ", got " +
                                       llvm::Twine(id) + " for " + quoted(token.text));
    last = std::max(last, id);
    ids[token.text] = static_cast<uint32_t>(id);
    if (model.tokens.size() <= static_cast<size_t>(id))
      model.tokens.resize(id + 1);
    model.tokens[id].special |= token.special; // once special, always
    model.tokens[id].piece = token.text;
    const uint32_t flags = (token.singleWord ? uint32_t(LRT_ADDED_SINGLE_WORD) : 0) |
                           (token.stripLeft ? uint32_t(LRT_ADDED_STRIP_LEFT) : 0) |
                           (token.stripRight ? uint32_t(LRT_ADDED_STRIP_RIGHT) : 0) |
                           (token.isNormalized() ? uint32_t(LRT_ADDED_NORMALIZED) : 0);
    const auto [entry, isNew] = indices.try_emplace(static_cast<uint32_t>(id), model.added.size());
    if (isNew)
      model.added.emplace_back();
    model.added[entry->second] = {token.text, static_cast<uint32_t>(id), flags};
  }
  return absl::OkStatus();
}

int64_t AddedVocabulary::idOf(llvm::StringRef text) const {
  const auto known = ids.find(text);
  return known != ids.end() ? int64_t(known->second) : find(text);
}
