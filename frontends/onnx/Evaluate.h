//===- Evaluate.h - computes what does not depend on the tokens ---------------------------------------------------===//
//
// The graph is evaluated for one sequence of `length` tokens after `past` cached ones. Shapes, masks, positions and
// rotary tables come out as values, whatever nodes an exporter wrote for them. Of everything that depends on the
// embedding of the tokens only type and shape are known: it is data.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_EVALUATE_H
#define LATHE_FRONTENDS_ONNX_EVALUATE_H

#include "frontends/onnx/Tensor.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace lathe::onnx {

/// A constant that stays in its file, and what nodes did to it that a weight's recipe can do, too.
struct Stored {
  std::shared_ptr<const Constant> constant;
  bool transposed = false; // the last two dimensions are exchanged
  bool addsOne = false;    // 1 was added to every value
  // With scales, the constant holds quantised values of `bits` bits: (q - zero point) * scale. `block` neighbours of a
  // row of the matrix have one scale and zero point. Without zero points it is 2^(bits - 1), or 0 for signed values.
  std::shared_ptr<const Constant> scales, zeroPoints;
  int64_t bits = 0, block = 0;
  int64_t pitch = 0; // values that a row of the file has
};

/// What is known of a value of the graph.
struct Evaluated {
  DataType type = DataType::Float;
  Shape shape;
  TensorPtr known;                      // its values
  std::shared_ptr<const Stored> stored; // a constant, not read
  bool isSet = false;

  bool isConstant() const { return known || stored; }
  bool isData() const { return isSet && !isConstant(); }
};

/// One sequence: position `past` is the first of `length` tokens.
struct Sizes {
  int64_t past = 0, length = 1;
  int64_t total() const { return past + length; }
};

/// What an input of the graph is.
enum class InputKind : uint8_t { Ids, Mask, Positions, Past, PastFlag };

struct InputRole {
  InputKind kind = InputKind::Ids;
  int64_t heads = 0, dim = 0; // of Past: key/value heads, and their width
};

class Evaluator {
public:
  /// `roles`: one for each input of the graph.
  Evaluator(const ModelFile &model, llvm::ArrayRef<InputRole> roles) : model(model), roles(roles) {}

  /// Evaluates the nodes that `wanted` values depend on. Errors name the node.
  absl::Status run(Sizes sizes, llvm::ArrayRef<int> wanted);

  const Evaluated &operator[](int value) const { return values[value]; }
  /// The values of a constant; those of a large one are read here. Null: data, or more than kMaxEvaluated values.
  TensorPtr constant(int value) const;
  Sizes sizes() const { return currentSizes; }

private:
  const ModelFile &model;
  llvm::ArrayRef<InputRole> roles;
  Sizes currentSizes;
  std::vector<Evaluated> values; // of the graph
};

/// A node whose inputs are known: computes its outputs. Errors are about the node's inputs, without its name.
struct NodeContext {
  const Node &node;
  int64_t opset;
  llvm::SmallVector<Evaluated, 4> inputs; // not set: left out

  bool has(size_t i) const { return i < inputs.size() && inputs[i].isSet; }
  /// The values of an input, read if it is stored. Null if it is data or too large.
  TensorPtr values(size_t i) const;
  /// The input's values as integers: "axes" that are an input or, before opset 13, an attribute.
  std::optional<std::vector<int64_t>> integers(size_t i, llvm::StringRef attribute) const;
};

/// Evaluates one node of known inputs. An op that is not known is an error.
absl::StatusOr<llvm::SmallVector<Evaluated, 2>> evaluateNode(const NodeContext &context);

/// Type and shape of the results of a node that reads data.
absl::StatusOr<llvm::SmallVector<Evaluated, 2>> inferNode(const NodeContext &context);

/// Values of the tensor.
Evaluated evaluated(TensorPtr tensor);
/// Data.
Evaluated data(DataType type, llvm::ArrayRef<int64_t> shape);
/// Reads a stored constant; null if it has more than kMaxEvaluated values or is quantised.
TensorPtr load(const Stored &stored);

absl::Status invalid(const llvm::Twine &message);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_EVALUATE_H
