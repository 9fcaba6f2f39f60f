//===- Graph.h - an ONNX graph: nodes in order, values by number, constants by place ------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_GRAPH_H
#define LATHE_FRONTENDS_ONNX_GRAPH_H

#include "absl/status/statusor.h"
#include "compiler/support/File.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <memory>
#include <string>
#include <vector>

namespace onnx {
class ModelProto;
} // namespace onnx

namespace lathe::onnx {

/// TensorProto.DataType; other numbers are refused.
enum class DataType : uint8_t {
  Float = 1,
  UInt8 = 2,
  Int8 = 3,
  UInt16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  UInt32 = 12,
  UInt64 = 13,
  BFloat16 = 16,
  UInt4 = 21,
  Int4 = 22,
};

bool isKnown(int32_t type);
bool isReal(DataType type);
/// Of a value, in bits: 4 for two values to a byte.
int bitsOf(DataType type);
llvm::StringRef nameOf(DataType type);

using Shape = llvm::SmallVector<int64_t, 4>;

/// The product of the sizes, or nothing if it is more than 2^48.
std::optional<int64_t> elementsOf(llvm::ArrayRef<int64_t> shape);

/// A tensor whose values are known when the file is read.
struct Constant {
  std::string name;
  DataType type = DataType::Float;
  Shape shape;
  const MappedFile *file = nullptr; // null: `integers` has the values
  uint64_t offset = 0, bytes = 0;   // in the file
  std::vector<int64_t> integers;    // values that the model stores as varints; bits of floats of 16 bits

  llvm::StringRef raw() const { return file->bytes().substr(offset, bytes); }
};

struct Graph;

struct NodeAttribute {
  std::string text;                       // of a string
  int64_t integer = 0;                    // of an int
  double real = 0;                        // of a float
  std::vector<int64_t> integers;          // of ints
  std::vector<double> reals;              // of floats
  std::shared_ptr<const Constant> tensor; // of a tensor
  std::shared_ptr<const Graph> graph;     // of a graph
};

struct Node {
  std::string name, domain, op;      // domain "" is ONNX's own
  llvm::SmallVector<int, 4> inputs;  // values; -1: left out
  llvm::SmallVector<int, 2> outputs; // values; -1: left out
  llvm::StringMap<NodeAttribute> attributes;

  /// "com.microsoft::MatMulNBits", or the op alone for ONNX's own domain.
  std::string qualifiedOp() const { return domain.empty() ? op : domain + "::" + op; }
  bool is(llvm::StringRef otherDomain, llvm::StringRef otherOp) const { return domain == otherDomain && op == otherOp; }
  int input(size_t i) const { return i < inputs.size() ? inputs[i] : -1; }
  int output(size_t i) const { return i < outputs.size() ? outputs[i] : -1; }
  int64_t integer(llvm::StringRef name, int64_t fallback) const;
  double real(llvm::StringRef name, double fallback) const;
  std::string text(llvm::StringRef name, llvm::StringRef fallback) const;
  bool has(llvm::StringRef name) const { return attributes.contains(name); }
  std::vector<int64_t> integers(llvm::StringRef name) const;
};

struct GraphValue {
  std::string name;
  int node = -1;                            // that computes it
  std::shared_ptr<const Constant> constant; // of an initialiser; else null
};

struct Input {
  int value;
  DataType type;
  llvm::SmallVector<int64_t, 4> shape; // -1: not a fixed number
};

struct Graph {
  std::vector<GraphValue> values;
  std::vector<Node> nodes; // every node after those whose results it reads
  std::vector<Input> inputs;
  llvm::SmallVector<int, 8> outputs;
  std::vector<std::pair<int, int>> captures; // of a subgraph: value of the graph around it, its own value

  const std::string &nameOf(int value) const { return values[value].name; }
};

struct ModelFile {
  std::string path;
  std::shared_ptr<const Graph> graph;
  int64_t opset = 0;                              // of ONNX's own domain
  std::vector<std::unique_ptr<MappedFile>> files; // the model itself, then files of external data
  uint64_t headerBytes = 0;                       // of the model's file if the values are elsewhere
};

/// Opens a model and the files of its external data, which must be regular files inside the model's directory, not
/// reached through a symbolic link. Checks names, types, sizes and order. Every error names the file, and the node or
/// tensor.
absl::StatusOr<std::unique_ptr<ModelFile>> openModel(llvm::StringRef path);
/// For tests: external data is refused.
absl::StatusOr<std::unique_ptr<ModelFile>> openModel(std::unique_ptr<MappedFile> file);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_GRAPH_H
