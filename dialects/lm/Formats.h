//===- Formats.h - how numbers are stored in checkpoints ----------------------------------------------------------===//
//
// One row per storage format. Readers take block sizes from here, the packer and the kernel generator everything else:
// another format is a row, its unpacking in compiler/weights, and a test. Quantised formats are those of ggml-quants:
//   value = scale * (code - offset)            without a minimum
//   value = scale * code - minimum             with one
// where code is unsigned with `bits` bits and scale/minimum belong to `group` neighbours along K. In the _k formats
// scale and minimum are themselves small integers times a float16 per block of 256. mxfp4's codes are numbers of a
// table (kMXFP4Values), its scale is a power of two. f8_e4m3 is a float of 8 bits with an f32 scale for every 128 x 128
// values, which the file keeps apart.
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
  int bits;       // of one code
  int block;      // values stored together along K; K must be a multiple
  int bytes;      // of one block in the checkpoint
  int group;      // values that share a scale; 0: not quantised
  int offset;     // subtracted from a code (q8_0: codes are kept as unsigned bytes, signed value + 128)
  bool minimum;   // value = scale * code - minimum
  bool subscales; // scale = f16 of the block * small integer of the group

  bool isQuantised() const { return group != 0; }
  /// Codes are places in a table.
  bool hasTable() const { return format == Format::MXFP4; }
  /// Values are to be multiplied by a scale for each block of kScaleBlock columns.
  bool isScaled() const { return format == Format::F8E4M3; }
  /// The largest code, as products see it.
  int largestCode() const { return hasTable() ? 24 : (1 << bits) - 1; }
};

/// Twice the values of FP4 (e2m1) codes, plus 12: value = scale / 2 * (this - 12).
inline constexpr uint8_t kMXFP4Values[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};
/// Rows and columns that share a scale of f8_e4m3.
inline constexpr int64_t kScaleBlock = 128;

const FormatInfo &getFormatInfo(Format format);
std::optional<Format> parseFormat(llvm::StringRef name);

} // namespace lathe

#endif // LATHE_DIALECTS_LM_FORMATS_H
