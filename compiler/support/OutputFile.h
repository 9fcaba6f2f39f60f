//===- OutputFile.h - a file that is there whole or not at all ----------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_OUTPUTFILE_H
#define LATHE_COMPILER_SUPPORT_OUTPUTFILE_H

#include "absl/status/statusor.h"
#include "llvm/ADT/StringRef.h"
#include <memory>
#include <string>

namespace lathe {

enum class OutputKind : uint8_t {
  Text,      // a dump or a report; also to a device or a pipe, which is written in place
  Program,   // an executable
  Weights,   // a weights file: in place of another one, or of nothing
  Temporary, // beside the name, and never kept
};

/// Whether the name may be written: not a directory, not a file that is read (compiler/support/Inputs.h), not
/// somebody's weights. Error: `path: cannot write: ...`.
absl::Status checkOutput(llvm::StringRef path, OutputKind kind);

/// Written under another name in the same folder; `keep` renames it, so that a program that is running keeps its file.
/// Gone when not kept, also after a signal.
class OutputFile {
public:
  /// Error: as checkOutput, which is asked here and once more by `keep`.
  static absl::StatusOr<std::unique_ptr<OutputFile>> create(llvm::StringRef path, OutputKind kind);
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  absl::Status write(llvm::StringRef bytes);
  /// Writes at a place already written, or beyond.
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
