#include "frontends/gguf/GgufFrontend.h"
#include "compiler/support/Errors.h"
#include "frontends/config/Import.h"
#include "frontends/gguf/Gguf.h"

using namespace lathe;

namespace {

class GgufFrontend final : public Frontend {
public:
  llvm::ArrayRef<llvm::StringLiteral> kinds() const override {
    static constexpr llvm::StringLiteral kinds[] = {"a .gguf file"};
    return kinds;
  }

  bool canRead(const Candidate &candidate) const override {
    return !candidate.isDirectory && (candidate.bytes.starts_with("GGUF") || candidate.path.ends_with(".gguf"));
  }

  absl::StatusOr<Imported> import(llvm::StringRef path, const ImportOptions &options,
                                  mlir::MLIRContext &context) const override {
    LATHE_ASSIGN_OR_RETURN(const std::shared_ptr<const Gguf> gguf, Gguf::open(path));
    LATHE_ASSIGN_OR_RETURN(const ModelSource source, describeGguf(*gguf));
    LATHE_ASSIGN_OR_RETURN(Imported imported, importSource(source, options, context));
    if (options.readsTokenizer)
      imported.tokenizer = readGgufTokenizerSection(*gguf, source.config);
    return std::move(imported);
  }
};

} // namespace

const Frontend &lathe::ggufFrontend() {
  static const GgufFrontend frontend;
  return frontend;
}
