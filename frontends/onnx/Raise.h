//===- Raise.h - from nodes to operations -------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_RAISE_H
#define LATHE_FRONTENDS_ONNX_RAISE_H

#include "frontends/onnx/Evaluate.h"
#include "frontends/onnx/Term.h"
#include "llvm/ADT/STLExtras.h"
#include <deque>
#include <map>

namespace lathe::onnx {

/// A key or value cache: an input, and the output that is passed in as this input next time.
struct CacheInput {
  int input = -1; // value of the graph
  int64_t heads = 0, dim = 0;
};

/// All operations that the results depend on.
struct Raised {
  std::deque<Term> operations; // owns them, in the order in which they were made
  const Term *logits = nullptr;
};

class Raiser {
public:
  Raiser(const ModelFile &model, const Evaluator &values, llvm::ArrayRef<InputRole> roles, Raised &raised)
      : model(model), values(values), roles(roles), raised(raised), views(model.graph->values.size()),
        reasons(model.graph->values.size()) {}

  /// Reads all nodes. An error is the first node that the logits or a cache depend on and that no rule reads.
  absl::Status run(int logits);

  const Graph &graph() const { return *model.graph; }
  const Evaluator &evaluator() const { return values; }
  const View &view(int value) const { return views[value]; }
  void set(int value, View view) { views[value] = std::move(view); }
  /// The selected columns are one operation, however often they are asked for.
  const Term *&selected(const Term *operation, int64_t first, int64_t count) {
    return selections[{operation, first, count}];
  }
  /// Limits the recursion of selectColumns.
  int &selectionDepth() { return depth; }
  bool hasPast() const {
    return llvm::any_of(roles, [](const InputRole &r) { return r.kind == InputKind::Past; });
  }
  Term *make(Term operation) { return &raised.operations.emplace_back(std::move(operation)); }
  int64_t length() const { return values.sizes().length; }

private:
  void readNode(const Node &node, int number);
  absl::Status refusal(int value) const;
  absl::Status checkPresents(int logits) const;

  const ModelFile &model;
  const Evaluator &values;
  llvm::ArrayRef<InputRole> roles;
  Raised &raised;
  std::vector<View> views;
  std::vector<std::string> reasons; // of values without a view
  int depth = 0;                    // of selectColumns
  std::map<std::tuple<const Term *, int64_t, int64_t>, const Term *> selections;
};

/// A node for the rules that read it.
class RuleContext {
public:
  RuleContext(Raiser &raiser, const Node &node, int number) : raiser(raiser), node(node), number(number) {}

  bool has(size_t i) const { return node.input(i) >= 0; }
  bool isData(size_t i) const { return has(i) && evaluated(i).isData(); }
  /// Of a missing input: not set.
  const Evaluated &evaluated(size_t i) const {
    static const Evaluated none;
    return has(i) ? raiser.evaluator()[node.input(i)] : none;
  }
  /// Values of a constant input; null if there are none, or too many.
  TensorPtr constant(size_t i) const {
    return has(i) && !isData(i) ? raiser.evaluator().constant(node.input(i)) : nullptr;
  }
  /// The number that all values of a constant input are.
  std::optional<double> scalar(size_t i) const;
  /// Of a missing input or a constant: without an operation.
  const View &view(size_t i) const {
    static const View none;
    return has(i) ? raiser.view(node.input(i)) : none;
  }
  /// The view of an input with all columns of its operation: others are left out of the operation.
  absl::StatusOr<View> compact(size_t i) { return compact(view(i)); }
  absl::StatusOr<View> compact(View view);
  /// The operation if the input is its rows, [.., rows, columns].
  absl::StatusOr<const Term *> rows(size_t i);

  Term *make(Kind kind, llvm::ArrayRef<const Term *> arguments, int64_t width);
  /// An output is a view of an operation.
  absl::Status set(size_t output, const Term *operation, Layout layout);
  /// An output is an operation's rows, in the shape that the output has.
  absl::Status setRows(size_t output, const Term *operation);
  const Shape &outputShape(size_t output) const { return raiser.evaluator()[node.output(output)].shape; }

  Raiser &raiser;
  const Node &node;
  int number; // of the node
};

/// A vector or a matrix that an input is, with `rows` x `columns` values if it is a matrix.
absl::StatusOr<Weight> vectorOf(const RuleContext &context, size_t i, int64_t size);
/// As the right operand of a product: [columns, rows]; `isTransposed`: [rows, columns].
absl::StatusOr<Weight> matrixOf(const RuleContext &context, size_t i, int64_t columns, bool isTransposed);

/// The columns [first, first + count) of an operation's result, as an operation.
absl::StatusOr<const Term *> selectColumns(Raiser &raiser, const Term *operation, int64_t first, int64_t count);

/// Reads a node: makes views of its outputs. An error says what the rule expected.
using Rule = absl::Status (*)(RuleContext &context);
struct RuleEntry {
  llvm::StringLiteral domain, op;
  Rule rule;
};
/// Several rules may read one op; they are tried in order.
llvm::ArrayRef<RuleEntry> layoutRules();
llvm::ArrayRef<RuleEntry> embedRules();
llvm::ArrayRef<RuleEntry> normRules();
llvm::ArrayRef<RuleEntry> linearRules();
llvm::ArrayRef<RuleEntry> ropeRules();
llvm::ArrayRef<RuleEntry> attentionRules();
llvm::ArrayRef<RuleEntry> attentionOpRules();
llvm::ArrayRef<RuleEntry> groupQueryRules();
llvm::ArrayRef<RuleEntry> activationRules();
llvm::ArrayRef<RuleEntry> expertsRules();
llvm::ArrayRef<RuleEntry> elementwiseRules();

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_RAISE_H
