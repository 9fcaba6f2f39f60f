#include "dialects/lm/KnownAttributes.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::lm;

/// "expects no attributes" or "expects attributes among a, b".
static void describe(InFlightDiagnostic &error, ArrayRef<StringRef> known, StringRef found) {
  if (known.empty()) {
    error << "expects no attributes, but found '" << found << "'";
    return;
  }
  error << "expects attributes among ";
  llvm::interleaveComma(known, error);
  error << ", but found '" << found << "'";
}

LogicalResult lm::verifyKnownAttributes(Operation *op) {
  for (NamedAttribute attribute : op->getDiscardableAttrs()) {
    SmallVector<StringRef> known;
    for (StringAttr name : op->getName().getAttributeNames())
      known.push_back(name.getValue());
    InFlightDiagnostic error = op->emitOpError();
    describe(error, known, attribute.getName());
    return error;
  }
  return success();
}

LogicalResult lm::verifyKnownProperties(StringRef op, ArrayRef<StringRef> known, Attribute properties,
                                        function_ref<InFlightDiagnostic()> emitError) {
  auto entries = dyn_cast_or_null<DictionaryAttr>(properties);
  if (!entries)
    return success(); // not a dictionary: refused by whoever reads it
  for (NamedAttribute entry : entries)
    if (!llvm::is_contained(known, entry.getName().getValue())) {
      InFlightDiagnostic error = emitError();
      error << "'" << op << "' op ";
      describe(error, known, entry.getName());
      return error;
    }
  return success();
}

LogicalResult lm::refuseAttribute(Operation *op, NamedAttribute attribute, ArrayRef<StringRef> known) {
  InFlightDiagnostic error = op->emitOpError();
  describe(error, known, attribute.getName());
  return error;
}
