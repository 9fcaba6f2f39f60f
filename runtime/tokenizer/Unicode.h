//===- Unicode.h - white space and the four normal forms ----------------------------------------------------------===//

#ifndef LRT_TOKENIZER_UNICODE_H
#define LRT_TOKENIZER_UNICODE_H

#include "runtime/support/Utf8.h"

#include <stdint.h>

#include <string>
#include <string_view>

namespace lrt {

/// Unicode's White_Space.
bool isSpace(uint32_t character);

/// The text without the white space at its start (trimLeft) or end (trimRight).
std::string_view trimLeft(std::string_view text);
std::string_view trimRight(std::string_view text);

/// The normal form NFD, NFC (`compose`), NFKD (`compatible`) or NFKC (both). `text` is valid UTF-8.
std::string normalize(std::string_view text, bool compatible, bool compose);

} // namespace lrt

#endif // LRT_TOKENIZER_UNICODE_H
