//===- Tokenizer.h - text to ids and back -------------------------------------------------------------------------===//

#ifndef LRT_TOKENIZER_TOKENIZER_H
#define LRT_TOKENIZER_TOKENIZER_H

#include "runtime/tokenizer/TokenizerSpecial.h"
#include "runtime/tokenizer/TokenizerTables.h"
#include "runtime/tokenizer/TokenizerText.h"

#include <string>
#include <string_view>
#include <vector>

namespace lrt {

/// The tokenizer of a model: encodes exactly as the engine the model's files are made for (Hugging Face `tokenizers`,
/// llama.cpp). May be used by several threads at once.
class Tokenizer {
public:
  /// `bytes` (8-byte aligned) must stay. Returns false, with one line in `error`, for anything but a whole section.
  bool open(const uint8_t *bytes, size_t size, std::string &error);

  /// The ids of `text`, special tokens in it recognised; `addSpecial` puts those around it that the model wants (its
  /// beginning of sequence). Returns false, with a reason, rather than leave out any of the text.
  bool encode(std::string_view text, bool addSpecial, std::vector<int32_t> &ids, std::string &error) const;

  /// The ids of one user turn in the model's chat template.
  bool encodeChat(std::string_view user, std::vector<int32_t> &ids, std::string &error) const;
  bool hasChat() const { return tables.has(LRT_TOKENIZER_HAS_CHAT); }
  std::string_view chatPrefix() const { return tables.string(tables.header->chat_prefix); }
  std::string_view chatSuffix() const { return tables.string(tables.header->chat_suffix); }
  /// "bpe", "scores" or "unigram".
  const char *kind() const;
  /// `that starts with "/x"` and so on: the texts that encodeChat refuses, because the template treats them otherwise.
  std::vector<std::string> chatExceptions() const;

  /// Number of ids: they are [0, size).
  int32_t size() const { return static_cast<int32_t>(tables.header->ids); }

  /// The bytes an id stands for, which need not be whole characters. Nothing for an id there is not.
  std::string_view piece(int32_t id) const;

  /// Every text gets a space in front before it is cut, so that the text of its ids begins with one too many.
  bool putsSpaceInFront() const;

  /// Control tokens, which are not shown when text is generated.
  bool isSpecial(int32_t id) const;

  /// Generation stops here.
  bool isEnd(int32_t id) const;

private:
  bool encodeFragment(std::string_view text, bool isFirst, std::vector<int32_t> &ids, std::string &error) const;

  TokenizerTables tables;
  TokenizerText texts;
  SpecialTokens special, normalizedSpecial;
};

/// Cuts a stream of bytes between characters: what is not yet whole is kept back. Bytes that can become no character
/// pass unchanged.
class Utf8Stream {
public:
  /// What has become certain.
  std::string add(std::string_view bytes);

  /// What is kept back at the end, as it is.
  std::string flush();

private:
  std::string pending; // at most 3 bytes
};

} // namespace lrt

#endif // LRT_TOKENIZER_TOKENIZER_H
