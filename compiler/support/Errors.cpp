#include "compiler/support/Errors.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include <charconv>

using namespace lathe;

std::string lathe::printable(llvm::StringRef text) {
  constexpr size_t maxBytes = 120;
  const llvm::StringRef shown = text.take_front(maxBytes);
  // The cut may split a character: then all bytes that are not ASCII are escaped.
  const auto *first = reinterpret_cast<const llvm::UTF8 *>(shown.data());
  const bool utf8 = shown.empty() || llvm::isLegalUTF8String(&first, first + shown.size());
  std::string out;
  for (unsigned char c : shown) {
    if (c == '"' || c == '\\')
      (out += '\\') += static_cast<char>(c);
    else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
      out += "\\x" + llvm::toHex(llvm::StringRef(reinterpret_cast<const char *>(&c), 1), /*LowerCase=*/true);
    else
      out += static_cast<char>(c);
  }
  return text.size() > maxBytes ? out + "..." : out;
}

std::string lathe::quoted(llvm::StringRef text) { return "\"" + printable(text) + "\""; }

absl::Status lathe::fileError(llvm::StringRef path, const llvm::Twine &message) {
  return absl::InvalidArgumentError((path + ": " + message).str());
}

absl::Status lathe::fileError(llvm::StringRef path, llvm::StringRef where, const llvm::Twine &message) {
  return absl::InvalidArgumentError((path + ": " + printable(where) + ": " + message).str());
}

std::string lathe::commaSeparated(llvm::ArrayRef<llvm::StringRef> names) {
  constexpr size_t maxNames = 40;
  if (names.empty())
    return "none";
  std::string out = llvm::join(names.take_front(maxNames), ", ");
  return names.size() > maxNames ? out + ", ..." : out;
}

std::string lathe::expectedOneOf(llvm::ArrayRef<llvm::StringRef> known, llvm::StringRef got) {
  const std::string message = "expected one of " + commaSeparated(known) + ", got " + quoted(got);
  if (known.empty() || got.size() > 64) // the distance takes the product of the lengths
    return message;
  auto distance = [&](llvm::StringRef name) { return got.edit_distance(name); };
  const llvm::StringRef nearest =
      *llvm::min_element(known, [&](llvm::StringRef a, llvm::StringRef b) { return distance(a) < distance(b); });
  // Name no nearest one if more than half of the letters differ.
  return 2 * distance(nearest) > got.size() ? message : message + "; the nearest is " + quoted(nearest);
}

std::string lathe::numberString(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

std::string lathe::numberString(float value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

std::string lathe::shapeString(llvm::ArrayRef<int64_t> shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}
