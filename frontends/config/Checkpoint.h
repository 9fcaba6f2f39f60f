//===- Checkpoint.h - where tensors lie ---------------------------------------------------------------------------===//
//
// Names, types, shapes and places of a checkpoint's tensors. Files are mapped; opening one reads its index and no
// weight.
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
  uint64_t bytes = 0;              // of the whole tensor; lies in the file. 0: of a type whose size is not known
  std::optional<Format> format;    // nothing: a type this compiler does not read (buffers of integers, ...)
  std::string storedType = {};     // "BF16", "Q4_K": as the file calls it, for messages
  std::vector<int64_t> shape = {}; // row-major, [out, in] for a matrix
  /// Not empty: the tensor was cut for several devices. These are its parts in order, alike in type and shape, each
  /// with a place of its own; along which dimension they were cut shows where the whole shape is known. The tensor
  /// itself has no place and no shape.
  std::vector<TensorInfo> parts = {};
};

class TensorConventions;

class Checkpoint {
public:
  /// `conventions` say what tensors are called and how they are stored (TensorConventions.h). `path` is what messages
  /// about a missing tensor name: the file, or the index of its shards.
  Checkpoint(const TensorConventions &conventions, llvm::StringRef path) : conventions(conventions), source(path) {}

  const TensorInfo *find(llvm::StringRef name) const;
  /// In the order of the files.
  llvm::ArrayRef<TensorInfo> tensors() const { return all; }
  llvm::ArrayRef<std::shared_ptr<const MappedFile>> files() const { return mapped; }
  /// The stored bytes; touching them reads the file. Need not be aligned.
  llvm::StringRef data(const TensorInfo &tensor) const;
  llvm::StringRef path(const TensorInfo &tensor) const { return mapped[tensor.file]->path(); }
  /// What a file has in front of its tensors: the safetensors header, a GGUF's metadata and index.
  llvm::StringRef header(unsigned file) const;

  /// `headerBytes` lie before the tensors; more than there are is all of the file.
  unsigned addFile(std::shared_ptr<const MappedFile> file, uint64_t headerBytes = 0);
  /// False when the name is taken.
  bool add(TensorInfo tensor);

  const TensorConventions &conventions;
  const std::string source;

private:
  std::vector<TensorInfo> all;
  llvm::StringMap<size_t> byName;
  std::vector<std::shared_ptr<const MappedFile>> mapped;
  std::vector<uint64_t> headers; // bytes, of each file
};

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_CHECKPOINT_H
