#include "frontends/onnx/OnnxFrontend.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "frontends/Describe.h"
#include "frontends/onnx/Emit.h"
#include "frontends/onnx/ReadProto.h"
#include "frontends/onnx/Settings.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// The model in a directory: what genai_config.json names, else model.onnx, else the only .onnx file. Empty: none.
std::string modelIn(llvm::StringRef directory) {
  auto inside = [&](llvm::StringRef name) {
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, name);
    return path.str().str();
  };
  if (const std::string named = decoderNamedIn(directory); !named.empty() && isThere(inside(named)))
    return inside(named);
  if (isThere(inside("model.onnx")))
    return inside("model.onnx");
  const std::vector<std::string> all = filesEndingIn(directory, {".onnx"});
  return all.size() == 1 ? inside(all.front()) : "";
}

class OnnxFrontend final : public Frontend {
public:
  llvm::ArrayRef<llvm::StringLiteral> kinds() const override {
    static constexpr llvm::StringLiteral kinds[] = {"an .onnx file"};
    return kinds;
  }

  bool canRead(const Candidate &candidate) const override {
    if (!candidate.isDirectory)
      return candidate.path.ends_with(".onnx") || looksLikeModel(candidate.bytes);
    return filesEndingIn(candidate.path, {".safetensors"}).empty() && !modelIn(candidate.path).empty();
  }

  absl::StatusOr<Imported> import(llvm::StringRef path, const ImportOptions &options,
                                  mlir::MLIRContext &context) const override {
    const bool isDirectory = llvm::sys::fs::is_directory(path);
    const std::string file = isDirectory ? modelIn(path) : path.str();
    LATHE_ASSIGN_OR_RETURN(const std::unique_ptr<ModelFile> model, openModel(file));
    const std::string directory = llvm::sys::path::parent_path(file).str();
    LATHE_ASSIGN_OR_RETURN(const Settings settings, readSettings(directory));
    LATHE_ASSIGN_OR_RETURN(const std::unique_ptr<Program> program, analyze(*model, options.context, settings.context));
    LATHE_ASSIGN_OR_RETURN(EmittedModule emitted, emitModule(*model, *program, context));
    Imported imported;
    imported.module = std::move(emitted.module);
    describe(path, *model, *program, settings, emitted, *imported.module);
    for (const auto &[format, count] : emitted.converted)
      imported.notes.push_back(file + ": " + std::to_string(count) +
                               (count == 1 ? " quantised matrix is" : " quantised matrices are") + " stored as " +
                               format + ": no format of the executable has such blocks");
    if (options.readsTokenizer)
      imported.tokenizer = readTokenizer(file, directory, settings, program->order.back()->width);
    return std::move(imported);
  }

private:
  static void describe(llvm::StringRef path, const ModelFile &model, const Program &program, const Settings &settings,
                       const EmittedModule &emitted, mlir::ModuleOp module) {
    int64_t heads = 1, top = 0;
    for (const Term *operation : program.order) {
      if (operation->kind == Kind::Attention)
        heads = std::max(heads, operation->attention.heads);
      if (operation->kind == Kind::Experts)
        top = std::max(top, operation->experts.top);
    }
    describeModel(module, {.path = path.str(),
                           .name = "",
                           .architecture = settings.architecture,
                           .layers = static_cast<int64_t>(program.layers.size()),
                           .hidden = program.order[program.layers.front().first]->width,
                           .heads = heads,
                           .vocabulary = program.order.back()->width,
                           .context = program.context,
                           .parameters = emitted.parameters,
                           .activeParameters = emitted.activeParameters,
                           .expertsPerToken = top});
    if (settings.sampling)
      describeSampling(module, *settings.sampling);
    std::vector<WeightsFile> files;
    constexpr size_t header = 1 << 16;
    for (const auto &file : model.files)
      files.push_back({file->path(), file->size(), file->bytes().take_front(header)});
    describeFiles(module, files);
  }
};

} // namespace

const Frontend &lathe::onnxFrontend() {
  static const OnnxFrontend frontend;
  return frontend;
}
