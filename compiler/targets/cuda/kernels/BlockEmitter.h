//===- BlockEmitter.h - emits code that all threads of a block run -----------------------------------------------===//
//
// All threads of a block run the same code. What does not depend on the thread, such as indices of tiles and rows, each
// of them computes. The values of a row are divided among the threads.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CUDA_KERNELS_BLOCKEMITTER_H
#define LATHE_COMPILER_TARGETS_CUDA_KERNELS_BLOCKEMITTER_H

#include "compiler/codegen/kernels/RowEmitter.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace lathe {

class BlockEmitter : public RowEmitter {
public:
  static constexpr int64_t kWarp = 32; // threads of a warp

  /// `threads`: threads of a block, a multiple of a warp.
  BlockEmitter(Location loc, OpBuilder &builder, ModuleOp module, int64_t threads)
      : RowEmitter(loc, builder), module(module), threads(threads) {}

  int64_t getThreads() const { return threads; }
  int64_t getWarps() const { return threads / kWarp; }
  /// Numbers of the thread in its block, of its warp in the block, and of the thread in its warp.
  Value thread();
  Value warp() { return div(thread(), index(kWarp)); }
  Value lane() { return rem(thread(), index(kWarp)); }

  /// All threads of the block wait here for each other, and see what the others wrote before. Every thread must come
  /// here.
  void sync() { NVVM::BarrierOp::create(*this); }
  /// The value (f32 or i32) of the lane whose number differs in the bits of `mask`. All lanes of the warp must come
  /// here.
  Value exchange(Value value, int64_t mask);
  /// The value (f32 or i32) of each group of `lanes` neighbouring lanes, a power of two, combined by an operation that
  /// may be done in any order; each lane gets the result. All lanes of the warp must come here.
  Value combineLanes(Value value, int64_t lanes, function_ref<Value(Value, Value)> operation);
  Value sumOfLanes(Value value, int64_t lanes = kWarp) {
    return combineLanes(value, lanes, [&](Value a, Value b) { return Emitter::add(a, b); });
  }
  Value largestOfLanes(Value value, int64_t lanes = kWarp) {
    return combineLanes(value, lanes, [&](Value a, Value b) { return maximum(a, b); });
  }
  /// The lanes of a warp wait here for each other, and see what the others wrote before to shared memory. All of them
  /// must come here.
  void syncWarp() { NVVM::SyncWarpOp::create(*this, number(getI32Type(), -1)); }
  /// The value (f32 or i32) of lane number `lane` (i32). All lanes of the warp must come here.
  Value fromLane(Value value, Value lane);
  /// The f32 of all threads of a block, combined by an operation that may be done in any order; each thread gets the
  /// result. It does not depend on the number of blocks.
  Value combine(Value value, function_ref<Value(Value, Value)> operation);
  Value sumOfBlock(Value value) {
    return combine(value, [&](Value a, Value b) { return Emitter::add(a, b); });
  }
  Value largestOfBlock(Value value) {
    return combine(value, [&](Value a, Value b) { return maximum(a, b); });
  }
  /// memref<count x f32> in the block's shared memory, or of another element of 32 bits. The same name is the same
  /// memory.
  Value shared(StringRef name, int64_t count, Type element = {});

  /// for (i = begin + own number; i < end; i += number of threads)
  void forThreads(Value begin, Value end, function_ref<void(Value i)> body) {
    loop(Emitter::add(begin, thread()), end, threads, body);
  }
  void forThreads(int64_t count, function_ref<void(Value i)> body) { forThreads(index(0), index(count), body); }
  /// The warps of the block divide [0, count): for (i = own number; i < count; i += number of warps)
  void forWarps(Value count, function_ref<void(Value i)> body) { loop(warp(), count, getWarps(), body); }

  /// `type` (a vector or a number), from byte `at` of an i8 memref on; `alignment`: what divides its address, in bytes.
  Value loadBytes(Type type, Value bytes, ValueRange at, int64_t alignment);
  Value loadBytes(Type type, Value bytes, ValueRange at) override {
    return loadBytes(type, bytes, at, type.getIntOrFloatBitWidth() / 8);
  }
  void storeBytes(Value value, Value bytes, ValueRange at);
  /// Four neighbouring f32 of a row, from a column on that is a multiple of four. They are one load if rows are a
  /// multiple of 16 bytes apart.
  SmallVector<Value> loadFour(Value rows, Value row, Value column);
  /// 1, 2 or 4 f32 from the element at `at` on, whose address is a multiple of their size.
  SmallVector<Value> loadVector(int64_t count, Value memref, ValueRange at);
  void storeVector(ArrayRef<Value> values, Value memref, ValueRange at);

  using RowEmitter::load;
  using RowEmitter::store;

  int64_t countFor(int64_t, bool) const override { return 1; }
  Type runOf(Type element, int64_t) override { return element; }
  Value splat(Value scalar, int64_t) override { return scalar; }
  void forRows(Value memref, function_ref<void(Value row)> body) override;
  void forRuns(Value memref, function_ref<void(Run run)> body) override;
  void forRuns(int64_t columns, function_ref<void(Run run)> body, bool isWide = false) override;
  Value sum(Value begin, int64_t columns, int64_t chains, function_ref<Value(Run run, Value sum)> add) override;
  Value load(Value memref, ValueRange at, int64_t) override { return loadScalar(memref, at); }
  void store(Value value, Value memref, ValueRange at) override { memref::StoreOp::create(*this, value, memref, at); }
  Value loadWeight(Value weight, Run run) override;

private:
  ModuleOp module;
  int64_t threads;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_KERNELS_BLOCKEMITTER_H
