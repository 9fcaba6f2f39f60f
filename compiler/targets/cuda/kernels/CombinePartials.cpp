//===- CombinePartials.cpp - the results of attention's KV splits become one --------------------------------------===//
//
// A warp takes a head. Its lanes have splits while the splits' weights are computed, and dims while the results are
// added.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/kernels/Kernels.h"
#include <limits>

using namespace lathe;

void lathe::expand(kernel::CombinePartialsOp op, BlockEmitter &e) {
  constexpr int64_t lanes = BlockEmitter::kWarp;
  const int64_t heads = RowEmitter::staticColumns(op.getStatistics()) / 2;
  const int64_t dim = RowEmitter::staticColumns(op.getOut()) / heads, chunks = llvm::divideCeil(dim, lanes);
  Value zero = e.index(0), splits = e.rowsOf(op.getInput());
  auto f32 = [&](double value) { return e.number(e.getF32Type(), value); };
  e.forWarps(e.index(heads), [&](Value head) {
    auto statistic = [&](Value split, int64_t which) {
      return e.loadScalar(op.getStatistics(), {split, e.add(e.mul(head, 2), which)});
    };
    /// Combines the terms of the lane's splits.
    auto ofSplits = [&](Value start, function_ref<Value(Value split, Value before)> add) {
      return e.loop(e.lane(), splits, lanes, start,
                    [&](Value split, ValueRange before) { return SmallVector<Value>{add(split, before[0])}; })[0];
    };
    Value sink;
    if (op.getSinks()) {
      auto [segment, offset] = getSegmentAndOffset(op.getSinks());
      sink = e.loadBytes(e.getF32Type(), segment, e.add(offset, e.mul(head, 4)), /*alignment=*/4);
    }
    Value start = sink ? sink : f32(-std::numeric_limits<float>::max());
    Value peak = ofSplits(start, [&](Value split, Value before) { return e.maximum(before, statistic(split, 0)); });
    peak = e.largestOfLanes(peak);
    auto factor = [&](Value split) { return e.exp(e.sub(statistic(split, 0), peak)); };
    Value sum =
        ofSplits(f32(0), [&](Value split, Value before) { return e.fma(factor(split), statistic(split, 1), before); });
    sum = e.sumOfLanes(sum);
    if (sink)
      sum = e.add(sum, e.exp(e.sub(sink, peak)));
    Value inverse = e.div(f32(1), sum);

    auto columnOf = [&](int64_t chunk) { return e.add(e.lane(), chunk * lanes); };
    SmallVector<Value> none(chunks, f32(0));
    SmallVector<Value> sums = e.loop(zero, splits, lanes, none, [&](Value begin, ValueRange before) {
      // Lanes after the last split repeat it; nothing takes their weight.
      Value last = e.add(splits, -1), own = e.minimum(e.add(begin, e.lane()), last);
      Value weight = e.mul(factor(own), inverse), end = e.minimum(splits, e.add(begin, lanes));
      return e.loop(begin, end, 1, before, [&](Value split, ValueRange sums) {
        Value ofSplit = e.fromLane(weight, e.cast(e.sub(split, begin), e.getI32Type()));
        SmallVector<Value> added;
        for (int64_t chunk = 0; chunk < chunks; ++chunk) {
          Value column = columnOf(chunk);
          if ((chunk + 1) * lanes > dim)
            column = e.minimum(column, e.index(dim - 1));
          Value value = e.loadScalar(op.getInput(), {split, e.add(e.mul(head, dim), column)});
          added.push_back(e.fma(value, ofSplit, sums[chunk]));
        }
        return added;
      });
    });
    for (int64_t chunk = 0; chunk < chunks; ++chunk)
      e.ifThen(e.less(columnOf(chunk), e.index(dim)), [&] {
        memref::StoreOp::create(e, sums[chunk], op.getOut(),
                                ValueRange{zero, e.add(e.mul(head, dim), columnOf(chunk))});
      });
  });
}
