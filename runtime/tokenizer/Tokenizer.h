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

/// The tokenizer of a model. Encodes exactly as the program for the model's files does (Hugging Face `tokenizers`,
/// llama.cpp). May be used by several threads at once.
class Tokenizer {
public:
  /// `bytes`: 8-byte aligned; must outlive this object. Returns false unless they are a complete section.
  bool open(const uint8_t *bytes, size_t size, std::string &error);

  /// The ids of `text`; recognises special tokens in it. `addSpecial`: with prefix_ids and suffix_ids around it (such
  /// as beginning of sequence). Returns false if a part of the text cannot be encoded.
  bool encode(std::string_view text, bool addSpecial, std::vector<int32_t> &ids, std::string &error) const;

  /// The ids of one user turn in the model's chat template.
  bool encodeChat(std::string_view user, std::vector<int32_t> &ids, std::string &error) const;
  bool hasChat() const { return tables.has(LRT_TOKENIZER_HAS_CHAT); }
  std::string_view chatPrefix() const { return tables.string(tables.header->chat_prefix); }
  std::string_view chatSuffix() const { return tables.string(tables.header->chat_suffix); }
  /// "bpe", "scores" or "unigram".
  const char *kind() const;
  /// The texts that encodeChat refuses because the template treats them differently, as `that starts with "/x"`.
  std::vector<std::string> chatExceptions() const;

  /// Number of ids: they are [0, size).
  int32_t size() const { return static_cast<int32_t>(tables.header->ids); }

  /// The bytes of an id, which may be incomplete characters. Empty for an unknown id.
  std::string_view piece(int32_t id) const;

  /// Whether encode() puts a space in front of every text, so that the text of the ids begins with one space too many.
  bool putsSpaceInFront() const;

  /// Whether the token is a control token, which is not shown when text is generated.
  bool isSpecial(int32_t id) const;

  /// Whether generation stops at this id.
  bool isEnd(int32_t id) const;

private:
  bool encodeFragment(std::string_view text, bool isFirst, std::vector<int32_t> &ids, std::string &error) const;

  TokenizerTables tables;
  TokenizerText texts;
  SpecialTokens special, normalizedSpecial;
};

/// Cuts a stream of bytes between characters: the bytes of an incomplete character are held back. Invalid bytes pass
/// unchanged.
class Utf8Stream {
public:
  /// Adds bytes and returns the characters that are now complete.
  std::string add(std::string_view bytes);

  /// The bytes still held back, at the end.
  std::string flush();

private:
  std::string pending; // at most 3 bytes
};

} // namespace lrt

#endif // LRT_TOKENIZER_TOKENIZER_H
