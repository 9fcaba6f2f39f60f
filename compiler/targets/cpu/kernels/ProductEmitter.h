//===- ProductEmitter.h - the body of a function that multiplies rows by packed panels ----------------------------===//
//
// For each panel of 16 outputs, the function takes the input rows in register tiles; smaller tiles take the rows that
// remain. A tile unpacks a step of weights once and multiplies every row by it. The loop nest is in Matmul.cpp, the
// tiles are in FloatProducts.cpp and QuantizedProducts.cpp.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELS_PRODUCTEMITTER_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELS_PRODUCTEMITTER_H

#include "compiler/targets/cpu/kernels/Kernels.h"
#include "compiler/targets/cpu/kernels/Quantized.h"

namespace lathe {

/// Writes the body of `function`, which ProductLibrary makes for products like `shape`. The function's arguments are
/// the values of `shape`, in the order of its fields.
class ProductEmitter {
public:
  ProductEmitter(VectorEmitter &e, const CPUInfo &cpu, const Product &shape, func::FuncOp function)
      : e(e), cpu(cpu), shape(shape), info(getFormatInfo(shape.format)), segment(function.getArgument(0)),
        offset(function.getArgument(1)), panelStride(function.getArgument(2)), columns(function.getArgument(3)),
        input(function.getArgument(4)), out(function.getArgument(5)) {
    if (shape.prefetch.offset)
      prefetched = {function.getArgument(6), function.getArgument(7), function.getArgument(8)};
  }

  void run();

private:
  static constexpr int64_t R = kPanelRows;
  using Values = SmallVector<Value>;

  /// Products of `count` rows from `row` on and the panels at `panels`: [count][panels] vectors of 16.
  Values tile(Value row, int64_t count, ArrayRef<Value> panels);
  /// Prefetches `bytes` of weights from `at` on. The hardware's own prefetching stops at the end of each 4 KiB page.
  void prefetch(Value at, int64_t bytes) { prefetch(at, bytes, cpu.prefetch.cacheLevel); }
  void prefetch(Value at, int64_t bytes, int64_t cache);
  /// Bytes between the weights that a tile of `count` rows uses and those that it prefetches.
  int64_t prefetchDistance(int64_t count) const {
    return count > 1 ? cpu.prefetch.tileBytes : info.bits < 8 ? cpu.prefetch.narrowRowBytes : cpu.prefetch.rowBytes;
  }
  /// Returns what a tile of float or bf16 products emits in each round of steps to prefetch weights. A step reads
  /// `stepBytes` of each panel.
  std::function<void(Value step, int64_t count)> makePrefetcher(Value first, int64_t count, ArrayRef<Value> panels,
                                                                Value steps, int64_t stepBytes);
  /// The same for the tiles of rows after the first one. They find this group of panels in a cache. So that memory
  /// stays busy, each of them prefetches its share of a later group. Returns null if these tiles do not prefetch.
  std::function<void(Value panel, Value step, int64_t count)> makeGroupPrefetcher(Value first, int64_t count,
                                                                                  Value steps, int64_t stepBytes);
  /// Adds up independent sums, [chains][outputs of a tile], to one sum for each output.
  Values addChains(Values sums, int64_t chains);
  Values floatTile(Value row, int64_t count, ArrayRef<Value> panels, Value begin, Value end);
  Values scaledTile(Value row, int64_t count, ArrayRef<Value> panels);
  Values bf16Tile(Value row, int64_t count, ArrayRef<Value> panels);
  Values intTile(Value row, int64_t count, ArrayRef<Value> panels);
  void storeTile(Value row, int64_t count, Value output, ArrayRef<Value> sums);

  Value row(Value first, int64_t i) { return e.add(first, i); }
  struct IntSum {
    Value sum; // 16 x i32
    Value sum16;
    int64_t products = 0;
    void add(ProductEmitter &p, Value weights, Value x);
    void flush(ProductEmitter &p);
  };
  /// Integer sums of one run, [count][panels], with the format's offset subtracted and no scale applied. If a run has
  /// two groups, `second` has the sums of the second one.
  struct RunSums {
    Values first, second;
  };
  /// What the sums begin with: the offset's part.
  RunSums startSums(Value first, int64_t count, int64_t panels, Value block);
  /// The sums of the run at `at` of each panel and the rows' `block`.
  RunSums rolledRun(Value first, int64_t count, ArrayRef<Value> at, Value block);
  /// The same for one row and one panel, unrolled, because one row is limited by memory. Adds to `sum` and, for a
  /// second group, to `sum2`.
  void addRun(Value &sum, Value &sum2, Value row, Value at, Value block);

  VectorEmitter &e;
  const CPUInfo &cpu;
  const Product &shape;
  const FormatInfo &info;
  Value segment, offset, panelStride, columns, input, out;
  Product::Prefetch prefetched = {};
  Value panelNumber;                 // the first panel of the tile that is being emitted
  bool isPrefetching = false;        // that tile prefetches: its rows are the first ones
  Value groupStride;                 // bytes from a group of panels to the next
  std::optional<PanelReader> reader; // of a quantised format
  std::optional<RowReader> rowReader;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELS_PRODUCTEMITTER_H
