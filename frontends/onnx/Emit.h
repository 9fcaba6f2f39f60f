//===- Emit.h - from a program to a module of lm ------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_EMIT_H
#define LATHE_FRONTENDS_ONNX_EMIT_H

#include "frontends/onnx/Program.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <map>

namespace lathe::onnx {

struct EmittedModule {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, int64_t> converted;     // quantised weights that are stored in another format, by its name
  int64_t parameters = 0, activeParameters = 0; // values of the weights
};

/// Stage import without the attributes of Describe.h. An operation that is no op of lm is an error.
absl::StatusOr<EmittedModule> emitModule(const ModelFile &model, const Program &program, mlir::MLIRContext &context);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_EMIT_H
