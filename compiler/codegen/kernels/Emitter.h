//===- Emitter.h - short words for vector code --------------------------------------------------------------------===//

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

/// Values of one element type or vectors of it; the arithmetic op is chosen by the type.
class Emitter : public ImplicitLocOpBuilder {
public:
  Emitter(Location loc, OpBuilder &builder) : ImplicitLocOpBuilder(loc, builder) {}

  static constexpr int64_t kLanes = 16; // f32 lanes all float code is written in; the target splits or joins them

  VectorType vec(int64_t lanes, Type element) { return VectorType::get({lanes}, element); }
  VectorType f32s(int64_t lanes = kLanes) { return vec(lanes, getF32Type()); }
  VectorType i32s(int64_t lanes = kLanes) { return vec(lanes, getI32Type()); }
  VectorType i8s(int64_t lanes) { return vec(lanes, getI8Type()); }

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
  /// Of floats one instruction on x86; b where one of them is not a number.
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
  /// Of vectors; a multiplication and an addition on CPUs without the instruction.
  Value fma(Value a, Value b, Value c) { return vector::FMAOp::create(*this, a, b, c); }
  Value less(Value a, Value b) {
    return isFloat(a) ? Value(arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, a, b))
                      : arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b);
  }
  Value lessEqual(Value a, Value b) { return arith::CmpIOp::create(*this, arith::CmpIPredicate::sle, a, b); }
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(*this, condition, a, b); }
  Value splat(Value scalar, int64_t lanes = kLanes) {
    return vector::BroadcastOp::create(*this, vec(lanes, scalar.getType()), scalar);
  }
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

  /// 0, 1, .. 15 as i32s.
  Value laneNumbers() {
    return arith::ConstantOp::create(*this,
                                     DenseIntElementsAttr::get(i32s(), llvm::to_vector(llvm::seq<int32_t>(0, kLanes))));
  }
  Value load(VectorType type, Value memref, ValueRange at) { return vector::LoadOp::create(*this, type, memref, at); }
  void store(Value vector, Value memref, ValueRange at) { vector::StoreOp::create(*this, vector, memref, at); }
  Value loadScalar(Value memref, ValueRange at) { return memref::LoadOp::create(*this, memref, at); }
  /// Bytes of an i8 memref as one value of `type`.
  Value loadBytes(Type type, Value memref, ValueRange at) {
    int64_t bytes = type.getIntOrFloatBitWidth() / 8;
    if (bytes == 1)
      return loadScalar(memref, at);
    Value value = bitcast(vec(1, type), load(i8s(bytes), memref, at));
    return vector::ExtractOp::create(*this, value, 0);
  }
  void storeBytes(Value scalar, Value memref, ValueRange at) {
    int64_t bytes = scalar.getType().getIntOrFloatBitWidth() / 8;
    Value value = vector::BroadcastOp::create(*this, vec(1, scalar.getType()), scalar);
    store(bitcast(i8s(bytes), value), memref, at);
  }
  /// Asks for the line at `at` into the cache of the level `cache`; it need not be there.
  void prefetch(Value memref, ValueRange at, int64_t cache) {
    memref::PrefetchOp::create(*this, memref, at, /*isWrite=*/false, /*localityHint=*/4 - cache, /*isDataCache=*/true);
  }
  Value sum(Value vector) { return vector::ReductionOp::create(*this, vector::CombiningKind::ADD, vector); }
  /// The largest of 16 floats.
  Value largest(Value floats) {
    for (int64_t lanes = kLanes / 2; lanes; lanes /= 2) {
      auto part = [&](int64_t first) { return vector::ExtractStridedSliceOp::create(*this, floats, first, lanes, 1); };
      floats = maximum(part(0), part(lanes));
    }
    return vector::ExtractOp::create(*this, floats, 0);
  }

  /// for (i = begin; i < end; i += step) with values carried from round to round.
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

  /// The number that `expert` holds, if it is not negative.
  void forExpert(Value expert, function_ref<void(Value number)> body) {
    Value number = loadScalar(expert, {index(0), index(0)});
    ifThen(lessEqual(this->number(number.getType(), 0), number), [&] { body(cast(number, getIndexType())); });
  }

  /// One row of several parts of `columns` values as so many rows.
  Value asRows(Value row, int64_t columns);
  /// All values of rows that follow one another, in one dimension.
  Value asLine(Value rows);
  Value rowsOf(Value memref) { return memref::DimOp::create(*this, memref, 0); }
  Value columnsOf(Value memref) { return memref::DimOp::create(*this, memref, 1); }
  static int64_t staticColumns(Value memref) { return mlir::cast<MemRefType>(memref.getType()).getDimSize(1); }
  void forRows(Value memref, function_ref<void(Value row)> body) {
    if (mlir::cast<MemRefType>(memref.getType()).getDimSize(0) == 1)
      return body(index(0));
    loop(index(0), rowsOf(memref), 1, body);
  }
  /// Vectors over a row of `columns` values: 16 lanes, then single values where 16 does not divide.
  void forVectors(Value memref, function_ref<void(int64_t lanes, Value column)> body) {
    int64_t columns = staticColumns(memref);
    if (!ShapedType::isDynamic(columns)) {
      int64_t lanes = lanesFor(columns);
      loop(index(0), index(columns), lanes, [&](Value column) { body(lanes, column); });
      return;
    }
    Value end = columnsOf(memref), whole = mul(div(end, index(kLanes)), kLanes);
    loop(index(0), whole, kLanes, [&](Value column) { body(kLanes, column); });
    loop(whole, end, 1, [&](Value column) { body(1, column); });
  }
  /// The widest vector that divides a row.
  static int64_t lanesFor(int64_t columns) {
    int64_t lanes = kLanes;
    while (columns % lanes)
      lanes /= 2;
    return lanes;
  }

  /// Rounded to nearest even.
  Value toBF16(Value floats) { return arith::TruncFOp::create(*this, like(floats, getBF16Type()), floats); }
  /// 16 vectors of 16: vector r of what it returns holds the r-th values of all.
  SmallVector<Value> turn(SmallVector<Value> rows);
  /// To 2^-126 and 2^126 at least and at most.
  Value exp(Value x);
  /// exp(factor * x) of what is not positive; 0 where that is below 2^-126.
  Value expNegative(Value x, double factor = 1);
  /// Natural logarithm of positive normal numbers.
  Value log(Value x);
  /// 1 / (1 + exp(-x)) of vectors.
  Value sigmoid(Value x);

private:
  /// exp(factor * x), whose exponent must be one of a normal number.
  Value exp(Value x, double factor);
  /// To where exp of it, and of its negative, is a normal number.
  Value clampPower(Value x);
};

/// (area, place) that a weight or cache value stands for.
std::pair<Value, Value> getAreaAndPlace(Value weightOrCache);

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_EMITTER_H
