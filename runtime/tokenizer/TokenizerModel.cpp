//===- TokenizerModel.cpp - a word becomes ids --------------------------------------------------------------------===//
//
// Possible merges are queued in order of rank, so a word of n characters takes n log n steps. A queue entry holds the
// rank and the index of the left symbol. It is out of date when that symbol now has another merge or none.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "runtime/tokenizer/TokenizerModel.h"
#include "runtime/tokenizer/Unicode.h"

#include <algorithm>
#include <bit>

using namespace lrt;

/// A symbol that no merge contains.
static constexpr uint32_t noSymbol = ~0u;

void TokenizerModel::encode(std::string_view word, std::vector<int32_t> &ids) {
  if (word.empty())
    return;
  if (tables.has(LRT_TOKENIZER_WHOLE_WORDS) ||
      (tables.has(LRT_TOKENIZER_WHOLE_NEWLINES) && word.find_first_not_of('\n') == word.npos)) {
    const int64_t id = tables.find(word);
    if (id >= 0 && id < tables.header->ids) {
      ids.push_back(static_cast<int32_t>(id));
      return;
    }
  }
  if (tables.header->model == LRT_TOKENIZER_BPE)
    encodeByMerges(word, ids);
  else if (tables.header->model == LRT_TOKENIZER_SCORES)
    encodeByScores(word, ids);
  else
    encodeUnigram(word, ids);
}

void TokenizerModel::addSymbol(uint32_t id, size_t begin, size_t length) {
  const int32_t at = static_cast<int32_t>(symbols.size());
  if (at > 0)
    symbols[at - 1].next = at;
  symbols.push_back({id, static_cast<uint32_t>(begin), static_cast<uint32_t>(length), at - 1, -1, 0, 0, false});
}

template <typename FindMerge> void TokenizerModel::mergeAll(FindMerge findMerge) {
  const auto propose = [&](int32_t at, std::vector<uint64_t> &keys) {
    Symbol &left = symbols[at];
    left.mayMerge = left.next >= 0 && findMerge(left, symbols[left.next]);
    if (left.mayMerge)
      keys.push_back(uint64_t(left.rank) << 32 | static_cast<uint32_t>(at));
    return left.mayMerge;
  };
  // Most merges are possible from the start. These are sorted once; only later ones need a heap.
  first.clear();
  later.clear();
  for (size_t i = 0; i < symbols.size(); ++i)
    propose(static_cast<int32_t>(i), first);
  if (!std::is_sorted(first.begin(), first.end()))
    std::sort(first.begin(), first.end());

  for (size_t head = 0; head < first.size() || !later.empty();) {
    uint64_t key;
    if (later.empty() || (head < first.size() && first[head] < later.front())) {
      key = first[head++];
    } else {
      std::pop_heap(later.begin(), later.end(), std::greater<>());
      key = later.back();
      later.pop_back();
    }
    const int32_t at = static_cast<int32_t>(key & 0xffffffff);
    Symbol &left = symbols[at];
    if (left.length == 0 || !left.mayMerge || left.rank != key >> 32)
      continue;
    Symbol &right = symbols[left.next];
    left.id = left.result;
    left.length += right.length;
    left.next = right.next;
    right.length = 0;
    if (left.next >= 0)
      symbols[left.next].previous = at;
    for (const int32_t index : {left.previous, at})
      if (index >= 0 && propose(index, later))
        std::push_heap(later.begin(), later.end(), std::greater<>());
  }
}

bool TokenizerModel::hasAllBytes(std::string_view text) const {
  return std::all_of(text.begin(), text.end(), [&](char c) { return tables.byteIds[static_cast<uint8_t>(c)] >= 0; });
}

void TokenizerModel::emitBytes(std::string_view text, std::vector<int32_t> &ids) const {
  for (char c : text) {
    if (const int32_t id = tables.byteIds[static_cast<uint8_t>(c)]; id >= 0)
      ids.push_back(id);
    else if (tables.header->unknown >= 0)
      ids.push_back(tables.header->unknown);
  }
}

/// One symbol for each byte or character; unknown ones as in Hugging Face's BPE.
void TokenizerModel::startSymbols(std::string_view word) {
  symbols.clear();
  if (tables.has(LRT_TOKENIZER_BYTES)) {
    for (size_t i = 0; i < word.size(); ++i) {
      const int32_t id = tables.byteIds[static_cast<uint8_t>(word[i])];
      if (id >= 0 || tables.has(LRT_TOKENIZER_KEEP_UNKNOWN))
        addSymbol(id >= 0 ? id : noSymbol, i, 1);
      else if (tables.header->unknown >= 0)
        addSymbol(tables.header->unknown, i, 1);
    }
    return;
  }
  bool isAfterUnknown = false;
  for (size_t i = 0; i < word.size();) {
    const std::string_view character = word.substr(i, utf8Length(static_cast<uint8_t>(word[i])));
    const int64_t symbol = tables.find(character);
    const bool isUnknown = symbol < 0 && !(tables.has(LRT_TOKENIZER_BYTE_FALLBACK) && hasAllBytes(character));
    if (symbol >= 0) {
      addSymbol(static_cast<uint32_t>(symbol), i, character.size());
    } else if (!isUnknown) {
      for (size_t j = 0; j < character.size(); ++j)
        addSymbol(tables.byteIds[static_cast<uint8_t>(character[j])], i + j, 1);
    } else if (isAfterUnknown && tables.has(LRT_TOKENIZER_FUSE_UNKNOWN) && tables.header->unknown >= 0) {
      symbols.back().length += character.size();
    } else if (tables.header->unknown >= 0) {
      addSymbol(tables.header->unknown, i, character.size());
    } else if (tables.has(LRT_TOKENIZER_KEEP_UNKNOWN)) {
      addSymbol(noSymbol, i, character.size());
    }
    isAfterUnknown = isUnknown;
    i += character.size();
  }
}

void TokenizerModel::encodeByMerges(std::string_view word, std::vector<int32_t> &ids) {
  startSymbols(word);
  mergeAll([&](Symbol &left, const Symbol &right) {
    if (left.id == noSymbol || right.id == noSymbol)
      return false;
    const lrt_tokenizer_merge *merge = tables.merge(left.id, right.id);
    if (!merge)
      return false;
    left.rank = merge->rank;
    left.result = merge->result;
    return true;
  });

  for (int32_t at = symbols.empty() ? -1 : 0; at >= 0; at = symbols[at].next) {
    const Symbol &symbol = symbols[at];
    if (symbol.id < tables.header->ids)
      ids.push_back(static_cast<int32_t>(symbol.id));
    else
      emitBytes(word.substr(symbol.begin, symbol.length), ids);
  }
}

void TokenizerModel::encodeByScores(std::string_view word, std::vector<int32_t> &ids) {
  symbols.clear();
  for (size_t i = 0; i < word.size();) {
    const size_t length = std::min(utf8Length(static_cast<uint8_t>(word[i])), word.size() - i);
    addSymbol(noSymbol, i, length);
    i += length;
  }

  mergeAll([&](Symbol &left, const Symbol &right) {
    const int64_t id = tables.find(word.substr(left.begin, left.length + right.length));
    if (id < 0)
      return false;
    // The best score must be the lowest rank: the inverse of bits that sort like the float (-0 is 0).
    const uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(tables.scores[id]) + 0.0f);
    left.rank = ~(bits & 0x80000000u ? ~bits : bits | 0x80000000u);
    left.result = static_cast<uint32_t>(id);
    return true;
  });

  for (int32_t at = symbols.empty() ? -1 : 0; at >= 0; at = symbols[at].next) {
    const Symbol &symbol = symbols[at];
    const std::string_view text = word.substr(symbol.begin, symbol.length);
    const int64_t id = symbol.id != noSymbol ? int64_t(symbol.id) : tables.find(text);
    if (id >= 0)
      ids.push_back(static_cast<int32_t>(id));
    else
      emitBytes(text, ids);
  }
}

void TokenizerModel::encodeUnigram(std::string_view word, std::vector<int32_t> &ids) {
  const int32_t unknown = tables.header->unknown;
  paths.assign(word.size() + 1, {0, 0, -1});
  const auto reach = [&](size_t begin, size_t end, double score, int32_t id) {
    const double total = paths[begin].score + score;
    if (paths[end].id < 0 || total > paths[end].score)
      paths[end] = {total, static_cast<uint32_t>(begin), id};
  };
  const auto textOf = [&](uint32_t entry) { return tables.string(tables.entries[entry].text); };

  for (size_t begin = 0; begin < word.size();) {
    const size_t character = std::min(utf8Length(static_cast<uint8_t>(word[begin])), word.size() - begin);
    bool isKnown = false;
    // [first, last): the sorted texts that start with the bytes read so far.
    const uint32_t *first = tables.sorted.data(), *last = first + tables.sorted.size();
    for (size_t length = 1; length <= word.size() - begin && first != last; ++length) {
      const uint8_t byte = static_cast<uint8_t>(word[begin + length - 1]);
      const auto byteOf = [&](uint32_t entry) { // -1: the text ends before
        const std::string_view text = textOf(entry);
        return text.size() < length ? -1 : int(static_cast<uint8_t>(text[length - 1]));
      };
      first = std::lower_bound(first, last, byte, [&](uint32_t e, int byte) { return byteOf(e) < byte; });
      last = std::upper_bound(first, last, byte, [&](int byte, uint32_t e) { return byte < byteOf(e); });
      if (first == last || textOf(*first).size() != length)
        continue;
      const uint32_t id = tables.entries[*first].symbol;
      reach(begin, begin + length, tables.scores[id], static_cast<int32_t>(id));
      isKnown |= length == character;
    }
    if (!isKnown && unknown >= 0)
      reach(begin, begin + character, tables.header->unknown_score, unknown);
    begin += character;
  }

  // Follow the best path from the end to the start; neighbouring unknown characters become one piece.
  struct Piece {
    size_t begin, end;
    int32_t id;
  };
  std::vector<Piece> pieces;
  for (size_t end = word.size(); end > 0 && paths[end].id >= 0;) {
    const size_t begin = paths[end].begin;
    const int32_t id = paths[end].id;
    if (id == unknown && !pieces.empty() && pieces.back().id == unknown)
      pieces.back().begin = begin;
    else
      pieces.push_back({begin, end, id});
    end = begin;
  }
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
    const std::string_view text = word.substr(piece->begin, piece->end - piece->begin);
    const int64_t known = piece->id == unknown ? tables.find(text) : piece->id;
    if (known >= 0)
      ids.push_back(static_cast<int32_t>(known));
    else if (tables.has(LRT_TOKENIZER_BYTE_FALLBACK) && hasAllBytes(text))
      emitBytes(text, ids);
    else
      ids.push_back(unknown);
  }
}
