#include "frontends/Registry.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "compiler/support/File.h"
#include "frontends/config/models/Model.h"
#include "frontends/gguf/GgufFrontend.h"
#include "frontends/huggingface/HuggingFaceFrontend.h"
#include "frontends/onnx/OnnxFrontend.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

using namespace lathe;
namespace fs = llvm::sys::fs;

llvm::ArrayRef<const Frontend *> lathe::allFrontends() {
  // Formats with a magic number come first. The Hugging Face frontend takes any file that looks like JSON, and any
  // directory with a config.json: one that holds a graph and no other weights is asked for before.
  static const Frontend *const frontends[] = {&ggufFrontend(), &onnxFrontend(), &huggingFaceFrontend()};
  return frontends;
}

/// The ORGANISATION/MODEL that `path` names on the Hugging Face Hub; empty if it looks like a local path.
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
  // An address may continue (/tree/main). A name may select one of several files (:Q4_K_M).
  const llvm::StringRef model = isAddress ? rest.split('/').first : rest.split(':').first;
  if (!isName(organisation) || !isName(model) || (!isAddress && fs::exists(organisation)))
    return "";
  return path.take_front(organisation.size() + 1 + model.size());
}

static absl::Status refuseAbsent(llvm::StringRef path, std::error_code error) {
  const llvm::StringRef name = isThere(path) ? "" : hubName(path);
  if (name.empty())
    return cannotOpen(path, error);
  return fileError(path, "expected a path, found none of that name; lathe does not download: run `hf download " + name +
                             " --local-dir " + name.split('/').second + "`, then compile " + name.split('/').second);
}

/// "a Hugging Face directory, a config.json or a .gguf file". In reverse order: most users have what is asked last.
static std::string listKinds(llvm::ArrayRef<const Frontend *> frontends) {
  llvm::SmallVector<llvm::StringRef> kinds;
  for (const Frontend *frontend : llvm::reverse(frontends))
    llvm::append_range(kinds, frontend->kinds());
  const llvm::StringRef last = kinds.pop_back_val();
  return kinds.empty() ? last.str() : llvm::join(kinds, ", ") + " or " + last.str();
}

static absl::Status refuse(const Candidate &candidate, llvm::ArrayRef<const Frontend *> frontends) {
  const std::string expected = listKinds(frontends);
  for (const Frontend *frontend : frontends)
    LATHE_RETURN_IF_ERROR(frontend->refuse(candidate, expected));
  if (candidate.isDirectory)
    return fileError(candidate.path, "not a model: expected " + expected + ", got a directory");
  return fileError(candidate.path, "not a model: expected " + expected + ", got a file of " +
                                       llvm::Twine(candidate.bytes.size()) + " bytes that begins with " +
                                       quoted(candidate.bytes.take_front(8)));
}

absl::StatusOr<const Frontend *> lathe::findFrontend(llvm::StringRef path, llvm::ArrayRef<const Frontend *> frontends) {
  fs::file_status status;
  if (std::error_code error = fs::status(path, status))
    return refuseAbsent(path, error);
  Candidate candidate = {.path = path, .isDirectory = status.type() == fs::file_type::directory_file, .bytes = ""};
  std::unique_ptr<MappedFile> file;
  if (!candidate.isDirectory) {
    LATHE_ASSIGN_OR_RETURN(file, MappedFile::open(path));
    candidate.bytes = file->bytes();
  }
  const auto *found = llvm::find_if(frontends, [&](const Frontend *frontend) { return frontend->canRead(candidate); });
  if (found == frontends.end())
    return refuse(candidate, frontends);
  return *found;
}

absl::StatusOr<Imported> lathe::importModel(llvm::StringRef path, const ImportOptions &options,
                                            mlir::MLIRContext &context, llvm::ArrayRef<const Frontend *> frontends) {
  LATHE_ASSIGN_OR_RETURN(const Frontend *frontend, findFrontend(path, frontends));
  return frontend->import(path, options, context);
}

std::string lathe::listModels() { return tableOfModels(); }
