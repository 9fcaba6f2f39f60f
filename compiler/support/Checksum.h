//===- Checksum.h - of attributes that generated code depends on --------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_CHECKSUM_H
#define LATHE_COMPILER_SUPPORT_CHECKSUM_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace lathe {

/// XXH3 in hexadecimal digits: finds what changed by accident.
std::string hashOf(llvm::StringRef bytes);

/// Of lm.model, lm.options, lm.program, lm.tuning and of the weights' and states' places and types, without what the
/// user may still decide and where files lie. From stage vector on code was made for them.
std::string checksumOf(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_CHECKSUM_H
