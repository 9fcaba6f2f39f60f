//===- TokenizerText.cpp - normalizers and splitters --------------------------------------------------------------===//

#include "runtime/tokenizer/TokenizerText.h"
#include "runtime/support/Support.h"
#include "runtime/tokenizer/Unicode.h"

#include <algorithm>
#include <array>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

using namespace lrt;

namespace lrt {

/// A compiled pattern. Matches without JIT (whose stack is limited) and without limits: a limit would lose text.
class Pattern {
public:
  static std::unique_ptr<Pattern> compile(std::string_view source, std::string &error) {
    std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context *)> context(
        pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    int code = 0;
    PCRE2_SIZE offset = 0;
    auto pattern = std::make_unique<Pattern>();
    pattern->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(),
                                      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, context.get()));
    if (pattern->code)
      return pattern;
    error = format("a pattern does not compile: %s at byte %zu", message(code).c_str(), size_t(offset));
    return nullptr;
  }

  static std::string message(int code) {
    PCRE2_UCHAR text[256];
    pcre2_get_error_message(code, text, sizeof(text));
    return reinterpret_cast<const char *>(text);
  }

  struct FreeCode {
    void operator()(pcre2_code *p) const { pcre2_code_free(p); }
  };
  std::unique_ptr<pcre2_code, FreeCode> code;
};

} // namespace lrt

namespace {

/// Iterates over the matches of one pattern, in one text after another.
class Matcher {
public:
  explicit Matcher(const Pattern &pattern)
      : code(pattern.code.get()), data(pcre2_match_data_create(1, nullptr)),
        context(pcre2_match_context_create(nullptr)) {
    pcre2_set_match_limit(context, UINT32_MAX);
    pcre2_set_depth_limit(context, UINT32_MAX);
    pcre2_set_heap_limit(context, UINT32_MAX);
  }
  ~Matcher() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }

  void setText(std::string_view newText) {
    text = newText;
    offset = 0;
    hasMatch = false;
  }

  /// Finds the next match. Returns false after the last one (`error` stays empty) and on failure. Skips an empty match
  /// right after another match, as Oniguruma's iteration does.
  bool next(Span &match, std::string &error) {
    while (offset <= text.size()) {
      // The text is valid UTF-8; checking it again for every match would take quadratic time.
      const int result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), offset,
                                     PCRE2_NO_UTF_CHECK, data, context);
      if (result == PCRE2_ERROR_NOMATCH)
        return false;
      if (result < 0) {
        error = format("cannot split %zu bytes of text: %s", text.size(), Pattern::message(result).c_str());
        return false;
      }
      const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
      match = {ends[0], std::max(ends[0], ends[1])}; // \K in a lookahead can swap the two
      if (match.begin == match.end && hasMatch && match.end == lastEnd) {
        offset += offset < text.size() ? utf8Length(static_cast<uint8_t>(text[offset])) : 1;
        continue;
      }
      offset = lastEnd = match.end;
      hasMatch = true;
      return true;
    }
    return false;
  }

private:
  pcre2_code *code;
  pcre2_match_data *data;
  pcre2_match_context *context;
  std::string_view text;
  size_t offset = 0, lastEnd = 0;
  bool hasMatch = false;
};

/// GPT-2's printable characters for the 256 bytes.
struct ByteAlphabet {
  std::array<uint16_t, 256> characterOf;
  std::array<int16_t, 512> byteOf;

  ByteAlphabet() {
    byteOf.fill(-1);
    uint16_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
      characterOf[byte] = isPrintable ? byte : next++;
      byteOf[characterOf[byte]] = static_cast<int16_t>(byte);
    }
  }
};

const ByteAlphabet byteAlphabet;

/// SentencePiece's nmt rules: removes control characters and replaces special spaces by spaces.
std::string applyNmt(std::string_view text) {
  std::string out;
  for (size_t offset = 0; offset < text.size();) {
    const uint32_t c = nextCharacter(text, offset);
    const bool isDropped =
        (c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
    const bool isSpace = c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
                         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
    if (!isDropped)
      appendUtf8(out, isSpace ? ' ' : c);
  }
  return out;
}

std::string replaceAll(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty())
    return std::string(text);
  std::string out;
  size_t begin = 0;
  for (size_t found; (found = text.find(from, begin)) != text.npos; begin = found + from.size())
    (out += text.substr(begin, found - begin)) += to;
  return out += text.substr(begin);
}

} // namespace

TokenizerText::TokenizerText() = default;
TokenizerText::~TokenizerText() = default;

bool TokenizerText::openSteps(std::span<const lrt_tokenizer_step> from, const TokenizerTables &tables,
                              std::vector<Step> &to, std::string &error) {
  for (const lrt_tokenizer_step &step : from) {
    Step &added = to.emplace_back();
    added.kind = step.kind;
    added.mode = step.mode;
    added.a = tables.string(step.a);
    added.b = tables.string(step.b);
    if (step.kind == LRT_TEXT_SPLIT || step.kind == LRT_TEXT_REPLACE_REGEX)
      added.pattern = Pattern::compile(added.a, error);
    else if (step.kind == LRT_TEXT_CHARSMAP)
      added.pattern = Pattern::compile("\\X", error); // the map is applied to grapheme clusters
    if (!error.empty()) {
      error = "tokenizer: " + error;
      return false;
    }
  }
  return true;
}

bool TokenizerText::open(const TokenizerTables &tables, std::string &error) {
  isEncoded = tables.has(LRT_TOKENIZER_ENCODED);
  return openSteps(tables.normalizers, tables, normalizers, error) &&
         openSteps(tables.splitters, tables, splitters, error);
}

std::string TokenizerText::applyCharsmap(std::string_view map, const Pattern &grapheme, std::string_view text) {
  // Layout: the size in bytes of a double-array trie over bytes, the trie, then the replacements, each ended by a zero.
  uint32_t arrayBytes = 0;
  if (map.size() < sizeof(arrayBytes))
    return std::string(text);
  memcpy(&arrayBytes, map.data(), sizeof(arrayBytes));
  arrayBytes = std::min<size_t>(arrayBytes, map.size() - sizeof(arrayBytes));
  const std::string_view array = map.substr(sizeof(arrayBytes), arrayBytes);
  const std::string_view replacements = map.substr(sizeof(arrayBytes) + arrayBytes);
  const auto unitAt = [&](size_t i, uint32_t &unit) {
    if (i >= array.size() / 4)
      return false;
    memcpy(&unit, array.data() + i * 4, 4);
    return true;
  };
  const auto offsetOf = [](uint32_t unit) { return size_t(unit >> 10) << ((unit & (1u << 9)) >> 6); };

  // Uses the shortest prefix of `part` that is in the map, as Hugging Face's reader does.
  const auto find = [&](std::string_view part, std::string_view &replacement) {
    uint32_t unit;
    if (!unitAt(0, unit))
      return false;
    size_t node = offsetOf(unit);
    for (char c : part) {
      const uint8_t byte = static_cast<uint8_t>(c);
      node ^= byte;
      if (byte == 0 || !unitAt(node, unit) || (unit & (1u << 31 | 0xff)) != byte)
        return false;
      node ^= offsetOf(unit);
      if ((unit >> 8 & 1) == 0)
        continue;
      if (!unitAt(node, unit))
        return false;
      const size_t at = unit & ~(1u << 31);
      if (at >= replacements.size())
        return false;
      replacement = replacements.substr(at, replacements.substr(at).find('\0'));
      return true;
    }
    return false;
  };

  std::string out, ignored;
  Matcher matcher(grapheme);
  matcher.setText(text);
  for (Span cluster; matcher.next(cluster, ignored);) {
    std::string_view part = text.substr(cluster.begin, cluster.end - cluster.begin), replacement;
    if (part.size() < 6 && find(part, replacement)) {
      out += replacement;
      continue;
    }
    for (size_t length; !part.empty(); part.remove_prefix(length)) {
      length = utf8Length(static_cast<uint8_t>(part[0]));
      const std::string_view character = part.substr(0, length);
      out += find(character, replacement) ? replacement : character;
    }
  }
  return isValidUtf8(out) ? out : replaceInvalidUtf8(out);
}

bool TokenizerText::normalize(std::string &text, std::string &error) const {
  for (const Step &step : normalizers) {
    switch (step.kind) {
    case LRT_TEXT_NFC:
    case LRT_TEXT_NFD:
    case LRT_TEXT_NFKC:
    case LRT_TEXT_NFKD: {
      const bool isAscii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
      if (!isAscii)
        text = lrt::normalize(text, step.kind == LRT_TEXT_NFKC || step.kind == LRT_TEXT_NFKD,
                              step.kind == LRT_TEXT_NFC || step.kind == LRT_TEXT_NFKC);
      break;
    }
    case LRT_TEXT_REPLACE:
      text = replaceAll(text, step.a, step.b);
      break;
    case LRT_TEXT_REPLACE_REGEX: {
      std::string out;
      size_t begin = 0;
      Matcher matcher(*step.pattern);
      matcher.setText(text);
      for (Span match; matcher.next(match, error); begin = match.end)
        out.append(text, begin, match.begin - begin) += step.b;
      if (!error.empty())
        return false;
      text = out.append(text, begin);
      break;
    }
    case LRT_TEXT_PREPEND:
      if (!text.empty())
        text.insert(0, step.a);
      break;
    case LRT_TEXT_STRIP_LEFT:
      text = std::string(trimLeft(text));
      break;
    case LRT_TEXT_STRIP_RIGHT:
      text = std::string(trimRight(text));
      break;
    case LRT_TEXT_CHARSMAP:
      text = applyCharsmap(step.a, *step.pattern, text);
      break;
    case LRT_TEXT_NMT:
      text = applyNmt(text);
      break;
    }
    // Matching needs valid UTF-8, and a step from a damaged file may cut a character in two.
    if (!isValidUtf8(text))
      text = replaceInvalidUtf8(text);
  }
  return true;
}

/// Cuts every word at the matches of a step, as Hugging Face's `SplitDelimiterBehavior` defines.
bool TokenizerText::splitAt(const Step &step, std::string_view text, std::vector<Span> &words,
                            std::string &error) const {
  struct Piece {
    Span span;
    bool isMatch;
  };
  const uint32_t behavior = step.mode & ~uint32_t(LRT_SPLIT_INVERTED);
  const bool isInverted = (step.mode & LRT_SPLIT_INVERTED) != 0;
  std::vector<Span> out;
  out.reserve(words.size());
  std::vector<Piece> pieces;
  Matcher matcher(*step.pattern);
  for (const Span word : words) {
    pieces.clear();
    const std::string_view part = text.substr(word.begin, word.end - word.begin);
    matcher.setText(part);
    size_t begin = 0;
    for (Span match; matcher.next(match, error); begin = match.end) {
      if (begin != match.begin)
        pieces.push_back({{begin, match.begin}, isInverted});
      pieces.push_back({match, !isInverted});
    }
    if (!error.empty())
      return false;
    if (begin != part.size())
      pieces.push_back({{begin, part.size()}, isInverted});

    const auto add = [&](Span span) {
      if (span.begin != span.end)
        out.push_back({word.begin + span.begin, word.begin + span.end});
    };
    if (behavior == LRT_SPLIT_ISOLATED || behavior == LRT_SPLIT_REMOVED) {
      for (const Piece &piece : pieces)
        if (behavior == LRT_SPLIT_ISOLATED || !piece.isMatch)
          add(piece.span);
      continue;
    }
    // The others join pieces; merged_with_next does so from the end.
    if (behavior == LRT_SPLIT_MERGED_WITH_NEXT)
      std::reverse(pieces.begin(), pieces.end());
    std::vector<Span> joined;
    bool wasMatch = false;
    for (const Piece &piece : pieces) {
      const bool joins = behavior == LRT_SPLIT_CONTIGUOUS ? piece.isMatch == wasMatch : piece.isMatch && !wasMatch;
      if (joins && !joined.empty()) {
        joined.back().begin = std::min(joined.back().begin, piece.span.begin);
        joined.back().end = std::max(joined.back().end, piece.span.end);
      } else {
        joined.push_back(piece.span);
      }
      wasMatch = piece.isMatch;
    }
    if (behavior == LRT_SPLIT_MERGED_WITH_NEXT)
      std::reverse(joined.begin(), joined.end());
    std::for_each(joined.begin(), joined.end(), add);
  }
  words = std::move(out);
  return true;
}

bool TokenizerText::split(std::string &text, bool isFirst, std::vector<Span> &words, std::string &error) const {
  words.clear();
  if (!text.empty())
    words.push_back({0, text.size()});

  // Rewrites every word: textOf(word, isFirstWord, out) appends its new text to `out`.
  const auto rewrite = [&](auto &&textOf) {
    std::string out;
    out.reserve(text.size() + text.size() / 2);
    for (Span &word : words) {
      const size_t begin = out.size();
      textOf(std::string_view(text).substr(word.begin, word.end - word.begin), &word == words.data(), out);
      word = {begin, out.size()};
    }
    text = std::move(out);
  };

  bool isAtStart = isFirst; // the first word is the start of the whole text: nothing before it was removed
  for (const Step &step : splitters) {
    switch (step.kind) {
    case LRT_TEXT_SPLIT:
      if (!splitAt(step, text, words, error))
        return false;
      isAtStart &= !words.empty() && words.front().begin == 0;
      break;
    case LRT_TEXT_METASPACE:
      rewrite([&](std::string_view word, bool isFirstWord, std::string &out) {
        const bool wantsPrefix =
            step.mode == LRT_PREFIX_ALWAYS || (step.mode == LRT_PREFIX_FIRST && isAtStart && isFirstWord);
        if (wantsPrefix && !word.starts_with(' ') && !word.starts_with(step.a))
          out += step.a;
        for (char c : word)
          if (c == ' ')
            out += step.a;
          else
            out += c;
      });
      break;
    case LRT_TEXT_SPACE_PREFIX:
      rewrite([&](std::string_view word, bool, std::string &out) {
        if (!word.starts_with(' '))
          out += ' ';
        out += word;
      });
      break;
    case LRT_TEXT_ENCODE_BYTES:
      rewrite([&](std::string_view word, bool, std::string &out) {
        for (char c : word)
          appendUtf8(out, byteAlphabet.characterOf[static_cast<uint8_t>(c)]);
      });
      break;
    }
  }
  if (isEncoded)
    rewrite([&](std::string_view word, bool, std::string &out) {
      for (size_t offset = 0; offset < word.size();) {
        const uint32_t c = nextCharacter(word, offset);
        if (c < byteAlphabet.byteOf.size() && byteAlphabet.byteOf[c] >= 0)
          out += static_cast<char>(byteAlphabet.byteOf[c]);
      }
    });
  return true;
}
