//===- UnreadTensors.cpp - tensors of transformers that are not read ----------------------------------------------===//

#include "frontends/huggingface/Tensors.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;

/// Drops the prefixes of classes of transformers, peft and torch that contain the decoder. Those of other modalities'
/// towers stay: their layers are not the decoder's.
llvm::StringRef HuggingFaceTensors::dropWrappers(llvm::StringRef name) const {
  constexpr llvm::StringLiteral wrappers[] = {"model.",      "language_model.", "transformer.", "text_model.",
                                              "base_model.", "decoder.",        "module.",      "_orig_mod."};
  while (llvm::any_of(wrappers, [&](llvm::StringRef wrapper) { return name.consume_front(wrapper); }))
    ;
  return name;
}

std::optional<LayerTensor> HuggingFaceTensors::findLayer(const Model &model, llvm::StringRef name) const {
  llvm::StringRef rest = dropWrappers(name);
  const llvm::StringRef lists[] = {model.huggingFace.layersName, "layers.", "h.", "blk.", "blocks."};
  int64_t layer = 0;
  if (!llvm::any_of(lists, [&](llvm::StringRef list) { return rest.consume_front(list); }) ||
      rest.consumeInteger(10, layer) || layer < 0)
    return std::nullopt;
  const llvm::StringRef stem = name.drop_back(rest.size());
  if (!rest.consume_front("."))
    return std::nullopt;
  return LayerTensor{layer, stem, rest};
}

llvm::ArrayRef<llvm::StringLiteral> HuggingFaceTensors::globalModules() const {
  static constexpr llvm::StringLiteral modules[] = {"embed_tokens", "wte", "norm", "ln_f", "lm_head"};
  return modules;
}

llvm::StringRef HuggingFaceTensors::predictionMark() const { return "eh_proj."; }

/// Qwen3-Next's files have mtp.layers.0, mtp.layers.1, ..., and tensors mtp.* that all of them share.
std::optional<TensorConventions::Predictor> HuggingFaceTensors::findPredictor(llvm::StringRef name) const {
  llvm::StringRef own = dropWrappers(name);
  if (!own.consume_front("mtp."))
    return std::nullopt;
  int64_t number = 0;
  const bool isLayer = own.consume_front("layers.") && !own.consumeInteger(10, number);
  return isLayer ? Predictor{number, "mtp.layers." + std::to_string(number)} : Predictor{std::nullopt, "mtp"};
}

bool HuggingFaceTensors::isRedundant(const Config &config, const Checkpoint &checkpoint,
                                     const LayerTensor &tensor) const {
  // The unused norm of values in a layer that attends to another layer's cache.
  return config.cacheOf(tensor.layer) != tensor.layer && tensor.rest.starts_with("self_attn.v_norm.");
}

TensorConventions::CountError HuggingFaceTensors::explainLayers(const Model &model, const Config &config,
                                                                int64_t layers, int64_t predicting) const {
  constexpr llvm::StringLiteral key = "num_hidden_layers";
  const auto *own =
      llvm::find_if(model.huggingFace.keyNames, [&](const KeyName &name) { return name.key && key == name.key; });
  return {own == std::end(model.huggingFace.keyNames) ? key.str() : own->own, layers, config.layers};
}
