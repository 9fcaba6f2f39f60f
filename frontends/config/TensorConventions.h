//===- TensorConventions.h - how a source names and stores tensors ------------------------------------------------===//
//
// Each source with a config implements this interface once, beside its table of names. The functions below are what
// implementations share.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_TENSORCONVENTIONS_H
#define LATHE_FRONTENDS_CONFIG_TENSORCONVENTIONS_H

#include "frontends/config/Config.h"
#include "frontends/config/Tensors.h"
#include "frontends/config/models/Model.h"
#include <optional>

namespace lathe {

/// One slot of a model, which is looked for in a checkpoint.
struct SlotRequest {
  const Model &model;
  const Config &config;
  const Checkpoint &checkpoint;
  Slot slot;
  int64_t layer; // ignored for globals

  std::string name() const { return tensorName(model, checkpoint, slot, layer); }
};

/// A tensor of a decoder layer, by its name.
struct LayerTensor {
  int64_t layer;
  llvm::StringRef stem; // "model.layers.3"
  llvm::StringRef rest; // "self_attn.q_proj.bias"
};

enum class Modality : uint8_t { Text, Vision, Audio };

/// An object of this kind has no state and lives for ever: checkpoints refer to it.
class TensorConventions {
public:
  virtual ~TensorConventions() = default;

  //===--- Tensors that are read (Tensors.h) ----------------------------------------------------------------------===//

  /// The tensor's name, prefix included; "{e}" stands for an expert's number.
  virtual std::string nameOf(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer) const = 0;
  /// Fills in a binding that has its shape.
  virtual absl::Status bind(const SlotRequest &request, TensorBinding &binding) const = 0;
  virtual bool hasShape(const TensorInfo &tensor, llvm::ArrayRef<int64_t> shape) const = 0;
  /// What a matrix may be stored as besides F32, F16 and BF16, for messages: ", or ...".
  virtual llvm::StringRef otherMatrixTypes() const = 0;

  //===--- Tensors that are not read (UnreadTensors.h) ------------------------------------------------------------===//

  virtual std::optional<LayerTensor> findLayer(const Model &model, llvm::StringRef name) const = 0;
  /// A name without those of the classes that hold the decoder.
  virtual llvm::StringRef dropWrappers(llvm::StringRef name) const { return name; }
  /// Modules of any architecture that belong to no layer: embedding, final norm, head.
  virtual llvm::ArrayRef<llvm::StringLiteral> globalModules() const = 0;
  /// Tensors that the config is read from.
  virtual llvm::ArrayRef<llvm::StringLiteral> configTensors() const { return {}; }
  /// What a layer has, after its stem, that predicts further tokens.
  virtual llvm::StringRef predictionMark() const = 0;
  /// A module outside the decoder's layers that predicts further tokens.
  struct Predictor {
    std::optional<int64_t> number; // none: what all of them share
    std::string stem;              // "mtp.layers.0", "mtp"
  };
  virtual std::optional<Predictor> findPredictor(llvm::StringRef name) const { return std::nullopt; }
  /// Whether other tensors, which are read, say what this one does, or nothing of the decoder would read it.
  virtual bool isRedundant(const Config &config, const Checkpoint &checkpoint, const LayerTensor &tensor) const = 0;
  virtual Modality modalityOf(llvm::StringRef name) const;
  /// The error of a checkpoint that has layers the config does not count: `layers` in all, and `predicting` ones. A
  /// key, and what it should be and is.
  struct CountError {
    std::string key;
    int64_t expected, found;
  };
  virtual CountError explainLayers(const Model &model, const Config &config, int64_t layers,
                                   int64_t predicting) const = 0;
};

//===--------------------------------------------------------------------------------------------------------------===//
// What implementations share
//===--------------------------------------------------------------------------------------------------------------===//

/// `own` where it names the slot, else what is in the source's table.
llvm::StringRef nameIn(llvm::ArrayRef<SlotName> own, llvm::ArrayRef<FusedTensor> fused, llvm::ArrayRef<SlotName> table,
                       Slot slot);

/// "2 parts of shape [64, 32]".
std::string partsString(const TensorInfo &tensor);

/// Vectors are plain, matrices of a type that Formats.h has.
absl::Status checkType(const Checkpoint &checkpoint, const TensorInfo &tensor, bool isVector);

/// One tensor of this shape, of a type that can be read.
absl::StatusOr<const TensorInfo *> findTensor(const Checkpoint &checkpoint, const std::string &name,
                                              llvm::ArrayRef<int64_t> shape);

/// A slot that shares a tensor with others: sets the binding's first row, and the rows of the `stored` shape.
void addFusedRows(const SlotRequest &request, llvm::ArrayRef<FusedTensor> fused, TensorBinding &binding,
                  llvm::SmallVectorImpl<int64_t> &stored);

/// Rows of a tensor that has several slots' interleaved, group after group.
struct RowGroups {
  int64_t group, pitch, first;
  int64_t rows; // of the whole tensor
};
/// Nothing where the slot's rows are together in every source.
std::optional<RowGroups> rowGroupsOf(const Config &config, Slot slot);
void addRowGroups(const RowGroups &groups, TensorBinding &binding, llvm::SmallVectorImpl<int64_t> &stored);

/// Rows of queries and keys as the source has them: in the interleaved rotary layout.
void addInterleavedRotation(const SlotRequest &request, TensorBinding &binding);

/// Matrices of all experts in one tensor [experts, allRows, columns], the slot's after `before` rows of each.
absl::Status bindStackedExperts(const SlotRequest &request, const std::string &name, int64_t allRows, int64_t before,
                                TensorBinding &binding);

/// Of each head's rows [unrotated keys, values] of one matrix: keys transposed, as queries are multiplied by them, or
/// values. Returns the first row of every head.
absl::StatusOr<std::vector<int64_t>> bindHeadsOfOneMatrix(const SlotRequest &request, const std::string &name,
                                                          TensorBinding &binding);

/// Some channels of a convolution's weight, which is stored as `shape`.
absl::Status bindConvolution(const SlotRequest &request, llvm::ArrayRef<int64_t> shape, TensorBinding &binding);
bool isConvolution(Slot slot);
/// Channels of keys, keys and values together.
int64_t convolutionChannels(const Config &config);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_TENSORCONVENTIONS_H
