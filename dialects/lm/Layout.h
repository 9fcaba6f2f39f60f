//===- Layout.h - where the values of a packed weight lie ---------------------------------------------------------===//
//
// The packer (compiler/weights) writes this layout, the kernels (compiler/targets/cpu) read it. A matrix [N, K] in
// `panels<R x D>` is ceil(N / R) panels, one after another; rows beyond N are zero (codes, scales and minima).
//
// f8_e4m3: ceil(K / 128) scales in f32 times 256, for all R rows alike, padded to 64 bytes; then as f16 with D = 1.
// f32, f16, bf16: a panel is [ceil(K / D)][R][D] values, columns beyond K are zero.
//
// Quantised: a panel is K / `block` blocks. With `lane` = r * D + d (r < R, d < D) and D = 4, a run of 32 columns has 8
// steps g of 4 columns, k = 4 g + d:
//   4 bits   R*16 bytes: byte [j][lane] = code of step j | code of step j + 4 << 4                          (j < 4)
//   5 bits   the four low bits as above, then R*4 bytes: bit g of byte [lane] = fifth bit of step g
//   6 bits   the four low bits as above, then R*8 bytes: bits 2q, 2q+1 of byte [h][lane] = bits 4, 5 of step 4 h + q
//   8 bits   R*32 bytes: byte [32 / D][R][D] = signed code + 128 (D = 4 or 2)
// Formats without subscales: block of 32 = codes, scale f16[R] (mxfp4: e8m0[R]), with a minimum: minimum f16[R].
// Formats with subscales: block of 256 = scale f16[R], with a minimum: minimum f16[R]; then 8 runs of
//   codes, subscale: q4_k, q5_k u8[R], subminimum u8[R]; q6_k i8[R] of its first 16 columns, i8[R] of the other 16.
//
// Vectors are f32, one after another.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_LAYOUT_H
#define LATHE_DIALECTS_LM_LAYOUT_H

#include "dialects/lm/LMOps.h"

namespace lathe {

/// Outputs side by side in a panel of a packed matrix, and positions (or dims) in one of a cache: on every target, so
/// that all of them can read one weights file.
inline constexpr int64_t kPanelRows = 16;

/// Byte offsets inside a panel. All derived from the weight's type.
struct PanelLayout {
  /// Of a matrix, or of one of the experts'.
  explicit PanelLayout(mlir::lm::WeightType type);

  int64_t rows, depth; // R, D
  int64_t panels;      // ceil(N / R)
  int64_t panelBytes;  // from one panel to the next
  int64_t blockBytes;  // quantised: from one block to the next
  int64_t runBytes;    // quantised: from one run of 32 columns to the next inside a block (blocks of 32: blockBytes)
  int64_t headBytes;   // quantised: scale and minimum before the first run (0 without subscales)
  int64_t highOffset;  // in a run: where the fifth and sixth bits begin
  int64_t scalesBytes; // f8_e4m3: before the values
  int64_t codesBytes;  // in a run: codes, high bits included; scales or subscales follow
  int64_t bytes() const { return panels * panelBytes; }
};

/// Bytes of a weight once packed: packed matrices, or a vector in f32.
int64_t getPackedBytes(mlir::lm::WeightType type);

/// From one expert's matrix to the next.
int64_t getExpertBytes(mlir::lm::WeightType type);

/// Keys and values lie in panels too, so that scores and sums are the same products as projections: with R positions,
/// the keys of a head are [R / 16][dim / D][16][D], its values [dim16 / 16][R / D][16][D], dim16 = dim rounded up to
/// 16, D = 1 for f32 and 2 for bf16; all heads' keys (dim16 wide each) come first. A latent cache has keys alone.
struct CacheLayout {
  explicit CacheLayout(mlir::lm::CacheType type);

  int64_t depth, elementBytes;
  int64_t headBytes;       // from one head's keys (values) to the next's
  int64_t valuesOffset;    // from keys to values
  int64_t keyPanelBytes;   // 16 positions
  int64_t valuePanelBytes; // 16 dims of all positions
  int64_t areaBytes;
  int64_t bytes() const { return areaBytes; }
};

/// Bytes of a state: a cache, or a recurrent state.
int64_t getStateBytes(mlir::Type type);

/// Tensors in the weights file start at multiples of this.
inline constexpr int64_t kTensorAlign = 64;

} // namespace lathe

#endif // LATHE_DIALECTS_LM_LAYOUT_H
