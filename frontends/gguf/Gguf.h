//===- Gguf.h - llama.cpp's model files ---------------------------------------------------------------------------===//
//
// Versions 2 and 3, little endian: magic, counts, metadata (key, type, value), tensor index, aligned data. Values and
// strings are views into the mapped file; opening one walks the metadata and reads no tensor. A file may be split into
// parts: the first has the metadata, each some of the tensors.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_GGUF_GGUF_H
#define LATHE_FRONTENDS_GGUF_GGUF_H

#include "absl/status/statusor.h"
#include "frontends/config/Checkpoint.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace lathe {

class Gguf {
public:
  enum class Type : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

  struct Value {
    Type type; // of the elements, for an array
    bool isArray = false;
    uint64_t count = 1;    // elements
    llvm::StringRef bytes; // as stored; a string includes its 8-byte length
  };
  struct Entry {
    llvm::StringRef key;
    Value value;
  };

  using OpenFile = llvm::function_ref<absl::StatusOr<std::unique_ptr<MappedFile>>(llvm::StringRef path)>;

  static absl::StatusOr<std::shared_ptr<const Gguf>> open(llvm::StringRef path);
  /// `openPart` opens the others where the file is the first of several.
  static absl::StatusOr<std::shared_ptr<const Gguf>> parse(std::shared_ptr<const MappedFile> file,
                                                           OpenFile openPart = MappedFile::open);

  llvm::StringRef path() const { return mapped.front()->path(); }
  /// The path's last part without .gguf, nor a part's number.
  llvm::StringRef name() const;
  uint32_t version() const { return fileVersion; }
  /// TensorInfo::file is an index into these.
  llvm::ArrayRef<std::shared_ptr<const MappedFile>> files() const { return mapped; }

  /// In the order of the files.
  llvm::ArrayRef<Entry> metadata() const { return entries; }
  llvm::ArrayRef<TensorInfo> tensors() const { return index; }
  bool has(llvm::StringRef key) const { return byKey.contains(key); }
  const Value *find(llvm::StringRef key) const;

  // Without a fallback the key must be there. Errors: `path: key: expected ..., got ...`. Any integer type will do for
  // an integer, any number for a number.
  absl::StatusOr<int64_t> integer(llvm::StringRef key, int64_t min, int64_t max,
                                  std::optional<int64_t> fallback = std::nullopt) const;
  /// The id of a special token, of any integer type. Nothing where the key is absent or says "no such token": a
  /// negative number, 4294967295, or the type's largest number where that is beyond the vocabulary.
  absl::StatusOr<std::optional<int64_t>> tokenId(llvm::StringRef key, int64_t vocabulary) const;
  absl::StatusOr<double> number(llvm::StringRef key, std::optional<double> fallback = std::nullopt) const;
  absl::StatusOr<bool> boolean(llvm::StringRef key, std::optional<bool> fallback = std::nullopt) const;
  /// A view into the file; any bytes.
  absl::StatusOr<llvm::StringRef> string(llvm::StringRef key,
                                         std::optional<llvm::StringRef> fallback = std::nullopt) const;
  /// Views into the file, which lives as long as this object. Empty when the key is absent.
  absl::StatusOr<std::vector<llvm::StringRef>> strings(llvm::StringRef key) const;
  /// A scalar is a list of one; booleans are 0 and 1. Empty when the key is absent.
  absl::StatusOr<std::vector<int64_t>> integers(llvm::StringRef key, int64_t min = std::numeric_limits<int64_t>::min(),
                                                int64_t max = std::numeric_limits<int64_t>::max()) const;
  absl::StatusOr<std::vector<float>> floats(llvm::StringRef key) const;

  /// `path: key: message`.
  absl::Status error(llvm::StringRef key, const llvm::Twine &message) const;

  /// The value as messages show it.
  static std::string describe(const Value &value);

private:
  explicit Gguf(std::shared_ptr<const MappedFile> file) : mapped{std::move(file)} {}
  absl::Status parseFile();
  absl::Status addParts(OpenFile openPart); // Split.cpp

  std::vector<std::shared_ptr<const MappedFile>> mapped;
  uint32_t fileVersion = 0;
  std::vector<Entry> entries;
  llvm::StringMap<size_t> byKey;
  std::vector<TensorInfo> index;
};

struct Config;
struct Model;
struct ModelSource;
struct TokenizerSection;

/// `shape` without the ones in front beyond its last `rank` dimensions: some writers pad with them.
llvm::ArrayRef<int64_t> dropLeadingOnes(llvm::ArrayRef<int64_t> shape, size_t rank);

/// Whether a tensor has this shape, padding aside.
bool hasDimensions(const TensorInfo &tensor, llvm::ArrayRef<int64_t> shape);

/// The tensors of `gguf` as a checkpoint that keeps the files mapped.
std::unique_ptr<Checkpoint> makeCheckpoint(const Gguf &gguf);

/// Metadata (and rope_freqs.weight) -> config; `model` is set to the architecture.
absl::StatusOr<Config> readGgufConfig(const Gguf &gguf, const Model *&model);

/// general.sampling.* -> config.sampling. A key that is left out changes nothing.
absl::Status readGgufSampling(const Gguf &gguf, Config &config);

/// The file's model, tensors checked.
absl::StatusOr<ModelSource> describeGguf(const Gguf &gguf);

absl::StatusOr<TokenizerSection> readGgufTokenizerSection(const Gguf &gguf, const Config &config);

} // namespace lathe

#endif // LATHE_FRONTENDS_GGUF_GGUF_H
