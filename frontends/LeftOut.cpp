//===- LeftOut.cpp - what a model's files hold beside the language model
//-------------------------------------------===//

#include "frontends/Frontend.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;

namespace {

struct Parts {
  bool vision = false, audio = false;
  int64_t predictingLayers = 0;
};

Parts partsOf(const Config &config) { return {config.describesVision, config.describesAudio, config.predictingLayers}; }

Parts partsOf(const Model &model, const Config &config, const Checkpoint &checkpoint) {
  Parts parts;
  // "model.layers." or "blk.", the decoder's own: other parts have layers, too.
  const std::string first = tensorName(model, checkpoint, layerSlots(model, config, 0).front(), 0);
  const llvm::StringRef stem = llvm::StringRef(first).split("0.").first;
  llvm::SmallSet<int64_t, 4> beyond;
  bool isPrediction = false;
  for (const TensorInfo &tensor : checkpoint.tensors()) {
    llvm::StringRef name = tensor.name;
    parts.vision |= name.contains("vision") || name.contains("multi_modal_projector");
    parts.audio |= name.contains("audio");
    isPrediction |= name.starts_with("mtp.");
    int64_t layer;
    // transformers 5 counts them on behind the others, Qwen3-Next's files from 0.
    if ((name.consume_front(stem) || name.consume_front("mtp.layers.")) && !name.consumeInteger(10, layer) &&
        (layer >= config.layers || llvm::StringRef(tensor.name).starts_with("mtp.")))
      beyond.insert(layer);
  }
  parts.predictingLayers = std::max<int64_t>(beyond.size(), isPrediction);
  return parts;
}

} // namespace

std::string lathe::describeLeftOut(const ModelSource &source, int64_t context) {
  const Parts parts =
      source.checkpoint ? partsOf(*source.model, source.config, *source.checkpoint) : partsOf(source.config);
  llvm::SmallVector<std::string, 4> names;
  if (parts.vision)
    names.push_back("vision");
  if (parts.audio)
    names.push_back("audio");
  if (parts.predictingLayers == 1)
    names.push_back("the layer that predicts a second token");
  else if (parts.predictingLayers > 1)
    names.push_back("the " + std::to_string(parts.predictingLayers) + " layers that predict further tokens");
  for (const Rope *rope : {&source.config.rope, &source.config.slidingRope})
    if (rope->scaling == RopeScaling::LongRope) {
      names.push_back("longrope's factors for contexts " + std::string(rope->isLongIn(context) ? "up to " : "beyond ") +
                      std::to_string(rope->originalPositions));
      break;
    }
  return llvm::join(names, " and ");
}
