//===- Unicode.h - UTF-8 and the four normal forms ----------------------------------------------------------------===//

#ifndef LRT_TOKENIZER_UNICODE_H
#define LRT_TOKENIZER_UNICODE_H

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>

namespace lrt {

/// Bytes of the character that starts with this byte, judged by that byte alone: 1 to 4.
inline size_t utf8Length(uint8_t first) { return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4; }

/// Bytes of the valid character at the start of `text`, or 0.
size_t validCharacter(std::string_view text);

bool isValidUtf8(std::string_view text);

/// Every byte that is not part of a valid character becomes U+FFFD.
std::string replaceInvalidUtf8(std::string_view text);

/// The character at `place`, which moves behind it. `text` is valid UTF-8.
uint32_t nextCharacter(std::string_view text, size_t &place);

void appendUtf8(std::string &text, uint32_t character);

/// Unicode's White_Space.
bool isSpace(uint32_t character);

/// Without the white space at the start or the end.
std::string_view trimLeft(std::string_view text);
std::string_view trimRight(std::string_view text);

/// NFC, NFD (canonical), NFKC, NFKD (compatible). `text` is valid UTF-8.
std::string normalize(std::string_view text, bool compatible, bool compose);

} // namespace lrt

#endif // LRT_TOKENIZER_UNICODE_H
