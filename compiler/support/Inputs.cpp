#include "compiler/support/Inputs.h"
#include "compiler/support/File.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace lathe;
namespace fs = llvm::sys::fs;

static std::map<fs::UniqueID, std::string> &inputs() {
  static std::map<fs::UniqueID, std::string> recorded;
  return recorded;
}

void lathe::recordInput(llvm::StringRef path, fs::UniqueID id) { inputs().try_emplace(id, path.str()); }

void lathe::recordInput(llvm::StringRef path) {
  fs::file_status status;
  if (fs::status(path, status))
    return;
  if (status.type() != fs::file_type::directory_file)
    return recordInput(path, status.getUniqueID());
  // Not everything: executables, dumps and pictures of earlier compilations may lie here and be written again.
  for (const std::string &name : filesEndingIn(
           path, {".safetensors", ".gguf", ".bin", ".pt", ".pth", ".json", ".jinja", ".model", ".tiktoken", ".txt"})) {
    llvm::SmallString<256> file(path);
    llvm::sys::path::append(file, name);
    if (!fs::status(file, status) && status.type() == fs::file_type::regular_file)
      recordInput(file, status.getUniqueID());
  }
}

std::string lathe::nameOfInput(fs::UniqueID id) {
  auto found = inputs().find(id);
  // When a file is gone, another one may come to have its inode.
  fs::UniqueID now;
  if (found == inputs().end() || fs::getUniqueID(found->second, now) || now != id)
    return "";
  return found->second;
}

void lathe::forgetInputs() { inputs().clear(); }
