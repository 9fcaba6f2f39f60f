//===- Dispatch.cpp - rows sorted by expert -----------------------------------------------------------------------===//
//
// A stable counting sort of the entries (row, k), so that the order of slots does not depend on the number of threads.
// The entries are divided into segments, one for a warp:
//
// 1. Each warp goes over its segment, 32 entries at once, and counts the entries of each expert. The number of an entry
//    among those of its expert in its segment is kept in `slots`.
// 2. One warp goes over the experts: each gets blocks, and each of its segments the slot where its entries begin.
// 3. All threads add up both numbers of each entry.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/kernels/Kernels.h"

using namespace lathe;

namespace {

class DispatchEmitter {
public:
  DispatchEmitter(kernel::DispatchOp op, BlockEmitter &e)
      : op(op), e(e), top(BlockEmitter::staticColumns(op.getExperts())), count(op.getCount()),
        blocks(rowsOf(op.getBlocks())), slots(rowsOf(op.getOrder())), size(slots / blocks),
        segments(std::clamp<int64_t>(kCounts / count, 1, e.getWarps())) {}

  void run();

private:
  static constexpr int64_t kWarp = BlockEmitter::kWarp;
  static constexpr int64_t kCounts = 2048; // of shared memory, unless there are more experts

  void clear();
  void countSegment(Value segment);
  /// Counts 32 entries from `first` on, a lane each.
  void countEntries(Value segment, Value first);
  void assignBlocks();
  void place(Value entry);

  static int64_t rowsOf(Value memref) { return cast<MemRefType>(memref.getType()).getDimSize(0); }
  Value i32(int64_t value) { return e.number(e.getI32Type(), value); }
  Value isEqual(Value a, Value b) { return arith::CmpIOp::create(e, arith::CmpIPredicate::eq, a, b); }
  Value toI32(Value index) { return e.cast(index, e.getI32Type()); }
  Value toIndex(Value i32) { return e.cast(i32, e.getIndexType()); }
  Value expertOf(Value entry) { return e.loadScalar(op.getExperts(), placeOf(entry)); }
  SmallVector<Value> placeOf(Value entry) { return {e.div(entry, e.index(top)), e.rem(entry, e.index(top))}; }
  Value countAt(Value segment, Value expert) { return e.add(e.mul(segment, count), expert); }

  kernel::DispatchOp op;
  BlockEmitter &e;
  const int64_t top, count;          // experts of a row, and in all
  const int64_t blocks, slots, size; // slots of a block
  const int64_t segments;            // at most one for each warp
  Value entries, groups, groupsOf;   // groups of 32 entries: all, and those of a segment
  Value counts;                      // shared i32 [segments][count]
};

void DispatchEmitter::run() {
  entries = e.mul(e.rowsOf(op.getExperts()), top);
  groups = e.ceilDiv(entries, e.index(kWarp));
  groupsOf = e.ceilDiv(groups, e.index(segments));
  counts = e.shared("dispatch", segments * count, e.getI32Type());
  clear(); // The counts are not in use: a barrier of the grid lies between two ops of this kind.
  e.sync();
  e.forWarps(e.index(segments), [&](Value segment) { countSegment(segment); });
  e.sync();
  e.ifThen(isEqual(e.warp(), e.index(0)), [&] { assignBlocks(); });
  e.sync();
  e.forThreads(e.index(0), entries, [&](Value entry) { place(entry); });
}

void DispatchEmitter::clear() {
  e.forThreads(slots, [&](Value slot) { e.store(i32(-1), op.getOrder(), {slot, e.index(0)}); });
  e.forThreads(blocks, [&](Value block) { e.store(i32(-1), op.getBlocks(), {block, e.index(0)}); });
  e.forThreads(segments * count, [&](Value i) { e.store(i32(0), counts, i); });
}

void DispatchEmitter::countSegment(Value segment) {
  Value begin = e.mul(segment, groupsOf), end = e.minimum(e.add(begin, groupsOf), groups);
  e.loop(begin, end, 1, [&](Value group) { countEntries(segment, e.mul(group, kWarp)); });
}

void DispatchEmitter::countEntries(Value segment, Value first) {
  Value lane = e.lane(), own = e.add(first, lane), isInside = e.less(own, entries);
  Value entry = e.minimum(own, e.add(entries, -1));
  Value expert = e.select(isInside, expertOf(entry), i32(-1)), earlier = i32(0), all = i32(1);
  // The lane that differs in the bits of a mask is an earlier one if this lane has the upper bit of the mask.
  for (int64_t mask = 1; mask < kWarp; ++mask) {
    Value isSame = isEqual(e.exchange(expert, mask), expert);
    Value isEarlier = isEqual(e.andBits(e.shr(lane, llvm::Log2_64(mask)), 1), e.index(1));
    all = e.add(all, e.extend(isSame, e.getI32Type()));
    earlier = e.add(earlier, e.extend(arith::AndIOp::create(e, isSame, isEarlier), e.getI32Type()));
  }
  Value at = countAt(segment, toIndex(e.select(isInside, expert, i32(0)))), before = e.loadScalar(counts, at);
  e.ifThen(isInside, [&] { e.store(e.add(before, earlier), op.getSlots(), placeOf(entry)); });
  e.syncWarp(); // all lanes have read their counts
  Value isLast = isEqual(e.add(earlier, 1), all);
  e.ifThen(arith::AndIOp::create(e, isInside, isLast), [&] { e.store(e.add(before, all), counts, at); });
  e.syncWarp();
}

void DispatchEmitter::assignBlocks() {
  Value lane = e.lane();
  e.loop(e.index(0), e.index(count), kWarp, i32(0), [&](Value base, ValueRange before) {
    Value own = e.add(base, lane), isInside = e.less(own, e.index(count)), sum = i32(0);
    Value expert = e.minimum(own, e.index(count - 1));
    SmallVector<Value> ofSegments;
    for (int64_t s = 0; s < segments; ++s) {
      ofSegments.push_back(e.loadScalar(counts, countAt(e.index(s), expert)));
      sum = e.add(sum, ofSegments.back());
    }
    Value needed = e.select(isInside, e.ceilDiv(sum, i32(size)), i32(0));
    // The blocks of the lanes before, and of all: sums of groups of 1, 2, 4, ... lanes.
    Value first = before[0], total = needed;
    for (int64_t mask = 1; mask < kWarp; mask *= 2) {
      Value other = e.exchange(total, mask);
      Value isBehind = isEqual(e.andBits(e.shr(lane, llvm::Log2_64(mask)), 1), e.index(1));
      first = e.add(first, e.select(isBehind, other, i32(0)));
      total = e.add(total, other);
    }
    e.ifThen(isInside, [&] {
      Value slot = e.mul(first, size);
      for (int64_t s = 0; s < segments; ++s) {
        e.store(slot, counts, countAt(e.index(s), expert));
        slot = e.add(slot, ofSegments[s]);
      }
      Value number = toI32(expert);
      e.loop(toIndex(first), toIndex(e.add(first, needed)), 1,
             [&](Value block) { e.store(number, op.getBlocks(), {block, e.index(0)}); });
    });
    return SmallVector<Value>{e.add(before[0], total)};
  });
}

void DispatchEmitter::place(Value entry) {
  SmallVector<Value> at = placeOf(entry);
  Value segment = e.div(e.div(entry, e.index(kWarp)), groupsOf);
  Value begin = e.loadScalar(counts, countAt(segment, toIndex(expertOf(entry))));
  Value slot = e.add(begin, e.loadScalar(op.getSlots(), at));
  e.store(slot, op.getSlots(), at);
  e.store(toI32(at[0]), op.getOrder(), {toIndex(slot), e.index(0)});
}

} // namespace

void lathe::expand(kernel::DispatchOp op, BlockEmitter &e) { DispatchEmitter(op, e).run(); }
