//===- KnownAttributes.h - ops, functions and modules refuse attributes that nobody reads -------------------------===//
//
// MLIR keeps attributes that an op does not declare, and drops unknown keys of `<{...}>`. In an edited dump both are
// misspelt names, and the model would change without an error. Names that begin with `lm.` or `spmd.` are verified by
// their dialect, on any op.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_KNOWNATTRIBUTES_H
#define LATHE_DIALECTS_LM_KNOWNATTRIBUTES_H

#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"

namespace mlir::lm {

/// Refuses what `op` does not declare, whatever its name.
LogicalResult verifyKnownAttributes(Operation *op);

/// Refuses keys of `<{...}>` that are not among `known`.
LogicalResult verifyKnownProperties(StringRef op, ArrayRef<StringRef> known, Attribute properties,
                                    function_ref<InFlightDiagnostic()> emitError);

/// Refuses an attribute with the prefix of one of our dialects that is not among `known`.
LogicalResult refuseAttribute(Operation *op, NamedAttribute attribute, ArrayRef<StringRef> known);

template <typename ConcreteOp> struct NoUnknownAttributes : OpTrait::TraitBase<ConcreteOp, NoUnknownAttributes> {
  static LogicalResult verifyTrait(Operation *op) { return verifyKnownAttributes(op); }
};

/// `Op` whose properties refuse unknown keys. It has the TypeID of `Op`, so all other code sees `Op`.
template <typename Op> struct StrictOp : Op {
  explicit StrictOp(Operation *op) : Op(op) {}
  static TypeID resolveTypeID() { return TypeID::get<Op>(); }

  template <typename Properties>
  static LogicalResult setPropertiesFromAttr(Properties &properties, Attribute attribute,
                                             function_ref<InFlightDiagnostic()> emitError) {
    if (failed(verifyKnownProperties(Op::getOperationName(), Op::getAttributeNames(), attribute, emitError)))
      return failure();
    return Op::setPropertiesFromAttr(properties, attribute, emitError);
  }
};

/// Adds ops to the dialect as Dialect::addOperations does, but as StrictOps: they refuse attributes that they do not
/// have.
template <typename... Ops> void addStrictOperations(Dialect &dialect) {
  (RegisteredOperationName::insert<StrictOp<Ops>>(dialect), ...);
}

} // namespace mlir::lm

#endif // LATHE_DIALECTS_LM_KNOWNATTRIBUTES_H
