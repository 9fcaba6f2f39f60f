//===- OutputFile.h - writes a file completely or not at all ------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_OUTPUTFILE_H
#define LATHE_COMPILER_SUPPORT_OUTPUTFILE_H

#include "absl/status/statusor.h"
#include "llvm/ADT/StringRef.h"
#include <memory>
#include <string>

namespace lathe {

enum class OutputKind : uint8_t {
  Text,      // a dump or a report; a device or a pipe is written in place
  Program,   // an executable
  Weights,   // a weights file: replaces only another weights file
  Temporary, // a file beside the name that is never kept
};

/// Checks that the name may be written: it is no directory, no file that this compilation reads
/// (compiler/support/Inputs.h), and no weights of a model. Error: `path: cannot write: ...`.
absl::Status checkOutput(llvm::StringRef path, OutputKind kind);

/// A file that is complete or not there: it is written under a temporary name in the same folder, and `keep` renames
/// it. If `keep` is not called, the file is removed, also after a signal. A program that has the old file open keeps
/// it.
class OutputFile {
public:
  /// Errors are those of checkOutput. `keep` checks again.
  static absl::StatusOr<std::unique_ptr<OutputFile>> create(llvm::StringRef path, OutputKind kind);
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  absl::Status write(llvm::StringRef bytes);
  /// Writes at a byte offset; `write` continues where it was.
  absl::Status writeAt(uint64_t offset, llvm::StringRef bytes);
  absl::Status keep();

  const std::string &path() const { return name; }
  const std::string &temporaryPath() const { return temporary; }

private:
  OutputFile(llvm::StringRef path, OutputKind kind) : name(path), kind(kind) {}
  absl::Status failed() const; // from errno

  std::string name, temporary; // no temporary: written in place
  OutputKind kind;
  int descriptor = -1;
  bool isKept = false;
};

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_OUTPUTFILE_H
