//===- Tensor.h - values that the evaluator computes with ---------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_TENSOR_H
#define LATHE_FRONTENDS_ONNX_TENSOR_H

#include "frontends/onnx/Graph.h"

namespace lathe::onnx {

/// Values in row-major order. Reals are kept as double and are rounded to the type when they are set.
struct Tensor {
  DataType type = DataType::Int64;
  Shape shape;
  std::vector<int64_t> integers; // of integer types and bool
  std::vector<double> reals;     // of float, float16, bfloat16 and double

  Tensor() = default;
  Tensor(DataType type, llvm::ArrayRef<int64_t> shape);

  int64_t size() const { return static_cast<int64_t>(isReal(type) ? reals.size() : integers.size()); }
  double real(int64_t i) const { return isReal(type) ? reals[i] : static_cast<double>(integers[i]); }
  int64_t integer(int64_t i) const { return isReal(type) ? static_cast<int64_t>(reals[i]) : integers[i]; }
  void set(int64_t i, double value);
  void set(int64_t i, int64_t value);
  /// Copies one value of a tensor of the same type.
  void copy(int64_t i, const Tensor &from, int64_t j) {
    if (isReal(type))
      reals[i] = from.reals[j];
    else
      integers[i] = from.integers[j];
  }
};

using TensorPtr = std::shared_ptr<const Tensor>;

/// The most values of one evaluated tensor.
constexpr int64_t kMaxEvaluated = int64_t(1) << 25;

/// As the type holds it.
double roundTo(DataType type, double value);

/// Reads values from the file. The constant has at most kMaxEvaluated of them.
TensorPtr load(const Constant &constant);

/// Value `i` of a float constant, without reading the others.
double loadReal(const Constant &constant, int64_t i);

/// Distances in values between neighbours along each dimension.
Shape stridesOf(llvm::ArrayRef<int64_t> shape);

/// The shape of an elementwise operation on both; nothing if they do not fit.
std::optional<Shape> broadcast(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);

/// -1 means the last dimension.
inline int64_t normalizeAxis(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_TENSOR_H
