//===- Tensors.h - finds the tensors for a model's slots ----------------------------------------------------------===//
//
// bindTensor finds the tensor for a slot, checks its type and shape, and describes how the packer gets the slot's
// values from it. Names and layouts are those of the checkpoint's TensorConventions.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_TENSORS_H
#define LATHE_FRONTENDS_CONFIG_TENSORS_H

#include "absl/status/statusor.h"
#include "frontends/config/Checkpoint.h"
#include "frontends/config/Slots.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace lathe {

/// The start of a matrix, or of a part of one.
struct MatrixSegment {
  const TensorInfo *tensor;
  uint64_t offset; // in its file
};

/// The start of a matrix's scales that are in another tensor.
struct ScaleSegment {
  const TensorInfo *tensor;
  uint64_t offset;      // in its file
  int64_t firstRow = 0; // f8_e4m3: first row of the matrix in the tensor that the scales belong to
};

/// The number of equal parts in which each matrix is stored: split by rows, or by columns.
struct Cut {
  int64_t rows = 1, columns = 1;
  bool operator==(const Cut &) const = default;
};

/// The tensor for a slot, and how the packer reads it.
struct TensorBinding {
  const TensorInfo *tensor = nullptr;  // null: a config without weights
  llvm::SmallVector<int64_t, 2> shape; // [out, in], [n] or [experts, out, in]
  /// One for each part of each expert's or head's matrix; `tensor` is that of the first. Empty: the start of `tensor`.
  std::vector<MatrixSegment> segments;
  Cut cut;                          // parts of each matrix; they follow one another in `segments`
  std::vector<ScaleSegment> scales; // one for each matrix; empty: no scales in another tensor
  Format format = Format::F32;      // of the stored values
  int64_t firstRow = 0;             // the slot's first row in a tensor of several slots
  /// Rows (columns if transposed, values of a vector) are in groups of `group`, which begin `pitch` rows apart.
  int64_t group = 1, pitch = 1;
  int64_t transposedRows = 0; // not 0: the tensor is [in, transposedRows]; the slot's rows are columns of it
  /// permuteHeads is not 0: rows (values of a bias) are in the interleaved rotary layout, which
  /// #lm.unpermute<heads = permuteHeads, from = permuteFrom> undoes.
  int64_t permuteHeads = 0, permuteFrom = 0;
  bool negateExp = false; // the slot's values are -exp(x)
  float add = 0;          // added to every value (Gemma's safetensors store norm weights minus 1)
};

/// The checkpoint's name of the tensor for a slot, prefix included.
std::string tensorName(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer);

/// `layer` is ignored for globals. lm_head of a tied model is its embedding. Without a checkpoint only the shape is
/// set. Error: `file: tensor: ...` if it is missing, has another shape or a type that is not in Formats.h.
absl::StatusOr<TensorBinding> bindTensor(const Model &model, const Config &config, const Checkpoint *checkpoint,
                                         Slot slot, int64_t layer = 0);

/// Binds every slot of every layer, so that a missing tensor is reported before the import.
absl::Status checkTensors(const Model &model, const Config &config, const Checkpoint &checkpoint);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_TENSORS_H
