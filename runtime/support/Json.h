//===- Json.h - a JSON value, written from front to back ----------------------------------------------------------===//

#ifndef LRT_SUPPORT_JSON_H
#define LRT_SUPPORT_JSON_H

#include <stdint.h>

#include <string>
#include <string_view>

namespace lrt {

/// Writes one line, with the separators ", " and ": " of Python's json module. `key`: null inside a list, where values
/// have none.
class Json {
public:
  void beginObject(const char *key = nullptr) { begin(key, '{', '}'); }
  void beginList(const char *key = nullptr) { begin(key, '[', ']'); }
  /// Ends the innermost object or list.
  void end();

  /// `value` may be any bytes: invalid UTF-8 becomes U+FFFD.
  void text(const char *key, std::string_view value);
  void integer(const char *key, int64_t value);
  /// Infinity and NaN become null: JSON has neither.
  void number(const char *key, double value, int decimals);
  void boolean(const char *key, bool value);
  void null(const char *key);

  const std::string &str() const { return out; }

private:
  void begin(const char *key, char open, char close);
  void separate(const char *key);

  std::string out;
  std::string closing; // brackets, the innermost last
};

/// `text` as a JSON string, with its quotes.
std::string quoted(std::string_view text);

} // namespace lrt

#endif // LRT_SUPPORT_JSON_H
