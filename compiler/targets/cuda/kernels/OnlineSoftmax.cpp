#include "compiler/targets/cuda/kernels/OnlineSoftmax.h"
#include <limits>

using namespace lathe;

static constexpr double kLowest = -std::numeric_limits<float>::max();

void OnlineSoftmax::begin(BlockEmitter &e) const {
  memref::StoreOp::create(e, e.number(e.getF32Type(), kLowest), state, stateAt(Peak));
  memref::StoreOp::create(e, e.number(e.getF32Type(), 0), state, stateAt(Total));
}

void OnlineSoftmax::addBlock(BlockEmitter &e, Value columns) const {
  Value hidden = e.number(e.getF32Type(), -std::numeric_limits<double>::infinity());
  Value lowest = e.number(e.getF32Type(), kLowest), zero = e.number(e.getF32Type(), 0);
  Value before = e.loadScalar(state, stateAt(Peak)), total = e.loadScalar(state, stateAt(Total)), peak = before;
  SmallVector<Value> own, isInside;
  for (int64_t first = 0; first < maxColumns; first += BlockEmitter::kWarp) {
    Value column = e.add(e.lane(), first);
    isInside.push_back(e.less(column, columns));
    // Lanes after the last column read the first one.
    Value score = e.loadScalar(scores, scoreAt(e.select(isInside.back(), column, e.index(0))));
    own.push_back(e.select(isInside.back(), score, hidden));
    peak = e.maximum(peak, own.back());
  }
  peak = e.largestOfLanes(peak);
  Value sum = zero;
  for (auto [i, score] : llvm::enumerate(own)) {
    // The argument of exp() is clamped from below, so hidden positions must be set to 0.
    Value weight = e.select(e.less(score, lowest), zero, e.exp(e.sub(score, peak)));
    sum = e.add(sum, weight);
    e.ifThen(isInside[i], [&] {
      memref::StoreOp::create(e, weight, scores, scoreAt(e.add(e.lane(), int64_t(i) * BlockEmitter::kWarp)));
    });
  }
  sum = e.sumOfLanes(sum);
  Value factor = e.exp(e.sub(before, peak));
  e.ifThen(arith::CmpIOp::create(e, arith::CmpIPredicate::eq, e.lane(), e.index(0)), [&] {
    memref::StoreOp::create(e, peak, state, stateAt(Peak));
    memref::StoreOp::create(e, e.fma(total, factor, sum), state, stateAt(Total));
    memref::StoreOp::create(e, factor, state, stateAt(Factor));
  });
}
