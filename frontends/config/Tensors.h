//===- Tensors.h - the tensors for a model's slots ----------------------------------------------------------------===//
//
// bindTensor finds the tensor for a slot, checks type and shape, and says what to do to its values while packing. Names
// and forms of storage are the source's: it gives a checkpoint its TensorConventions.
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

/// Where one matrix begins, or a part of it.
struct MatrixPlace {
  const TensorInfo *tensor;
  uint64_t offset; // in its file
};

/// Where a matrix's scales begin that the file keeps apart.
struct ScalePlace {
  const TensorInfo *tensor;
  uint64_t offset;      // in its file
  int64_t firstRow = 0; // f8_e4m3: of the matrix, in the tensor the scales are for
};

/// Equal parts that each matrix lies in: of its rows, or of every row's columns.
struct Cut {
  int64_t rows = 1, columns = 1;
  bool operator==(const Cut &) const = default;
};

/// A tensor for a slot, and the packer's recipe for it.
struct TensorBinding {
  const TensorInfo *tensor = nullptr;  // null: a bare config, there are no weights
  llvm::SmallVector<int64_t, 2> shape; // [out, in], [n] or [experts, out, in]
  std::vector<MatrixPlace> places; // experts', heads', parts': one for each, `tensor` is the first's; empty: its own
  Cut cut;                         // each matrix has so many places, one after another
  std::vector<ScalePlace> scales;  // one for each matrix; empty: there are none apart
  Format format = Format::F32;     // of the values, as the file has them
  int64_t firstRow = 0;            // rows of the tensor before these: it holds several slots
  /// Rows (transposed: columns, of a vector values) come in groups of `group`, the next one `pitch` further on.
  int64_t group = 1, pitch = 1;
  int64_t transposedRows = 0; // not 0: the tensor is [in, transposedRows], of which these are some columns
  /// Not 0: rows are in the interleaved rotary layout. Seen as so many heads of d rows, stored row 2i + s of a head is
  /// row s * d/2 + i of it, for s in {0, 1}. For biases rows are values. Rows before `permuteFrom` in a head are not.
  int64_t permuteHeads = 0, permuteFrom = 0;
  bool negateExp = false; // -exp of every value
  float add = 0;          // added to every value (Gemma's safetensors store norm weights less one)
};

/// The name a checkpoint has for a slot, prefix included.
std::string tensorName(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer);

/// `layer` is ignored for globals. Head of a tied model is its embedding. Without a checkpoint only the shape is
/// filled. Error: `file: tensor: ...` when it is missing, has another shape or a type that is not in Formats.h.
absl::StatusOr<TensorBinding> bindTensor(const Model &model, const Config &config, const Checkpoint *checkpoint,
                                         Slot slot, int64_t layer = 0);

/// Every slot of every layer once, so that what a checkpoint lacks is said before work begins.
absl::Status checkTensors(const Model &model, const Config &config, const Checkpoint &checkpoint);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_TENSORS_H
