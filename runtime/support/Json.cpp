//===- Json.cpp - a JSON value, written from front to back --------------------------------------------------------===//

#include "runtime/support/Json.h"

#include "runtime/support/Support.h"
#include "runtime/support/Utf8.h"

#include <math.h>

using namespace lrt;

/// Number of bytes at the start of `text` that become one U+FFFD: the longest beginning of a valid character, at least
/// one byte. Decoders of Python, Rust and browsers do the same.
static size_t invalidLength(std::string_view text) {
  const uint8_t first = uint8_t(text[0]);
  const size_t length = first < 0xc2 || first > 0xf4 ? 1 : utf8Length(first);
  size_t end = 1;
  for (; end < length && end < text.size(); ++end) {
    uint8_t low = 0x80, high = 0xbf;
    if (end == 1) { // no overlong forms, surrogates or characters above U+10FFFF
      low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
      high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
    }
    const uint8_t byte = uint8_t(text[end]);
    if (byte < low || byte > high)
      break;
  }
  return end;
}

std::string lrt::quoted(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const size_t length = validCharacter(text);
    const char c = text[0];
    if (length == 0)
      result += "\xef\xbf\xbd";
    else if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (c == '\n')
      result += "\\n";
    else if (uint8_t(c) < 0x20 || c == 0x7f)
      result += format("\\u%04x", unsigned(c));
    else
      result += text.substr(0, length);
    text.remove_prefix(length ? length : invalidLength(text));
  }
  return result + "\"";
}

void Json::separate(const char *key) {
  if (!out.empty() && out.back() != '{' && out.back() != '[')
    out += ", ";
  if (key)
    out += quoted(key) + ": ";
}

void Json::begin(const char *key, char open, char close) {
  separate(key);
  out += open;
  closing += close;
}

void Json::end() {
  out += closing.back();
  closing.pop_back();
}

void Json::text(const char *key, std::string_view value) {
  separate(key);
  out += quoted(value);
}

void Json::integer(const char *key, int64_t value) {
  separate(key);
  out += format("%lld", (long long)value);
}

void Json::number(const char *key, double value, int decimals) {
  if (!isfinite(value))
    return null(key);
  separate(key);
  out += format("%.*f", decimals, value);
}

void Json::boolean(const char *key, bool value) {
  separate(key);
  out += value ? "true" : "false";
}

void Json::null(const char *key) {
  separate(key);
  out += "null";
}
