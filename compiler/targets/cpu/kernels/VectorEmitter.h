//===- VectorEmitter.h - emits rows as CPU vectors, with short names for vector ops -------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELS_VECTOREMITTER_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELS_VECTOREMITTER_H

#include "compiler/codegen/kernels/RowEmitter.h"

namespace lathe {

class VectorEmitter : public RowEmitter {
public:
  using RowEmitter::RowEmitter;

  static constexpr int64_t kLanes = 16; // f32 lanes of all float code; LLVM splits them to fit registers

  VectorType vec(int64_t lanes, Type element) { return VectorType::get({lanes}, element); }
  VectorType f32s(int64_t lanes = kLanes) { return vec(lanes, getF32Type()); }
  VectorType i32s(int64_t lanes = kLanes) { return vec(lanes, getI32Type()); }
  VectorType i8s(int64_t lanes) { return vec(lanes, getI8Type()); }

  Value splat(Value scalar, int64_t lanes) override {
    return vector::BroadcastOp::create(*this, vec(lanes, scalar.getType()), scalar);
  }
  Value splat(Value scalar) { return splat(scalar, kLanes); }

  /// 0, 1, .. 15 as i32s.
  Value laneNumbers() {
    return arith::ConstantOp::create(*this,
                                     DenseIntElementsAttr::get(i32s(), llvm::to_vector(llvm::seq<int32_t>(0, kLanes))));
  }
  Value load(VectorType type, Value memref, ValueRange at) { return vector::LoadOp::create(*this, type, memref, at); }
  Value loadBytes(Type type, Value memref, ValueRange at) override {
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
  /// Prefetches the line at `at` into the cache of level `cache` (1 to 3). The address may be out of bounds.
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

  using RowEmitter::load;
  using RowEmitter::store;

  int64_t countFor(int64_t columns, bool isWide = false) const override {
    return std::min(lanesFor(columns), isWide ? kLanes / 2 : kLanes);
  }
  Type runOf(Type element, int64_t count) override { return vec(count, element); }
  void forRows(Value memref, function_ref<void(Value row)> body) override;
  void forRuns(Value memref, function_ref<void(Run run)> body) override;
  void forRuns(int64_t columns, function_ref<void(Run run)> body, bool isWide = false) override;
  Value sum(Value begin, int64_t columns, int64_t chains, function_ref<Value(Run run, Value sum)> add) override;
  Value load(Value memref, ValueRange at, int64_t count) override;
  void store(Value vector, Value memref, ValueRange at) override { vector::StoreOp::create(*this, vector, memref, at); }
  Value loadWeight(Value weight, Run run) override;

  /// Views one row of n * `columns` values as n rows.
  Value asRows(Value row, int64_t columns);
  /// Views contiguous rows as one dimension.
  Value asLine(Value rows);
  /// Lanes of the widest vector that divides a row.
  static int64_t lanesFor(int64_t columns) {
    int64_t lanes = kLanes;
    while (columns % lanes)
      lanes /= 2;
    return lanes;
  }

  /// Transposes 16 vectors of 16: vector r of the result holds value r of each.
  SmallVector<Value> transpose(SmallVector<Value> rows);
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELS_VECTOREMITTER_H
