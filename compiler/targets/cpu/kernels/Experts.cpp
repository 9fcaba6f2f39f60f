//===- Experts.cpp - routing, and rows sorted by expert -----------------------------------------------------------===//

#include "compiler/targets/cpu/kernels/Kernels.h"
#include <limits>

using namespace lathe;

/// Sets the scores of all but the best `top_groups` groups to -infinity, so that none of their experts is chosen. The
/// score of a group is the sum of its `group_terms` best keys. Of groups with equal scores, the first is better.
static void hideGroups(kernel::RouteOp op, VectorEmitter &e, Value row, function_ref<Value(Value column)> key) {
  int64_t groups = op.getGroups(), size = VectorEmitter::staticColumns(op.getScores()) / groups;
  Type f32 = e.getF32Type();
  Value lowest = e.number(f32, -std::numeric_limits<float>::infinity()), zero = e.index(0), one = e.index(1);
  auto countsAs = [&](Value group) {
    Value first[] = {lowest, lowest}, begin = e.mul(group, size);
    SmallVector<Value> best = e.loop(begin, e.add(begin, size), 1, first, [&](Value column, ValueRange best) {
      Value x = key(column), larger = e.maximum(best[0], x);
      return SmallVector<Value>{larger, e.maximum(best[1], e.minimum(best[0], x))};
    });
    return op.getGroupTerms() == 1 ? best[0] : e.add(best[0], best[1]);
  };
  // Compute all sums before hiding a group: hiding changes its keys.
  SmallVector<Value> sums;
  for (int64_t group = 0; group < groups; ++group)
    sums.push_back(countsAs(e.index(group)));
  for (int64_t group = 0; group < groups; ++group) {
    Value better = zero;
    for (int64_t other = 0; other < groups; ++other) {
      if (other == group)
        continue;
      auto predicate = other < group ? arith::CmpFPredicate::OGE : arith::CmpFPredicate::OGT;
      Value isBetter = arith::CmpFOp::create(e, predicate, sums[other], sums[group]);
      better = e.select(isBetter, e.add(better, one), better);
    }
    e.ifThen(e.lessEqual(e.index(op.getTopGroups()), better), [&] {
      e.loop(e.index(group * size), e.index((group + 1) * size), 1,
             [&](Value column) { memref::StoreOp::create(e, lowest, op.getScratch(), ValueRange{row, column}); });
    });
  }
}

void lathe::expand(kernel::RouteOp op, VectorEmitter &e) {
  int64_t count = VectorEmitter::staticColumns(op.getScores()), top = VectorEmitter::staticColumns(op.getExperts());
  int64_t lanes = VectorEmitter::lanesFor(count);
  Type f32 = e.getF32Type(), i32 = e.getI32Type();
  Value zero = e.index(0), end = e.index(count);
  double lowest = -std::numeric_limits<double>::infinity();
  bool isSoftmax = op.getScoring() == lm::Scoring::Softmax;
  // Chooses experts one after another. Each is the best one that comes after the previous choice in the order: a
  // smaller key, or an equal key and a higher number. So the scores do not change, and only the last choice is
  // remembered.
  e.forRows(op.getScores(), [&](Value row) {
    Value scores = op.getScratch() ? op.getScratch() : Value(op.getScores());
    if (op.getScratch())
      e.loop(zero, end, lanes, [&](Value column) {
        e.store(e.load(e.f32s(lanes), op.getScores(), {row, column}), scores, {row, column});
      });
    auto score = [&](Value column) { return e.loadScalar(scores, {row, column}); };
    Value largest, sum;
    if (isSoftmax) {
      largest = e.loop(zero, end, 1, e.number(f32, lowest), [&](Value column, ValueRange best) {
        return SmallVector<Value>{e.maximum(best[0], score(column))};
      })[0];
      sum = e.sum(e.loop(zero, end, lanes, e.number(e.f32s(lanes), 0), [&](Value column, ValueRange sums) {
        Value x = e.load(e.f32s(lanes), op.getScores(), {row, column});
        return SmallVector<Value>{e.add(sums[0], e.exp(e.sub(x, e.splat(largest, lanes))))};
      })[0]);
    }
    auto probability = [&](Value x) -> Value {
      if (!isSoftmax)
        return e.ofScalar(x, [&](Value x) { return e.sigmoid(x); });
      return e.div(e.ofScalar(e.sub(x, largest), [&](Value x) { return e.exp(x); }), sum);
    };
    // Without a correction, the scores themselves give the order.
    auto key = [&](Value column) -> Value {
      Value own = score(column);
      if (!op.getCorrection())
        return own;
      auto [segment, offset] = getSegmentAndOffset(op.getCorrection());
      Value correction = e.loadBytes(f32, segment, e.add(offset, e.mul(column, 4)));
      Value corrected = e.add(probability(own), correction), hidden = e.number(f32, lowest);
      return e.select(arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, own, hidden), hidden, corrected);
    };
    if (op.getScratch())
      hideGroups(op, e, row, key);
    Value first[] = {e.number(f32, -lowest), e.number(i32, -1), e.number(f32, 0)};
    SmallVector<Value> last = e.loop(zero, e.index(top), 1, first, [&](Value k, ValueRange before) {
      Value none[] = {e.number(f32, lowest), e.number(i32, 0)};
      SmallVector<Value> best = e.loop(zero, end, 1, none, [&](Value column, ValueRange best) {
        Value x = key(column), number = e.cast(column, i32);
        Value isEqual = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, x, before[0]);
        Value isBehind = arith::AndIOp::create(e, isEqual, e.less(before[1], number));
        isBehind = arith::OrIOp::create(e, isBehind, e.less(x, before[0]));
        Value isBetter = arith::AndIOp::create(e, isBehind, e.less(best[0], x));
        return SmallVector<Value>{e.select(isBetter, x, best[0]), e.select(isBetter, number, best[1])};
      });
      Value weight = probability(score(e.cast(best[1], e.getIndexType())));
      memref::StoreOp::create(e, weight, op.getWeights(), ValueRange{row, k});
      memref::StoreOp::create(e, best[1], op.getExperts(), ValueRange{row, k});
      return SmallVector<Value>{best[0], best[1], e.add(before[2], weight)};
    });
    Value factor = e.number(f32, op.getScale().convertToDouble());
    if (op.getNormalized())
      factor = e.div(factor, isSoftmax ? last[2] : e.add(last[2], e.number(f32, 1e-20)));
    if (op.getNormalized() || op.getScale().convertToDouble() != 1)
      e.loop(zero, e.index(top), 1, [&](Value k) {
        Value weight = e.loadScalar(op.getWeights(), {row, k});
        memref::StoreOp::create(e, e.mul(weight, factor), op.getWeights(), ValueRange{row, k});
      });
  });
}

void lathe::expand(kernel::DispatchOp op, VectorEmitter &e) {
  int64_t top = VectorEmitter::staticColumns(op.getExperts()),
          blocks = cast<MemRefType>(op.getBlocks().getType()).getDimSize(0);
  int64_t slots = cast<MemRefType>(op.getOrder().getType()).getDimSize(0), size = slots / blocks;
  Type i32 = e.getI32Type();
  Value zero = e.index(0), none = e.number(i32, -1), one = e.index(1);
  e.loop(zero, e.index(slots), 1,
         [&](Value slot) { memref::StoreOp::create(e, none, op.getOrder(), ValueRange{slot, zero}); });
  e.loop(zero, e.index(blocks), 1,
         [&](Value block) { memref::StoreOp::create(e, none, op.getBlocks(), ValueRange{block, zero}); });
  // Each expert goes over all rows: rows * top comparisons per expert, fewer than the router's multiplications.
  e.loop(zero, e.index(op.getCount()), 1, zero, [&](Value expert, ValueRange block) {
    Value number = e.cast(expert, i32);
    Value begin = e.mul(block[0], size);
    Value end = e.loop(zero, e.rowsOf(op.getExperts()), 1, begin, [&](Value row, ValueRange at) {
      SmallVector<Value> slot(at);
      for (int64_t k = 0; k < top; ++k) {
        Value column = e.index(k), own = e.loadScalar(op.getExperts(), {row, column});
        Value isOwn = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, own, number);
        e.ifThen(isOwn, [&] {
          memref::StoreOp::create(e, e.cast(row, i32), op.getOrder(), ValueRange{slot[0], zero});
          memref::StoreOp::create(e, e.cast(slot[0], i32), op.getSlots(), ValueRange{row, column});
        });
        slot[0] = e.select(isOwn, e.add(slot[0], one), slot[0]);
      }
      return slot;
    })[0];
    Value next = e.ceilDiv(end, e.index(size));
    e.loop(block[0], next, 1,
           [&](Value own) { memref::StoreOp::create(e, number, op.getBlocks(), ValueRange{own, zero}); });
    return SmallVector<Value>{next};
  });
}
