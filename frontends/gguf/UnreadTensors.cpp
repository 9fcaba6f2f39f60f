//===- UnreadTensors.cpp - tensors of a GGUF that are not read ----------------------------------------------------===//

#include "frontends/gguf/Tensors.h"

using namespace lathe;

std::optional<LayerTensor> GgufTensors::findLayer(const Model &model, llvm::StringRef name) const {
  llvm::StringRef rest = name;
  int64_t layer = 0;
  if (!rest.consume_front("blk.") || rest.consumeInteger(10, layer) || layer < 0)
    return std::nullopt;
  const llvm::StringRef stem = name.drop_back(rest.size());
  if (!rest.consume_front("."))
    return std::nullopt;
  return LayerTensor{layer, stem, rest};
}

llvm::ArrayRef<llvm::StringLiteral> GgufTensors::globalModules() const {
  static constexpr llvm::StringLiteral modules[] = {"token_embd", "token_embd_norm", "output_norm", "output"};
  return modules;
}

/// Tensors of rotary scaling.
llvm::ArrayRef<llvm::StringLiteral> GgufTensors::configTensors() const {
  static constexpr llvm::StringLiteral tensors[] = {"rope_freqs.weight", "rope_factors_short.weight",
                                                    "rope_factors_long.weight"};
  return tensors;
}

llvm::StringRef GgufTensors::predictionMark() const { return "nextn."; }

/// Some converters store attn_kv_b, the matrix of keys and values, in addition to its halves attn_k_b and attn_v_b,
/// which are read.
bool GgufTensors::isRedundant(const Config &config, const Checkpoint &checkpoint, const LayerTensor &tensor) const {
  return config.latentRank && tensor.rest == "attn_kv_b.weight" &&
         checkpoint.find((tensor.stem + ".attn_k_b.weight").str());
}

Modality GgufTensors::modalityOf(llvm::StringRef name) const {
  const Modality modality = TensorConventions::modalityOf(name);
  if (modality == Modality::Vision || name.starts_with("v.") || name.starts_with("mm."))
    return Modality::Vision;
  return name.starts_with("a.") ? Modality::Audio : modality;
}

/// block_count includes the layers of multi-token prediction.
TensorConventions::CountError GgufTensors::explainLayers(const Model &model, const Config &config, int64_t layers,
                                                         int64_t predicting) const {
  const int64_t blocks = layers + predicting, said = config.layers + config.predictingLayers;
  if (blocks > said)
    return {config.modelType + ".block_count", blocks, said};
  return {config.modelType + ".nextn_predict_layers", predicting, config.predictingLayers};
}
