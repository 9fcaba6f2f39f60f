//===- RowEmitter.h - what a target gives to kernels that go over rows --------------------------------------------===//
//
// Kernels of Rowwise.h are written once, against this interface. A target says how it goes over a row: in vectors on a
// CPU, divided among a block's threads on a GPU. Arithmetic is Emitter's and takes whatever type a run has.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_KERNELS_ROWEMITTER_H
#define LATHE_COMPILER_CODEGEN_KERNELS_ROWEMITTER_H

#include "compiler/codegen/kernels/Emitter.h"

namespace lathe {

/// Neighbouring values of a row that are worked on at once.
struct Run {
  Value column;  // of the first of them
  int64_t count; // how many

  /// As many, from another column on.
  Run from(Value other) const { return {other, count}; }
};

class RowEmitter : public Emitter {
public:
  using Emitter::Emitter;
  virtual ~RowEmitter() = default;

  /// How many values of a row of so many columns are worked on at once: a divisor. `isWide`: they are of 64 bits.
  virtual int64_t countFor(int64_t columns, bool isWide = false) const = 0;
  /// The type of so many values.
  virtual Type runOf(Type element, int64_t count) = 0;
  Type f32s(int64_t count) { return runOf(getF32Type(), count); }
  /// So many times the same.
  virtual Value splat(Value scalar, int64_t count) = 0;

  virtual void forRows(Value memref, function_ref<void(Value row)> body) = 0;
  /// All values of a row of `memref`, whose number may be known at run time only.
  virtual void forRuns(Value memref, function_ref<void(Run run)> body) = 0;
  /// The columns 0 to `columns`, countFor(columns, isWide) at once.
  virtual void forRuns(int64_t columns, function_ref<void(Run run)> body, bool isWide = false) = 0;
  /// The sum over the columns `begin` to `begin` + `columns` of what `add(run, sum)` adds to a run of sums, f32. There
  /// are `chains` such runs, if that divides the row: an addition waits for the one before it in its chain alone.
  virtual Value sum(Value begin, int64_t columns, int64_t chains, function_ref<Value(Run run, Value sum)> add) = 0;

  /// `count` values from the element at `at` on.
  virtual Value load(Value memref, ValueRange at, int64_t count) = 0;
  virtual void store(Value values, Value memref, ValueRange at) = 0;
  Value load(Value memref, Value row, Run run) { return load(memref, ValueRange{row, run.column}, run.count); }
  void store(Value values, Value memref, Value row, Run run) { store(values, memref, ValueRange{row, run.column}); }
  /// f32 values of a weight that is a vector.
  virtual Value loadWeight(Value weight, Run run) = 0;
};

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_ROWEMITTER_H
