//===- TargetInfo.h - what passes ask of a target -----------------------------------------------------------------===//
//
// The answer is the module attribute `lm.target` (#lm.target<...>, dialects/lm/LMTarget.td). Passes below the targets
// get it here and know no target by name.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_TARGETINFO_H
#define LATHE_COMPILER_SUPPORT_TARGETINFO_H

#include "dialects/lm/LMOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectInterface.h"

namespace lathe {

struct TargetInfo {
  mlir::lm::TargetAttr target; // lm.target
  mlir::DictionaryAttr tuning; // lm.tuning: every number that can be tuned; what only the target's own passes read, too
};

/// Interface of the lm dialect: describes the target that a module's lm.options name. The driver and the tools add it
/// (compiler/targets/Registry.h).
class TargetDescriber : public mlir::DialectInterface::Base<TargetDescriber> {
public:
  explicit TargetDescriber(mlir::Dialect *dialect) : Base(dialect) {}
  /// An error names what of lm.options or lm.tuning is wrong.
  virtual mlir::FailureOr<TargetInfo> describe(mlir::ModuleOp module) const = 0;
};

/// From lm.options and lm.tuning, whatever lm.target says.
mlir::FailureOr<TargetInfo> describeTarget(mlir::ModuleOp module);

/// The module's lm.target. A module without one, as in tests of a single pass, is for the target that its lm.options
/// name.
mlir::FailureOr<mlir::lm::TargetAttr> getTarget(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_TARGETINFO_H
