//===- ValueNames.h - dumps call values by what they are ----------------------------------------------------------===//
//
// `%q = lm.linear %normed, %q_proj`: a weight or state has the name of its slot, a result the name of what the op
// makes. Names follow from the IR alone, so a dump that was read back prints the same ones.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_VALUENAMES_H
#define LATHE_DIALECTS_LM_VALUENAMES_H

#include "dialects/lm/LMOps.h"

namespace mlir::lm {

/// The role of a weight or state: the slot of a function's argument, the symbol of an lm.use; else empty.
StringRef slotOf(Value value);

/// Sets the names that dumps give to the results of an op of this dialect.
void nameResults(Operation *op, OpAsmSetValueNameFn setName);

template <typename Op> struct NamedResults : OpAsmOpInterface::ExternalModel<NamedResults<Op>, Op> {
  void getAsmResultNames(Operation *op, OpAsmSetValueNameFn setName) const { nameResults(op, setName); }
};

/// Attaches the interface that names results (nameResults) to these ops.
template <typename... Ops> void nameResultsOf(MLIRContext *context) {
  (Ops::template attachInterface<NamedResults<Ops>>(*context), ...);
}

/// Gives the arguments of functions locations that hold their names. They are printed with
/// OpPrintingFlags::printNameLocAsPrefix: nothing else can name the arguments of a func.func.
void nameArguments(Operation *module);

} // namespace mlir::lm

#endif // LATHE_DIALECTS_LM_VALUENAMES_H
