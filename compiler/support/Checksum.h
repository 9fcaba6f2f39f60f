//===- Checksum.h - a checksum of the attributes that generated code depends on -----------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_CHECKSUM_H
#define LATHE_COMPILER_SUPPORT_CHECKSUM_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace lathe {

/// XXH3 in hexadecimal digits. It finds accidental changes only.
std::string hashOf(llvm::StringRef bytes);

/// The checksum of lm.model, lm.options, lm.target, lm.tuning, lm.program, and of the offsets and types of weights and
/// states. It leaves out paths and options that may still change. From stage vector on, code depends on all the rest.
std::string checksumOf(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_CHECKSUM_H
