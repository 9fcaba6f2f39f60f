#include "compiler/support/OutputFile.h"
#include "compiler/support/Errors.h"
#include "lrt/inputs.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace lathe;
namespace fs = llvm::sys::fs;

absl::Status lathe::checkOutput(llvm::StringRef path, OutputKind kind) {
  fs::file_status status;
  if (kind == OutputKind::Temporary || fs::status(path, status))
    return absl::OkStatus(); // no such file, or an error that create will report
  auto refused = [&](const llvm::Twine &found) {
    return fileError(path, "cannot write: expected a file or a new name, found " + found);
  };
  if (status.type() == fs::file_type::directory_file)
    return refused("a directory");
  const fs::UniqueID id = status.getUniqueID();
  if (const std::string input = lrt::nameOfInput(id.getDevice(), id.getFile()); !input.empty())
    return fileError(path,
                     "cannot write: expected a file that this compilation does not read, found its input " + input);
  if (status.type() != fs::file_type::regular_file) {
    const bool isStream = status.type() == fs::file_type::character_file || status.type() == fs::file_type::fifo_file ||
                          status.type() == fs::file_type::socket_file;
    return isStream && kind == OutputKind::Text ? absl::OkStatus() : refused("a special file");
  }
  if (kind != OutputKind::Text && lrt::isSystemName(path.str()))
    return refused("a special file");
  const std::string contents = lrt::kindOfWeights(path.str());
  if (kind != OutputKind::Weights)
    return contents.empty() ? absl::OkStatus() : refused(contents);
  // The name follows from the executable's, so the user did not choose to replace a file of this name.
  if (status.getSize() != 0 && contents != "the weights of a program")
    return fileError(path, "cannot write: expected weights of an earlier compilation or a new name, found " +
                               (contents.empty() ? "another file" : contents));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::create(llvm::StringRef path, OutputKind kind) {
  LATHE_RETURN_IF_ERROR(checkOutput(path, kind));
  std::unique_ptr<OutputFile> file(new OutputFile(path, kind));
  fs::file_status status;
  if (kind == OutputKind::Text && !fs::status(path, status) &&
      (status.type() != fs::file_type::regular_file || lrt::isSystemName(path.str()))) {
    file->descriptor = open(file->name.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (file->descriptor < 0)
      return file->failed();
    return file;
  }
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
  // A full disk may be reported only here.
  if (close(std::exchange(descriptor, -1)) != 0)
    return failed();
  if (temporary.empty())
    return absl::OkStatus();
  LATHE_RETURN_IF_ERROR(checkOutput(name, kind)); // more files may have been read since
  if (std::error_code error = fs::rename(temporary, name))
    return fileError(name, "cannot write: " + error.message());
  llvm::sys::DontRemoveFileOnSignal(temporary);
  isKept = true;
  return absl::OkStatus();
}
