//===- TargetInfo.h - the description of a target for passes ------------------------------------------------------===//
//
// It is the module attribute `lm.target` (#lm.target<...>, dialects/lm/LMTarget.td). Passes that all targets share get
// it here and know no target by name.
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
  mlir::DictionaryAttr tuning; // lm.tuning: all tuning parameters, also those for the target's own passes
};

/// An interface of the lm dialect that describes the target that a module's lm.options names. The driver and the tools
/// add it (compiler/targets/Registry.h).
class TargetDescriber : public mlir::DialectInterface::Base<TargetDescriber> {
public:
  explicit TargetDescriber(mlir::Dialect *dialect) : Base(dialect) {}
  /// Emits an error that names the wrong entry of lm.options or lm.tuning.
  virtual mlir::FailureOr<TargetInfo> describe(mlir::ModuleOp module) const = 0;
};

/// The description that follows from lm.options and lm.tuning. Ignores lm.target.
mlir::FailureOr<TargetInfo> describeTarget(mlir::ModuleOp module);

/// The module's lm.target. For a module without one, as in tests of a single pass, the description of the target that
/// its lm.options names.
mlir::FailureOr<mlir::lm::TargetAttr> getTarget(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_TARGETINFO_H
