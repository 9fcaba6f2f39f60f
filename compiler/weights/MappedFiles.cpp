//===- MappedFiles.cpp - a model's files in memory ----------------------------------------------------------------===//

#include "compiler/weights/MappedFiles.h"
#include "compiler/support/Errors.h"
#include "compiler/support/Inputs.h"

using namespace lathe;
namespace fs = llvm::sys::fs;

absl::StatusOr<llvm::StringRef> MappedFiles::open(llvm::StringRef path) {
  auto [entry, isNew] = files.try_emplace(path);
  if (isNew) {
    fs::file_status status;
    std::error_code error = fs::status(path, status);
    if (!error && status.type() != fs::file_type::regular_file)
      return fileError(path, "expected a regular file");
    recordInput(path, status.getUniqueID());
    llvm::Expected<fs::file_t> file = fs::openNativeFileForRead(path);
    if (!file)
      return fileError(path, llvm::errorToErrorCode(file.takeError()).message());
    entry->second = fs::mapped_file_region(*file, fs::mapped_file_region::readonly, status.getSize(), 0, error);
    fs::closeFile(*file);
    if (error)
      return fileError(path, "cannot map " + llvm::Twine(status.getSize()) + " bytes: " + error.message());
  }
  return llvm::StringRef(entry->second.const_data(), entry->second.size());
}
