//===- OutputFile.h - a file that is there whole or not at all
//--------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_OUTPUTFILE_H
#define LATHE_COMPILER_WEIGHTS_OUTPUTFILE_H

#include "absl/status/statusor.h"
#include "llvm/ADT/StringRef.h"
#include <memory>
#include <string>

namespace lathe {

/// Written under another name in the same folder; `keep` renames it. Gone when not kept, also after a signal.
class OutputFile {
public:
  /// Error: `path: cannot write: ...`, also when something that is not a regular file has the name.
  static absl::StatusOr<std::unique_ptr<OutputFile>> create(llvm::StringRef path);
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
  OutputFile(llvm::StringRef path) : name(path) {}
  absl::Status failed() const; // from errno

  std::string name, temporary;
  int descriptor = -1;
  bool isKept = false;
};

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_OUTPUTFILE_H
