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

/// A slot of a model to look for in a checkpoint.
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

/// Implementations have no state and are constants: checkpoints refer to them.
class TensorConventions {
public:
  virtual ~TensorConventions() = default;

  //===--- Tensors that are read (Tensors.h) ----------------------------------------------------------------------===//

  /// The tensor's name, prefix included; "{e}" stands for an expert's number.
  virtual std::string nameOf(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer) const = 0;
  /// Fills in a binding; its shape is set already.
  virtual absl::Status bind(const SlotRequest &request, TensorBinding &binding) const = 0;
  virtual bool hasShape(const TensorInfo &tensor, llvm::ArrayRef<int64_t> shape) const = 0;
  /// Types of a matrix besides F32, F16 and BF16, for messages: ", or ...".
  virtual llvm::StringRef otherMatrixTypes() const = 0;

  //===--- Tensors that are not read (UnreadTensors.h) ------------------------------------------------------------===//

  virtual std::optional<LayerTensor> findLayer(const Model &model, llvm::StringRef name) const = 0;
  /// The name without the prefixes of the classes that contain the decoder: "norm.weight" of "model.norm.weight".
  virtual llvm::StringRef dropWrappers(llvm::StringRef name) const { return name; }
  /// Modules of any architecture that belong to no layer: embedding, final norm, head.
  virtual llvm::ArrayRef<llvm::StringLiteral> globalModules() const = 0;
  /// Tensors that the config is read from.
  virtual llvm::ArrayRef<llvm::StringLiteral> configTensors() const { return {}; }
  /// Prefix of a tensor, after the layer's stem, that only layers of multi-token prediction have.
  virtual llvm::StringRef predictionMark() const = 0;
  /// A module of multi-token prediction outside the decoder's layers.
  struct Predictor {
    std::optional<int64_t> number; // none: shared by all of them
    std::string stem;              // "mtp.layers.0", "mtp"
  };
  virtual std::optional<Predictor> findPredictor(llvm::StringRef name) const { return std::nullopt; }
  /// Whether the tensor may stay unread: tensors that are read have its values, or no decoder uses it.
  virtual bool isRedundant(const Config &config, const Checkpoint &checkpoint, const LayerTensor &tensor) const = 0;
  virtual Modality modalityOf(llvm::StringRef name) const;
  /// The error for a checkpoint with more layers than the config says: a key of the config, the value it should have
  /// and the value it has. `layers`: decoder layers found; `predicting`: layers of multi-token prediction found.
  struct CountError {
    std::string key;
    int64_t expected, found;
  };
  virtual CountError explainLayers(const Model &model, const Config &config, int64_t layers,
                                   int64_t predicting) const = 0;
};

//===--------------------------------------------------------------------------------------------------------------===//
// Shared by the implementations
//===--------------------------------------------------------------------------------------------------------------===//

/// The tensor's name for the slot: from `fused`, else from the architecture's `own` names, else from the source's
/// table.
llvm::StringRef nameIn(llvm::ArrayRef<SlotName> own, llvm::ArrayRef<FusedTensor> fused, llvm::ArrayRef<SlotName> table,
                       Slot slot);

/// "2 parts of shape [64, 32]".
std::string partsString(const TensorInfo &tensor);

/// Checks that a vector is F32, F16 or BF16, and that Formats.h has the type of a matrix.
absl::Status checkType(const Checkpoint &checkpoint, const TensorInfo &tensor, bool isVector);

/// The tensor of this name. Error: it is missing, is in parts, has another shape or a type that is not read.
absl::StatusOr<const TensorInfo *> findTensor(const Checkpoint &checkpoint, const std::string &name,
                                              llvm::ArrayRef<int64_t> shape);

/// If the slot shares a tensor with others, sets the binding's first row and the rows in `stored`, the tensor's shape.
void addFusedRows(const SlotRequest &request, llvm::ArrayRef<FusedTensor> fused, TensorBinding &binding,
                  llvm::SmallVectorImpl<int64_t> &stored);

/// A slot's rows in a tensor that interleaves the rows of several slots: groups of `group` rows, `pitch` rows apart,
/// from row `first` on.
struct RowGroups {
  int64_t group, pitch, first;
  int64_t rows; // of the whole tensor
};
/// The row groups of a slot. None if its rows are contiguous in every source.
std::optional<RowGroups> rowGroupsOf(const Config &config, Slot slot);
void addRowGroups(const RowGroups &groups, TensorBinding &binding, llvm::SmallVectorImpl<int64_t> &stored);

/// Marks rows of queries and keys as stored in the interleaved rotary layout.
void addInterleavedRotation(const SlotRequest &request, TensorBinding &binding);

/// Matrices of all experts in one tensor [experts, allRows, columns]; the slot's rows begin at row `before` of each.
absl::Status bindStackedExperts(const SlotRequest &request, const std::string &name, int64_t allRows, int64_t before,
                                TensorBinding &binding);

/// One matrix has for each head the rows [nopeDim of keys, valueDim of values]. Binds a matrix per head: the keys'
/// rows, transposed because queries are multiplied by them, or the values' rows. Returns the slot's first row of every
/// head.
absl::StatusOr<std::vector<int64_t>> bindHeadsOfOneMatrix(const SlotRequest &request, const std::string &name,
                                                          TensorBinding &binding);

/// The slot's channels of the convolution's weight, which is stored as `shape`.
absl::Status bindConvolution(const SlotRequest &request, llvm::ArrayRef<int64_t> shape, TensorBinding &binding);
bool isConvolution(Slot slot);
/// Channels of the whole convolution: queries, keys and values.
int64_t convolutionChannels(const Config &config);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_TENSORCONVENTIONS_H
