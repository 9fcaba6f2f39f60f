//===- CPUTable.h - every decision that depends on the CPU
//------------------------------------------------------------===//
//
// What the CPU can do and the sizes chosen for it. Passes ask here; nothing else looks at CPU names or features.
//
//===------------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_CPUTABLE_H
#define LATHE_COMPILER_SUPPORT_CPUTABLE_H

#include "dialects/lm/Formats.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Outputs [panels * 16] by input rows held in registers at once.
struct RegisterTile {
  int64_t rows, panels;
};

struct CPUTable {
  static constexpr int64_t kPanelRows = 16;

  bool avx2 = false, fma = false, f16c = false, avx512 = false, vnni = false, avxvnni = false, bf16Dot = false;

  /// By name; "native" is this machine, empty the module's lm.options.mcpu or native. Unknown names are an error.
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
  /// Products of more rows than this with a quantised weight unpack it block by block first, and sum for so many rows
  /// at once; 0: never, a register holds 16 outputs.
  int64_t getRowsUnblocked() const { return avx2 && !avx512 ? 24 : 0; }
  int64_t getBlockedRows(Format format) const;
};

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_CPUTABLE_H
