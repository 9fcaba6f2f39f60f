//===- Json.h - reads JSON from untrusted files -------------------------------------------------------------------===//
//
// LLVM's parser recurses once per bracket, so nesting is measured before a file is parsed. The language is that of
// Python's json module, which wrote most of these files: NaN, Infinity and -Infinity are numbers, the last of repeated
// keys counts, and other numbers follow JSON's grammar. Reading is typed; every error names the file, the path of the
// key, what was expected and what was found:
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

/// Max. depth of nested brackets; a tokenizer.json has about ten.
constexpr int maxJsonDepth = 128;

/// Max. number of values in one text. An object counts as 64 values, as LLVM allocates that much memory even for a
/// small one. Gemma's tokenizer.json has two million values; eight million take some 600 MB.
constexpr uint64_t maxJsonValues = 8'000'000;

/// Parses `text`, the contents of the file `path` (for messages only).
absl::StatusOr<llvm::json::Value> parseJson(llvm::StringRef path, llvm::StringRef text,
                                            uint64_t maxBytes = uint64_t(512) << 20);

/// `"8x"`, `-1`, `null`, `an object`, ...: a value as messages show it.
std::string describe(const llvm::json::Value &value);

/// An integer, also one written as 4096.0 or 4e3.
std::optional<int64_t> asInteger(const llvm::json::Value &value);

/// A JSON object and its path in the file. All objects of a file share `status`, which keeps the first error. Reads
/// after an error return their fallback, or zero. So read everything, then check the status once.
class JsonObject {
public:
  /// `object` and `status` must outlive the reader.
  JsonObject(llvm::StringRef path, const llvm::json::Object &object, absl::Status &status, llvm::StringRef prefix = "")
      : path(path), prefix(prefix), values(&object), status(&status) {}

  /// Sets values for keys that the file does not have. They do not replace a `null` in the file, which means none.
  void setDefaults(const llvm::json::Object *object) { defaults = object; }

  /// Reads `key` under another name: the file and messages have `own`.
  void setName(llvm::StringRef key, llvm::StringRef own) { names[key] = own.str(); }
  llvm::StringRef nameOf(llvm::StringRef key) const {
    auto own = names.find(key);
    return own == names.end() ? key : llvm::StringRef(own->second);
  }

  /// Whether the key is present (or has a default) and not null.
  bool has(llvm::StringRef key) const { return find(key) != nullptr; }

  /// Whether the file has the key, perhaps with null.
  bool states(llvm::StringRef key) const { return values->get(nameOf(key)) != nullptr; }

  /// The value, or nullptr if the key is absent or null.
  const llvm::json::Value *find(llvm::StringRef key) const;

  /// An integer from `min` to `max`. Without a fallback, the key is required; so below.
  int64_t integer(llvm::StringRef key, int64_t min, int64_t max, std::optional<int64_t> fallback = std::nullopt) const;
  /// A finite number in the range of a float.
  double number(llvm::StringRef key, std::optional<double> fallback = std::nullopt) const;
  /// A number that is greater than zero as a float.
  double positive(llvm::StringRef key, std::optional<double> fallback = std::nullopt) const;
  bool boolean(llvm::StringRef key, std::optional<bool> fallback = std::nullopt) const;
  std::string string(llvm::StringRef key, std::optional<llvm::StringRef> fallback = std::nullopt) const;
  std::vector<std::string> strings(llvm::StringRef key) const;
  /// An array of finite floats greater than zero.
  std::vector<float> positives(llvm::StringRef key) const;
  /// One integer or a list of integers; empty if absent.
  std::vector<int64_t> integers(llvm::StringRef key, int64_t min, int64_t max) const;
  /// An object; nullopt if absent or null.
  std::optional<JsonObject> object(llvm::StringRef key) const;

  /// A reader for an object that is not in the file. Messages call it `key`.
  JsonObject sub(llvm::StringRef key, const llvm::json::Object &object) const {
    return JsonObject(path, object, *status, prefix + key.str() + ".");
  }

  /// Records the error `path: prefix.key: message`, unless there is one already.
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
