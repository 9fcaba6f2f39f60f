#include "frontends/onnx/Roles.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// The node that appends to a cache: GroupQueryAttention, or Concat of past and new ones.
bool appends(const Node &node, int cache) {
  return node.op == "GroupQueryAttention" ? node.input(3) == cache || node.input(4) == cache
                                          : node.is("", "Concat") && node.input(0) == cache && node.inputs.size() == 2;
}

/// Heads and width of what a node appends, from the shapes that it reads.
absl::Status readSizes(const Node &node, const Shape &shape, InputRole &role) {
  if (node.op == "Concat") {
    if (shape.size() != 4)
      return invalid("expected new keys or values of 4 dimensions, got " + shapeString(shape));
    role.heads = shape[1];
    role.dim = shape[3];
    return absl::OkStatus();
  }
  const int64_t heads = node.integer("num_heads", 0), kvHeads = node.integer("kv_num_heads", 0);
  const int64_t all = node.input(1) < 0 ? heads + 2 * kvHeads : kvHeads;
  if (heads < 1 || kvHeads < 1 || heads > 1 << 20 || kvHeads > 1 << 20 || shape.empty())
    return invalid("expected numbers of heads");
  role.heads = kvHeads;
  role.dim = shape.back() / all;
  return absl::OkStatus();
}

/// Sizes of caches that the graph leaves open follow from what is appended to them, layer after layer.
absl::Status findCacheSizes(const ModelFile &model, std::vector<InputRole> &roles) {
  const Graph &graph = *model.graph;
  std::vector<InputRole> guesses = roles; // 1 for what is open
  for (InputRole &role : guesses)
    if (role.kind == InputKind::Past) {
      role.heads = std::max<int64_t>(role.heads, 1);
      role.dim = std::max<int64_t>(role.dim, 1);
    }
  for (const Node &node : graph.nodes)
    for (size_t i = 0; i < roles.size(); ++i) {
      if (roles[i].kind != InputKind::Past || (roles[i].heads > 0 && roles[i].dim > 0) ||
          !appends(node, graph.inputs[i].value))
        continue;
      const int source = node.op == "Concat" || node.input(1) >= 0 ? node.input(1) : node.input(0);
      if (source < 0)
        continue;
      Evaluator values(model, guesses);
      LATHE_RETURN_IF_ERROR(values.run({0, 5}, source));
      if (absl::Status status = readSizes(node, values[source].shape, roles[i]); !status.ok())
        return fileError(model.path, printable(node.name), std::string(status.message()));
      guesses[i] = roles[i];
    }
  for (auto [input, role] : llvm::zip_equal(graph.inputs, roles))
    if (role.kind == InputKind::Past && (role.heads < 1 || role.dim < 1 || role.heads > 1 << 20 || role.dim > 1 << 20))
      return fileError(model.path, printable(graph.nameOf(input.value)),
                       "expected a cache of a known number of heads and width, got shape " + shapeString(input.shape));
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::vector<InputRole>> lathe::onnx::findRoles(const ModelFile &model) {
  const Graph &graph = *model.graph;
  std::vector<InputRole> roles;
  int idsCount = 0;
  for (const Input &input : graph.inputs) {
    const llvm::StringRef name = graph.nameOf(input.value);
    auto refuse = [&](const llvm::Twine &message) { return fileError(model.path, printable(name), message); };
    InputRole role;
    const size_t rank = input.shape.size();
    if (isReal(input.type) && rank == 4) {
      role = {InputKind::Past, input.shape[1], input.shape[3]};
    } else if (input.type == DataType::Bool && rank == 1) {
      role.kind = InputKind::PastFlag;
    } else if (isReal(input.type)) {
      return refuse("expected ids of tokens, masks, positions and caches as inputs, got " + nameOf(input.type) +
                    " of " + llvm::Twine(rank) + " dimensions");
    } else if (name.contains("mask")) {
      role.kind = InputKind::Mask;
    } else if (name.contains("position")) {
      role.kind = InputKind::Positions;
    } else {
      role.kind = InputKind::Ids;
      if (++idsCount > 1)
        return refuse("expected one input of ids, got a second one");
    }
    const bool isOfTokens = llvm::is_contained({InputKind::Ids, InputKind::Mask, InputKind::Positions}, role.kind);
    if (isOfTokens && rank != 2)
      return refuse("expected an input of 2 dimensions, batch and length, got " + llvm::Twine(rank));
    if (input.shape.size() > 1 && input.shape[0] > 1)
      return refuse("expected a batch of 1 or any size, got " + llvm::Twine(input.shape[0]));
    roles.push_back(role);
  }
  if (idsCount == 0)
    return fileError(model.path, "expected an input of ids, got none");
  LATHE_RETURN_IF_ERROR(findCacheSizes(model, roles));
  return roles;
}

absl::StatusOr<int> lathe::onnx::findLogits(const ModelFile &model) {
  const Graph &graph = *model.graph;
  for (int output : graph.outputs)
    if (graph.nameOf(output) == "logits")
      return output;
  // An exporter that was given no names: the caches follow the logits.
  if (graph.outputs.empty())
    return fileError(model.path, "expected logits as an output, got no outputs");
  return graph.outputs.front();
}
