#include "frontends/onnx/ExternalData.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "onnx/onnx_pb.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;
using namespace lathe::onnx;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

absl::StatusOr<const MappedFile *> ExternalFiles::open(llvm::StringRef location, llvm::StringRef name) {
  if (auto found = opened.find(location); found != opened.end())
    return found->second;
  auto refuse = [&](const llvm::Twine &what) {
    return fileError(model.path, printable(name),
                     "expected external data in a file inside the model's directory, got " + what);
  };
  if (location.empty() || path::is_absolute(location) || location.contains('\0') || location.contains('\\'))
    return refuse(quoted(location));
  llvm::SmallString<256> full(path::parent_path(model.path));
  for (llvm::StringRef part : llvm::make_range(path::begin(location), path::end(location))) {
    if (part == "..")
      return refuse(quoted(location));
    if (part == ".")
      continue;
    path::append(full, part);
    fs::file_status status;
    if (std::error_code error = fs::status(full, status, /*follow=*/false))
      return fileError(model.path, printable(name),
                       "expected external data in " + quoted(location) +
                           ", which cannot be opened: " + error.message());
    if (status.type() == fs::file_type::symlink_file)
      return refuse(quoted(location) + ", a symbolic link");
  }
  LATHE_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> file, MappedFile::open(full));
  model.files.push_back(std::move(file));
  return opened[location] = model.files.back().get();
}

absl::StatusOr<ExternalPlace> ExternalFiles::find(const ::onnx::TensorProto &tensor, llvm::StringRef name,
                                                  uint64_t bytes) {
  std::string location;
  uint64_t offset = 0, length = bytes;
  for (const ::onnx::StringStringEntryProto &entry : tensor.external_data()) {
    if (entry.key() == "location")
      location = entry.value();
    uint64_t *number = entry.key() == "offset" ? &offset : entry.key() == "length" ? &length : nullptr;
    if (number && llvm::StringRef(entry.value()).getAsInteger(10, *number))
      return fileError(model.path, printable(name),
                       "expected a number as " + entry.key() + " of external data, got " + quoted(entry.value()));
  }
  LATHE_ASSIGN_OR_RETURN(const MappedFile *file, open(location, name));
  if (length != bytes)
    return fileError(model.path, printable(name),
                     "expected " + llvm::Twine(bytes) + " bytes of external data, got " + llvm::Twine(length));
  if (offset > file->size() || bytes > file->size() - offset)
    return fileError(model.path, printable(name),
                     "expected " + llvm::Twine(bytes) + " bytes at " + llvm::Twine(offset) + " of " + quoted(location) +
                         ", got a file of " + llvm::Twine(file->size()) + " bytes");
  return ExternalPlace{file, offset};
}
