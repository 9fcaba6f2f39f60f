//===- Decomposer.h - builds decompositions of ops of lm ----------------------------------------------------------===//
//
// A decomposition says in linalg what an op means. It is plain and slow, written to be compared with the op's formula.
// Heads and groups are dimensions of their own: rows of H * D values are seen as [rows, H, D].
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_DECOMPOSE_DECOMPOSER_H
#define LATHE_DIALECTS_LM_DECOMPOSE_DECOMPOSER_H

#include "dialects/lm/LMOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::lm {

using Decomposed = FailureOr<SmallVector<Value>>;

inline int64_t columnsOf(Value rows) { return cast<RankedTensorType>(rows.getType()).getDimSize(1); }

class Decomposer : public ImplicitLocOpBuilder {
public:
  Decomposer(Operation *op, OpBuilder &builder) : ImplicitLocOpBuilder(op->getLoc(), builder) {}

  //===--- scalars of a body ------------------------------------------------------------------------------------===//

  Value f32(double value) { return arith::ConstantOp::create(*this, getF32FloatAttr(value)); }
  Value index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
  /// The index of a loop of the surrounding linalg op.
  Value at(int64_t loop) { return linalg::IndexOp::create(*this, loop); }
  Value add(Value a, Value b) {
    return isa<FloatType>(a.getType()) ? Value(arith::AddFOp::create(*this, a, b)) : arith::AddIOp::create(*this, a, b);
  }
  Value sub(Value a, Value b) {
    return isa<FloatType>(a.getType()) ? Value(arith::SubFOp::create(*this, a, b)) : arith::SubIOp::create(*this, a, b);
  }
  Value mul(Value a, Value b) {
    return isa<FloatType>(a.getType()) ? Value(arith::MulFOp::create(*this, a, b)) : arith::MulIOp::create(*this, a, b);
  }
  Value div(Value a, Value b) {
    return isa<FloatType>(a.getType()) ? Value(arith::DivFOp::create(*this, a, b))
                                       : arith::DivUIOp::create(*this, a, b);
  }
  Value rem(Value a, Value b) { return arith::RemUIOp::create(*this, a, b); }
  Value isLess(Value a, Value b) { return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b); }
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(*this, condition, a, b); }
  Value toF32(Value index) {
    return arith::UIToFPOp::create(*this, getF32Type(), arith::IndexCastOp::create(*this, getI32Type(), index));
  }
  Value extract(Value tensor, ValueRange at) { return tensor::ExtractOp::create(*this, tensor, at); }
  /// cap * tanh(x / cap)
  Value softcap(Value x, double cap) { return mul(f32(cap), math::TanhOp::create(*this, div(x, f32(cap)))); }
  /// 1 / (1 + exp(-x))
  Value sigmoid(Value x) {
    return div(f32(1), add(f32(1), math::ExpOp::create(*this, arith::NegFOp::create(*this, x))));
  }
  Value activate(Value x, Activation activation);

  //===--- tensors ----------------------------------------------------------------------------------------------===//

  Value rowsOf(Value tensor) { return tensor::DimOp::create(*this, tensor, 0); }
  Value filled(ArrayRef<OpFoldResult> shape, double value) {
    Value empty = tensor::EmptyOp::create(*this, shape, getF32Type());
    return linalg::FillOp::create(*this, f32(value), empty).getResult(0);
  }
  Value empty(Value rows, RankedTensorType like) {
    return tensor::EmptyOp::create(*this, shape(rows, like.getShape().drop_front()), getF32Type());
  }
  SmallVector<OpFoldResult> shape(Value first, ArrayRef<int64_t> rest);

  /// [rows, a * b * ...] as [rows, a, b, ...], and back.
  Value split(Value rows, ArrayRef<int64_t> parts);
  Value join(Value tensor);

  using Body = function_ref<Value(ValueRange)>;
  /// One linalg.generic: `dims` says which loops index each input and, last, the result; `init` has the result's shape
  /// and is what sums begin with. Loops that index no result are summed over.
  Value generic(int64_t loops, ArrayRef<SmallVector<int64_t>> dims, ValueRange ins, Value init, Body body);
  /// The body applied to one value of each input; all inputs have the first one's shape.
  Value elementwise(ValueRange ins, Body body);
};

} // namespace mlir::lm

#endif // LATHE_DIALECTS_LM_DECOMPOSE_DECOMPOSER_H
