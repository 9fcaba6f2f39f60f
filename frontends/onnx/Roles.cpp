#include "frontends/onnx/Roles.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// The op that reads a value as its input `i`; null: none.
const Node *readerAt(const Graph &graph, int value, llvm::StringRef op, size_t i) {
  for (const Node &node : graph.nodes)
    if (node.op == op && node.input(i) == value)
      return &node;
  return nullptr;
}

/// How many columns a projection gives, if the file says so; a bias may follow it.
int64_t widthOf(const Graph &graph, int value) {
  constexpr int maxSteps = 4;
  for (int step = 0; step < maxSteps && value >= 0 && graph.values[value].node >= 0; ++step) {
    const Node &node = graph.nodes[graph.values[value].node];
    if (node.op == "MatMulNBits")
      return node.integer("N", 0);
    const int weight = node.input(1);
    const auto constant = weight < 0 ? nullptr : graph.values[weight].constant;
    if (node.op == "MatMul")
      return constant && constant->shape.size() == 2 ? constant->shape[1] : 0;
    value = node.op == "Add" && !constant ? weight : node.input(0);
  }
  return 0;
}

/// A cache [1, heads, past, dim]. Sizes that the graph leaves open follow from the attention that reads it.
absl::StatusOr<InputRole> cacheRole(const Graph &graph, const Input &input) {
  InputRole role = {InputKind::Past, input.shape[1], input.shape[3]};
  const Node *keys = readerAt(graph, input.value, "GroupQueryAttention", 3);
  const Node *node = keys ? keys : readerAt(graph, input.value, "GroupQueryAttention", 4);
  if (node && (role.heads < 0 || role.dim < 0)) {
    const int64_t heads = node->integer("num_heads", 0), kvHeads = node->integer("kv_num_heads", 0);
    const int64_t width = node->input(0) < 0 ? 0 : widthOf(graph, node->input(0));
    const int64_t all = heads + (node->input(1) < 0 ? 2 * kvHeads : 0);
    role.heads = role.heads < 0 ? kvHeads : role.heads;
    role.dim = role.dim < 0 && all > 0 ? width / all : role.dim;
  }
  if (role.heads < 1 || role.dim < 1 || role.heads > 1 << 20 || role.dim > 1 << 20)
    return invalid("expected a cache of a known number of heads and width, got shape " + shapeString(input.shape));
  return role;
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
      auto cache = cacheRole(graph, input);
      if (!cache.ok())
        return refuse(std::string(cache.status().message()));
      role = *cache;
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
