//===- CPUInfo.h - every decision that depends on the CPU ---------------------------------------------------------===//
//
// The features of the CPU and the tuning parameters chosen for it. #lm.target is computed from them; the CPU's own
// passes read them here. Nothing else looks at names or features of CPUs. File names beside
// parameters are the notes in docs/experiments that decided them.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CPU_CPUINFO_H
#define LATHE_COMPILER_TARGETS_CPU_CPUINFO_H

#include "compiler/support/TargetInfo.h"
#include "compiler/targets/Tuning.h"
#include "dialects/lm/Formats.h"
#include "dialects/lm/LMOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Instruction sets that kernels use. `avx512` means F, BW and VL; `vnni` and `bf16Dot` are those of AVX-512.
struct CPUFeatures {
  bool avx2 = false, fma = false, f16c = false, avx512 = false, vnni = false, avxvnni = false, bf16Dot = false;
};

/// A tile of sums [rows][panels * 16 outputs] that stays in registers.
struct RegisterTile {
  int64_t rows, panels;
};

/// Register tiles, one for each kind of product. Sums must leave registers free for weights, the activation and
/// constants, or they spill (test/tools/check-loops.py). Notes: 2026-11-26-size-sweep-avx2.md,
/// 2026-11-27-size-sweep.md.
struct RegisterTiles {
  int64_t floatRows, floatPanels;         // weights widened to f32, or dot products of bf16
  int64_t quantisedRows, quantisedPanels; // 2026-11-27-group-panels.md, 2026-11-27-panels-at-once.md
  int64_t splitRows, splitPanels;         // quantised, with two groups in a run of 32 columns
  int64_t groupPanels;                    // a tile of rows takes so many panels before the next rows do:
                                          // 2026-11-27-group-panels.md
};

/// Products of many rows with quantised weights, which are unpacked into a buffer first (kernels/BlockedMatmul.cpp,
/// 2026-11-26-unpack-codes-once-avx2.md).
struct BlockedProducts {
  int64_t minRows;   // products of fewer rows are not blocked; 0: never block
  int64_t columns;   // columns (K) that are unpacked at once
  int64_t rows;      // of a register tile
  int64_t splitRows; // of a register tile for formats whose 16-bit sums hold two steps only
};

/// Where to prefetch. Distances are in bytes from the memory in use: 2026-11-27-prefetch-distance-avx512.md,
/// 2026-11-26-prefetch-distance-avx2.md, 2026-11-24-prefetch-weights.md.
struct Prefetch {
  int64_t rowBytes;       // for one row of activations
  int64_t narrowRowBytes; // for one row and weights of fewer than 8 bits, which take longer per byte
  int64_t tileBytes;      // for the first register tile of rows: 2026-11-26-prefetch-by-first-rows.md
  int64_t cacheLevel;     // the cache to prefetch into, 1 to 3: 2026-11-27-prefetch-cache-level.md
  int64_t groups;         // later register tiles prefetch the panels this many groups later, each tile a share; 0: they
                          // prefetch nothing: 2026-11-27-prefetch-next-group.md
};

/// The tuning parameters among those of #lm.tiles (dialects/lm/LMTarget.td), where they are explained.
struct TileSizes {
  int64_t rows;           // 2026-11-27-sizes-left-out.md
  int64_t attentionRows;  // 2026-11-26-size-sweep-avx2.md
  int64_t attentionTiles; // 2026-11-26-kv-splits.md
  int64_t splitPositions; // 2026-11-26-kv-splits.md
};

/// The parameters that `--tuning KEY=N` sets, `lm.tuning` shows and `./x bench --sweep` varies: PARAMETER(member, key,
/// min, max). If min is above 1, the value must be a multiple of it.
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

  /// A CPU with the features that every x86-64 has.
  CPUInfo() { chooseTuning(); }

  /// The CPU with LLVM's name `mcpu`; "native" is this machine. If `mcpu` is empty: the CPU of the module, whose name
  /// is lm.options.schedule_for, or else lm.options.mcpu, or else "native". Its tuning parameters are the module's
  /// lm.tuning. A module without it gets those chosen for the CPU, changed as lm.options.tuning says. Emits an error
  /// for an unknown name or a wrong parameter.
  static mlir::FailureOr<CPUInfo> get(mlir::ModuleOp module, llvm::StringRef mcpu = "");

  /// The attributes lm.target and lm.tuning.
  TargetInfo describe(mlir::MLIRContext *context);

  /// Whether 8-bit weights and their activations are widened to 16 bits. They must be on CPUs without VNNI, where sums
  /// of two u8 * s8 products overflow 16 bits.
  bool widensBytes() const { return !features.vnni && !features.avxvnni; }
  /// How many steps of 4 columns fit a 16-bit sum, a power of 2. For 4 bits it is 8: 8 * 2 * 15 * 127 < 2^15.
  int64_t getStepsIn16Bits(int maxQuantised) const { return maxQuantised < 16 ? 8 : maxQuantised < 32 ? 4 : 2; }
  RegisterTile getTile(Format format) const;
  /// Rows of a register tile of a blocked product.
  int64_t getBlockedRows(Format format) const;

  /// The parameters of LATHE_TUNING, which point into this object.
  llvm::SmallVector<TuningParameter> parameters();

private:
  void chooseTuning();
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_CPUINFO_H
