//===- Import.h - builds the lm module of a model with a config ---------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_IMPORT_H
#define LATHE_FRONTENDS_CONFIG_IMPORT_H

#include "frontends/Frontend.h"
#include "frontends/config/ModelSource.h"

namespace lathe {

/// Stage import: the module and the notes. The source adds the tokenizer.
absl::StatusOr<Imported> importSource(const ModelSource &source, const ImportOptions &options,
                                      mlir::MLIRContext &context);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_IMPORT_H
