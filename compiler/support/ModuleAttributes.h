//===- ModuleAttributes.h - reads entries of the module's dictionary attributes -----------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_MODULEATTRIBUTES_H
#define LATHE_COMPILER_SUPPORT_MODULEATTRIBUTES_H

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Bounds far above every model. Products of a few such numbers do not overflow 64 bits.
inline constexpr int64_t kMaxBytes = int64_t(1) << 50, kMaxContext = int64_t(1) << 31, kMaxRows = 1 << 16;

/// The integer `key` of the module's attribute `dictionary`. Emits an error that names both if it is not from `min` to
/// `max`, or missing.
mlir::FailureOr<int64_t> getModuleInteger(mlir::ModuleOp module, llvm::StringRef dictionary, llvm::StringRef key,
                                          int64_t min, int64_t max);

/// The prefix of the global symbols of the module's program (lrt/abi.h): lm.options.symbol_prefix, or "lathe".
llvm::StringRef getSymbolPrefix(mlir::ModuleOp module);

/// The max. number of rows of one prefill call: lm.options.prefill_rows, or `otherwise` if that is missing.
mlir::FailureOr<int64_t> getPrefillRows(mlir::ModuleOp module, int64_t otherwise);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_MODULEATTRIBUTES_H
