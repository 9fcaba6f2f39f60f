//===- Formats.h - how numbers are stored in checkpoints ----------------------------------------------------------===//
//
// A row for each storage format. Readers use only the block sizes; the packer and the kernels use all columns. A new
// format needs a row here, code in compiler/weights that unpacks it, and a test. Quantised formats are those of
// ggml-quants:
//   value = scale * (q - offset)            without a minimum
//   value = scale * q - minimum             with one
// where q is the quantised value, unsigned with `bits` bits; `group` neighbours along K have the same scale and
// minimum. In the _k formats scale and minimum are small integers times a float16 for each block of 256. In mxfp4, q is
// an index into a table (kMXFP4Values), and the scale is a power of two. f8_e4m3 is a float of 8 bits with an f32 scale
// for each 128 x 128 values, which the file stores as another tensor.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_FORMATS_H
#define LATHE_DIALECTS_LM_FORMATS_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace lathe {

//       enum  name    bits block bytes group offset minimum subscales
#define LATHE_FORMATS(X)                                                                                               \
  X(F32, "f32", 32, 1, 4, 0, 0, false, false)                                                                          \
  X(F16, "f16", 16, 1, 2, 0, 0, false, false)                                                                          \
  X(BF16, "bf16", 16, 1, 2, 0, 0, false, false)                                                                        \
  X(Q4_0, "q4_0", 4, 32, 18, 32, 8, false, false)                                                                      \
  X(Q4_1, "q4_1", 4, 32, 20, 32, 0, true, false)                                                                       \
  X(Q5_0, "q5_0", 5, 32, 22, 32, 16, false, false)                                                                     \
  X(Q5_1, "q5_1", 5, 32, 24, 32, 0, true, false)                                                                       \
  X(Q8_0, "q8_0", 8, 32, 34, 32, 128, false, false)                                                                    \
  X(Q4_K, "q4_k", 4, 256, 144, 32, 0, true, true)                                                                      \
  X(Q5_K, "q5_k", 5, 256, 176, 32, 0, true, true)                                                                      \
  X(Q6_K, "q6_k", 6, 256, 210, 16, 32, false, true)                                                                    \
  X(MXFP4, "mxfp4", 4, 32, 17, 32, 12, false, false)                                                                   \
  X(F8E4M3, "f8_e4m3", 8, 1, 1, 0, 0, false, false)

enum class Format : uint8_t {
#define LATHE_FORMAT_ENUM(id, name, bits, block, bytes, group, offset, minimum, subscales) id,
  LATHE_FORMATS(LATHE_FORMAT_ENUM)
#undef LATHE_FORMAT_ENUM
};

struct FormatInfo {
  Format format;
  llvm::StringLiteral name;
  int bits;       // of a quantised value
  int block;      // values stored together along K; K must be a multiple
  int bytes;      // of a block in the checkpoint
  int group;      // values that share a scale; 0: not quantised
  int offset;     // subtracted from q (q8_0 is packed as unsigned bytes, signed value + 128)
  bool minimum;   // value = scale * q - minimum
  bool subscales; // scale = f16 of the block * integer of the group

  bool isQuantised() const { return group != 0; }
  /// Whether quantised values are indices into a table.
  bool hasTable() const { return format == Format::MXFP4; }
  /// Whether each block of kScaleBlock columns has a scale.
  bool isScaled() const { return format == Format::F8E4M3; }
  /// The largest quantised value that a product multiplies.
  int maxQuantised() const { return hasTable() ? 24 : (1 << bits) - 1; }
};

/// 12 plus twice the values of FP4 (e2m1): value = scale / 2 * (kMXFP4Values[q] - 12).
inline constexpr uint8_t kMXFP4Values[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};
/// f8_e4m3: the number of rows, and of columns, with the same scale.
inline constexpr int64_t kScaleBlock = 128;

const FormatInfo &getFormatInfo(Format format);
std::optional<Format> parseFormat(llvm::StringRef name);

} // namespace lathe

#endif // LATHE_DIALECTS_LM_FORMATS_H
