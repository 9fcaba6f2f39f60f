//===- RowEmitter.h - what kernels on rows need of a target -------------------------------------------------------===//
//
// The kernels of Rowwise.h are written once, against this interface. The target decides how a row is traversed: in
// vectors on a CPU, divided among the threads of a block on a GPU. Arithmetic is Emitter's, on the type of a run.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_KERNELS_ROWEMITTER_H
#define LATHE_COMPILER_CODEGEN_KERNELS_ROWEMITTER_H

#include "compiler/codegen/kernels/Emitter.h"

namespace lathe {

/// Neighbouring values of a row that are computed at once: a vector, or one value.
struct Run {
  Value column;  // of the first of them
  int64_t count; // how many

  /// The same number of values, from another column on.
  Run from(Value other) const { return {other, count}; }
};

class RowEmitter : public Emitter {
public:
  using Emitter::Emitter;
  virtual ~RowEmitter() = default;

  /// How many values of a row with `columns` columns are computed at once: a divisor. `isWide`: values of 64 bits.
  virtual int64_t countFor(int64_t columns, bool isWide = false) const = 0;
  /// The type of `count` values: a scalar or a vector.
  virtual Type runOf(Type element, int64_t count) = 0;
  Type f32s(int64_t count) { return runOf(getF32Type(), count); }
  /// `count` copies of a value.
  virtual Value splat(Value scalar, int64_t count) = 0;
  /// A function of runs, of one value.
  Value ofScalar(Value x, function_ref<Value(Value run)> function) {
    Value result = function(splat(x, 1));
    return isa<VectorType>(result.getType()) ? vector::ExtractOp::create(*this, result, 0).getResult() : result;
  }

  virtual void forRows(Value memref, function_ref<void(Value row)> body) = 0;
  /// Visits all values of a row of `memref`; the number of columns may be known at run time only.
  virtual void forRuns(Value memref, function_ref<void(Run run)> body) = 0;
  /// Visits the columns [0, columns), countFor(columns, isWide) at once.
  virtual void forRuns(int64_t columns, function_ref<void(Run run)> body, bool isWide = false) = 0;
  /// The f32 sum over the columns [begin, begin + columns): `add(run, sum)` returns `sum` plus the terms of a run. If
  /// `chains` divides the row, there are so many independent sums, so that additions need not wait for each other.
  virtual Value sum(Value begin, int64_t columns, int64_t chains, function_ref<Value(Run run, Value sum)> add) = 0;

  /// `count` values from the element at `at` on.
  virtual Value load(Value memref, ValueRange at, int64_t count) = 0;
  virtual void store(Value values, Value memref, ValueRange at) = 0;
  Value load(Value memref, Value row, Run run) { return load(memref, ValueRange{row, run.column}, run.count); }
  void store(Value values, Value memref, Value row, Run run) { store(values, memref, ValueRange{row, run.column}); }
  /// One value of `type` from byte `at` of an i8 memref on, at a multiple of its size.
  virtual Value loadBytes(Type type, Value bytes, ValueRange at) = 0;
  /// f32 values of a weight that is a vector.
  virtual Value loadWeight(Value weight, Run run) = 0;
};

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_ROWEMITTER_H
