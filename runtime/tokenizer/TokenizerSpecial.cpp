//===- TokenizerSpecial.cpp - special tokens written in a text ----------------------------------------------------===//
//
// Gemma has six thousand special tokens and a text may have a million characters. So tokens are grouped by length, and
// an offset in the text is looked up only when the two bytes there start a token of the group.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "runtime/tokenizer/TokenizerSpecial.h"
#include "runtime/tokenizer/Unicode.h"

#include <algorithm>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

using namespace lrt;

static size_t startOf(std::string_view text, size_t length) {
  const size_t first = static_cast<uint8_t>(text[0]);
  return length == 1 ? first : first << 8 | static_cast<uint8_t>(text[1]);
}

/// Whether the text starts with a word character as `single_word` defines it: \w of Rust's regex.
static bool startsWithLetter(std::string_view text) {
  static pcre2_code *const letter = [] {
    const char *set = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}]";
    int code = 0;
    PCRE2_SIZE offset = 0;
    return pcre2_compile(reinterpret_cast<PCRE2_SPTR>(set), PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &code, &offset, nullptr);
  }();
  pcre2_match_data *data = pcre2_match_data_create(1, nullptr);
  const int result =
      pcre2_match(letter, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, PCRE2_NO_UTF_CHECK, data, nullptr);
  pcre2_match_data_free(data);
  return result > 0;
}

void SpecialTokens::add(std::string text, uint32_t id, uint32_t flags) {
  if (text.empty())
    return;
  auto group = std::find_if(groups.begin(), groups.end(), [&](const Group &g) { return g.length <= text.size(); });
  if (group == groups.end() || group->length != text.size()) {
    group = groups.insert(group, Group());
    group->length = text.size();
    group->starts.resize(text.size() == 1 ? 1 << 8 : 1 << 16);
  }
  group->starts[startOf(text, text.size())] = true;
  group->tokens.try_emplace(std::move(text), Token{id, flags});
}

const SpecialTokens::Token *SpecialTokens::tokenAt(const Group &group, std::string_view text, size_t offset) const {
  if (text.size() - offset < group.length || !group.starts[startOf(text.substr(offset), group.length)])
    return nullptr;
  const auto found = group.tokens.find(text.substr(offset, group.length));
  return found == group.tokens.end() ? nullptr : &found->second;
}

std::vector<SpecialTokens::Match> SpecialTokens::find(std::string_view text, bool longestFirst) const {
  if (groups.empty() || text.empty())
    return {};
  return longestFirst ? findLongest(text) : findLeftmost(text);
}

std::vector<SpecialTokens::Match> SpecialTokens::findLeftmost(std::string_view text) const {
  std::vector<bool> starts(1 << 8); // of any token
  for (const Group &group : groups)
    for (const auto &[token, ignored] : group.tokens)
      starts[static_cast<uint8_t>(token[0])] = true;

  std::vector<Match> matches;
  size_t free = 0; // the end of the last match, with the white space it took
  for (size_t offset = 0; offset < text.size();) {
    const Token *token = nullptr;
    size_t length = 1;
    if (starts[static_cast<uint8_t>(text[offset])])
      for (const Group &group : groups)
        if ((token = tokenAt(group, text, offset))) {
          length = group.length;
          break;
        }
    if (!token) {
      ++offset;
      continue;
    }
    Span span{offset, offset + length};
    offset = span.end;
    if (token->flags & LRT_ADDED_AS_TEXT)
      continue;
    if (token->flags & LRT_ADDED_SINGLE_WORD) {
      size_t before = span.begin; // start of the character in front
      while (before > 0 && (text[--before] & 0xc0) == 0x80)
        ;
      const auto isLetter = [&](size_t begin, size_t end) { return startsWithLetter(text.substr(begin, end - begin)); };
      if (isLetter(before, span.begin) || isLetter(span.end, text.size()))
        continue;
    }
    if (token->flags & LRT_ADDED_STRIP_LEFT)
      span.begin = std::max(trimRight(text.substr(0, span.begin)).size(), free);
    if (token->flags & LRT_ADDED_STRIP_RIGHT)
      span.end = text.size() - trimLeft(text.substr(span.end)).size();
    // A token inside white space that the previous match took does not count if nothing of it is left. Otherwise the
    // text after it is encoded, although the previous match took it.
    if (span.begin >= span.end)
      continue;
    matches.push_back({span, token->id});
    free = span.end;
  }
  return matches;
}

std::vector<SpecialTokens::Match> SpecialTokens::findLongest(std::string_view text) const {
  std::vector<bool> isTaken(text.size());
  std::vector<Match> matches;
  const auto isAsciiSpace = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  // Few offsets start any token. Only these are looked up, once for each length.
  std::vector<bool> starts(1 << 16);
  for (const Group &group : groups)
    for (size_t start = 0; start < group.starts.size(); ++start)
      if (group.starts[start])
        group.length == 1 ? std::fill_n(starts.begin() + (start << 8), 1 << 8, true)
                          : std::fill_n(starts.begin() + start, 1, true);
  std::vector<uint32_t> offsets;
  for (size_t offset = 0; offset < text.size(); ++offset)
    if (starts[static_cast<uint8_t>(text[offset]) << 8 |
               (offset + 1 < text.size() ? static_cast<uint8_t>(text[offset + 1]) : 0)])
      offsets.push_back(static_cast<uint32_t>(offset));

  for (const Group &group : groups) {
    for (const size_t offset : offsets) {
      // Earlier matches are at least as long: one that overlaps this token covers its first or its last byte.
      if (text.size() - offset < group.length || isTaken[offset] || isTaken[offset + group.length - 1])
        continue;
      const Token *token = tokenAt(group, text, offset);
      if (!token)
        continue;
      Span span{offset, offset + group.length};
      if (token->flags & LRT_ADDED_STRIP_LEFT)
        while (span.begin > 0 && !isTaken[span.begin - 1] && isAsciiSpace(text[span.begin - 1]))
          --span.begin;
      if (token->flags & LRT_ADDED_STRIP_RIGHT)
        while (span.end < text.size() && !isTaken[span.end] && isAsciiSpace(text[span.end]))
          ++span.end;
      std::fill(isTaken.begin() + span.begin, isTaken.begin() + span.end, true);
      matches.push_back({span, token->id});
    }
  }
  std::sort(matches.begin(), matches.end(), [](const Match &a, const Match &b) { return a.span.begin < b.span.begin; });
  return matches;
}
