//===- TokenizerSpecial.h - special tokens written in a text ------------------------------------------------------===//

#ifndef LRT_TOKENIZER_TOKENIZERSPECIAL_H
#define LRT_TOKENIZER_TOKENIZERSPECIAL_H

#include "runtime/tokenizer/TokenizerText.h"

#include <stdint.h>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lrt {

class SpecialTokens {
public:
  struct Match {
    Span span;
    uint32_t id;
  };

  void add(std::string text, uint32_t id, uint32_t flags);

  /// Matches in the order of the text. White space that a token takes is part of its match, and may contain the next
  /// match. `longestFirst`: the longest token anywhere is cut out first, then the next (llama.cpp); else from left to
  /// right, the longest at each offset (Hugging Face).
  std::vector<Match> find(std::string_view text, bool longestFirst) const;

private:
  struct Token {
    uint32_t id, flags;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Group {
    size_t length;
    std::unordered_map<std::string, Token, Hash, std::equal_to<>> tokens;
    std::vector<bool> starts; // first two bytes of a token (one, for tokens of one byte)
  };

  const Token *tokenAt(const Group &group, std::string_view text, size_t offset) const;
  std::vector<Match> findLeftmost(std::string_view text) const;
  std::vector<Match> findLongest(std::string_view text) const;

  std::vector<Group> groups; // by length, the longest first
};

} // namespace lrt

#endif // LRT_TOKENIZER_TOKENIZERSPECIAL_H
