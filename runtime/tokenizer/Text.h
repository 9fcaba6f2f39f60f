//===- Text.h - text to ids and back, for the commands ------------------------------------------------------------===//

#ifndef LRT_TOKENIZER_TEXT_H
#define LRT_TOKENIZER_TEXT_H

#include <stdint.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lrt {

class Tokenizer;

/// The tokenizer of a weights file, or none: a model without one reads and prints ids only. The tables may then still
/// hold end ids.
class Text {
public:
  Text();
  ~Text();

  /// `tables`: the tokenizer section of a weights file (lrt/tokenizer.h), empty if it has none; must outlive this
  /// object. `origin`: what errors call the file. Returns false for damaged tables.
  bool open(std::string_view tables, const std::string &origin, std::string &error);

  /// The prompt for `text`, with beginning of sequence where the model wants it. `chat`: wrap it in the chat template.
  bool encode(std::string_view text, bool chat, std::vector<int32_t> &tokens, std::string &error) const;

  /// One line each: the kind of tokenizer; whether there is a chat template, or why not.
  std::string describeTokenizer() const;
  std::string describeChat() const;

  /// Whether ids have texts; whether there is a chat template.
  bool hasText() const;
  bool hasChat() const;

  /// The bytes of an id, also of a special token; they may be incomplete characters.
  std::string_view piece(int32_t token) const;
  bool isSpecial(int32_t token) const;

  /// The special token with this text, or -1.
  int32_t findSpecial(std::string_view text) const;

  /// The text of ids, without the space that the tokenizer puts in front of a text. `special`: with the texts of
  /// special tokens.
  std::string decode(const std::vector<int32_t> &tokens, bool special) const;

  /// Whether generation ends at this id.
  bool isEnd(int32_t token) const;

  /// Adds a generated token and returns the characters that are now complete. Bytes of an incomplete character are held
  /// back; special tokens have no text.
  std::string next(int32_t token);

  /// The bytes still held back, at the end.
  std::string rest();

private:
  /// Why there are no texts: it names a file of the model that was not read. Empty if no reason is known.
  std::string unread() const;

  struct Stream;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<Stream> stream;
};

} // namespace lrt

#endif // LRT_TOKENIZER_TEXT_H
