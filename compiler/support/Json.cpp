#include "compiler/support/Json.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace lathe;
namespace json = llvm::json;

namespace {

/// The end of the string that begins at `offset`: after its closing quote, or the end of the text.
size_t endOfString(llvm::StringRef text, size_t offset) {
  for (++offset; offset < text.size(); ++offset) {
    if (text[offset] == '\\')
      ++offset;
    else if (text[offset] == '"')
      return offset + 1;
  }
  return text.size();
}

/// Whether a number follows JSON's grammar, as Python requires. LLVM's parser accepts what strtod does: 01, +1, .5, 1.
bool isJsonNumber(llvm::StringRef token) {
  auto takeDigits = [&] {
    const size_t count = token.take_while(llvm::isDigit).size();
    token = token.drop_front(count);
    return count > 0;
  };
  token.consume_front("-");
  if (!token.consume_front("0") && !takeDigits())
    return false;
  if (token.consume_front(".") && !takeDigits())
    return false;
  if (token.consume_front("e") || token.consume_front("E")) {
    if (!token.consume_front("+"))
      token.consume_front("-");
    if (!takeDigits())
      return false;
  }
  return token.empty();
}

/// The size of a JSON text, found without parsing: skips strings, counts commas and brackets.
struct Extent {
  explicit Extent(llvm::StringRef text) {
    int open = 0;
    for (size_t i = 0; i < text.size() && depth <= maxJsonDepth && values <= maxJsonValues; ++i) {
      const char c = text[i];
      if (c == '"') {
        i = endOfString(text, i) - 1;
      } else if (c == '[' || c == '{') {
        depth = std::max(depth, ++open);
        values += c == '{' ? 64 : 1;
      } else if (c == ']' || c == '}') {
        --open;
      } else if (c == ',') {
        ++values;
      } else if (c == 'N' || c == 'I') {
        hasNames = true;
      } else if (llvm::isDigit(c) || c == '-' || c == '+' || c == '.') {
        const llvm::StringRef token =
            text.substr(i).take_while([](char d) { return llvm::isDigit(d) || llvm::StringRef("+-.eE").contains(d); });
        if (wrongNumber.empty() && token != "-" && !isJsonNumber(token))
          wrongNumber = token;
        i += token.size() - 1;
      }
    }
  }

  int depth = 0;               // of nested brackets
  uint64_t values = 1;         // as maxJsonValues counts them
  bool hasNames = false;       // N or I outside strings: perhaps NaN or Infinity
  llvm::StringRef wrongNumber; // the first number that is not valid JSON, or empty
};

} // namespace

/// Replaces NaN, Infinity and -Infinity outside strings, which Python's json writes and reads, by numbers of JSON. An
/// infinity becomes a number too large for a double, a NaN becomes `nan`.
static std::string spellNames(llvm::StringRef text, llvm::StringRef nan) {
  const std::pair<llvm::StringLiteral, llvm::StringRef> names[] = {
      {"NaN", nan}, {"Infinity", "1e999"}, {"-Infinity", "-1e999"}};
  std::string out;
  out.reserve(text.size() + 64);
  for (size_t offset = 0; offset < text.size();) {
    size_t length = text[offset] == '"' ? endOfString(text, offset) - offset : 1;
    const auto *name =
        llvm::find_if(names, [&](const auto &entry) { return text.substr(offset).starts_with(entry.first); });
    if (name == std::end(names)) {
      out += text.substr(offset, length);
    } else {
      length = name->first.size();
      // Spaces keep the number apart from digits beside it: 1NaN stays an error.
      ((out += ' ') += name->second) += ' ';
    }
    offset += length;
  }
  return out;
}

/// Sets each number that differs from `other` to NaN. `other` is the same text with another number for NaN.
static void restoreNaN(json::Value &value, const json::Value &other) {
  if (json::Array *array = value.getAsArray()) {
    for (auto [element, otherElement] : llvm::zip_equal(*array, *other.getAsArray()))
      restoreNaN(element, otherElement);
  } else if (json::Object *object = value.getAsObject()) {
    for (auto &[key, member] : *object)
      restoreNaN(member, *other.getAsObject()->get(key));
  } else if (value != other) {
    value = std::numeric_limits<double>::quiet_NaN();
  }
}

/// Replaces escaped surrogate pairs by UTF-8. LLVM 22's parser misreads those beyond U+1FFFF (it joins the halves with
/// "or").
static std::string decodePairs(llvm::StringRef text) {
  const auto half = [&](size_t offset, uint32_t first) -> uint32_t {
    uint32_t value;
    if (text.substr(offset, 2) != "\\u" || text.substr(offset + 2, 4).size() != 4 ||
        !llvm::all_of(text.substr(offset + 2, 4), llvm::isHexDigit) ||
        text.substr(offset + 2, 4).getAsInteger(16, value))
      return 0;
    return value >= first && value < first + 0x400 ? value : 0;
  };
  std::string out;
  out.reserve(text.size());
  for (size_t offset = 0; offset < text.size();) {
    const uint32_t high = text[offset] == '\\' ? half(offset, 0xd800) : 0, low = high ? half(offset + 6, 0xdc00) : 0;
    if (low) {
      char utf8[4], *end = utf8;
      llvm::ConvertCodePointToUTF8(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), end);
      out.append(utf8, end);
      offset += 12;
      continue;
    }
    const size_t length = text[offset] == '\\' ? 2 : 1;
    out += text.substr(offset, length);
    offset += length;
  }
  return out;
}

absl::StatusOr<json::Value> lathe::parseJson(llvm::StringRef path, llvm::StringRef text, uint64_t maxBytes) {
  if (text.size() > maxBytes)
    return fileError(path,
                     "expected at most " + llvm::Twine(maxBytes) + " bytes of JSON, got " + llvm::Twine(text.size()));
  const Extent extent(text);
  if (extent.depth > maxJsonDepth)
    return fileError(path, "expected JSON nested at most " + llvm::Twine(maxJsonDepth) + " deep, got more");
  if (extent.values > maxJsonValues)
    return fileError(path, "expected JSON of at most " + llvm::Twine(maxJsonValues) + " values, got more");
  if (!extent.wrongNumber.empty())
    return fileError(path, "expected JSON, got the number " + printable(extent.wrongNumber) + " at byte " +
                               llvm::Twine(extent.wrongNumber.data() - text.data()));
  if (text.starts_with("\xef\xbb\xbf"))
    return fileError(path, "expected JSON, got a byte order mark before it");
  std::string decoded;
  if (text.contains_insensitive("\\ud"))
    text = decoded = decodePairs(text);
  llvm::Expected<json::Value> value = json::parse(extent.hasNames ? spellNames(text, "0") : text);
  if (!value)
    return fileError(path, "expected JSON, got an error at " + llvm::toString(value.takeError()));
  if (extent.hasNames)
    restoreNaN(*value, llvm::cantFail(json::parse(spellNames(text, "1"))));
  return std::move(*value);
}

std::string lathe::describe(const json::Value &value) {
  switch (value.kind()) {
  case json::Value::Object:
    return "an object";
  case json::Value::Array:
    return "an array";
  case json::Value::String:
    return quoted(*value.getAsString());
  default: {
    if (value.kind() == json::Value::Number && !asInteger(value) && !value.getAsUINT64())
      return numberString(*value.getAsNumber());
    std::string text;
    llvm::raw_string_ostream(text) << value;
    return text;
  }
  }
}

std::optional<int64_t> lathe::asInteger(const json::Value &value) {
  // getAsInteger accepts 2^63, whose conversion to int64_t is undefined.
  std::optional<double> number = value.getAsNumber();
  return number && std::abs(*number) < 0x1p62 ? value.getAsInteger() : std::nullopt;
}

const json::Value *JsonObject::find(llvm::StringRef key) const {
  const json::Value *value = values->get(nameOf(key));
  if (!value && defaults)
    value = defaults->get(nameOf(key));
  return value && value->kind() != json::Value::Null ? value : nullptr;
}

void JsonObject::fail(llvm::StringRef key, const llvm::Twine &message) const {
  if (status->ok())
    *status = fileError(path, prefix + nameOf(key).str(), message);
}

const json::Value *JsonObject::require(llvm::StringRef key, bool optional, llvm::StringRef expected) const {
  if (const json::Value *value = find(key))
    return value;
  if (!optional)
    fail(key, "expected " + expected + ", got " + (states(key) ? "null" : "no such key"));
  return nullptr;
}

static std::string rangeString(int64_t min, int64_t max) {
  return min == max ? std::to_string(min) : "an integer from " + std::to_string(min) + " to " + std::to_string(max);
}

int64_t JsonObject::integer(llvm::StringRef key, int64_t min, int64_t max, std::optional<int64_t> fallback) const {
  const json::Value *value = require(key, fallback.has_value(), rangeString(min, max));
  if (value) {
    std::optional<int64_t> found = asInteger(*value);
    if (found && *found >= min && *found <= max)
      return *found;
    fail(key, "expected " + rangeString(min, max) + ", got " + describe(*value));
  }
  return fallback.value_or(0);
}

std::vector<int64_t> JsonObject::integers(llvm::StringRef key, int64_t min, int64_t max) const {
  std::vector<int64_t> out;
  const json::Value *value = find(key);
  if (!value)
    return out;
  const json::Array *array = value->getAsArray();
  for (const json::Value &element : array ? llvm::ArrayRef(array->data(), array->size()) : llvm::ArrayRef(*value)) {
    std::optional<int64_t> found = asInteger(element);
    if (!found || *found < min || *found > max) {
      fail(key, "expected " + rangeString(min, max) + ", got " + describe(element));
      return {};
    }
    out.push_back(*found);
  }
  return out;
}

double JsonObject::number(llvm::StringRef key, std::optional<double> fallback) const {
  const json::Value *value = require(key, fallback.has_value(), "a number");
  if (value) {
    std::optional<double> found = value->getAsNumber();
    if (found && std::isfinite(static_cast<float>(*found)))
      return *found;
    const bool isLarge = found && std::isfinite(*found);
    fail(key, llvm::Twine("expected a number") + (isLarge ? " that single precision holds" : "") + ", got " +
                  describe(*value));
  }
  return fallback.value_or(0);
}

double JsonObject::positive(llvm::StringRef key, std::optional<double> fallback) const {
  const double found = number(key, fallback);
  if (static_cast<float>(found) > 0 || !ok())
    return found;
  fail(key, "expected a number greater than 0" + llvm::Twine(found > 0 ? " in single precision, too" : "") + ", got " +
                describe(*find(key)));
  return fallback.value_or(0);
}

bool JsonObject::boolean(llvm::StringRef key, std::optional<bool> fallback) const {
  const json::Value *value = require(key, fallback.has_value(), "true or false");
  if (value) {
    if (std::optional<bool> found = value->getAsBoolean())
      return *found;
    fail(key, "expected true or false, got " + describe(*value));
  }
  return fallback.value_or(false);
}

std::string JsonObject::string(llvm::StringRef key, std::optional<llvm::StringRef> fallback) const {
  const json::Value *value = require(key, fallback.has_value(), "a string");
  if (value) {
    if (std::optional<llvm::StringRef> found = value->getAsString())
      return found->str();
    fail(key, "expected a string, got " + describe(*value));
  }
  return fallback.value_or("").str();
}

std::vector<std::string> JsonObject::strings(llvm::StringRef key) const {
  std::vector<std::string> out;
  const json::Value *value = require(key, false, "an array of strings");
  if (!value)
    return out;
  const json::Array *array = value->getAsArray();
  if (!array)
    fail(key, "expected an array of strings, got " + describe(*value));
  else
    for (const json::Value &element : *array) {
      std::optional<llvm::StringRef> text = element.getAsString();
      if (!text)
        fail(key, "expected an array of strings, got one with " + describe(element));
      out.push_back(text.value_or("").str());
    }
  return out;
}

std::vector<float> JsonObject::positives(llvm::StringRef key) const {
  constexpr llvm::StringLiteral expected = "an array of numbers greater than 0";
  std::vector<float> out;
  const json::Value *value = require(key, false, expected);
  if (!value)
    return out;
  const json::Array *array = value->getAsArray();
  if (!array)
    fail(key, "expected " + expected + ", got " + describe(*value));
  else
    for (const json::Value &element : *array) {
      const auto number = static_cast<float>(element.getAsNumber().value_or(0));
      if (!(number > 0) || !std::isfinite(number))
        fail(key, "expected " + expected + ", got one with " + describe(element));
      out.push_back(number);
    }
  return out;
}

std::optional<JsonObject> JsonObject::object(llvm::StringRef key) const {
  const json::Value *value = find(key);
  if (!value)
    return std::nullopt;
  if (const json::Object *found = value->getAsObject())
    return JsonObject(path, *found, *status, prefix + key.str() + ".");
  fail(key, "expected an object, got " + describe(*value));
  return std::nullopt;
}
