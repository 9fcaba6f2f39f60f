//===- TokenizerText.h - what happens to a text before the model sees it ------------------------------------------===//

#ifndef LRT_TOKENIZER_TOKENIZERTEXT_H
#define LRT_TOKENIZER_TOKENIZERTEXT_H

#include "runtime/tokenizer/TokenizerTables.h"

#include <memory>
#include <vector>

namespace lrt {

/// Part of a text, in bytes.
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

  /// Cuts `text`, which it may rewrite, into words. `isFirst`: it is the start of what the user gave.
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
