#include "frontends/Frontend.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "frontends/huggingface/HuggingFace.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;
namespace fs = llvm::sys::fs;

static constexpr llvm::StringLiteral expected = "a Hugging Face directory, a config.json or a .gguf file";

/// What `path` names on the Hugging Face Hub, ORGANISATION/MODEL, when it looks like that and like no path; else empty.
static llvm::StringRef hubName(llvm::StringRef path) {
  bool isAddress = false;
  for (llvm::StringRef scheme : {"https://", "http://", "hf://"})
    isAddress |= path.consume_front(scheme);
  for (llvm::StringRef host : {"huggingface.co/", "www.huggingface.co/", "hf.co/"})
    isAddress |= path.consume_front(host);
  auto isName = [](llvm::StringRef part) {
    return !part.empty() && part.front() != '.' &&
           llvm::all_of(part, [](char c) { return llvm::isAlnum(c) || c == '-' || c == '_' || c == '.'; });
  };
  const auto [organisation, rest] = path.split('/');
  // An address may go on (/tree/main), a name may choose a file of several (:Q4_K_M).
  const llvm::StringRef model = isAddress ? rest.split('/').first : rest.split(':').first;
  if (!isName(organisation) || !isName(model) || (!isAddress && fs::exists(organisation)))
    return "";
  return path.take_front(organisation.size() + 1 + model.size());
}

absl::StatusOr<ModelSource> lathe::openModel(llvm::StringRef path) {
  fs::file_status status;
  if (std::error_code error = fs::status(path, status)) {
    const llvm::StringRef name = isThere(path) ? "" : hubName(path);
    if (name.empty())
      return cannotOpen(path, error);
    return fileError(path, "expected a path, found none of that name; lathe does not download: `hf download " + name +
                               " --local-dir " + name.split('/').second + "` does, then compile " +
                               name.split('/').second);
  }
  if (status.type() == fs::file_type::directory_file) {
    llvm::SmallString<256> config(path);
    llvm::sys::path::append(config, "config.json");
    if (isThere(config))
      return openHuggingFace(path);
    llvm::SmallString<256> adapter(path);
    llvm::sys::path::append(adapter, "adapter_config.json");
    if (isThere(adapter))
      return fileError(path, "not a model: expected config.json in the directory, got adapter_config.json, of an "
                             "adapter alone; merge it into its base model (merge_and_unload of peft)");
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
