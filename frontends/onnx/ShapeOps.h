//===- ShapeOps.h - what ops that only move values do to shapes ---------------------------------------------------===//
//
// The evaluator, the inference of shapes and the rules all ask here.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_SHAPEOPS_H
#define LATHE_FRONTENDS_ONNX_SHAPEOPS_H

#include "frontends/onnx/Evaluate.h"

namespace lathe::onnx {

/// Elements start, start + step, ... of a dimension.
struct SliceRange {
  int64_t start = 0, step = 1, count = 0;
};

absl::StatusOr<Shape> shapeOfReshape(const NodeContext &context);
/// Squeeze, Unsqueeze and Flatten.
absl::StatusOr<Shape> shapeOfSqueeze(const NodeContext &context);
absl::StatusOr<Shape> shapeOfUnsqueeze(const NodeContext &context);
Shape shapeOfFlatten(const NodeContext &context);
absl::StatusOr<Shape> shapeOfExpand(const NodeContext &context);
/// The permutation of a Transpose.
absl::StatusOr<Shape> permutationOf(const NodeContext &context);
/// A range for each dimension of the input.
absl::StatusOr<llvm::SmallVector<SliceRange, 4>> rangesOfSlice(const NodeContext &context);
/// The axis and sizes of the parts of a Split.
struct SplitParts {
  int64_t axis = 0;
  std::vector<int64_t> sizes;
};
absl::StatusOr<SplitParts> partsOfSplit(const NodeContext &context);
absl::StatusOr<Shape> shapeOfConcat(const NodeContext &context, int64_t &axis);
absl::StatusOr<Shape> shapeOfGather(const NodeContext &context, int64_t &axis);
absl::StatusOr<Shape> shapeOfMatMul(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);
/// Of ReduceSum and so on: the dimensions that are reduced, and the result's shape.
struct Reduction {
  llvm::SmallVector<bool, 4> reduced;
  Shape shape;
};
absl::StatusOr<Reduction> reductionOf(const NodeContext &context);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_SHAPEOPS_H
