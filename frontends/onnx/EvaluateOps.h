//===- EvaluateOps.h - the evaluator's ops, by kind ---------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_EVALUATEOPS_H
#define LATHE_FRONTENDS_ONNX_EVALUATEOPS_H

#include "frontends/onnx/Evaluate.h"

namespace lathe::onnx {

using Results = absl::StatusOr<llvm::SmallVector<Evaluated, 2>>;

/// An op of ONNX's own domain that the evaluator knows.
struct KnownOp {
  llvm::StringLiteral name;
  Results (*evaluate)(const NodeContext &context);
};

/// Each value of the result comes from values at the same place: arithmetic, comparisons, logic, Where, Cast.
llvm::ArrayRef<KnownOp> elementwiseOps();
/// Values move: Reshape, Gather, Concat and so on.
llvm::ArrayRef<KnownOp> movingOps();
/// Many values become one, or values are made: sums, MatMul, Range, Shape.
llvm::ArrayRef<KnownOp> otherOps();

inline llvm::SmallVector<Evaluated, 2> single(std::shared_ptr<Tensor> tensor) { return {evaluated(std::move(tensor))}; }

/// A tensor to fill; an error if it is too large.
absl::StatusOr<std::shared_ptr<Tensor>> makeTensor(DataType type, llvm::ArrayRef<int64_t> shape);

/// Input i, which must be given and small enough to read.
absl::StatusOr<TensorPtr> require(const NodeContext &context, size_t i);

/// For values of `shape`, the place of each in a tensor of shape `from` that is broadcast to it.
class BroadcastIndex {
public:
  BroadcastIndex(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> shape);
  int64_t operator()(int64_t i) const;

private:
  Shape sizes, strides; // of the result's dimensions, in the source
  bool isSame;
};

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_EVALUATEOPS_H
