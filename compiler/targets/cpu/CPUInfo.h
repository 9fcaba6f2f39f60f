//===- CPUInfo.h - every decision that depends on the CPU ---------------------------------------------------------===//
//
// What the CPU can do, and the numbers chosen for it. #lm.target is made from them; the CPU's own passes ask here.
// Nothing else looks at names or features of CPUs.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CPU_CPUINFO_H
#define LATHE_COMPILER_TARGETS_CPU_CPUINFO_H

#include "compiler/support/TargetInfo.h"
#include "dialects/lm/Formats.h"
#include "dialects/lm/LMOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Instruction sets that kernels use. `avx512` is F, BW and VL together; `vnni` and `bf16Dot` are AVX-512's.
struct CPUFeatures {
  bool avx2 = false, fma = false, f16c = false, avx512 = false, vnni = false, avxvnni = false, bf16Dot = false;
};

/// Outputs [panels * 16] by input rows whose sums stay in registers.
struct RegisterTile {
  int64_t rows, panels;
};

/// Register tiles, one for each kind of product. Sums must leave registers free for weights, the activation and
/// constants, or they spill.
struct RegisterTiles {
  int64_t floatRows, floatPanels; // weights widened to f32, or dot products of bf16
  int64_t quantisedRows, quantisedPanels;
  int64_t splitRows, splitPanels; // quantised, two groups in a run of 32 columns
  int64_t groupPanels;            // a tile's rows are multiplied with so many panels before the next rows are
};

/// Products of many rows with quantised weights: weights are unpacked into a buffer first.
struct BlockedProducts {
  int64_t minRows;   // 0: no product is blocked
  int64_t columns;   // of K, unpacked at once
  int64_t rows;      // of a register tile
  int64_t splitRows; // of a register tile, where products fill a 16-bit sum after two steps
};

/// How far ahead of its use memory is prefetched.
struct Prefetch {
  int64_t rowBytes;       // one row of activations
  int64_t narrowRowBytes; // one row, weights of fewer than 8 bits: they take longer a byte
  int64_t tileBytes;      // a register tile of rows
  int64_t cacheLevel;     // into the first, second or third cache
  int64_t groups;         // many rows: tiles share the prefetching of panels so many groups ahead; 0: none
};

/// What of #lm.tiles can be chosen.
struct TileSizes {
  int64_t rows, attentionRows, attentionTiles, splitPositions;
};

/// Every number that `--tuning KEY=N` sets, `lm.tuning` shows and `./x bench --sweep` tries: PARAMETER(member, key,
/// min, max). A number with a min above 1 is a multiple of it.
#define LATHE_TUNING(PARAMETER)                                                                                        \
  PARAMETER(registers.floatRows, "float_rows", 1, 16)                                                                  \
  PARAMETER(registers.floatPanels, "float_panels", 1, 2)                                                               \
  PARAMETER(registers.quantisedRows, "code_rows", 1, 16)                                                               \
  PARAMETER(registers.quantisedPanels, "code_panels", 1, 2)                                                            \
  PARAMETER(registers.splitRows, "split_rows", 1, 16)                                                                  \
  PARAMETER(registers.splitPanels, "split_panels", 1, 2)                                                               \
  PARAMETER(registers.groupPanels, "group_panels", 1, 64)                                                              \
  PARAMETER(blocked.minRows, "blocked_from", 0, 4096)                                                                  \
  PARAMETER(blocked.rows, "blocked_rows", 1, 16)                                                                       \
  PARAMETER(blocked.splitRows, "blocked_split_rows", 1, 16)                                                            \
  PARAMETER(blocked.columns, "blocked_columns", 256, 4096)                                                             \
  PARAMETER(prefetch.rowBytes, "ahead_bytes", 0, 65536)                                                                \
  PARAMETER(prefetch.narrowRowBytes, "narrow_ahead_bytes", 0, 65536)                                                   \
  PARAMETER(prefetch.tileBytes, "tile_ahead_bytes", 0, 65536)                                                          \
  PARAMETER(prefetch.cacheLevel, "ahead_cache", 1, 3)                                                                  \
  PARAMETER(prefetch.groups, "ahead_groups", 0, 4)                                                                     \
  PARAMETER(tiles.rows, "tile_rows", 8, 512)                                                                           \
  PARAMETER(tiles.attentionRows, "attention_rows", 1, 64)                                                              \
  PARAMETER(tiles.attentionTiles, "attention_tiles", 1, 1024)                                                          \
  PARAMETER(tiles.splitPositions, "split_positions", 16, 4096)

struct CPUInfo {
  CPUFeatures features;
  RegisterTiles registers;
  BlockedProducts blocked;
  Prefetch prefetch;
  TileSizes tiles;

  /// Of x86-64 itself.
  CPUInfo() { chooseTuning(); }

  /// By name; "native" is this machine, empty the module's lm.options.mcpu or native. An unknown name is an error.
  /// Tuning parameters are the module's lm.tuning, or those chosen for the CPU with lm.options.tuning.
  static mlir::FailureOr<CPUInfo> get(mlir::ModuleOp module, llvm::StringRef mcpu = "");

  /// #lm.target and lm.tuning.
  TargetInfo describe(mlir::MLIRContext *context) const;

  /// Without VNNI, sums of two u8 * s8 products overflow 16 bits: 8-bit weights are widened to 16 bits, and so are
  /// their activations.
  bool widensBytes() const { return !features.vnni && !features.avxvnni; }
  /// Steps of 4 columns whose products a 16-bit sum can hold, a power of 2: 4 bits: 8 * 2 * 15 * 127 < 2^15, and so on.
  int64_t getStepsIn16Bits(int maxQuantised) const { return maxQuantised < 16 ? 8 : maxQuantised < 32 ? 4 : 2; }
  RegisterTile getTile(Format format) const;
  /// Rows of a register tile of a blocked product.
  int64_t getBlockedRows(Format format) const;

  /// Sets what "KEY=N,..." says. Returns what is wrong with it; empty: nothing.
  std::string setTuning(llvm::StringRef text);

private:
  void chooseTuning();
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_CPUINFO_H
