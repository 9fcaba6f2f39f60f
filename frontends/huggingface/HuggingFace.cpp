#include "frontends/huggingface/HuggingFace.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "compiler/support/Json.h"
#include "frontends/GenerationConfig.h"
#include "frontends/huggingface/Safetensors.h"
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

static absl::StatusOr<std::unique_ptr<Checkpoint>> openWeights(llvm::StringRef directory) {
  // In the order in which transformers looks for them.
  if (std::string single = inside(directory, "model.safetensors"); isThere(single))
    return openSafetensors(single);
  // Before an index, which may list only one part of a tensor.
  LATHE_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> cut, openCutSafetensors(directory));
  if (cut)
    return cut;
  if (std::string index = inside(directory, "model.safetensors.index.json"); isThere(index))
    return openShardedSafetensors(index);
  std::vector<std::string> foreign =
      filesEndingIn(directory, {".safetensors", ".bin", ".pth", ".pt", ".h5", ".msgpack", ".gguf", ".onnx"});
  llvm::erase(foreign, "training_args.bin"); // does not contain weights
  const llvm::StringRef first = foreign.empty() ? "" : llvm::StringRef(foreign.front());
  const std::string expected = "expected model.safetensors or model.safetensors.index.json beside config.json, got ";
  if (first.empty())
    return fileError(directory, expected + "neither; download them, or name " + inside(directory, "config.json") +
                                    " itself to compile it without weights");
  if (first.starts_with("adapter_model."))
    return fileError(directory, expected + quoted(first) +
                                    ", an adapter; merge it into its base model (merge_and_unload of peft)");
  if (first.ends_with(".safetensors") && first.contains("-of-"))
    return fileError(directory,
                     expected + quoted(first) + ", a part of the model; download the index that names its parts");
  return fileError(directory,
                   expected + quoted(first) +
                       (first.ends_with(".gguf") || first.ends_with(".onnx") ? "; to compile that, name the file itself"
                                                                             : ", which is not supported"));
}

/// Sets whether embedding and head are one matrix, by the rule of transformers: they are if the config says so, unless
/// both are stored and differ.
static void settleTie(const Model &model, const Checkpoint &checkpoint, Config &config) {
  const TensorInfo *head = checkpoint.find(tensorName(model, checkpoint, Slot::Head, 0));
  const TensorInfo *embed = checkpoint.find(tensorName(model, checkpoint, Slot::Embed, 0));
  if (!config.tied)
    config.tied = config.tiedUnlessStored && !head;
  else if (head && embed)
    config.tied = head->parts.empty() && embed->parts.empty() && head->format == embed->format &&
                  head->shape == embed->shape && checkpoint.data(*head) == checkpoint.data(*embed);
}

absl::StatusOr<ModelSource> lathe::openHuggingFace(llvm::StringRef path) {
  const bool isDirectory = fs::is_directory(path);
  ModelSource source;
  source.path = path.str();
  source.directory = isDirectory ? path.str() : llvm::sys::path::parent_path(path).str();
  const std::string configPath = isDirectory ? inside(path, "config.json") : path.str();
  LATHE_ASSIGN_OR_RETURN(auto file, MappedFile::open(configPath));
  LATHE_ASSIGN_OR_RETURN(source.config, readConfig(configPath, file->bytes(), source.model));

  if (std::string generation = inside(source.directory, "generation_config.json"); isThere(generation)) {
    LATHE_ASSIGN_OR_RETURN(auto text, MappedFile::open(generation));
    LATHE_ASSIGN_OR_RETURN(GenerationConfig found, readGenerationConfig(generation, text->bytes()));
    // As in transformers, end ids in this file replace those of config.json.
    if (!found.endTokens.empty())
      source.config.endTokens = std::move(found.endTokens);
    source.config.sampling = std::move(found.sampling);
  } else {
    LATHE_ASSIGN_OR_RETURN(source.config.sampling, readSampling(configPath, file->bytes()));
  }
  if (isDirectory) {
    LATHE_ASSIGN_OR_RETURN(source.checkpoint, openWeights(path));
  }
  if (source.checkpoint) {
    settleTie(*source.model, *source.checkpoint, source.config);
    LATHE_RETURN_IF_ERROR(checkTensors(*source.model, source.config, *source.checkpoint));
  }
  return source;
}
