//===- Layout.h - where the values of a packed weight lie ---------------------------------------------------------===//
//
// The packer (compiler/weights) writes this layout, the kernels (compiler/targets/cpu) read it. A matrix [N, K] in
// `panels<R x D>` is ceil(N / R) panels, one after another; rows beyond N are zero (quantised values, scales and
// minima).
//
// f8_e4m3: ceil(K / 128) scales for all R rows (f32, times 256), padded to 64 bytes; then values as for f16 with D = 1.
// f32, f16, bf16: a panel is [ceil(K / D)][R][D] values, columns beyond K are zero.
//
// Quantised: a panel is K / `block` blocks. With `lane` = r * D + d (r < R, d < D) and D = 4, a run of 32 columns has 8
// steps g of 4 columns, k = 4 g + d:
//   4 bits   R*16 bytes: byte [j][lane] = value of step j | value of step j + 4 << 4                        (j < 4)
//   5 bits   the four low bits as above, then R*4 bytes: bit g of byte [lane] = fifth bit of step g
//   6 bits   the four low bits as above, then R*8 bytes: bits 2q, 2q+1 of byte [h][lane] = bits 4, 5 of step 4 h + q
//   8 bits   R*32 bytes: byte [32 / D][R][D] = signed value + 128 (D = 4 or 2)
// Formats without subscales: block of 32 = quantised values, scale f16[R] (mxfp4: e8m0[R]), with a minimum: minimum
// f16[R]. Formats with subscales: block of 256 = scale f16[R], with a minimum: minimum f16[R]; then 8 runs of
//   quantised values, then q4_k, q5_k: subscale u8[R], subminimum u8[R]; q6_k: subscale i8[R] of the first 16 columns,
//   i8[R] of the others.
//
// Vectors are f32, one after another.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_LAYOUT_H
#define LATHE_DIALECTS_LM_LAYOUT_H

#include "dialects/lm/LMOps.h"

namespace lathe {

/// The number of outputs in a panel of a packed matrix, and of positions (or dims) in a panel of a cache. The same on
/// all targets, so that they can read the same weights file.
inline constexpr int64_t kPanelRows = 16;

/// Byte offsets in a panel, from the weight's type.
struct PanelLayout {
  /// The layout of a matrix, or of one expert's matrix.
  explicit PanelLayout(mlir::lm::WeightType type);

  int64_t rows, depth; // R, D
  int64_t panels;      // ceil(N / R)
  int64_t panelBytes;  // from one panel to the next
  int64_t blockBytes;  // quantised: from one block to the next
  int64_t runBytes;    // quantised: from one run of 32 columns to the next inside a block (blocks of 32: blockBytes)
  int64_t headBytes;   // quantised: scale and minimum before the first run (0 without subscales)
  int64_t highOffset;  // in a run: offset of the fifth and sixth bits
  int64_t scalesBytes; // f8_e4m3: scales, before the values
  int64_t codesBytes;  // in a run: quantised values with their high bits; scales or subscales follow
  int64_t bytes() const { return panels * panelBytes; }
};

/// Bytes of a packed weight: of its matrix or matrices, or of a vector in f32.
int64_t getPackedBytes(mlir::lm::WeightType type);

/// Bytes from one expert's matrix to the next.
int64_t getExpertBytes(mlir::lm::WeightType type);

/// Keys and values lie in panels, too, so that the products of attention are those of projections. With R positions,
/// the keys of a head are [R / 16][dim / D][16][D], its values [dim16 / 16][R / D][16][D], where dim16 is dim rounded
/// up to 16 and D is 1 for f32, 2 for bf16. The keys of all heads (dim16 wide each) come first. A latent cache has keys
/// only.
struct CacheLayout {
  explicit CacheLayout(mlir::lm::CacheType type);

  int64_t depth, elementBytes;
  int64_t headBytes;       // from one head's keys (values) to those of the next
  int64_t valuesOffset;    // from keys to values
  int64_t keyPanelBytes;   // 16 positions
  int64_t valuePanelBytes; // 16 dims of all positions
  int64_t totalBytes;
  int64_t bytes() const { return totalBytes; }
};

/// Bytes of a state: a cache, or a recurrent state.
int64_t getStateBytes(mlir::Type type);

/// Tensors in the weights file start at multiples of this.
inline constexpr int64_t kTensorAlign = 64;

} // namespace lathe

#endif // LATHE_DIALECTS_LM_LAYOUT_H
