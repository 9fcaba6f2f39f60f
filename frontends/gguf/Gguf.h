//===- Gguf.h - reads llama.cpp's model files ---------------------------------------------------------------------===//
//
// Versions 2 and 3, little endian: magic, counts, metadata (key, type, value), tensor index, aligned data. Values and
// strings are views into the mapped file; opening one reads metadata and index, and no tensor. A model may be split
// into several files: the first has the metadata, each has some of the tensors.
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
  /// `openPart` opens the other files if `file` is the first of several.
  static absl::StatusOr<std::shared_ptr<const Gguf>> parse(std::shared_ptr<const MappedFile> file,
                                                           OpenFile openPart = MappedFile::open);

  llvm::StringRef path() const { return mapped.front()->path(); }
  /// The file name without .gguf, and without the number of the part ("-00001-of-00003").
  llvm::StringRef name() const;
  uint32_t version() const { return fileVersion; }
  /// TensorInfo::file is an index into these.
  llvm::ArrayRef<std::shared_ptr<const MappedFile>> files() const { return mapped; }

  /// All entries and all tensors, in the order of the files.
  llvm::ArrayRef<Entry> metadata() const { return entries; }
  llvm::ArrayRef<TensorInfo> tensors() const { return index; }
  bool has(llvm::StringRef key) const { return byKey.contains(key); }
  const Value *find(llvm::StringRef key) const;

  // Without a fallback the key is required. Errors: `path: key: expected ..., got ...`. integer() accepts all integer
  // types, number() all integer and float types.
  absl::StatusOr<int64_t> integer(llvm::StringRef key, int64_t min, int64_t max,
                                  std::optional<int64_t> fallback = std::nullopt) const;
  /// The id of a special token, of any integer type. None if the key is absent or means "no such token": a negative
  /// number, 4294967295, or the type's largest number if that is not less than `vocabulary`.
  absl::StatusOr<std::optional<int64_t>> tokenId(llvm::StringRef key, int64_t vocabulary) const;
  absl::StatusOr<double> number(llvm::StringRef key, std::optional<double> fallback = std::nullopt) const;
  absl::StatusOr<bool> boolean(llvm::StringRef key, std::optional<bool> fallback = std::nullopt) const;
  /// A view into the file; not necessarily UTF-8.
  absl::StatusOr<llvm::StringRef> string(llvm::StringRef key,
                                         std::optional<llvm::StringRef> fallback = std::nullopt) const;
  /// Views into the file, which lives as long as this object. Empty when the key is absent.
  absl::StatusOr<std::vector<llvm::StringRef>> strings(llvm::StringRef key) const;
  /// A scalar is a list of one, booleans are 0 and 1. Empty when the key is absent.
  absl::StatusOr<std::vector<int64_t>> integers(llvm::StringRef key, int64_t min = std::numeric_limits<int64_t>::min(),
                                                int64_t max = std::numeric_limits<int64_t>::max()) const;
  absl::StatusOr<std::vector<float>> floats(llvm::StringRef key) const;

  /// `path: key: message`.
  absl::Status error(llvm::StringRef key, const llvm::Twine &message) const;

  /// The value's text in messages.
  static std::string describe(const Value &value);

private:
  explicit Gguf(std::shared_ptr<const MappedFile> file) : mapped{std::move(file)} {}
  class Reader;
  absl::Status readFile();
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

/// `shape` without leading dimensions of 1, down to `rank` dimensions: some writers pad shapes with them.
llvm::ArrayRef<int64_t> dropLeadingOnes(llvm::ArrayRef<int64_t> shape, size_t rank);

/// Whether a tensor has this shape, leading dimensions of 1 ignored.
bool hasDimensions(const TensorInfo &tensor, llvm::ArrayRef<int64_t> shape);

/// The tensors of `gguf` as a checkpoint that keeps the files mapped.
std::unique_ptr<Checkpoint> makeCheckpoint(const Gguf &gguf);

/// Reads the Config from metadata and tensors, and sets `model` to the architecture.
absl::StatusOr<Config> readGgufConfig(const Gguf &gguf, const Model *&model);

/// Reads config.sampling from general.sampling.*. The default of an absent key has no effect on sampling.
absl::Status readGgufSampling(const Gguf &gguf, Config &config);

/// The model of the file; its tensors have been checked.
absl::StatusOr<ModelSource> describeGguf(const Gguf &gguf);

absl::StatusOr<TokenizerSection> readGgufTokenizerSection(const Gguf &gguf, const Config &config);

} // namespace lathe

#endif // LATHE_FRONTENDS_GGUF_GGUF_H
