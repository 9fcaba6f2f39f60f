#include "frontends/config/LeftOut.h"
#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "frontends/config/UnreadTensors.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace lathe;

/// "437 tensors: vision_tower.a, vision_tower.b, ..."
static std::string describeTensors(llvm::ArrayRef<const TensorInfo *> tensors) {
  constexpr size_t max = 3;
  std::string text = std::to_string(tensors.size()) + (tensors.size() == 1 ? " tensor: " : " tensors: ");
  text += llvm::join(
      llvm::map_range(tensors.take_front(max), [](const TensorInfo *tensor) { return printable(tensor->name); }), ", ");
  return tensors.size() > max ? text + ", ..." : text;
}

static std::string describePrediction(int64_t count, llvm::ArrayRef<std::string> names) {
  std::string text = count == 1 ? "the layer that predicts a second token"
                                : "the " + std::to_string(count) + " layers that predict further tokens";
  if (names.empty())
    return text;
  constexpr size_t max = 3;
  return text + " (" + llvm::join(names.take_front(max), ", ") + (names.size() > max ? ", ..." : "") + ")";
}

absl::StatusOr<std::vector<std::string>> lathe::checkLeftOut(const ModelSource &source, int64_t context,
                                                             llvm::ArrayRef<std::string> ignoreTensors) {
  const Config &config = source.config;
  llvm::SmallVector<std::string, 4> parts;
  if (source.checkpoint) {
    LATHE_ASSIGN_OR_RETURN(const UnreadTensors unread,
                           findUnreadTensors(*source.model, config, *source.checkpoint, ignoreTensors));
    if (!unread.others.empty())
      parts.push_back("what it does not read (" + describeTensors(unread.others) + ")");
    if (!unread.vision.empty())
      parts.push_back("vision (" + describeTensors(unread.vision) + ")");
    if (!unread.audio.empty())
      parts.push_back("audio (" + describeTensors(unread.audio) + ")");
    std::vector<std::string> names;
    for (const auto &[number, name] : unread.predictingLayers)
      names.push_back(printable(name));
    if (!names.empty())
      parts.push_back(describePrediction(names.size(), names));
    if (unread.ignored)
      parts.push_back(std::to_string(unread.ignored) + (unread.ignored == 1 ? " tensor" : " tensors") +
                      " that --ignore-tensors names");
  } else {
    if (!ignoreTensors.empty())
      return fileError(config.path, "--ignore-tensors: expected a model with weights, got a config alone");
    if (config.describesVision)
      parts.push_back("vision");
    if (config.describesAudio)
      parts.push_back("audio");
    if (config.predictingLayers > 0)
      parts.push_back(describePrediction(config.predictingLayers, {}));
  }
  for (const Rope *rope : {&config.rope, &config.slidingRope})
    if (rope->scaling == RopeScaling::LongRope) {
      parts.push_back("longrope's factors for contexts " + std::string(rope->isLongIn(context) ? "up to " : "beyond ") +
                      std::to_string(rope->originalPositions));
      break;
    }

  std::vector<std::string> notes;
  if (!parts.empty())
    notes.push_back(config.path + ": " + config.modelType + " is compiled without " + llvm::join(parts, " and "));
  if (source.checkpoint)
    for (llvm::StringRef name : {"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"}) {
      llvm::SmallString<256> path(source.directory);
      llvm::sys::path::append(path, name);
      if (!isThere(path))
        continue;
      notes.push_back((path + ": the adapter beside the weights is not applied; merge it into them before "
                              "(merge_and_unload of peft)")
                          .str());
      break;
    }
  return notes;
}
