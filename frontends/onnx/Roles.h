//===- Roles.h - what each input of a graph is --------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_ROLES_H
#define LATHE_FRONTENDS_ONNX_ROLES_H

#include "frontends/onnx/Evaluate.h"

namespace lathe::onnx {

/// One role for each input. Errors: an input that a language model does not have (embeddings, pixels), no ids.
absl::StatusOr<std::vector<InputRole>> findRoles(const ModelFile &model);

/// The output that is the logits.
absl::StatusOr<int> findLogits(const ModelFile &model);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_ROLES_H
