//===- CPUTable.h - every decision that depends on the CPU --------------------------------------------------------===//
//
// What the CPU can do and the sizes chosen for it. Passes ask here; nothing else looks at CPU names or features.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_CPUTABLE_H
#define LATHE_COMPILER_SUPPORT_CPUTABLE_H

#include "dialects/lm/Formats.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Outputs [panels * 16] by input rows held in registers at once.
struct RegisterTile {
  int64_t rows, panels;
};

/// What was chosen for a CPU and could be otherwise: SIZE(member, key, least, most), a multiple of the least above it.
/// `lathe compile --sizes KEY=N,...` sets some, a schedule's dump shows all (`lm.sizes`), `./x bench --sweep` tries
/// them.
///
/// Register tiles: outputs [panels * 16] by input rows, of weights widened to f32 (or bf16 dots), of codes, and of
/// codes with two groups in a run. Accumulators must leave room for weights, the activation and constants, or they
/// spill. A tile of rows meets `groupPanels` before the next rows do. From `blockedFrom` rows on (0: never) codes are
/// unpacked first, `blockedColumns` of them, for tiles of `blockedRows`; codes whose products soon fill 16 bits have
/// `blockedSplitRows`. One row asks for weights `aheadBytes` before it needs them, for codes of fewer than 8 bits,
/// which take longer a byte, `narrowAheadBytes`, a tile of rows `tileAheadBytes`, into the cache of the level
/// `aheadCache`; of many rows, tiles ask together for what lies `aheadGroups` (0: no) groups of panels behind. Rows of
/// activations that a tile of a phase works on: `tileRows`; of queries, `attentionRows`. Attention of one row is
/// divided into `attentionTiles` at least, if it sees so many pieces of `piecePositions`.
#define LATHE_SIZES(SIZE)                                                                                              \
  SIZE(floatRows, "float_rows", 1, 16)                                                                                 \
  SIZE(floatPanels, "float_panels", 1, 2)                                                                              \
  SIZE(codeRows, "code_rows", 1, 16)                                                                                   \
  SIZE(codePanels, "code_panels", 1, 2)                                                                                \
  SIZE(splitRows, "split_rows", 1, 16)                                                                                 \
  SIZE(splitPanels, "split_panels", 1, 2)                                                                              \
  SIZE(groupPanels, "group_panels", 1, 64)                                                                             \
  SIZE(blockedFrom, "blocked_from", 0, 4096)                                                                           \
  SIZE(blockedRows, "blocked_rows", 1, 16)                                                                             \
  SIZE(blockedSplitRows, "blocked_split_rows", 1, 16)                                                                  \
  SIZE(blockedColumns, "blocked_columns", 256, 4096)                                                                   \
  SIZE(aheadBytes, "ahead_bytes", 0, 65536)                                                                            \
  SIZE(narrowAheadBytes, "narrow_ahead_bytes", 0, 65536)                                                               \
  SIZE(tileAheadBytes, "tile_ahead_bytes", 0, 65536)                                                                   \
  SIZE(aheadCache, "ahead_cache", 1, 3)                                                                                \
  SIZE(aheadGroups, "ahead_groups", 0, 4)                                                                              \
  SIZE(tileRows, "tile_rows", 8, 512)                                                                                  \
  SIZE(attentionRows, "attention_rows", 1, 64)                                                                         \
  SIZE(attentionTiles, "attention_tiles", 1, 1024)                                                                     \
  SIZE(piecePositions, "piece_positions", 16, 4096)

struct CPUTable {
  static constexpr int64_t kPanelRows = 16;

  bool avx2 = false, fma = false, f16c = false, avx512 = false, vnni = false, avxvnni = false, bf16Dot = false;

  /// By name; "native" is this machine, empty the module's lm.options.mcpu or native. Unknown names are an error. Sizes
  /// are the module's lm.sizes, or the CPU's with lm.options.sizes.
  static mlir::FailureOr<CPUTable> get(mlir::ModuleOp module, llvm::StringRef mcpu = "");

  /// Columns side by side in a panel of a matrix with so many: what one dot instruction sums. 8-bit weights of the head
  /// are multiplied with 16-bit activations even where bytes could be: every error there is one of the logits, and one
  /// row at a time the reading takes all the time.
  int64_t getDepth(Format format, int64_t columns, bool isHead) const;
  /// 8-bit weights are widened to 16 bits and so are their activations: without VNNI, u8 * s8 pairs overflow 16 bits.
  bool widensBytes() const { return !vnni && !avxvnni; }
  /// Steps of 4 columns whose products a 16-bit accumulator can hold, a power of 2: 4 bits: 8 * 2 * 15 * 127 < 2^15,
  /// and so on.
  int64_t getStepsIn16Bits(int largestCode) const { return largestCode < 16 ? 8 : largestCode < 32 ? 4 : 2; }
  RegisterTile getTile(Format format) const;
  /// Rows of a tile of codes that were unpacked.
  int64_t getBlockedRows(Format format) const;

#define LATHE_SIZE(member, key, least, most) int64_t member = 0;
  LATHE_SIZES(LATHE_SIZE)
#undef LATHE_SIZE

  /// "KEY=N,...". Returns what is wrong, empty if nothing is.
  std::string setSizes(llvm::StringRef text);
  mlir::DictionaryAttr getSizes(mlir::MLIRContext *context) const;

private:
  void chooseSizes();
};

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_CPUTABLE_H
