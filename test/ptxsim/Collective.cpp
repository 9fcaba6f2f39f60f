//===- Collective.cpp - barriers, shuffles, votes, matches and reductions of a warp -------------------------------===//

#include "Handlers.h"

#include <algorithm>

using namespace ptxsim;

namespace {

// Instruction::mode of a shuffle. Operand c of a collective is always the member mask; the others are in `more`.
enum Shuffle : uint32_t { Up, Down, Butterfly, Index };

/// The lane that a lane reads, by the manual's formulas; `isInside` is the predicate result.
int sourceLane(Shuffle kind, int lane, uint32_t b, uint32_t c, bool &isInside) {
  uint32_t clamp = c & 31, segment = c >> 8 & 31;
  int most = int((lane & segment) | (clamp & ~segment)), least = int(lane & segment);
  int by = int(b & 31), from = lane;
  switch (kind) {
  case Up:
    from = lane - by;
    isInside = from >= most;
    break;
  case Down:
    from = lane + by;
    isInside = from <= most;
    break;
  case Butterfly:
    from = lane ^ by;
    isInside = from <= most;
    break;
  case Index:
    from = least | int(uint32_t(by) & ~segment);
    isInside = from <= most;
    break;
  }
  return isInside ? from : lane;
}

/// more: the predicate result if there is one, then the lane operand, then the clamp.
void shuffle(Warp &w, const Instruction &i, uint32_t on) {
  uint64_t values[kLanes], results[kLanes];
  bool inside[kLanes];
  eachLane(on, [&](int lane) { values[lane] = w.get(i.a, lane); });
  eachLane(on, [&](int lane) {
    const Operand *more = i.more + i.moreResults;
    int from =
        sourceLane(Shuffle(i.mode), lane, uint32_t(w.get(more[0], lane)), uint32_t(w.get(more[1], lane)), inside[lane]);
    if (!(on >> from & 1)) {
      if (w.existing >> from & 1)
        fail(lane, format("reads lane %d, which is not in the member mask 0x%08x", from, uint32_t(w.get(i.c, lane))));
      from = lane; // a block of fewer than 32 threads has no such lane
    }
    results[lane] = values[from];
  });
  eachLane(on, [&](int lane) {
    if (i.d.reg >= 0)
      w.set(i.d, lane, results[lane]);
    if (i.moreResults)
      w.set(i.more[0], lane, inside[lane]);
  });
}

void decodeShuffle(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  if (!op.take("sync"))
    refuse("expected .sync");
  int kind = op.takeOneOf({"up", "down", "bfly", "idx"});
  Type type = op.takeType();
  s.expect(5, 5);
  if (kind < 0 || type.bits != 32)
    refuse("expected .up, .down, .bfly or .idx with .b32");
  const Argument &to = s.arguments[0];
  if (to.kind != Argument::Scalar)
    refuse("operand 1: expected a register");
  i.d = to.items[0];
  i.a = s.scalar(1);
  i.c = s.scalar(4);
  pool.keep(i, to.hasSecond ? std::vector<Operand>{to.second} : std::vector<Operand>(), {s.scalar(2), s.scalar(3)});
  i.mode = uint32_t(kind);
  i.kind = Kind::Collective;
  i.run = shuffle;
}

enum Vote : uint32_t { All, Any, Uniform, Ballot, NegateSource = 16 };

void vote(Warp &w, const Instruction &i, uint32_t on) {
  uint32_t ballot = 0;
  eachLane(on, [&](int lane) {
    if ((w.get(i.a, lane) & 1) != bool(i.mode & NegateSource))
      ballot |= 1u << lane;
  });
  uint64_t result = 0;
  switch (i.mode & 15) {
  case All:
    result = ballot == on;
    break;
  case Any:
    result = ballot != 0;
    break;
  case Uniform:
    result = ballot == on || ballot == 0;
    break;
  case Ballot:
    result = ballot;
    break;
  }
  eachLane(on, [&](int lane) { w.set(i.d, lane, result); });
}

void decodeVote(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  bool isSync = op.take("sync");
  int kind = op.takeOneOf({"all", "any", "uni", "ballot"});
  op.takeType();
  s.expect(3, 3);
  if (!isSync || kind < 0)
    refuse("expected .sync and .all, .any, .uni or .ballot");
  const Argument &from = s.arguments[1];
  if (from.kind != Argument::Scalar)
    refuse("operand 2: expected a predicate");
  i.d = s.scalar(0);
  i.a = from.items[0];
  i.c = s.scalar(2);
  i.mode = uint32_t(kind) | (from.isNegated ? NegateSource : 0);
  i.kind = Kind::Collective;
  i.run = vote;
}

/// match: mode 1: .all. The second result of .all says whether all are equal.
void match(Warp &w, const Instruction &i, uint32_t on) {
  uint64_t mask = i.bytes == 8 ? ~uint64_t(0) : 0xffffffff;
  uint32_t results[kLanes];
  eachLane(on, [&](int lane) {
    results[lane] = 0;
    eachLane(on, [&](int other) {
      if (((w.get(i.a, lane) ^ w.get(i.a, other)) & mask) == 0)
        results[lane] |= 1u << other;
    });
  });
  eachLane(on, [&](int lane) {
    bool areEqual = results[lane] == on;
    w.set(i.d, lane, i.mode && !areEqual ? 0 : results[lane]);
    if (i.moreResults)
      w.set(i.more[0], lane, areEqual);
  });
}

void decodeMatch(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  bool isSync = op.take("sync");
  int isAll = op.takeOneOf({"any", "all"});
  Type type = op.takeType();
  s.expect(3, 3);
  if (!isSync || isAll < 0 || type.bits < 32)
    refuse("expected .sync, .any or .all, and 32 or 64 bits");
  const Argument &to = s.arguments[0];
  if (to.kind != Argument::Scalar)
    refuse("operand 1: expected a register");
  i.d = to.items[0];
  if (to.hasSecond)
    pool.keep(i, {to.second}, {});
  i.a = s.scalar(1);
  i.c = s.scalar(2);
  i.bytes = uint8_t(type.bytes());
  i.mode = uint32_t(isAll);
  i.kind = Kind::Collective;
  i.run = match;
}

enum Reduction : uint32_t { Add, Min, Max, And, Or, Xor, SignedValues = 16 };

void reduce(Warp &w, const Instruction &i, uint32_t on) {
  uint32_t result = uint32_t(w.get(i.a, __builtin_ctz(on)));
  eachLane(on & (on - 1), [&](int lane) {
    uint32_t value = uint32_t(w.get(i.a, lane));
    bool isSigned = i.mode & SignedValues;
    bool isLess = isSigned ? int32_t(value) < int32_t(result) : value < result;
    switch (i.mode & 15) {
    case Add:
      result += value;
      break;
    case Min:
      result = isLess ? value : result;
      break;
    case Max:
      result = isLess ? result : value;
      break;
    case And:
      result &= value;
      break;
    case Or:
      result |= value;
      break;
    case Xor:
      result ^= value;
      break;
    }
  });
  eachLane(on, [&](int lane) { w.set(i.d, lane, result); });
}

void decodeRedux(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  bool isSync = op.take("sync");
  int kind = op.takeOneOf({"add", "min", "max", "and", "or", "xor"});
  Type type = op.takeType();
  s.expect(3, 3);
  if (!isSync || kind < 0 || type.bits != 32 || type.kind == 'f')
    refuse("expected .sync, an operation and an integer of 32 bits");
  i.d = s.scalar(0);
  i.a = s.scalar(1);
  i.c = s.scalar(2);
  i.mode = uint32_t(kind) | (type.kind == 's' ? SignedValues : 0);
  i.kind = Kind::Collective;
  i.run = reduce;
}

/// bar.sync a{, b}; barrier.sync; bar.arrive a, b; bar.warp.sync mask.
void decodeBarrier(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  if (op.take("warp")) {
    if (!op.take("sync"))
      refuse("expected .sync");
    s.expect(1, 1);
    i.c = s.scalar(0);
    i.kind = Kind::Collective;
    i.run = [](Warp &, const Instruction &, uint32_t) {};
    return;
  }
  op.take("cta");
  int kind = op.takeOneOf({"sync", "arrive"});
  if (kind < 0)
    refuse("expected .sync or .arrive");
  i.isAligned = op.take("aligned") || op.first == "bar";
  s.expect(kind == 0 ? 1 : 2, 2);
  i.a = s.scalar(0);
  if (s.size() == 2)
    i.b = s.scalar(1);
  i.mode = uint32_t(kind);
  i.kind = Kind::Barrier;
}

} // namespace

std::span<const DecoderEntry> ptxsim::collectiveDecoders() {
  static const DecoderEntry table[] = {
      {"shfl", decodeShuffle},
      {"vote", decodeVote},
      {"match", decodeMatch},
      {"redux", decodeRedux},
      {"bar", decodeBarrier},
      {"barrier", decodeBarrier},
      {"activemask",
       [](Modifiers &op, const Statement &s, Instruction &i, Pool &) {
         op.takeType();
         s.expect(1, 1);
         i.d = s.scalar(0);
         i.run = [](Warp &w, const Instruction &i, uint32_t on) {
           eachLane(on, [&](int lane) { w.set(i.d, lane, on); });
         };
       }},
  };
  return table;
}
