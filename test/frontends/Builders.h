//===- Builders.h - builds model files for tests ------------------------------------------------------------------===//

#ifndef LATHE_TEST_FRONTENDS_BUILDERS_H
#define LATHE_TEST_FRONTENDS_BUILDERS_H

#include "absl/status/statusor.h"
#include "compiler/support/File.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"
#include <string>

namespace lathe::testing {

/// The message of the error; empty for success.
inline std::string messageOf(const absl::Status &status) { return {status.message().data(), status.message().size()}; }
template <typename T> std::string messageOf(const absl::StatusOr<T> &result) { return messageOf(result.status()); }

/// The object `text` with the keys of `changes` set; null removes a key, the string "null" sets it to null.
inline std::string with(llvm::StringRef text, llvm::StringRef changes) {
  llvm::json::Value value = *llvm::json::parse(text), edits = *llvm::json::parse(changes);
  for (auto &[key, edit] : *edits.getAsObject()) {
    if (edit.kind() == llvm::json::Value::Null)
      value.getAsObject()->erase(key);
    else if (edit.getAsString() == "null")
      (*value.getAsObject())[key] = nullptr;
    else
      (*value.getAsObject())[key] = edit;
  }
  std::string out;
  llvm::raw_string_ostream(out) << value;
  return out;
}

/// A directory that is removed at the end of the test.
class TemporaryDirectory {
public:
  TemporaryDirectory() { llvm::sys::fs::createUniqueDirectory("lathe-test", path); }
  ~TemporaryDirectory() { llvm::sys::fs::remove_directories(path); }
  std::string operator/(llvm::StringRef name) const {
    llvm::SmallString<128> file(path);
    llvm::sys::path::append(file, name);
    return file.str().str();
  }
  std::string write(llvm::StringRef name, llvm::StringRef bytes) const {
    std::error_code error;
    llvm::raw_fd_ostream(*this / name, error) << bytes;
    return *this / name;
  }
  std::string str() const { return path.str().str(); }

private:
  llvm::SmallString<128> path;
};

inline std::string littleEndian(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> 8 * i);
  return out;
}

/// A file of this header and `dataBytes` zero bytes.
inline std::string safetensors(llvm::StringRef header, size_t data = 0) {
  return littleEndian(header.size(), 8) + header.str() + std::string(data, 0);
}

struct NamedShape {
  std::string name;
  std::vector<int64_t> shape;
};

/// A file of BF16 tensors, one after another; all bytes of data are `fill`.
inline std::string safetensorsOf(llvm::ArrayRef<NamedShape> tensors, char fill = 0) {
  llvm::json::Object header;
  int64_t end = 0;
  for (const NamedShape &tensor : tensors) {
    int64_t bytes = 2;
    for (int64_t size : tensor.shape)
      bytes *= size;
    header[tensor.name] = llvm::json::Object{{"dtype", "BF16"},
                                             {"shape", llvm::json::Array(tensor.shape)},
                                             {"data_offsets", llvm::json::Array{end, end + bytes}}};
    end += bytes;
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(header));
  return safetensors(text) + std::string(end, fill);
}

/// Writes valid and invalid GGUF files.
struct GgufBuilder {
  uint32_t version = 3;
  std::string magic = "GGUF", metadata, index, data;
  uint64_t entries = 0, tensors = 0;
  uint64_t alignment = 32;

  static std::string string(llvm::StringRef text) { return littleEndian(text.size(), 8) + text.str(); }
  /// A value of the type with this number, and these bytes.
  GgufBuilder &raw(llvm::StringRef key, uint32_t type, llvm::StringRef bytes) {
    ++entries;
    metadata += string(key) + littleEndian(type, 4) + bytes.str();
    return *this;
  }
  GgufBuilder &u32(llvm::StringRef key, uint32_t value) { return raw(key, 4, littleEndian(value, 4)); }
  GgufBuilder &f32(llvm::StringRef key, float value) {
    return raw(key, 6, littleEndian(llvm::bit_cast<uint32_t>(value), 4));
  }
  GgufBuilder &boolean(llvm::StringRef key, bool value) { return raw(key, 7, littleEndian(value, 1)); }
  GgufBuilder &text(llvm::StringRef key, llvm::StringRef value) { return raw(key, 8, string(value)); }
  GgufBuilder &array(llvm::StringRef key, uint32_t type, uint64_t count, llvm::StringRef bytes) {
    return raw(key, 9, littleEndian(type, 4) + littleEndian(count, 8) + bytes.str());
  }
  GgufBuilder &texts(llvm::StringRef key, llvm::ArrayRef<llvm::StringRef> values) {
    std::string bytes;
    for (llvm::StringRef value : values)
      bytes += string(value);
    return array(key, 8, values.size(), bytes);
  }
  /// An entry of the tensor index. The first dimension varies fastest.
  GgufBuilder &entry(llvm::StringRef name, llvm::ArrayRef<uint64_t> dimensions, uint32_t type, uint64_t offset) {
    ++tensors;
    index += string(name) + littleEndian(dimensions.size(), 4);
    for (uint64_t size : dimensions)
      index += littleEndian(size, 8);
    index += littleEndian(type, 4) + littleEndian(offset, 8);
    return *this;
  }
  /// An F32 tensor and its data.
  GgufBuilder &tensor(llvm::StringRef name, llvm::ArrayRef<uint64_t> dimensions, float fill = 0) {
    entry(name, dimensions, 0, data.size());
    uint64_t count = 1;
    for (uint64_t size : dimensions)
      count *= size;
    for (uint64_t i = 0; i < count; ++i)
      data += littleEndian(llvm::bit_cast<uint32_t>(fill), 4);
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  std::string build() const {
    std::string out =
        magic + littleEndian(version, 4) + littleEndian(tensors, 8) + littleEndian(entries, 8) + metadata + index;
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data;
  }
};

} // namespace lathe::testing

#endif // LATHE_TEST_FRONTENDS_BUILDERS_H
