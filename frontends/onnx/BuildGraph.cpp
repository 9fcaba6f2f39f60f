#include "frontends/onnx/BuildGraph.h"
#include "compiler/support/Errors.h"
#include "frontends/onnx/ExternalData.h"
#include "frontends/onnx/ReadProto.h"
#include "onnx/onnx_pb.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include <cstring>

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// ONNX's own domain has two names.
std::string domainOf(llvm::StringRef domain) { return domain == "ai.onnx" ? "" : domain.str(); }

/// Builds one graph; a subgraph sees the names of the graphs around it.
class GraphBuilder {
public:
  GraphBuilder(ModelFile &model, ExternalFiles *external, GraphBuilder *outer)
      : model(model), external(external), outer(outer), graph(std::make_shared<Graph>()) {}

  absl::StatusOr<std::shared_ptr<const Graph>> build(const ::onnx::GraphProto &proto, bool isMain);
  absl::StatusOr<std::shared_ptr<const Constant>> buildConstant(const ::onnx::TensorProto &proto,
                                                                llvm::StringRef where) const;

private:
  absl::Status error(llvm::StringRef where, const llvm::Twine &message) const {
    return fileError(model.path, printable(where), message);
  }
  absl::Status define(llvm::StringRef name, int value);
  int add(llvm::StringRef name) {
    graph->values.push_back({name.str(), -1, nullptr});
    return static_cast<int>(graph->values.size()) - 1;
  }
  /// The value of a name that some graph around this one defines; -1: none does.
  int capture(llvm::StringRef name);
  int find(llvm::StringRef name) {
    auto found = numbers.find(name);
    return found == numbers.end() ? capture(name) : found->second;
  }
  absl::Status addInputs(const ::onnx::GraphProto &proto, bool isMain);
  absl::Status addNodes(const ::onnx::GraphProto &proto);
  absl::StatusOr<NodeAttribute> buildAttribute(const ::onnx::AttributeProto &proto, llvm::StringRef where);
  absl::StatusOr<Node> buildNode(const ::onnx::NodeProto &proto);

  ModelFile &model;
  ExternalFiles *external; // null: external data is refused
  GraphBuilder *outer;
  std::shared_ptr<Graph> graph;
  llvm::StringMap<int> numbers;
};

absl::Status GraphBuilder::define(llvm::StringRef name, int value) {
  if (!numbers.try_emplace(name, value).second)
    return error(name, "expected one value of this name, got two");
  return absl::OkStatus();
}

int GraphBuilder::capture(llvm::StringRef name) {
  if (!outer)
    return -1;
  const int around = outer->find(name);
  if (around < 0)
    return -1;
  const int own = add(name);
  numbers[name] = own;
  graph->captures.push_back({around, own});
  return own;
}

absl::StatusOr<std::shared_ptr<const Constant>> GraphBuilder::buildConstant(const ::onnx::TensorProto &proto,
                                                                            llvm::StringRef where) const {
  auto constant = std::make_shared<Constant>();
  constant->name = where.str();
  if (!isKnown(proto.data_type()))
    return error(where, "expected numbers, got values of type " + llvm::Twine(proto.data_type()));
  constant->type = static_cast<DataType>(proto.data_type());
  constant->shape.assign(proto.dims().begin(), proto.dims().end());
  const std::optional<int64_t> elements = elementsOf(constant->shape);
  if (!elements)
    return error(where, "expected sizes of at most 2^48 values, got " + shapeString(constant->shape));
  const uint64_t bytes = (*elements * bitsOf(constant->type) + 7) / 8;
  if (proto.has_segment())
    return error(where, "expected a whole tensor, got a segment of one");

  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL) {
    if (!external)
      return error(where, "expected values in the file, got external data");
    LATHE_ASSIGN_OR_RETURN(const ExternalPlace place, external->find(proto, where, bytes));
    constant->file = place.file;
    constant->offset = place.offset;
    constant->bytes = bytes;
    return constant;
  }
  if (proto.has_raw_data()) {
    RawPlace place;
    if (proto.raw_data().size() != sizeof place) // the reader writes nothing else
      return error(where, "expected the place of values, got none");
    std::memcpy(&place, proto.raw_data().data(), sizeof place);
    if (place.bytes != bytes)
      return error(where, "expected " + llvm::Twine(bytes) + " bytes for " + shapeString(constant->shape) + " of " +
                              nameOf(constant->type) + ", got " + llvm::Twine(place.bytes));
    constant->file = model.files.front().get();
    constant->offset = place.offset;
    constant->bytes = place.bytes;
    return constant;
  }
  constant->integers.assign(proto.int32_data().begin(), proto.int32_data().end());
  if (constant->integers.empty())
    constant->integers.assign(proto.int64_data().begin(), proto.int64_data().end());
  if (constant->integers.empty())
    constant->integers.assign(proto.uint64_data().begin(), proto.uint64_data().end());
  if (static_cast<int64_t>(constant->integers.size()) != *elements)
    return error(where, "expected " + llvm::Twine(*elements) + " values for " + shapeString(constant->shape) +
                            ", got " + llvm::Twine(constant->integers.size()));
  return constant;
}

absl::StatusOr<NodeAttribute> GraphBuilder::buildAttribute(const ::onnx::AttributeProto &proto, llvm::StringRef where) {
  NodeAttribute attribute;
  attribute.text = proto.s();
  attribute.integer = proto.i();
  attribute.real = proto.f();
  attribute.integers.assign(proto.ints().begin(), proto.ints().end());
  attribute.reals.assign(proto.floats().begin(), proto.floats().end());
  if (proto.has_t()) {
    LATHE_ASSIGN_OR_RETURN(attribute.tensor, buildConstant(proto.t(), where));
  }
  if (proto.has_g()) {
    LATHE_ASSIGN_OR_RETURN(attribute.graph, GraphBuilder(model, external, this).build(proto.g(), /*isMain=*/false));
  }
  return attribute;
}

absl::StatusOr<Node> GraphBuilder::buildNode(const ::onnx::NodeProto &proto) {
  Node node;
  node.name = proto.name();
  node.op = proto.op_type();
  node.domain = domainOf(proto.domain());
  if (node.name.empty() && proto.output_size() > 0)
    node.name = proto.output(0);
  for (const ::onnx::AttributeProto &attribute : proto.attribute()) {
    LATHE_ASSIGN_OR_RETURN(NodeAttribute built, buildAttribute(attribute, node.name));
    if (!node.attributes.try_emplace(attribute.name(), std::move(built)).second)
      return error(node.name, "expected one attribute " + quoted(attribute.name()) + ", got two");
  }
  return node;
}

absl::Status GraphBuilder::addInputs(const ::onnx::GraphProto &proto, bool isMain) {
  for (const ::onnx::TensorProto &tensor : proto.initializer()) {
    LATHE_ASSIGN_OR_RETURN(auto constant, buildConstant(tensor, tensor.name()));
    const int value = add(tensor.name());
    graph->values[value].constant = std::move(constant);
    LATHE_RETURN_IF_ERROR(define(tensor.name(), value));
  }
  if (proto.sparse_initializer_size() > 0)
    return error(proto.sparse_initializer(0).values().name(), "expected dense values, got a sparse tensor");
  if (!isMain && proto.input_size() > 0)
    return error(proto.input(0).name(), "expected a subgraph without inputs, got one with an input");
  for (const ::onnx::ValueInfoProto &info : proto.input()) {
    // Before IR version 4 initialisers are inputs, too.
    if (auto found = numbers.find(info.name()); found != numbers.end()) {
      if (graph->values[found->second].constant)
        continue;
      return error(info.name(), "expected one value of this name, got two");
    }
    if (!info.type().has_tensor_type() || !isKnown(info.type().tensor_type().elem_type()))
      return error(info.name(), "expected a tensor of numbers as input, got something else");
    Input input = {add(info.name()), static_cast<DataType>(info.type().tensor_type().elem_type()), {}};
    for (const auto &dim : info.type().tensor_type().shape().dim())
      input.shape.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : -1);
    LATHE_RETURN_IF_ERROR(define(info.name(), input.value));
    graph->inputs.push_back(std::move(input));
  }
  return absl::OkStatus();
}

/// Names first: files need not have nodes in order.
absl::Status GraphBuilder::addNodes(const ::onnx::GraphProto &proto) {
  std::vector<llvm::SmallVector<int, 2>> outputs(proto.node_size());
  std::vector<int> producer; // of each value: a node of the file; -1: none
  for (auto [number, node] : llvm::enumerate(proto.node()))
    for (const std::string &name : node.output()) {
      outputs[number].push_back(name.empty() ? -1 : add(name));
      if (name.empty())
        continue;
      LATHE_RETURN_IF_ERROR(define(name, outputs[number].back()));
      producer.resize(graph->values.size(), -1);
      producer[outputs[number].back()] = static_cast<int>(number);
    }
  std::vector<Node> nodes;
  std::vector<std::vector<int>> users(proto.node_size());
  std::vector<int> waiting(proto.node_size());
  for (auto [number, from] : llvm::enumerate(proto.node())) {
    LATHE_ASSIGN_OR_RETURN(Node node, buildNode(from));
    node.outputs = outputs[number];
    for (const std::string &name : from.input()) {
      node.inputs.push_back(name.empty() ? -1 : find(name));
      if (!name.empty() && node.inputs.back() < 0)
        return error(node.name,
                     printable(node.qualifiedOp()) + ": expected a value named " + quoted(name) + ", got none");
    }
    llvm::SmallVector<int> read(node.inputs.begin(), node.inputs.end());
    for (const auto &attribute : node.attributes)
      if (attribute.second.graph)
        for (auto [around, own] : attribute.second.graph->captures)
          read.push_back(around);
    for (int value : read)
      if (value >= 0 && value < static_cast<int>(producer.size()) && producer[value] >= 0) {
        users[producer[value]].push_back(static_cast<int>(number));
        ++waiting[number];
      }
    nodes.push_back(std::move(node));
  }
  // In the order of the file where that is an order.
  std::vector<int> ready;
  for (int number = static_cast<int>(nodes.size()) - 1; number >= 0; --number)
    if (waiting[number] == 0)
      ready.push_back(number);
  std::make_heap(ready.begin(), ready.end(), std::greater<>());
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end(), std::greater<>());
    const int number = ready.back();
    ready.pop_back();
    for (int output : nodes[number].outputs)
      if (output >= 0)
        graph->values[output].node = static_cast<int>(graph->nodes.size());
    graph->nodes.push_back(std::move(nodes[number]));
    waiting[number] = -1;
    for (int user : users[number])
      if (--waiting[user] == 0) {
        ready.push_back(user);
        std::push_heap(ready.begin(), ready.end(), std::greater<>());
      }
  }
  for (auto [number, count] : llvm::enumerate(waiting))
    if (count > 0)
      return error(nodes[number].name, printable(nodes[number].qualifiedOp()) +
                                           ": expected nodes without a cycle, got one that "
                                           "depends on its own result");
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Graph>> GraphBuilder::build(const ::onnx::GraphProto &proto, bool isMain) {
  LATHE_RETURN_IF_ERROR(addInputs(proto, isMain));
  LATHE_RETURN_IF_ERROR(addNodes(proto));
  for (const ::onnx::ValueInfoProto &info : proto.output()) {
    const int value = find(info.name());
    if (value < 0)
      return error(info.name(), "expected a node that computes this output, got none");
    graph->outputs.push_back(value);
  }
  return std::move(graph);
}

} // namespace

absl::Status lathe::onnx::buildModel(const ::onnx::ModelProto &proto, bool allowsExternal, ModelFile &model) {
  for (const ::onnx::OperatorSetIdProto &opset : proto.opset_import())
    if (domainOf(opset.domain()).empty())
      model.opset = opset.version();
  constexpr int64_t oldest = 13; // where Squeeze, Unsqueeze and Split take their numbers as inputs
  if (model.opset < oldest)
    return fileError(model.path,
                     "expected opset " + llvm::Twine(oldest) + " or later, got " + llvm::Twine(model.opset));
  if (proto.functions_size() > 0)
    return fileError(model.path, printable(proto.functions(0).name()),
                     "expected a graph without functions of its own, got a function; export it with functions inlined");
  ExternalFiles external(model);
  GraphBuilder builder(model, allowsExternal ? &external : nullptr, nullptr);
  LATHE_ASSIGN_OR_RETURN(model.graph, builder.build(proto.graph(), /*isMain=*/true));
  return absl::OkStatus();
}
