//===- Blocks.h - the parts architectures are made of -------------------------------------------------------------===//
//
// A block adds its ops to the layer under construction and returns its output, residual not yet added: [rows, hidden].
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

/// The layer kind under construction: its weights are arguments of the function, found by slot.
class LayerBuilder {
public:
  LayerBuilder(mlir::OpBuilder &builder, const Model &model, const Config &config, int64_t layer)
      : builder(builder), model(model), config(config), layer(layer) {}

  /// Null when the layer has no such weight.
  mlir::Value weight(Slot slot) const { return weights.lookup(static_cast<unsigned>(slot)); }

  mlir::Value norm(mlir::Value input, Slot slot, int64_t groups = 1, std::optional<double> eps = std::nullopt);
  mlir::Value linear(mlir::Value input, Slot matrix, std::optional<Slot> bias = std::nullopt, double scale = 1);

  mlir::OpBuilder &builder;
  const Model &model;
  const Config &config;
  int64_t layer; // one of those that are of this kind
  llvm::DenseMap<unsigned, mlir::Value> weights;
  mlir::Value position;                // of the first row
  mlir::Value number;                  // of the layer, where parts of rows are each layer's own
  llvm::StringMap<mlir::Value> states; // what the layer keeps, by name: "cache", ...
};

mlir::RankedTensorType rowsType(mlir::Builder &builder, int64_t columns);
mlir::lm::RopeAttr ropeAttr(mlir::MLIRContext *context, const Rope &rope);

/// Grouped-query attention: rotary positions where the layer has them, norms of queries and keys, window, soft limit.
mlir::Value buildAttention(LayerBuilder &layer, mlir::Value input);
/// Gated DeltaNet: short convolutions, the gated delta rule, a norm and a gate.
mlir::Value buildDeltaNet(LayerBuilder &layer, mlir::Value input);
/// Multi-head latent attention: keys and values are made of a vector for all heads, and a rotated part for the keys.
mlir::Value buildLatentAttention(LayerBuilder &layer, mlir::Value input);
/// down(act(gate(x)) * up(x)), or without a gate down(act(up(x))).
mlir::Value buildFeedForward(LayerBuilder &layer, mlir::Value input);
/// A router and the mixture of the experts it chooses.
mlir::Value buildExperts(LayerBuilder &layer, mlir::Value input);
/// What stands before and behind the layers: its weights are fetched.
struct GlobalBuilder {
  mlir::OpBuilder &builder;
  const Config &config;
  llvm::DenseMap<unsigned, mlir::Value> weights;

  mlir::Value weight(Slot slot) const { return weights.lookup(static_cast<unsigned>(slot)); }
};

/// Gemma 3n: the streams of alternating updates side by side, and every layer's own embedding of the tokens.
llvm::SmallVector<mlir::Value> buildAltUpStreams(GlobalBuilder &global, mlir::Value ids, mlir::Value embedded);
/// One row of all streams.
mlir::Value mergeAltUpStreams(GlobalBuilder &global, mlir::Value streams);
/// One layer of Gemma 3n; `perLayer` has the embeddings of all layers.
mlir::Value buildAltUpLayer(LayerBuilder &layer, mlir::Value streams, mlir::Value perLayer);
/// One layer: blocks, norms where the architecture has them, residuals.
mlir::Value buildLayer(LayerBuilder &layer, mlir::Value stream);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_BLOCKS_BLOCKS_H
