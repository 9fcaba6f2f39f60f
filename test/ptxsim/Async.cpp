//===- Async.cpp - cp.async: copies that are done at their wait ---------------------------------------------------===//
//
// The bytes arrive as late as they may: at the wait. Until then they count as pending, and whoever touches them has
// forgotten the wait. Other warps see them after a barrier that follows the wait.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "Access.h"
#include "Handlers.h"

using namespace ptxsim;

namespace {

AsyncState &stateOf(Warp &w, int lane) {
  if (w.async.empty())
    w.async.resize(kLanes);
  return w.async[lane];
}

void begin(Warp &w, const Instruction &i, uint32_t on) {
  if (w.launch->counts) {
    Instruction source = i;
    source.a = i.b, source.offset = i.offset2, source.space = Space::Global;
    countAccess(w, source, on, i.bytes, false);
  }
  eachLane(on, [&](int lane) {
    uint64_t to = w.get(i.a, lane) + i.offset, from = w.get(i.b, lane) + i.offset2;
    uint64_t copied = i.moreCount ? uint32_t(w.get(i.more[0], lane)) : i.bytes;
    if (copied > i.bytes)
      fail(lane, format("copies %llu bytes, expected at most %u", (unsigned long long)copied, i.bytes));
    reach(w, lane, Space::Shared, to, i.bytes, i.bytes, {.isWrite = true, .isAsync = true});
    if (copied)
      reach(w, lane, Space::Global, from, uint32_t(copied), i.bytes, {.isRead = true});
    for (int k = 0; k < i.bytes; ++k)
      ++w.block->sharedPending[to + k];
    w.block->pendingBytes += i.bytes;
    stateOf(w, lane).open.push_back({uint32_t(to), i.bytes, uint8_t(copied), from});
  });
}

void commit(Warp &w, const Instruction &, uint32_t on) {
  eachLane(on, [&](int lane) {
    AsyncState &state = stateOf(w, lane);
    state.groups.push_back(std::move(state.open));
    state.open.clear();
  });
}

void finish(Warp &w, int lane, const std::vector<AsyncCopy> &group) {
  for (const AsyncCopy &copy : group) {
    uint8_t *to = reach(w, lane, Space::Shared, copy.to, copy.bytes, copy.bytes, {.isWrite = true, .isAsync = true});
    std::memset(to, 0, copy.bytes);
    if (copy.copied)
      std::memcpy(to, reach(w, lane, Space::Global, copy.from, copy.copied, copy.bytes, {.isRead = true}), copy.copied);
    for (int k = 0; k < copy.bytes; ++k)
      --w.block->sharedPending[copy.to + k];
    w.block->pendingBytes -= copy.bytes;
  }
}

/// Waits until at most b groups are pending. mode 1: waits for all copies, also for those that are in no group yet.
void waitFor(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    AsyncState &state = stateOf(w, lane);
    while (state.groups.size() > (i.mode ? 0 : i.b.value)) {
      finish(w, lane, state.groups.front());
      state.groups.pop_front();
    }
    if (i.mode) {
      finish(w, lane, state.open);
      state.open.clear();
    }
  });
}

void decodeCopy(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  bool isCached = op.take("ca"), isThroughL2 = op.take("cg");
  bool isToShared = op.takeOneOf({"shared", "shared::cta"}) >= 0;
  if (!isToShared || !op.take("global") || isCached == isThroughL2)
    refuse("expected .ca or .cg, and .shared.global");
  op.takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
  s.expect(3, 4);
  const Argument &to = s.address(0), &from = s.address(1);
  i.a = to.items[0], i.offset = to.offset;
  i.b = from.items[0], i.offset2 = from.offset;
  const Operand &bytes = s.scalar(2);
  if (bytes.reg != Operand::Constant || !(bytes.value == 16 || (isCached && (bytes.value == 4 || bytes.value == 8))))
    refuse("expected 16 bytes, or 4 or 8 with .ca");
  i.bytes = uint8_t(bytes.value);
  if (s.size() == 4)
    pool.keep(i, {}, {s.scalar(3)});
  i.space = Space::Shared;
  i.run = begin;
}

void decodeAsync(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  if (!op.take("async"))
    refuse("unknown instruction");
  if (op.take("commit_group")) {
    s.expect(0, 0);
    i.run = commit;
  } else if (op.take("wait_all")) {
    s.expect(0, 0);
    i.mode = 1;
    i.run = waitFor;
  } else if (op.take("wait_group")) {
    s.expect(1, 1);
    i.b = s.scalar(0);
    if (i.b.reg != Operand::Constant)
      refuse("operand 1: expected a constant");
    i.run = waitFor;
  } else {
    decodeCopy(op, s, i, pool);
  }
}

} // namespace

std::span<const DecoderEntry> ptxsim::asyncDecoders() {
  static const DecoderEntry table[] = {{"cp", decodeAsync}};
  return table;
}
