//===- Route.cpp - the experts of each row ------------------------------------------------------------------------===//
//
// A warp has a row: lane l holds the scores of the experts l, l + 32, ... in registers.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/kernels/Kernels.h"
#include <limits>

using namespace lathe;

namespace {

class RouteEmitter {
public:
  RouteEmitter(kernel::RouteOp op, BlockEmitter &e, Value row)
      : op(op), e(e), row(row), lane(e.lane()), count(BlockEmitter::staticColumns(op.getScores())),
        top(BlockEmitter::staticColumns(op.getExperts())), isSoftmax(op.getScoring() == lm::Scoring::Softmax) {}

  void run();

private:
  static constexpr int64_t kWarp = BlockEmitter::kWarp;

  /// Fills `keys`, which give the order of the experts: the scores or, with a correction, the corrected probabilities.
  void computeKeys();
  /// Sets the keys of all but the best `top_groups` groups to -infinity. The score of a group is the sum of its
  /// `group_terms` best keys. Of groups with equal scores, the first is better.
  void hideGroups();
  Value scoreOfGroup(int64_t group);
  /// The numbers of the `top` best experts: lane l of value m has choice 32 m + l.
  SmallVector<Value> choose();
  /// The best expert of all lanes that comes after `last`, a key and a number.
  std::pair<Value, Value> next(Value lastKey, Value lastNumber);
  void storeChoices(ArrayRef<Value> numbers);
  Value probability(Value score);

  Value f32(double value) { return e.number(e.getF32Type(), value); }
  Value i32(int64_t value) { return e.number(e.getI32Type(), value); }
  Value lowest() { return f32(-std::numeric_limits<double>::infinity()); }
  Value columnOf(int64_t i) { return e.add(lane, i * kWarp); }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) { return arith::CmpFOp::create(e, predicate, a, b); }
  Value both(Value a, Value b) { return arith::AndIOp::create(e, a, b); }

  kernel::RouteOp op;
  BlockEmitter &e;
  Value row, lane;
  const int64_t count, top; // experts, and how many of them a row gets
  const bool isSoftmax;
  Value largest, sum;      // softmax: of the row's scores, and of their powers
  SmallVector<Value> keys; // of the lane's experts
};

Value RouteEmitter::probability(Value score) {
  return isSoftmax ? e.div(e.exp(e.sub(score, largest)), sum) : e.sigmoid(score);
}

void RouteEmitter::computeKeys() {
  // Lanes behind the last expert have the lowest score, and a power of 2^-126 that does not change the sum.
  SmallVector<Value> inside, scores;
  for (int64_t i = 0; i * kWarp < count; ++i) {
    const bool isWhole = (i + 1) * kWarp <= count;
    inside.push_back(isWhole ? Value() : e.less(columnOf(i), e.index(count)));
    Value column = isWhole ? columnOf(i) : e.minimum(columnOf(i), e.index(count - 1));
    Value score = e.loadScalar(op.getScores(), {row, column});
    scores.push_back(isWhole ? score : e.select(inside.back(), score, lowest()));
  }
  if (isSoftmax) {
    for (Value score : scores)
      largest = largest ? e.maximum(largest, score) : score;
    largest = e.largestOfLanes(largest);
    for (Value score : scores) {
      Value power = e.exp(e.sub(score, largest));
      sum = sum ? e.add(sum, power) : power;
    }
    sum = e.sumOfLanes(sum);
  }
  keys = scores;
  if (!op.getCorrection())
    return;
  for (auto [i, key] : llvm::enumerate(keys)) {
    Value column = inside[i] ? e.minimum(columnOf(i), e.index(count - 1)) : columnOf(i);
    key = e.add(probability(key), e.loadWeight(op.getCorrection(), {column, 1}));
    if (inside[i])
      key = e.select(inside[i], key, lowest());
  }
}

Value RouteEmitter::scoreOfGroup(int64_t group) {
  const int64_t size = count / op.getGroups(), begin = group * size, end = begin + size;
  Value best = lowest(), second = lowest();
  auto add = [&](Value x) {
    second = e.maximum(second, e.minimum(best, x));
    best = e.maximum(best, x);
  };
  for (auto [i, key] : llvm::enumerate(keys)) {
    const int64_t first = int64_t(i) * kWarp;
    if (first >= end || first + kWarp <= begin)
      continue;
    Value column = columnOf(i);
    Value isOf = both(e.lessEqual(e.index(begin), column), e.less(column, e.index(end)));
    add(e.select(isOf, key, lowest()));
  }
  for (int64_t mask = kWarp / 2; mask; mask /= 2) {
    Value otherBest = e.exchange(best, mask), otherSecond = e.exchange(second, mask);
    second = e.maximum(second, otherSecond);
    add(otherBest);
  }
  return op.getGroupTerms() == 1 ? best : e.add(best, second);
}

void RouteEmitter::hideGroups() {
  const int64_t groups = op.getGroups(), size = count / groups;
  SmallVector<Value> scores, isHidden;
  for (int64_t group = 0; group < groups; ++group)
    scores.push_back(scoreOfGroup(group));
  for (int64_t group = 0; group < groups; ++group) {
    Value better = i32(0);
    for (int64_t other = 0; other < groups; ++other) {
      if (other == group)
        continue;
      Value isBetter =
          compare(other < group ? arith::CmpFPredicate::OGE : arith::CmpFPredicate::OGT, scores[other], scores[group]);
      better = e.add(better, e.extend(isBetter, e.getI32Type()));
    }
    isHidden.push_back(e.lessEqual(i32(op.getTopGroups()), better));
  }
  for (auto [i, key] : llvm::enumerate(keys)) {
    const int64_t first = int64_t(i) * kWarp, last = std::min(first + kWarp, count) - 1;
    Value hides = isHidden[first / size]; // of the lane's expert: that of the last group that begins before it
    for (int64_t group = first / size + 1; group <= last / size; ++group)
      hides = e.select(e.lessEqual(e.index(group * size), columnOf(i)), isHidden[group], hides);
    key = e.select(hides, lowest(), key);
  }
}

std::pair<Value, Value> RouteEmitter::next(Value lastKey, Value lastNumber) {
  Value best = lowest(), number = i32(0);
  for (auto [i, key] : llvm::enumerate(keys)) {
    Value own = e.cast(columnOf(i), e.getI32Type());
    Value isBehind = both(compare(arith::CmpFPredicate::OEQ, key, lastKey), e.less(lastNumber, own));
    isBehind = arith::OrIOp::create(e, isBehind, e.less(key, lastKey));
    Value isBetter = both(isBehind, e.less(best, key));
    best = e.select(isBetter, key, best);
    number = e.select(isBetter, own, number);
  }
  for (int64_t mask = kWarp / 2; mask; mask /= 2) {
    Value other = e.exchange(best, mask), otherNumber = e.exchange(number, mask);
    Value isFirst = both(compare(arith::CmpFPredicate::OEQ, best, other), e.less(otherNumber, number));
    Value isBetter = arith::OrIOp::create(e, e.less(best, other), isFirst);
    best = e.select(isBetter, other, best);
    number = e.select(isBetter, otherNumber, number);
  }
  return {best, number};
}

SmallVector<Value> RouteEmitter::choose() {
  // Chooses experts one after another. Each is the best one that comes after the previous choice in the order: a
  // smaller key, or an equal key and a higher number. So the keys stay as they are, in registers.
  SmallVector<Value> numbers;
  Value key = f32(std::numeric_limits<double>::infinity()), number = i32(-1);
  for (int64_t first = 0; first < top; first += kWarp) {
    Value before[] = {key, number, i32(0)};
    SmallVector<Value> chosen =
        e.loop(e.index(0), e.index(std::min(kWarp, top - first)), 1, before, [&](Value k, ValueRange before) {
          auto [best, bestNumber] = next(before[0], before[1]);
          Value isOwn = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, lane, k);
          return SmallVector<Value>{best, bestNumber, e.select(isOwn, bestNumber, before[2])};
        });
    key = chosen[0];
    number = chosen[1];
    numbers.push_back(chosen[2]);
  }
  return numbers;
}

void RouteEmitter::storeChoices(ArrayRef<Value> numbers) {
  SmallVector<Value> weights;
  Value factor = f32(op.getScale().convertToDouble()), total = f32(0);
  auto isInside = [&](int64_t i) { return e.less(columnOf(i), e.index(top)); };
  for (auto [i, number] : llvm::enumerate(numbers)) {
    Value score = e.loadScalar(op.getScores(), {row, e.cast(number, e.getIndexType())});
    weights.push_back(probability(score));
    total = e.add(total, e.select(isInside(i), weights.back(), f32(0)));
  }
  if (op.getNormalized()) {
    total = e.sumOfLanes(total);
    factor = e.div(factor, isSoftmax ? total : e.add(total, f32(1e-20)));
  }
  for (auto [i, number] : llvm::enumerate(numbers))
    e.ifThen(isInside(i), [&, i = i, number = number] {
      e.store(e.mul(weights[i], factor), op.getWeights(), {row, columnOf(i)});
      e.store(number, op.getExperts(), {row, columnOf(i)});
    });
}

void RouteEmitter::run() {
  computeKeys();
  if (op.getTopGroups() < op.getGroups())
    hideGroups();
  storeChoices(choose());
}

} // namespace

void lathe::expand(kernel::RouteOp op, BlockEmitter &e) {
  e.forWarps(e.rowsOf(op.getScores()), [&](Value row) { RouteEmitter(op, e, row).run(); });
}
