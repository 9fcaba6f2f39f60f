//===- Text.h - between text and token ids, as the commands need it -----------------------------------------------===//

#ifndef LRT_TOKENIZER_TEXT_H
#define LRT_TOKENIZER_TEXT_H

#include <stdint.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lrt {

class Tokenizer;

/// The tokenizer of a weights file, or none: a model without one takes and gives ids only. Its tables are there without
/// texts when the model has end ids.
class Text {
public:
  Text();
  ~Text();

  /// `tables`: the section of a weights file that lrt/tokenizer.h describes, which must outlive this; empty: there is
  /// none. `origin`: what to call the file. Returns false for damaged tables.
  bool open(std::string_view tables, const std::string &origin, std::string &error);

  /// The ids the model is fed for `text`, beginning-of-sequence included. `chat` wraps it in the model's template.
  bool encode(std::string_view text, bool chat, std::vector<int32_t> &tokens, std::string &error) const;

  /// In one line each: what kind of tokenizer there is, and whether it has a chat template, or why not.
  std::string describeTokenizer() const;
  std::string describeChat() const;

  /// Whether there are texts for ids, and a chat template.
  bool hasText() const;
  bool hasChat() const;

  /// Bytes that an id stands for, which need not be whole characters; special tokens too.
  std::string_view piece(int32_t token) const;
  bool isSpecial(int32_t token) const;

  /// The special token that is written so, or -1.
  int32_t findSpecial(std::string_view text) const;

  /// The text of ids that encode() gave: without the space that the tokenizer puts in front. `special`: with the texts
  /// of special tokens.
  std::string decode(const std::vector<int32_t> &tokens, bool special) const;

  /// Whether generation ends at this id.
  bool isEnd(int32_t token) const;

  /// The text that has become certain with `token`: bytes of an unfinished character are kept back,
  /// special tokens show nothing.
  std::string next(int32_t token);

  /// What is kept back at the end.
  std::string rest();

private:
  /// Without texts: which file of the model was not read, or nothing.
  std::string unread() const;

  struct Stream;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<Stream> stream;
};

} // namespace lrt

#endif // LRT_TOKENIZER_TEXT_H
