//===- Import.h - a described model becomes an lm module ----------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_IMPORT_H
#define LATHE_FRONTENDS_CONFIG_IMPORT_H

#include "absl/status/statusor.h"
#include "frontends/Frontend.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace lathe {

struct ImportOptions {
  int64_t context = 0; // positions to make room for; 0: the model's own, at most 8192
};

/// Positions that caches are made for.
int64_t contextOf(const Config &config, const ImportOptions &options);

/// Stage 1. The module's lm.model attribute holds what later stages need to know of the model and is not in an op.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> importModel(mlir::MLIRContext &context, const ModelSource &source,
                                                              const ImportOptions &options);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_IMPORT_H
