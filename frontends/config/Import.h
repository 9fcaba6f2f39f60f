//===- Import.h - a described model becomes an lm module ----------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_IMPORT_H
#define LATHE_FRONTENDS_CONFIG_IMPORT_H

#include "frontends/Frontend.h"
#include "frontends/config/ModelSource.h"

namespace lathe {

/// Stage 1: module and notes. The tokenizer is the source's own and still empty.
absl::StatusOr<Imported> importSource(const ModelSource &source, const ImportOptions &options,
                                      mlir::MLIRContext &context);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_IMPORT_H
