#include "frontends/huggingface/HuggingFace.h"
#include "frontends/huggingface/Safetensors.h"
#include "frontends/support/Errors.h"
#include "frontends/support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;
namespace fs = llvm::sys::fs;

static std::string inside(llvm::StringRef directory, llvm::StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

static std::string ifExists(std::string path) { return fs::exists(path) ? path : ""; }

static absl::StatusOr<std::unique_ptr<Checkpoint>> openWeights(llvm::StringRef directory) {
  // The order transformers looks in.
  if (std::string single = inside(directory, "model.safetensors"); fs::exists(single))
    return openSafetensors(single);
  // Before an index, which could name one part of a tensor alone.
  LATHE_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> cut, openCutSafetensors(directory));
  if (cut)
    return cut;
  if (std::string index = inside(directory, "model.safetensors.index.json"); fs::exists(index))
    return openShardedSafetensors(index);
  // Nothing at all is a bare config; weights that cannot be read must not look like one.
  std::vector<std::string> foreign =
      filesEndingIn(directory, {".safetensors", ".bin", ".pth", ".pt", ".h5", ".msgpack", ".gguf", ".onnx"});
  llvm::erase(foreign, "training_args.bin"); // lies beside bare configs, too
  if (!foreign.empty())
    return fileError(directory, "expected model.safetensors or model.safetensors.index.json beside config.json, got " +
                                    quoted(foreign.front()) +
                                    (llvm::StringRef(foreign.front()).ends_with(".gguf")
                                         ? "; to compile that, name the file itself"
                                         : ", which is not supported"));
  return nullptr;
}

/// transformers ties when the config says so, unless both matrices are stored and differ.
static void settleTie(const Model &model, const Checkpoint &checkpoint, Config &config) {
  const TensorInfo *head = checkpoint.find(tensorName(model, checkpoint, Slot::Head, 0));
  const TensorInfo *embed = checkpoint.find(tensorName(model, checkpoint, Slot::Embed, 0));
  if (!config.tied)
    config.tied = config.tiedUnlessStored && !head;
  else if (head && embed)
    config.tied = head->parts.empty() && embed->parts.empty() && head->format == embed->format &&
                  head->shape == embed->shape && checkpoint.data(*head) == checkpoint.data(*embed);
}

/// The end ids of generation_config.json are the ones generation uses, where it has any.
static absl::Status readGenerationConfig(llvm::StringRef path, Config &config) {
  LATHE_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
  LATHE_ASSIGN_OR_RETURN(llvm::json::Value value, parseJson(path, file->bytes(), uint64_t(16) << 20));
  if (!value.getAsObject())
    return fileError(path, "expected an object, got " + describe(value));
  absl::Status status;
  const JsonObject keys(path, *value.getAsObject(), status);
  std::vector<int64_t> ends = keys.integers("eos_token_id", -1, limits::vocabulary);
  llvm::erase(ends, -1);
  llvm::sort(ends);
  if (status.ok() && !ends.empty())
    config.endTokens = std::move(ends);
  return status;
}

absl::StatusOr<ModelSource> lathe::openHuggingFace(llvm::StringRef path) {
  const bool isDirectory = fs::is_directory(path);
  ModelSource source;
  source.path = path.str();
  source.directory = isDirectory ? path.str() : llvm::sys::path::parent_path(path).str();
  const std::string configPath = isDirectory ? inside(path, "config.json") : path.str();
  LATHE_ASSIGN_OR_RETURN(auto file, MappedFile::open(configPath));
  LATHE_ASSIGN_OR_RETURN(source.config, readConfig(configPath, file->bytes(), source.model));

  if (std::string generation = inside(source.directory, "generation_config.json"); fs::exists(generation))
    LATHE_RETURN_IF_ERROR(readGenerationConfig(generation, source.config));
  source.tokenizerJson = ifExists(inside(source.directory, "tokenizer.json"));
  source.tokenizerConfig = ifExists(inside(source.directory, "tokenizer_config.json"));
  source.tokenizerModel = ifExists(inside(source.directory, "tokenizer.model"));
  source.chatTemplate = ifExists(inside(source.directory, "chat_template.jinja"));

  if (isDirectory) {
    LATHE_ASSIGN_OR_RETURN(source.checkpoint, openWeights(path));
  }
  if (source.checkpoint) {
    settleTie(*source.model, *source.checkpoint, source.config);
    LATHE_RETURN_IF_ERROR(checkTensors(*source.model, source.config, *source.checkpoint));
  }
  return source;
}
