//===- Tokenizer.cpp - text to ids and back -----------------------------------------------------------------------===//

#include "runtime/tokenizer/Tokenizer.h"
#include "runtime/support/Json.h"
#include "runtime/support/Support.h"
#include "runtime/tokenizer/TokenizerModel.h"
#include "runtime/tokenizer/Unicode.h"

#include <algorithm>

using namespace lrt;

/// Bytes: offsets in a word have 32 bits.
static constexpr size_t maxTextBytes = size_t(1) << 30;

bool Tokenizer::open(const uint8_t *bytes, size_t size, std::string &error) {
  if (!tables.open(bytes, size, error) || !texts.open(tables, error))
    return false;
  for (const lrt_tokenizer_added &added : tables.added) {
    std::string text(tables.string(added.text));
    if (!(added.flags & LRT_ADDED_NORMALIZED)) {
      special.add(std::move(text), added.id, added.flags);
      continue;
    }
    if (!isValidUtf8(text) || !texts.normalize(text, error))
      return false;
    normalizedSpecial.add(std::move(text), added.id, added.flags);
  }
  return true;
}

bool Tokenizer::encodeFragment(std::string_view text, bool isFirst, std::vector<int32_t> &ids,
                               std::string &error) const {
  // SentencePiece's BPE uses no patterns and no normal forms and has tokens for all bytes, so it takes invalid UTF-8.
  const bool wantsUtf8 = tables.header->model != LRT_TOKENIZER_SCORES;
  std::string normalized = wantsUtf8 && !isValidUtf8(text) ? replaceInvalidUtf8(text) : std::string(text);
  if (!texts.normalize(normalized, error))
    return false;

  TokenizerModel model(tables);
  std::vector<Span> words;
  const auto encodePart = [&](std::string_view part, bool isFirstPart) {
    std::string rewritten(part);
    if (!texts.split(rewritten, isFirstPart, words, error))
      return false;
    for (const Span word : words)
      model.encode(std::string_view(rewritten).substr(word.begin, word.end - word.begin), ids);
    return true;
  };

  size_t begin = 0;
  for (const SpecialTokens::Match &match : normalizedSpecial.find(normalized, false)) {
    if (match.span.begin > begin &&
        !encodePart(std::string_view(normalized).substr(begin, match.span.begin - begin), isFirst && begin == 0))
      return false;
    ids.push_back(static_cast<int32_t>(match.id));
    begin = match.span.end;
  }
  return encodePart(std::string_view(normalized).substr(begin), isFirst && begin == 0);
}

bool Tokenizer::encode(std::string_view text, bool addSpecial, std::vector<int32_t> &ids, std::string &error) const {
  ids.clear();
  error.clear();
  if (text.size() > maxTextBytes) {
    error = format("expected a text of at most %zu bytes, got %zu", maxTextBytes, text.size());
    return false;
  }
  if (addSpecial)
    ids.assign(tables.prefixIds.begin(), tables.prefixIds.end());
  size_t begin = 0;
  for (const SpecialTokens::Match &match : special.find(text, tables.has(LRT_TOKENIZER_LONGEST_FIRST))) {
    if (match.span.begin > begin &&
        !encodeFragment(text.substr(begin, match.span.begin - begin), begin == 0, ids, error))
      return false;
    ids.push_back(static_cast<int32_t>(match.id));
    begin = match.span.end;
  }
  if (begin < text.size() && !encodeFragment(text.substr(begin), begin == 0, ids, error))
    return false;
  if (addSpecial)
    ids.insert(ids.end(), tables.suffixIds.begin(), tables.suffixIds.end());
  return true;
}

/// Strips as Python's strip() does: Unicode's white space and four separators of ASCII.
static std::string_view strip(std::string_view text, uint32_t trim) {
  const auto isSeparator = [](char c) { return c >= '\x1c' && c <= '\x1f'; };
  if (trim & LRT_TOKENIZER_TRIM_CHAT_LEFT)
    for (text = trimLeft(text); !text.empty() && isSeparator(text.front());)
      text = trimLeft(text.substr(1));
  if (trim & LRT_TOKENIZER_TRIM_CHAT_RIGHT)
    for (text = trimRight(text); !text.empty() && isSeparator(text.back());)
      text = trimRight(text.substr(0, text.size() - 1));
  return text;
}

static bool matches(std::string_view text, uint32_t kind, std::string_view other) {
  switch (kind) {
  case LRT_GUARD_IS:
    return text == other;
  case LRT_GUARD_STARTS:
    return text.starts_with(other);
  case LRT_GUARD_ENDS:
    return text.ends_with(other);
  default:
    return text.find(other) != text.npos;
  }
}

static std::string describe(const lrt_tokenizer_guard &guard, std::string_view text) {
  const char *verbs[] = {"is", "starts with", "ends with", "contains"};
  std::string what = "that " + std::string(verbs[guard.kind]) + " " + (text.empty() ? "empty" : quoted(text));
  return guard.trim ? what + " without the space around it" : what;
}

std::vector<std::string> Tokenizer::chatExceptions() const {
  std::vector<std::string> texts;
  for (const lrt_tokenizer_guard &guard : tables.chatGuards)
    texts.push_back(describe(guard, tables.string(guard.text)));
  return texts;
}

const char *Tokenizer::kind() const {
  const uint32_t model = tables.header->model;
  return model == LRT_TOKENIZER_BPE ? "bpe" : model == LRT_TOKENIZER_SCORES ? "scores" : "unigram";
}

bool Tokenizer::encodeChat(std::string_view user, std::vector<int32_t> &ids, std::string &error) const {
  if (!hasChat()) {
    error = "--chat: ";
    error += chatPrefix().empty() ? "this model has no chat template; use --prompt" : chatPrefix();
    return false;
  }
  const uint32_t trim = tables.header->flags & (LRT_TOKENIZER_TRIM_CHAT_LEFT | LRT_TOKENIZER_TRIM_CHAT_RIGHT);
  std::string clean;
  if ((trim != 0 || !tables.chatGuards.empty()) && !isValidUtf8(user))
    user = clean = replaceInvalidUtf8(user);
  for (const lrt_tokenizer_guard &guard : tables.chatGuards)
    if (matches(strip(user, guard.trim), guard.kind, tables.string(guard.text))) {
      error = "--chat: the chat template gives another prompt for a text " +
              describe(guard, tables.string(guard.text)) + ", which this program cannot make; use --prompt";
      return false;
    }
  user = strip(user, trim);
  std::string text(chatPrefix());
  text += user;
  text += chatSuffix();
  return encode(text, tables.has(LRT_TOKENIZER_CHAT_SPECIAL), ids, error);
}

std::string_view Tokenizer::piece(int32_t id) const {
  return id >= 0 && id < size() ? tables.string(tables.pieces[id]) : std::string_view();
}

bool Tokenizer::putsSpaceInFront() const {
  const auto puts = [](const lrt_tokenizer_step &step) {
    return step.kind == LRT_TEXT_PREPEND || (step.kind == LRT_TEXT_METASPACE && step.mode != LRT_PREFIX_NEVER);
  };
  return std::any_of(tables.normalizers.begin(), tables.normalizers.end(), puts) ||
         std::any_of(tables.splitters.begin(), tables.splitters.end(), puts);
}

bool Tokenizer::isSpecial(int32_t id) const {
  return id >= 0 && id < size() && (tables.tokenFlags[id] & LRT_TOKEN_SPECIAL) != 0;
}

bool Tokenizer::isEnd(int32_t id) const {
  return id >= 0 &&
         std::find(tables.endIds.begin(), tables.endIds.end(), static_cast<uint32_t>(id)) != tables.endIds.end();
}

std::string Utf8Stream::add(std::string_view bytes) {
  pending += bytes;
  // An incomplete character can only start in the last three bytes.
  size_t whole = pending.size();
  for (size_t back = 1; back <= std::min<size_t>(3, pending.size()); ++back) {
    const uint8_t byte = static_cast<uint8_t>(pending[pending.size() - back]);
    if ((byte & 0xc0) == 0x80)
      continue;
    if (byte >= 0xc2 && byte <= 0xf4 && utf8Length(byte) > back)
      whole = pending.size() - back;
    break;
  }
  std::string out = pending.substr(0, whole);
  pending.erase(0, whole);
  return out;
}

std::string Utf8Stream::flush() { return std::move(pending); }
