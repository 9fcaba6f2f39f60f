//===- EmitWeight.h - lm.weight of a weight in a file -------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_EMITWEIGHT_H
#define LATHE_FRONTENDS_ONNX_EMITWEIGHT_H

#include "dialects/lm/LMOps.h"
#include "frontends/onnx/Term.h"
#include "mlir/IR/Builders.h"

namespace lathe::onnx {

mlir::lm::WeightType typeOf(mlir::MLIRContext *context, const Weight &weight);

/// Adds lm.weight @symbol.
void emitWeight(mlir::OpBuilder &builder, llvm::StringRef symbol, const Weight &weight);

/// Of quantised values: the format that they are quantised to again, or converted to, if the user asks for no other
/// one.
std::optional<Format> convertedTo(const Weight &weight);

/// Values of it.
int64_t countOf(const Weight &weight);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_EMITWEIGHT_H
