//===- Blocks.h - attention, MLP and other parts of a decoder layer -----------------------------------------------===//
//
// A block adds its ops to the layer under construction and returns its output [rows, hidden], without the residual.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_BLOCKS_BLOCKS_H
#define LATHE_FRONTENDS_CONFIG_BLOCKS_BLOCKS_H

#include "dialects/lm/LMOps.h"
#include "frontends/config/Config.h"
#include "frontends/config/Tensors.h"
#include "frontends/config/models/Model.h"
#include "mlir/IR/Builders.h"

namespace lathe {

/// The function of a layer kind under construction. Its weights are arguments, found by slot.
class LayerBuilder {
public:
  LayerBuilder(mlir::OpBuilder &builder, const Model &model, const Config &config, int64_t layer)
      : builder(builder), model(model), config(config), layer(layer) {}

  /// The layer's weight for the slot, or null if the layer has none.
  mlir::Value weight(Slot slot) const { return weights.lookup(static_cast<unsigned>(slot)); }

  mlir::Value norm(mlir::Value input, Slot slot, int64_t groups = 1, std::optional<double> eps = std::nullopt);
  mlir::Value linear(mlir::Value input, Slot matrix, std::optional<Slot> bias = std::nullopt, double scale = 1);

  mlir::OpBuilder &builder;
  const Model &model;
  const Config &config;
  int64_t layer; // a layer of this kind
  llvm::DenseMap<unsigned, mlir::Value> weights;
  mlir::Value position;                // of the first row
  mlir::Value number;                  // of the layer, to select its per-layer embedding; else null
  llvm::StringMap<mlir::Value> states; // by name: "cache", "delta", ...
};

mlir::RankedTensorType rowsType(mlir::Builder &builder, int64_t columns);
mlir::lm::RopeAttr ropeAttr(mlir::MLIRContext *context, const Rope &rope);

/// Grouped-query attention, with the rotary positions, norms of queries and keys, window and softcap that the layer
/// has.
mlir::Value buildAttention(LayerBuilder &layer, mlir::Value input);
/// Gated DeltaNet: short convolutions, the gated delta rule, a norm and a gate.
mlir::Value buildDeltaNet(LayerBuilder &layer, mlir::Value input);
/// Multi-head latent attention: keys and values of all heads are projected from one vector, and all heads' keys share
/// one rotated part.
mlir::Value buildLatentAttention(LayerBuilder &layer, mlir::Value input);
/// down(act(gate(x)) * up(x)), or without a gate down(act(up(x))).
mlir::Value buildFeedForward(LayerBuilder &layer, mlir::Value input);
/// A router and the mixture of the experts it chooses.
mlir::Value buildExperts(LayerBuilder &layer, mlir::Value input);
/// The code before and after the layers, and its weights.
struct GlobalBuilder {
  mlir::OpBuilder &builder;
  const Config &config;
  llvm::DenseMap<unsigned, mlir::Value> weights;

  mlir::Value weight(Slot slot) const { return weights.lookup(static_cast<unsigned>(slot)); }
};

/// Gemma 3n, before the layers: the streams of alternating updates [rows, streams * hidden], and the per-layer
/// embeddings of the tokens [rows, layers * perLayerWidth].
llvm::SmallVector<mlir::Value> buildAltUpStreams(GlobalBuilder &global, mlir::Value ids, mlir::Value embedded);
/// After the layers: the mean of all streams, [rows, hidden].
mlir::Value mergeAltUpStreams(GlobalBuilder &global, mlir::Value streams);
/// One layer of Gemma 3n; `perLayer` has the per-layer embeddings of all layers.
mlir::Value buildAltUpLayer(LayerBuilder &layer, mlir::Value streams, mlir::Value perLayer);
/// One layer: blocks, norms where the architecture has them, residuals.
mlir::Value buildLayer(LayerBuilder &layer, mlir::Value stream);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_BLOCKS_BLOCKS_H
