//===- MappedFiles.h - a model's files in memory ------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_MAPPEDFILES_H
#define LATHE_COMPILER_WEIGHTS_MAPPEDFILES_H

#include "absl/status/statusor.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"

namespace lathe {

class MappedFiles {
public:
  /// The file's bytes, mapped once, until this ends. They are mapped even when they are few: pages are given back
  /// (MatrixReader::release), and memory that is no mapping would lose what it holds.
  absl::StatusOr<llvm::StringRef> open(llvm::StringRef path);

private:
  llvm::StringMap<llvm::sys::fs::mapped_file_region> files;
};

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_MAPPEDFILES_H
