//===- Tensors.h - how llama.cpp names and stores tensors ---------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_GGUF_TENSORS_H
#define LATHE_FRONTENDS_GGUF_TENSORS_H

#include "frontends/config/TensorConventions.h"

namespace lathe {

class GgufTensors final : public TensorConventions {
public:
  // Tensors.cpp
  std::string nameOf(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer) const override;
  absl::Status bind(const SlotRequest &request, TensorBinding &binding) const override;
  bool hasShape(const TensorInfo &tensor, llvm::ArrayRef<int64_t> shape) const override;
  llvm::StringRef otherMatrixTypes() const override;

  // UnreadTensors.cpp
  std::optional<LayerTensor> findLayer(const Model &model, llvm::StringRef name) const override;
  llvm::ArrayRef<llvm::StringLiteral> globalModules() const override;
  llvm::StringRef predictionMark() const override;
  bool isRedundant(const Config &config, const Checkpoint &checkpoint, const LayerTensor &tensor) const override;
  CountError explainLayers(const Model &model, const Config &config, int64_t layers, int64_t predicting) const override;
  llvm::ArrayRef<llvm::StringLiteral> configTensors() const override;
  Modality modalityOf(llvm::StringRef name) const override;
};

const TensorConventions &ggufTensors();

} // namespace lathe

#endif // LATHE_FRONTENDS_GGUF_TENSORS_H
