//===- ModuleAttributes.h - numbers that passes find in the module's dictionaries ---------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_MODULEATTRIBUTES_H
#define LATHE_COMPILER_SUPPORT_MODULEATTRIBUTES_H

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Bounds that no model comes near; what is computed from them stays far from the end of 64 bits.
inline constexpr int64_t kMaxBytes = int64_t(1) << 50, kMaxContext = int64_t(1) << 31, kMaxRows = 1 << 16;

/// The integer `key` of the module's attribute `dictionary`, from `min` to `max`; an error that names both otherwise.
mlir::FailureOr<int64_t> getModuleInteger(mlir::ModuleOp module, llvm::StringRef dictionary, llvm::StringRef key,
                                          int64_t min, int64_t max);

/// What global symbols of the module's program begin with (lrt/abi.h): lm.options.symbol_prefix, or "lathe".
llvm::StringRef getSymbolPrefix(mlir::ModuleOp module);

/// Most rows of one prefill call: lm.options.prefill_rows, or `otherwise` where it says nothing.
mlir::FailureOr<int64_t> getPrefillRows(mlir::ModuleOp module, int64_t otherwise);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_MODULEATTRIBUTES_H
