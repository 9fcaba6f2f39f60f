#include "compiler/support/Inputs.h"
#include "compiler/support/File.h"
#include "lrt/inputs.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;
namespace fs = llvm::sys::fs;

void lathe::recordInput(llvm::StringRef path, fs::UniqueID id) {
  lrt::recordInput(id.getDevice(), id.getFile(), path.str());
}

void lathe::recordInput(llvm::StringRef path) {
  fs::file_status status;
  if (fs::status(path, status))
    return;
  if (status.type() != fs::file_type::directory_file)
    return recordInput(path, status.getUniqueID());
  // Other files, as executables, dumps and pictures of earlier compilations, may be written again.
  for (const std::string &name : filesEndingIn(
           path, {".safetensors", ".gguf", ".bin", ".pt", ".pth", ".json", ".jinja", ".model", ".tiktoken", ".txt"})) {
    llvm::SmallString<256> file(path);
    llvm::sys::path::append(file, name);
    if (!fs::status(file, status) && status.type() == fs::file_type::regular_file)
      recordInput(file, status.getUniqueID());
  }
}
