#include "compiler/weights/OutputFile.h"
#include "frontends/support/Errors.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"
#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace lathe;
namespace fs = llvm::sys::fs;

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::create(llvm::StringRef path) {
  std::unique_ptr<OutputFile> file(new OutputFile(path));
  fs::file_status status;
  if (!fs::status(path, status) && status.type() != fs::file_type::regular_file)
    return fileError(path, llvm::Twine("cannot write: expected a file or a new name, found ") +
                               (status.type() == fs::file_type::directory_file ? "a directory" : "a special file"));
  llvm::SmallString<256> temporary;
  if (std::error_code error = fs::createUniqueFile(path + ".%%%%%%%%.tmp", file->descriptor, temporary, fs::OF_None,
                                                   fs::all_read | fs::all_write))
    return fileError(path, "cannot write: " + error.message());
  file->temporary = temporary.str().str();
  llvm::sys::RemoveFileOnSignal(temporary);
  return file;
}

OutputFile::~OutputFile() {
  if (descriptor >= 0)
    close(descriptor);
  if (!isKept && !temporary.empty()) {
    fs::remove(temporary);
    llvm::sys::DontRemoveFileOnSignal(temporary);
  }
}

absl::Status OutputFile::failed() const {
  return fileError(name, "cannot write: " + llvm::Twine(std::strerror(errno)));
}

absl::Status OutputFile::write(llvm::StringRef bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), std::min<size_t>(bytes.size(), 1 << 30));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return failed();
    bytes = bytes.drop_front(written);
  }
  return absl::OkStatus();
}

absl::Status OutputFile::writeAt(uint64_t offset, llvm::StringRef bytes) {
  if (pwrite(descriptor, bytes.data(), bytes.size(), offset) != static_cast<ssize_t>(bytes.size()))
    return failed();
  return absl::OkStatus();
}

absl::Status OutputFile::keep() {
  // A full disk may be noticed only here.
  if (close(std::exchange(descriptor, -1)) != 0)
    return failed();
  if (std::error_code error = fs::rename(temporary, name))
    return fileError(name, "cannot write: " + error.message());
  llvm::sys::DontRemoveFileOnSignal(temporary);
  isKept = true;
  return absl::OkStatus();
}
