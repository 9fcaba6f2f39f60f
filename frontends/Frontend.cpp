#include "frontends/Frontend.h"
#include "frontends/huggingface/HuggingFace.h"
#include "frontends/support/Errors.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;
namespace fs = llvm::sys::fs;

static constexpr llvm::StringLiteral expected = "a Hugging Face directory, a config.json or a .gguf file";

absl::StatusOr<ModelSource> lathe::openModel(llvm::StringRef path) {
  fs::file_status status;
  if (std::error_code error = fs::status(path, status))
    return fileError(path, error.message());
  if (status.type() == fs::file_type::directory_file) {
    llvm::SmallString<256> config(path);
    llvm::sys::path::append(config, "config.json");
    if (fs::exists(config))
      return openHuggingFace(path);
    const std::vector<std::string> others = filesEndingIn(path, {".gguf"});
    return fileError(path, "not a model: expected config.json in the directory, got " +
                               (others.empty() ? "none" : quoted(others.front()) + "; name that file itself"));
  }

  // By contents first: caches name files by their hash.
  LATHE_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
  const llvm::StringRef bytes = file->bytes();
  if (bytes.starts_with("GGUF") || path.ends_with(".gguf"))
    return openGguf(path);
  if (path.ends_with(".onnx"))
    return fileError(path, "expected " + expected + ", got an ONNX file, which is not supported yet");
  if (path.ends_with(".safetensors"))
    return fileError(path, "expected " + expected + ", got weights alone; name the directory that holds them");
  if (path.ends_with(".json") || bytes.take_front(256).ltrim().starts_with("{"))
    return openHuggingFace(path);
  return fileError(path, "not a model: expected " + expected + ", got a file of " + llvm::Twine(bytes.size()) +
                             " bytes that begins with " + quoted(bytes.take_front(8)));
}
