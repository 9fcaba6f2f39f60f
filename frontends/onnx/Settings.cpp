#include "frontends/onnx/Settings.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "compiler/support/File.h"
#include "compiler/support/Json.h"
#include "frontends/GenerationConfig.h"
#include "frontends/tokenizer/HuggingFaceFiles.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

constexpr int64_t maxContext = int64_t(1) << 30;

std::string inside(llvm::StringRef directory, llvm::StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

/// Calls read(object) with the JSON object in a file, if there is the file.
template <typename Read> absl::Status forFile(llvm::StringRef directory, llvm::StringRef name, Read read) {
  const std::string path = inside(directory, name);
  if (!isThere(path))
    return absl::OkStatus();
  LATHE_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  LATHE_ASSIGN_OR_RETURN(const llvm::json::Value value, parseJson(path, file->bytes()));
  if (!value.getAsObject())
    return fileError(path, "expected an object, got " + describe(value));
  absl::Status status;
  read(JsonObject(path, *value.getAsObject(), status));
  return status;
}

void readEndTokens(const JsonObject &object, llvm::StringRef key, std::vector<int64_t> &out) {
  out = object.integers(key, 0, INT32_MAX);
  llvm::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

} // namespace

absl::StatusOr<Settings> lathe::onnx::readSettings(llvm::StringRef directory) {
  Settings settings;
  LATHE_RETURN_IF_ERROR(forFile(directory, "config.json", [&](const JsonObject &config) {
    settings.architecture = config.string("model_type", settings.architecture);
    settings.context = config.integer("max_position_embeddings", 1, maxContext,
                                      config.integer("n_positions", 1, maxContext, settings.context));
    readEndTokens(config, "eos_token_id", settings.endTokens);
  }));
  LATHE_RETURN_IF_ERROR(forFile(directory, "genai_config.json", [&](const JsonObject &config) {
    if (const std::optional<JsonObject> model = config.object("model")) {
      settings.architecture = model->string("type", settings.architecture);
      settings.context = model->integer("context_length", 1, maxContext, settings.context);
      if (model->has("eos_token_id"))
        readEndTokens(*model, "eos_token_id", settings.endTokens);
    }
  }));
  if (const std::string path = inside(directory, "generation_config.json"); isThere(path)) {
    LATHE_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
    LATHE_ASSIGN_OR_RETURN(GenerationConfig generation, readGenerationConfig(path, file->bytes()));
    if (!generation.endTokens.empty())
      settings.endTokens = std::move(generation.endTokens);
    settings.sampling = std::move(generation.sampling);
  }
  return settings;
}

std::string lathe::onnx::decoderNamedIn(llvm::StringRef directory) {
  std::string name;
  const absl::Status status = forFile(directory, "genai_config.json", [&](const JsonObject &config) {
    const std::optional<JsonObject> model = config.object("model");
    const std::optional<JsonObject> decoder = model ? model->object("decoder") : std::nullopt;
    if (decoder)
      name = decoder->string("filename", "");
  });
  // A name, not a path: nothing outside the directory. What else is wrong with the file is reported when it is read.
  return status.ok() && llvm::sys::path::filename(name) == name ? name : "";
}

absl::StatusOr<TokenizerSection> lathe::onnx::readTokenizer(llvm::StringRef model, llvm::StringRef directory,
                                                            const Settings &settings, int64_t vocabulary) {
  FoundTokenizer found;
  found.missing = (model + ": no tokenizer: the program takes ids only (--tokens)").str();
  found.endTokens = settings.endTokens;
  auto read = readHuggingFaceTokenizer(directory.empty() ? "." : directory);
  if (read.status().code() != absl::StatusCode::kUnimplemented) {
    LATHE_ASSIGN_OR_RETURN(found.model, std::move(read));
  } else {
    const std::string reason(read.status().message());
    found.missing = reason + "; text cannot be fed, ids can (--tokens)";
    found.model = std::make_unique<TokenizerModel>();
    found.model->chatRefusal = reason;
  }
  return makeTokenizerSection(std::move(found), vocabulary);
}
