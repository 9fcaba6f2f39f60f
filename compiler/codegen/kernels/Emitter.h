//===- Emitter.h - a builder with short names, for kernels --------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_KERNELS_EMITTER_H
#define LATHE_COMPILER_CODEGEN_KERNELS_EMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lathe {

using namespace mlir;

/// Arithmetic on scalars or vectors: the element type decides which arith op is created.
class Emitter : public ImplicitLocOpBuilder {
public:
  Emitter(Location loc, OpBuilder &builder) : ImplicitLocOpBuilder(loc, builder) {}

  Value index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
  /// A constant of a scalar or vector type.
  Value number(Type type, double value) {
    Type element = getElementTypeOrSelf(type);
    TypedAttr attr = isa<FloatType>(element) ? TypedAttr(getFloatAttr(element, value))
                                             : TypedAttr(getIntegerAttr(element, static_cast<int64_t>(value)));
    if (auto vector = dyn_cast<VectorType>(type))
      attr = DenseElementsAttr::get(vector, cast<Attribute>(attr));
    return arith::ConstantOp::create(*this, attr);
  }

  static bool isFloat(Value value) { return isa<FloatType>(getElementTypeOrSelf(value.getType())); }
  Value add(Value a, Value b) {
    return isFloat(a) ? Value(arith::AddFOp::create(*this, a, b)) : arith::AddIOp::create(*this, a, b);
  }
  Value sub(Value a, Value b) {
    return isFloat(a) ? Value(arith::SubFOp::create(*this, a, b)) : arith::SubIOp::create(*this, a, b);
  }
  Value mul(Value a, Value b) {
    return isFloat(a) ? Value(arith::MulFOp::create(*this, a, b)) : arith::MulIOp::create(*this, a, b);
  }
  Value div(Value a, Value b) {
    return isFloat(a) ? Value(arith::DivFOp::create(*this, a, b)) : arith::DivUIOp::create(*this, a, b);
  }
  Value rem(Value a, Value b) { return arith::RemUIOp::create(*this, a, b); }
  Value ceilDiv(Value a, Value b) { return arith::CeilDivUIOp::create(*this, a, b); }
  Value minimum(Value a, Value b) {
    return isFloat(a) ? select(less(a, b), a, b) : arith::MinSIOp::create(*this, a, b);
  }
  /// The larger value. Of two floats of which one is NaN, it is b.
  Value maximum(Value a, Value b) {
    return isFloat(a) ? select(less(b, a), a, b) : arith::MaxSIOp::create(*this, a, b);
  }
  Value add(Value a, int64_t b) { return b ? add(a, number(a.getType(), b)) : a; }
  Value mul(Value a, int64_t b) { return b == 1 ? a : mul(a, number(a.getType(), b)); }
  Value andBits(Value a, int64_t mask) { return arith::AndIOp::create(*this, a, number(a.getType(), mask)); }
  Value orBits(Value a, Value b) { return arith::OrIOp::create(*this, a, b); }
  Value shl(Value a, int64_t by) {
    return by ? arith::ShLIOp::create(*this, a, number(a.getType(), by)).getResult() : a;
  }
  Value shr(Value a, int64_t by) {
    return by ? arith::ShRUIOp::create(*this, a, number(a.getType(), by)).getResult() : a;
  }
  /// a * b + c; a multiplication and an addition on targets without the instruction.
  Value fma(Value a, Value b, Value c) {
    if (isa<VectorType>(a.getType()))
      return vector::FMAOp::create(*this, a, b, c);
    return math::FmaOp::create(*this, a, b, c);
  }
  Value less(Value a, Value b) {
    return isFloat(a) ? Value(arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, a, b))
                      : arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b);
  }
  Value lessEqual(Value a, Value b) { return arith::CmpIOp::create(*this, arith::CmpIPredicate::sle, a, b); }
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(*this, condition, a, b); }
  Value bitcast(Type type, Value value) {
    return isa<VectorType>(type) ? vector::BitCastOp::create(*this, cast<VectorType>(type), value).getResult()
                                 : arith::BitcastOp::create(*this, type, value).getResult();
  }
  Value toF32(Value integers) { return arith::SIToFPOp::create(*this, like(integers, getF32Type()), integers); }
  Value extend(Value integers, Type element) {
    return arith::ExtUIOp::create(*this, like(integers, element), integers);
  }
  Value extendSigned(Value integers, Type element) {
    return arith::ExtSIOp::create(*this, like(integers, element), integers);
  }
  Value cast(Value value, Type element) { return arith::IndexCastOp::create(*this, element, value); }
  Type like(Value value, Type element) {
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      return VectorType::get(vector.getShape(), element);
    return element;
  }

  Value loadScalar(Value memref, ValueRange at) { return memref::LoadOp::create(*this, memref, at); }
  /// for (i = begin; i < end; i += step) with loop-carried values.
  SmallVector<Value> loop(Value begin, Value end, int64_t step, ValueRange carried,
                          function_ref<SmallVector<Value>(Value i, ValueRange carried)> body) {
    auto op = scf::ForOp::create(*this, begin, end, index(step), carried);
    OpBuilder::InsertionGuard guard(*this);
    if (carried.empty())
      setInsertionPoint(op.getBody()->getTerminator());
    else
      setInsertionPointToEnd(op.getBody());
    SmallVector<Value> results = body(op.getInductionVar(), op.getRegionIterArgs());
    if (!carried.empty())
      scf::YieldOp::create(*this, results);
    return llvm::to_vector_of<Value>(op.getResults());
  }
  void loop(Value begin, Value end, int64_t step, function_ref<void(Value i)> body) {
    loop(begin, end, step, {}, [&](Value i, ValueRange) { return body(i), SmallVector<Value>(); });
  }
  void ifThen(Value condition, function_ref<void()> then, function_ref<void()> otherwise = nullptr) {
    auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/static_cast<bool>(otherwise));
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(op.thenBlock());
    then();
    if (otherwise) {
      setInsertionPointToStart(op.elseBlock());
      otherwise();
    }
  }

  /// Loads the number of an expert from `expert` ([1, 1], i32) and emits `body` with it. A negative number means no
  /// expert: the emitted code then skips the body.
  void forExpert(Value expert, function_ref<void(Value number)> body) {
    Value number = loadScalar(expert, {index(0), index(0)});
    ifThen(lessEqual(this->number(number.getType(), 0), number), [&] { body(cast(number, getIndexType())); });
  }

  Value rowsOf(Value memref) { return memref::DimOp::create(*this, memref, 0); }
  Value columnsOf(Value memref) { return memref::DimOp::create(*this, memref, 1); }
  static int64_t staticColumns(Value memref) { return mlir::cast<MemRefType>(memref.getType()).getDimSize(1); }
  /// f32 to bf16, rounded to nearest even.
  Value toBF16(Value floats) { return arith::TruncFOp::create(*this, like(floats, getBF16Type()), floats); }
  /// Clamps to [2^-126, 2^126].
  Value exp(Value x);
  /// exp(factor * x) for factor * x <= 0; results below 2^-126 are 0.
  Value expNegative(Value x, double factor = 1);
  /// Natural logarithm; x must be positive and normal.
  Value log(Value x);
  /// 1 / (1 + exp(-x)).
  Value sigmoid(Value x);

private:
  /// exp(factor * x); the result must be a normal number.
  Value exp(Value x, double factor);
  /// Clamps x so that exp(x) and exp(-x) are normal numbers.
  Value clampPower(Value x);
};

/// A weight or cache is lowered to a memory segment and an offset in it. Returns both.
std::pair<Value, Value> getSegmentAndOffset(Value weightOrCache);

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_EMITTER_H
