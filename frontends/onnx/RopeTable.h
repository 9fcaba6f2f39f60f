//===- RopeTable.h - frequencies of rotary tables -----------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_ROPETABLE_H
#define LATHE_FRONTENDS_ONNX_ROPETABLE_H

#include "frontends/onnx/Evaluate.h"

namespace lathe::onnx {

/// Cosines and sines of positions in order, [positions, pairs].
struct RopeTable {
  int64_t first = 0, pairs = 0; // the position of row 0
  DataType type = DataType::Float;
  std::vector<float> cosine, sine;

  int64_t rows() const { return pairs == 0 ? 0 : static_cast<int64_t>(cosine.size()) / pairs; }
};

struct Frequencies {
  std::vector<float> values; // of each pair
  double factor = 1;         // of cosine and sine
  double theta = 0;          // values are theta^(-2i/dim); 0: they are others
};

/// The frequencies w for which `table`, which starts at position 0, is factor * cos(p w) and factor * sin(p w) as
/// float32 computes it. All of `table` and `others` is compared; an error says which position differs.
absl::StatusOr<Frequencies> findFrequencies(const RopeTable &table, llvm::ArrayRef<RopeTable> others);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_ROPETABLE_H
