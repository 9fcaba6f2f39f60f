//===- TokenizerModel.h - a word becomes ids ----------------------------------------------------------------------===//

#ifndef LRT_TOKENIZER_TOKENIZERMODEL_H
#define LRT_TOKENIZER_TOKENIZERMODEL_H

#include "runtime/tokenizer/TokenizerTables.h"

#include <vector>

namespace lrt {

/// Encodes words. Its buffers are kept from word to word.
class TokenizerModel {
public:
  explicit TokenizerModel(const TokenizerTables &tables) : tables(tables) {}

  /// Appends the ids of one word; at most 2^31 bytes. Time grows as n log n (as n times the longest token for unigram).
  void encode(std::string_view word, std::vector<int32_t> &ids);

private:
  struct Symbol {
    uint32_t id;
    uint32_t begin, length; // in the word; length 0: merged into the one before
    int32_t previous, next;
    uint32_t rank = 0, result = 0; // of the merge with the next; valid when `mayMerge`
    bool mayMerge = false;
  };

  void encodeByMerges(std::string_view word, std::vector<int32_t> &ids);
  void encodeByScores(std::string_view word, std::vector<int32_t> &ids);
  void encodeUnigram(std::string_view word, std::vector<int32_t> &ids);

  void startSymbols(std::string_view word);
  void addSymbol(uint32_t id, size_t begin, size_t length);
  /// Merges neighbours until no merge is possible: the lowest rank first, of equal ranks the leftmost. findMerge(left,
  /// right) returns whether the two can merge and sets the rank and the result in `left`.
  template <typename FindMerge> void mergeAll(FindMerge findMerge);
  void emitBytes(std::string_view text, std::vector<int32_t> &ids) const;
  bool hasAllBytes(std::string_view text) const;

  const TokenizerTables &tables;
  std::vector<Symbol> symbols;
  std::vector<uint64_t> first, later; // possible merges: rank << 32 | index of the left symbol
  struct BestPath {
    double score;
    uint32_t begin;
    int32_t id; // -1: no path ends here
  };
  std::vector<BestPath> paths;
};

} // namespace lrt

#endif // LRT_TOKENIZER_TOKENIZERMODEL_H
