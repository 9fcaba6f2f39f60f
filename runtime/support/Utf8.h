//===- Utf8.h - characters of UTF-8 -------------------------------------------------------------------------------===//

#ifndef LRT_SUPPORT_UTF8_H
#define LRT_SUPPORT_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>

namespace lrt {

/// Number of bytes, 1 to 4, of the character that starts with this byte. Looks at this byte only.
inline size_t utf8Length(uint8_t first) { return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4; }

/// Number of bytes of the valid character at the start of `text`, or 0.
size_t validCharacter(std::string_view text);

bool isValidUtf8(std::string_view text);

/// Every byte that is not part of a valid character becomes U+FFFD.
std::string replaceInvalidUtf8(std::string_view text);

/// Returns the character at byte `offset` and moves `offset` after it. `text` is valid UTF-8.
uint32_t nextCharacter(std::string_view text, size_t &offset);

void appendUtf8(std::string &text, uint32_t character);

} // namespace lrt

#endif // LRT_SUPPORT_UTF8_H
