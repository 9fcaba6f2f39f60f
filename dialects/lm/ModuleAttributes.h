//===- ModuleAttributes.h - what a module says beside its ops -----------------------------------------------------===//
//
// Everything that travels with a module so that each stage's dump can be gone on from:
//
//   lm.model      what the model is and where its files lie (frontends/Describe.h)
//   lm.files      the files of the weights when the model was imported: bytes, and a hash of the header
//   lm.options    what the user asked for that later stages need (compiler/driver)
//   lm.sampling   what its files say about sampling (frontends/Describe.h)
//   lm.target     what passes decide from that depends on the target (dialects/lm/LMTarget.td)
//   lm.tuning     tuning parameters of the target (compiler/targets/cpu/CPUInfo.h)
//   lm.program    sizes and counts the runtime wants to know (compiler/codegen/DescribeProgram.cpp)
//   lm.checksum   of attributes that generated code depends on (compiler/codegen/RecordChecksum.cpp)
//   lm.stage      the stage that printed it
//
// Keys are optional, as modules in tests are small; unknown ones, other types and numbers out of range are errors.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_MODULEATTRIBUTES_H
#define LATHE_DIALECTS_LM_MODULEATTRIBUTES_H

#include "mlir/IR/Operation.h"

namespace mlir::lm {

inline constexpr llvm::StringLiteral kFilesAttr = "lm.files", kTuningAttr = "lm.tuning", kTargetAttr = "lm.target",
                                     kChecksumAttr = "lm.checksum", kStageAttr = "lm.stage";

/// An attribute of a module whose name begins with `lm.`.
LogicalResult verifyModuleAttribute(Operation *module, NamedAttribute attribute);

} // namespace mlir::lm

#endif // LATHE_DIALECTS_LM_MODULEATTRIBUTES_H
