//===- TokenizerText.h - normalizers and splitters ----------------------------------------------------------------===//

#ifndef LRT_TOKENIZER_TOKENIZERTEXT_H
#define LRT_TOKENIZER_TOKENIZERTEXT_H

#include "runtime/tokenizer/TokenizerTables.h"

#include <memory>
#include <vector>

namespace lrt {

/// Bytes [begin, end) of a text.
struct Span {
  size_t begin, end;
};

class Pattern;

/// The normalizers and the splitters of a tokenizer.
class TokenizerText {
public:
  TokenizerText();
  ~TokenizerText();

  /// Compiles the patterns.
  bool open(const TokenizerTables &tables, std::string &error);

  /// `text` is valid UTF-8 and stays so. Returns false only when a pattern could not be matched (out of memory).
  bool normalize(std::string &text, std::string &error) const;

  /// Cuts `text` into words; may rewrite it. `isFirst`: `text` is the start of the user's text.
  bool split(std::string &text, bool isFirst, std::vector<Span> &words, std::string &error) const;

private:
  struct Step {
    uint32_t kind, mode;
    std::string a, b;
    std::unique_ptr<Pattern> pattern;
  };

  bool openSteps(std::span<const lrt_tokenizer_step> from, const TokenizerTables &tables, std::vector<Step> &to,
                 std::string &error);
  static std::string applyCharsmap(std::string_view map, const Pattern &grapheme, std::string_view text);
  bool splitAt(const Step &step, std::string_view text, std::vector<Span> &words, std::string &error) const;

  std::vector<Step> normalizers, splitters;
  bool isEncoded = false;
};

} // namespace lrt

#endif // LRT_TOKENIZER_TOKENIZERTEXT_H
