//===- Mask.h - which positions a token sees ----------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_MASK_H
#define LATHE_FRONTENDS_ONNX_MASK_H

#include "frontends/onnx/Evaluate.h"
#include "frontends/onnx/Term.h"

namespace lathe::onnx {

/// Of a cache: 0 keeps all positions.
struct Window {
  int64_t size = 0;
  bool isChunk = false;
};

/// Finds the window from masks of several sequences. A mask must let a token at position p see the positions from
/// begin(p) to p, where begin is 0 (full), p - size + 1 (window) or the last multiple of size (chunk).
class WindowFinder {
public:
  /// Reads a mask that fits scores [.., length, total].
  absl::Status add(const Tensor &mask, MaskForm form, bool isCausal, Sizes sizes);
  absl::StatusOr<Window> find() const;

private:
  std::vector<std::pair<int64_t, int64_t>> begins; // position, first position that it sees
};

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_MASK_H
