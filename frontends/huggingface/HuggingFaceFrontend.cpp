#include "frontends/huggingface/HuggingFaceFrontend.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "compiler/support/File.h"
#include "frontends/config/Import.h"
#include "frontends/huggingface/HuggingFace.h"
#include "frontends/tokenizer/HuggingFaceFiles.h"
#include "llvm/Support/Path.h"

using namespace lathe;

namespace {

bool isInside(llvm::StringRef directory, llvm::StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return isThere(path);
}

absl::StatusOr<FoundTokenizer> findTokenizer(const ModelSource &source) {
  FoundTokenizer found;
  found.missing = source.path + ": no tokenizer: the program takes ids only (--tokens)";
  found.endTokens = source.config.endTokens;
  auto model = readHuggingFaceTokenizer(source.directory);
  if (model.status().code() != absl::StatusCode::kUnimplemented) {
    LATHE_ASSIGN_OR_RETURN(found.model, std::move(model));
    return found;
  }
  const std::string reason(model.status().message());
  found.missing = reason + "; text cannot be fed, ids can (--tokens)";
  // The program gives the reason, too, but without the directory.
  found.model = std::make_unique<TokenizerModel>();
  llvm::StringRef inside = reason;
  if (inside.consume_front(source.directory))
    inside = inside.ltrim('/');
  found.model->chatRefusal = inside.str();
  return found;
}

absl::StatusOr<TokenizerSection> readTokenizer(const ModelSource &source) {
  LATHE_ASSIGN_OR_RETURN(FoundTokenizer found, findTokenizer(source));
  return makeTokenizerSection(std::move(found), source.config.vocabulary);
}

class HuggingFaceFrontend final : public Frontend {
public:
  llvm::ArrayRef<llvm::StringLiteral> kinds() const override {
    static constexpr llvm::StringLiteral kinds[] = {"a Hugging Face directory", "a config.json"};
    return kinds;
  }

  bool canRead(const Candidate &candidate) const override {
    if (candidate.isDirectory)
      return isInside(candidate.path, "config.json");
    const bool isOther = candidate.path.ends_with(".safetensors") || candidate.path.ends_with(".onnx");
    return candidate.path.ends_with(".json") || (!isOther && candidate.bytes.take_front(256).ltrim().starts_with("{"));
  }

  absl::Status refuse(const Candidate &candidate, llvm::StringRef expected) const override {
    const llvm::StringRef path = candidate.path;
    if (!candidate.isDirectory)
      return path.ends_with(".safetensors")
                 ? fileError(path, "expected " + expected + ", got weights alone; name the directory that holds them")
                 : absl::OkStatus();
    if (isInside(path, "adapter_config.json"))
      return fileError(path, "not a model: expected config.json in the directory, got adapter_config.json, of an "
                             "adapter alone; merge it into its base model (merge_and_unload of peft)");
    const std::vector<std::string> others = filesEndingIn(path, {".gguf"});
    return fileError(path, "not a model: expected config.json in the directory, got " +
                               (others.empty() ? "none" : quoted(others.front()) + "; name that file itself"));
  }

  absl::StatusOr<Imported> import(llvm::StringRef path, const ImportOptions &options,
                                  mlir::MLIRContext &context) const override {
    LATHE_ASSIGN_OR_RETURN(const ModelSource source, openHuggingFace(path));
    LATHE_ASSIGN_OR_RETURN(Imported imported, importSource(source, options, context));
    if (source.checkpoint)
      if (const std::vector<std::string> graphs = filesEndingIn(source.directory, {".onnx"}); !graphs.empty())
        imported.notes.push_back(path.str() + ": the safetensors are read, and not " + quoted(graphs.front()) +
                                 "; to compile that, name the file itself");
    if (options.readsTokenizer && source.checkpoint)
      imported.tokenizer = readTokenizer(source);
    return std::move(imported);
  }
};

} // namespace

const Frontend &lathe::huggingFaceFrontend() {
  static const HuggingFaceFrontend frontend;
  return frontend;
}
