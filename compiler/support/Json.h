//===- Json.h - JSON written by strangers -------------------------------------------------------------------------===//
//
// LLVM's parser recurses once per bracket, so a file is measured before it is parsed. The language is that of Python's
// json, which wrote most of these files: NaN, Infinity and -Infinity are numbers, of keys that repeat the last counts,
// numbers keep to JSON's grammar. Reading is typed; every error names the file, the way to the key, what was expected
// and what was found:
//   dir/config.json: rope_scaling.factor: expected a number, got "8x"
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_JSON_H
#define LATHE_COMPILER_SUPPORT_JSON_H

#include "absl/status/statusor.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// Brackets inside brackets; a tokenizer.json has about ten.
constexpr int maxJsonDepth = 128;

/// Values in one text, where an object counts for sixty-four: that is how much room LLVM gives even a small one.
/// Gemma's tokenizer.json has two million; eight take some 600 MB.
constexpr uint64_t maxJsonValues = 8'000'000;

/// Parses `text`, the contents of the file `path` (which is only used in messages).
absl::StatusOr<llvm::json::Value> parseJson(llvm::StringRef path, llvm::StringRef text,
                                            uint64_t maxBytes = uint64_t(512) << 20);

/// `"8x"`, `-1`, `null`, `an object`, ...: a value as messages show it.
std::string describe(const llvm::json::Value &value);

/// An integer, also one written as 4096.0 or 4e3.
std::optional<int64_t> asInteger(const llvm::json::Value &value);

/// A JSON object and the way to it. The first error is kept in the `status` all objects of a file share, later reads
/// then return their fallback, or zero: read everything, then ask status once.
class JsonObject {
public:
  /// `object` and `status` must outlive the reader.
  JsonObject(llvm::StringRef path, const llvm::json::Object &object, absl::Status &status, llvm::StringRef prefix = "")
      : path(path), prefix(prefix), values(&object), status(&status) {}

  /// Values for keys that the file leaves out. A `null` in the file is not left out: it means none.
  void setDefaults(const llvm::json::Object *object) { defaults = object; }

  /// Another name for a key: what is asked for as `key` is read, and named in messages, as `own`.
  void setName(llvm::StringRef key, llvm::StringRef own) { names[key] = own.str(); }
  llvm::StringRef nameOf(llvm::StringRef key) const {
    auto own = names.find(key);
    return own == names.end() ? key : llvm::StringRef(own->second);
  }

  /// The key is there (or has a default) and is not null.
  bool has(llvm::StringRef key) const { return find(key) != nullptr; }

  /// The file itself says something about the key, if only null.
  bool states(llvm::StringRef key) const { return values->get(nameOf(key)) != nullptr; }

  /// Null when absent or null.
  const llvm::json::Value *find(llvm::StringRef key) const;

  /// Without a fallback the key must be there.
  int64_t integer(llvm::StringRef key, int64_t min, int64_t max, std::optional<int64_t> fallback = std::nullopt) const;
  /// One that a float holds: infinity is none.
  double number(llvm::StringRef key, std::optional<double> fallback = std::nullopt) const;
  /// Greater than zero.
  double positive(llvm::StringRef key, std::optional<double> fallback = std::nullopt) const;
  bool boolean(llvm::StringRef key, std::optional<bool> fallback = std::nullopt) const;
  std::string string(llvm::StringRef key, std::optional<llvm::StringRef> fallback = std::nullopt) const;
  std::vector<std::string> strings(llvm::StringRef key) const;
  /// Of numbers that a float holds, greater than zero there.
  std::vector<float> positives(llvm::StringRef key) const;
  /// One integer or a list of them; empty when absent.
  std::vector<int64_t> integers(llvm::StringRef key, int64_t min, int64_t max) const;
  /// Nothing when absent or null.
  std::optional<JsonObject> object(llvm::StringRef key) const;

  /// A reader for an object that is not in the file, named as if it were.
  JsonObject sub(llvm::StringRef key, const llvm::json::Object &object) const {
    return JsonObject(path, object, *status, prefix + key.str() + ".");
  }

  /// Records `path: prefix.key: message` unless an error came before.
  void fail(llvm::StringRef key, const llvm::Twine &message) const;
  bool ok() const { return status->ok(); }
  absl::Status error() const { return *status; }
  llvm::StringRef file() const { return path; }
  const llvm::json::Object &keys() const { return *values; }

private:
  const llvm::json::Value *require(llvm::StringRef key, bool optional, llvm::StringRef expected) const;

  std::string path, prefix;
  const llvm::json::Object *values, *defaults = nullptr;
  llvm::StringMap<std::string> names;
  absl::Status *status;
};

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_JSON_H
