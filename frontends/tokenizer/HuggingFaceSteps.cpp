//===- HuggingFaceSteps.cpp - reads `normalizer` and `pre_tokenizer` of tokenizer.json ----------------------------===//
//
// Each type becomes one or two of the runtime's steps. Types that decoder models do not use are errors.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/tokenizer/HuggingFace.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Base64.h"

using namespace lathe;
namespace json = llvm::json;

/// The pattern of GPT-2, which ByteLevel uses.
static constexpr const char *gpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

static constexpr const char *anySpace = R"([\t-\r\x{85}\p{Z}])";
static constexpr const char *punctuation = R"([!-/:-@\[-`{-~\p{P}])";

void lathe::forEachObject(const JsonObject &from, llvm::StringRef key,
                          llvm::function_ref<void(const JsonObject &)> read) {
  const json::Value *value = from.find(key);
  const json::Array *list = value ? value->getAsArray() : nullptr;
  if (!list)
    return from.fail(key, "expected an array, got " + (value ? describe(*value) : std::string("no such key")));
  for (const json::Value &element : *list) {
    // Under a key with the index, so that messages name the element.
    const std::string name = key.str() + "[" + std::to_string(&element - list->data()) + "]";
    json::Object named;
    named[name] = element;
    JsonObject holder = from;
    holder.setDefaults(&named);
    std::optional<JsonObject> object = holder.object(name);
    if (!object && from.ok())
      from.fail(name, "expected an object, got null");
    if (object)
      read(*object);
    if (!from.ok())
      return;
  }
}

std::string lathe::escapePattern(llvm::StringRef text) {
  std::string pattern;
  for (char c : text) {
    if (llvm::StringRef(R"(\^$.|?*+()[]{}-#)").contains(c))
      pattern += '\\';
    pattern += c;
  }
  return pattern;
}

/// {"String": ...} or {"Regex": ...} as a pattern of PCRE2. `literal` is set to the String.
static std::string readPattern(const JsonObject &from, std::optional<std::string> *literal = nullptr) {
  std::optional<JsonObject> pattern = from.object("pattern");
  if (!pattern) {
    from.fail("pattern", "expected an object, got none");
    return "";
  }
  if (pattern->has("String")) {
    const std::string text = pattern->string("String");
    if (literal)
      *literal = text;
    return escapePattern(text);
  }
  absl::StatusOr<std::string> translated = translatePattern(pattern->string("Regex"));
  absl::Status status = translated.ok() ? checkPattern(*translated) : translated.status();
  if (!status.ok()) {
    pattern->fail("Regex", llvm::Twine(std::string(status.message())));
    return "";
  }
  return *translated;
}

void lathe::readNormalizer(const JsonObject &from, TokenizerModel &model) {
  const std::string type = from.string("type");
  if (type == "Sequence")
    return forEachObject(from, "normalizers", [&](const JsonObject &part) { readNormalizer(part, model); });
  TokenizerModel::Step step = {llvm::StringSwitch<uint32_t>(type)
                                   .Case("NFC", LRT_TEXT_NFC)
                                   .Case("NFD", LRT_TEXT_NFD)
                                   .Case("NFKC", LRT_TEXT_NFKC)
                                   .Case("NFKD", LRT_TEXT_NFKD)
                                   .Case("Nmt", LRT_TEXT_NMT)
                                   .Default(0),
                               0, "", ""};
  if (type == "Prepend") {
    step.kind = LRT_TEXT_PREPEND;
    step.a = from.string("prepend");
  } else if (type == "Replace") {
    std::optional<std::string> literal;
    step.a = readPattern(from, &literal);
    step.kind = literal ? LRT_TEXT_REPLACE : LRT_TEXT_REPLACE_REGEX;
    if (literal)
      step.a = *literal;
    step.b = from.string("content");
  } else if (type == "Strip") {
    if (from.boolean("strip_right"))
      model.normalizers.push_back({LRT_TEXT_STRIP_RIGHT, 0, "", ""});
    if (!from.boolean("strip_left"))
      return;
    step.kind = LRT_TEXT_STRIP_LEFT;
  } else if (type == "Precompiled") {
    const std::string encoded = from.string("precompiled_charsmap");
    std::vector<char> map;
    if (llvm::Error error = llvm::decodeBase64(encoded, map)) {
      from.fail("precompiled_charsmap", "expected base64, got " + llvm::toString(std::move(error)));
      return;
    }
    step.kind = LRT_TEXT_CHARSMAP;
    step.a.assign(map.begin(), map.end());
  }
  if (step.kind == 0)
    from.fail("type", "expected NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence or Strip, got " +
                          quoted(type));
  model.normalizers.push_back(std::move(step));
}

static uint32_t readBehavior(const JsonObject &from, std::optional<llvm::StringRef> fallback = std::nullopt) {
  const std::string name = from.string("behavior", fallback);
  const int behavior = llvm::StringSwitch<int>(name)
                           .Case("Isolated", LRT_SPLIT_ISOLATED)
                           .Case("Removed", LRT_SPLIT_REMOVED)
                           .Case("Contiguous", LRT_SPLIT_CONTIGUOUS)
                           .Case("MergedWithPrevious", LRT_SPLIT_MERGED_WITH_PREVIOUS)
                           .Case("MergedWithNext", LRT_SPLIT_MERGED_WITH_NEXT)
                           .Default(-1);
  if (behavior < 0)
    from.fail("behavior",
              "expected Contiguous, Isolated, MergedWithNext, MergedWithPrevious or Removed, got " + quoted(name));
  return static_cast<uint32_t>(behavior);
}

static void readMetaspace(const JsonObject &from, TokenizerModel &model) {
  const std::string replacement = from.string("replacement");
  const std::string scheme = from.string("prepend_scheme", "always");
  int prefix = llvm::StringSwitch<int>(scheme)
                   .Case("never", LRT_PREFIX_NEVER)
                   .Case("first", LRT_PREFIX_FIRST)
                   .Case("always", LRT_PREFIX_ALWAYS)
                   .Default(-1);
  if (prefix < 0)
    return from.fail("prepend_scheme", "expected always, first or never, got " + quoted(scheme));
  if (!from.boolean("add_prefix_space", true)) // the key of older files
    prefix = LRT_PREFIX_NEVER;
  model.splitters.push_back({LRT_TEXT_METASPACE, static_cast<uint32_t>(prefix), replacement, ""});
  if (from.boolean("split", true))
    model.splitters.push_back({LRT_TEXT_SPLIT, LRT_SPLIT_MERGED_WITH_NEXT, escapePattern(replacement), ""});
}

void lathe::readSplitter(const JsonObject &from, TokenizerModel &model) {
  const std::string type = from.string("type");
  if (type == "Sequence")
    return forEachObject(from, "pretokenizers", [&](const JsonObject &part) { readSplitter(part, model); });
  // Bytes are the last step, unless a splitter follows ByteLevel (Falcon): it splits the printable characters of bytes.
  if ((model.flags & LRT_TOKENIZER_BYTES) && !(model.flags & LRT_TOKENIZER_ENCODED)) {
    model.splitters.push_back({LRT_TEXT_ENCODE_BYTES, 0, "", ""});
    model.flags |= LRT_TOKENIZER_ENCODED;
  }
  const auto split = [&](uint32_t behavior, llvm::StringRef pattern) {
    model.splitters.push_back({LRT_TEXT_SPLIT, behavior, pattern.str(), ""});
  };
  if (type == "ByteLevel") {
    if (model.flags & LRT_TOKENIZER_BYTES)
      return from.fail("type", "expected one ByteLevel, got two");
    model.flags |= LRT_TOKENIZER_BYTES;
    if (from.boolean("add_prefix_space", true))
      model.splitters.push_back({LRT_TEXT_SPACE_PREFIX, 0, "", ""});
    if (from.boolean("use_regex", true))
      split(LRT_SPLIT_ISOLATED, *translatePattern(gpt2Pattern));
  } else if (type == "Split") {
    const std::string pattern = readPattern(from);
    split(readBehavior(from) | (from.boolean("invert", false) ? uint32_t(LRT_SPLIT_INVERTED) : 0), pattern);
  } else if (type == "Digits") {
    split(from.boolean("individual_digits", false) ? LRT_SPLIT_ISOLATED : LRT_SPLIT_CONTIGUOUS,
          *translatePattern("\\p{N}"));
  } else if (type == "Punctuation") {
    split(readBehavior(from, "Isolated"), punctuation);
  } else if (type == "Whitespace") {
    constexpr const char *word = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200c}\x{200d})";
    split(LRT_SPLIT_REMOVED | LRT_SPLIT_INVERTED, std::string("[") + word + "]+|[^" + word + R"(\t-\r\x{85}\p{Z}]+)");
  } else if (type == "WhitespaceSplit") {
    split(LRT_SPLIT_REMOVED, anySpace);
  } else if (type == "BertPreTokenizer") {
    split(LRT_SPLIT_REMOVED, anySpace);
    split(LRT_SPLIT_ISOLATED, punctuation);
  } else if (type == "CharDelimiterSplit") {
    split(LRT_SPLIT_REMOVED, escapePattern(from.string("delimiter")));
  } else if (type == "Metaspace") {
    readMetaspace(from, model);
  } else {
    from.fail("type",
              "expected BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Sequence, "
              "Split, Whitespace or WhitespaceSplit, got " +
                  quoted(type));
  }
}
