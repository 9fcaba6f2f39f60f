//===- Unicode.cpp - white space and the four normal forms --------------------------------------------------------===//

#include "runtime/tokenizer/Unicode.h"

#include <algorithm>
#include <vector>

using namespace lrt;

namespace {

struct Decomposition {
  uint32_t character;
  uint16_t offset; // in decompositionPool
  uint16_t length;
};

struct CombiningRun {
  uint32_t first, last;
  uint8_t combiningClass;
};

struct Composition {
  uint32_t first, second, composed;
};

#include "runtime/tokenizer/UnicodeTables.inc"

// Hangul syllables are composed by arithmetic (Unicode, 3.12).
constexpr uint32_t syllables = 0xac00, leads = 0x1100, vowels = 0x1161, tails = 0x11a7;
constexpr uint32_t leadCount = 19, vowelCount = 21, tailCount = 28, syllableCount = leadCount * vowelCount * tailCount;

struct Mark {
  uint32_t character;
  uint8_t combiningClass;
};

} // namespace

bool lrt::isSpace(uint32_t c) {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

std::string_view lrt::trimLeft(std::string_view text) {
  size_t offset = 0, begin = 0;
  while (offset < text.size() && isSpace(nextCharacter(text, offset)))
    begin = offset;
  return text.substr(begin);
}

std::string_view lrt::trimRight(std::string_view text) {
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (text[begin] & 0xc0) == 0x80)
      --begin;
    size_t offset = begin;
    if (!isSpace(nextCharacter(text, offset)))
      break;
    text = text.substr(0, begin);
  }
  return text;
}

static const Decomposition *findDecomposition(const Decomposition *begin, const Decomposition *end, uint32_t c) {
  const Decomposition *found =
      std::lower_bound(begin, end, c, [](const Decomposition &d, uint32_t c) { return d.character < c; });
  return found != end && found->character == c ? found : nullptr;
}

static uint8_t combiningClassOf(uint32_t c) {
  if (c < 0x300)
    return 0;
  const CombiningRun *found = std::upper_bound(std::begin(combiningTable), std::end(combiningTable), c,
                                               [](uint32_t c, const CombiningRun &run) { return c < run.first; });
  return found != std::begin(combiningTable) && c <= found[-1].last ? found[-1].combiningClass : 0;
}

/// 0 when the two do not compose.
static uint32_t compose(uint32_t first, uint32_t second) {
  if (first - leads < leadCount && second - vowels < vowelCount)
    return syllables + ((first - leads) * vowelCount + (second - vowels)) * tailCount;
  if (first - syllables < syllableCount && (first - syllables) % tailCount == 0 && second - tails - 1 < tailCount - 1)
    return first + (second - tails);
  const auto isBefore = [](const Composition &c, std::pair<uint32_t, uint32_t> key) {
    return std::pair(c.first, c.second) < key;
  };
  const Composition *found =
      std::lower_bound(std::begin(compositionTable), std::end(compositionTable), std::pair(first, second), isBefore);
  return found != std::end(compositionTable) && found->first == first && found->second == second ? found->composed : 0;
}

static void decompose(uint32_t c, bool compatible, std::vector<Mark> &out) {
  if (c < 0xa0) {
    out.push_back({c, 0});
    return;
  }
  if (c - syllables < syllableCount) {
    const uint32_t index = c - syllables, tail = index % tailCount;
    out.push_back({leads + index / (vowelCount * tailCount), 0});
    out.push_back({vowels + index % (vowelCount * tailCount) / tailCount, 0});
    if (tail)
      out.push_back({tails + tail, 0});
    return;
  }
  const Decomposition *found = nullptr;
  if (compatible) // the table holds only entries that differ from the canonical table
    found = findDecomposition(std::begin(compatibilityTable), std::end(compatibilityTable), c);
  if (!found)
    found = findDecomposition(std::begin(canonicalTable), std::end(canonicalTable), c);
  if (!found) {
    out.push_back({c, combiningClassOf(c)});
    return;
  }
  for (size_t i = 0; i < found->length; ++i) {
    const uint32_t part = decompositionPool[found->offset + i];
    out.push_back({part, combiningClassOf(part)});
  }
}

std::string lrt::normalize(std::string_view text, bool compatible, bool composing) {
  std::vector<Mark> marks;
  marks.reserve(text.size());
  for (size_t offset = 0; offset < text.size();)
    decompose(nextCharacter(text, offset), compatible, marks);

  // Sort the marks after a starter by class; marks of one class keep their order.
  std::vector<uint64_t> keys;
  for (size_t i = 0; i < marks.size();) {
    size_t end = i;
    while (end < marks.size() && marks[end].combiningClass != 0)
      ++end;
    if (end - i > 1) {
      keys.clear();
      for (size_t k = i; k < end; ++k)
        keys.push_back(uint64_t(marks[k].combiningClass) << 56 | uint64_t(k - i) << 24 | marks[k].character);
      std::sort(keys.begin(), keys.end());
      for (size_t k = i; k < end; ++k)
        marks[k] = {static_cast<uint32_t>(keys[k - i] & 0xffffff), static_cast<uint8_t>(keys[k - i] >> 56)};
    }
    i = std::max(end, i + 1);
  }

  if (composing) {
    size_t kept = 0, starter = SIZE_MAX;
    int last = -1; // the class of the last mark kept after the starter; -1: none
    for (const Mark mark : marks) {
      const bool isBlocked = last >= mark.combiningClass && last != -1;
      if (uint32_t composed =
              starter != SIZE_MAX && !isBlocked ? compose(marks[starter].character, mark.character) : 0) {
        marks[starter].character = composed;
        continue;
      }
      if (mark.combiningClass == 0) {
        starter = kept;
        last = -1;
      } else {
        last = mark.combiningClass;
      }
      marks[kept++] = mark;
    }
    marks.resize(kept);
  }

  std::string out;
  out.reserve(text.size());
  for (const Mark &mark : marks)
    appendUtf8(out, mark.character);
  return out;
}
