//===- File.h - a regular file, mapped ----------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_FILE_H
#define LATHE_COMPILER_SUPPORT_FILE_H

#include "absl/status/statusor.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>
#include <vector>

namespace lathe {

/// The bytes of a file. A large file is mapped, so opening 6 GB reads nothing.
class MappedFile {
public:
  /// Refuses anything but a regular file: a pipe or /dev/zero has no end.
  static absl::StatusOr<std::unique_ptr<MappedFile>> open(llvm::StringRef path);

  /// A file for tests: its path is `path`, its contents a copy of `bytes`.
  static std::unique_ptr<MappedFile> fromBytes(llvm::StringRef path, llvm::StringRef bytes);
  /// The same without a copy: `bytes` must outlive the file. Reads past the end are not caught.
  static std::unique_ptr<MappedFile> overBytes(llvm::StringRef path, llvm::StringRef bytes);

  llvm::StringRef path() const { return name; }
  llvm::StringRef bytes() const { return buffer->getBuffer(); }
  uint64_t size() const { return buffer->getBufferSize(); }

private:
  MappedFile(llvm::StringRef path, std::unique_ptr<llvm::MemoryBuffer> buffer)
      : name(path), buffer(std::move(buffer)) {}

  std::string name;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
};

/// The names in a directory that end in one of the suffixes, sorted. Looks at no more than 4096 entries.
std::vector<std::string> filesEndingIn(llvm::StringRef directory, llvm::ArrayRef<llvm::StringRef> suffixes);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_FILE_H
