//===- Checkpoint.h - the tensors of a checkpoint -----------------------------------------------------------------===//
//
// Names, types, shapes and file offsets of a checkpoint's tensors. Files are mapped; opening one reads its header and
// no weights.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_CHECKPOINT_H
#define LATHE_FRONTENDS_CONFIG_CHECKPOINT_H

#include "absl/status/statusor.h"
#include "compiler/support/File.h"
#include "dialects/lm/Formats.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

struct TensorInfo {
  std::string name;                // as stored
  unsigned file = 0;               // index into Checkpoint::files()
  uint64_t offset = 0;             // of the first byte in that file; need not be aligned
  uint64_t bytes = 0;              // of the whole tensor, inside the file; 0: a type of unknown size
  std::optional<Format> format;    // none: a type this compiler does not read (integer buffers, ...)
  std::string storedType = {};     // "BF16", "Q4_K": the file's name of the type, for messages
  std::vector<int64_t> shape = {}; // row-major, [out, in] for a matrix
  /// Not empty: the tensor was split for several devices. The parts are in order, have the same type and shape, and
  /// each has its own offset. The split dimension follows from the whole shape, which the slot knows. The tensor itself
  /// then has no offset and no shape.
  std::vector<TensorInfo> parts = {};
};

class TensorConventions;

class Checkpoint {
public:
  /// `conventions`: how the source names and stores tensors (TensorConventions.h). `path`: the file, or the index of
  /// its shards, for messages about a missing tensor.
  Checkpoint(const TensorConventions &conventions, llvm::StringRef path) : conventions(conventions), source(path) {}

  const TensorInfo *find(llvm::StringRef name) const;
  /// All tensors, in the order of the files.
  llvm::ArrayRef<TensorInfo> tensors() const { return all; }
  llvm::ArrayRef<std::shared_ptr<const MappedFile>> files() const { return mapped; }
  /// The stored bytes; touching them reads the file. Need not be aligned.
  llvm::StringRef data(const TensorInfo &tensor) const;
  llvm::StringRef path(const TensorInfo &tensor) const { return mapped[tensor.file]->path(); }
  /// The bytes of a file before its tensors: the safetensors header; the metadata and index of a GGUF.
  llvm::StringRef header(unsigned file) const;

  /// `headerBytes` are before the tensors; if larger than the file, the whole file is the header.
  unsigned addFile(std::shared_ptr<const MappedFile> file, uint64_t headerBytes = 0);
  /// Adds a tensor. Returns false if there is one of that name already.
  bool add(TensorInfo tensor);

  const TensorConventions &conventions;
  const std::string source;

private:
  std::vector<TensorInfo> all;
  llvm::StringMap<size_t> byName;
  std::vector<std::shared_ptr<const MappedFile>> mapped;
  std::vector<uint64_t> headers; // bytes, per file
};

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_CHECKPOINT_H
