//===- SlotNames.h - names of weights by what they do -------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_SLOTNAMES_H
#define LATHE_FRONTENDS_ONNX_SLOTNAMES_H

#include "frontends/onnx/Term.h"

namespace lathe::onnx {

/// A name for each weight of the operations: "q_proj" for the matrix that makes the queries, whatever the file calls
/// it. Names are different from one another.
std::vector<std::pair<std::pair<const Term *, size_t>, std::string>> nameSlots(llvm::ArrayRef<const Term *> operations);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_SLOTNAMES_H
