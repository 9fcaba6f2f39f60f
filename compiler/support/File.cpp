#include "compiler/support/File.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "compiler/support/Inputs.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;

static llvm::StringRef kindOf(llvm::sys::fs::file_type type) {
  switch (type) {
  case llvm::sys::fs::file_type::directory_file:
    return "a directory";
  case llvm::sys::fs::file_type::fifo_file:
    return "a FIFO";
  case llvm::sys::fs::file_type::socket_file:
    return "a socket";
  default:
    return "a device";
  }
}

absl::StatusOr<std::unique_ptr<MappedFile>> MappedFile::open(llvm::StringRef path) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(path, status))
    return cannotOpen(path, error);
  // Before opening: a FIFO would wait for a writer.
  if (status.type() != llvm::sys::fs::file_type::regular_file)
    return fileError(path, "expected a file, found " + kindOf(status.type()));
  recordInput(path, status.getUniqueID());
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fileError(path, buffer.getError().message());
  LATHE_RETURN_IF_ERROR(checkDownloaded(path, (*buffer)->getBuffer()));
  return std::unique_ptr<MappedFile>(new MappedFile(path, std::move(*buffer)));
}

std::unique_ptr<MappedFile> MappedFile::fromBytes(llvm::StringRef path, llvm::StringRef bytes) {
  return std::unique_ptr<MappedFile>(new MappedFile(path, llvm::MemoryBuffer::getMemBufferCopy(bytes, path)));
}

std::unique_ptr<MappedFile> MappedFile::overBytes(llvm::StringRef path, llvm::StringRef bytes) {
  return std::unique_ptr<MappedFile>(
      new MappedFile(path, llvm::MemoryBuffer::getMemBuffer(bytes, path, /*RequiresNullTerminator=*/false)));
}

std::vector<std::string> lathe::filesEndingIn(llvm::StringRef directory, llvm::ArrayRef<llvm::StringRef> suffixes) {
  constexpr size_t maxEntries = 4096;
  std::vector<std::string> found;
  std::error_code error;
  size_t seen = 0;
  for (llvm::sys::fs::directory_iterator it(directory, error), end; it != end && !error && seen < maxEntries;
       it.increment(error), ++seen) {
    const llvm::StringRef name = llvm::sys::path::filename(it->path());
    if (llvm::any_of(suffixes, [&](llvm::StringRef suffix) { return name.ends_with(suffix); }))
      found.push_back(name.str());
  }
  llvm::sort(found);
  return found;
}
