//===- Transfer.cpp - ld, st, prefetch, atom, red and fences ------------------------------------------------------===//

#include "Access.h"
#include "Handlers.h"

#include <algorithm>

using namespace ptxsim;

namespace {

/// What an address is called in the table of releases: shared memory is a block's own.
uint64_t keyOf(const Warp &w, Space space, uint64_t address) {
  resolve(space, address);
  return space == Space::Shared ? uint64_t(1) << 63 | uint64_t(w.block->number) << 32 | address : address;
}

bool isStrong(const Instruction &i) { return i.order != Order::Weak; }
bool acquires(const Instruction &i) { return i.order == Order::Acquire || i.order == Order::AcquireRelease; }
bool releases(const Instruction &i) { return i.order == Order::Release || i.order == Order::AcquireRelease; }

/// Ends the warp's turn when all its lanes read, by the same instruction, what they had read before: they wait for
/// others.
struct SpinWatch {
  uint64_t seen = 0;
  void note(uint64_t address, uint64_t value) { seen = (seen ^ address * 31 ^ value) * 0x9e3779b97f4a7c15; }
  void finish(Warp &w) {
    seen ^= uint64_t(w.pc);
    w.isYielding = w.lastSpin == seen;
    w.lastSpin = seen;
  }
};

uint64_t element(const Instruction &i, const uint8_t *from) {
  uint64_t value = loadElement(from, i.bytes);
  if (!i.isSigned)
    return value;
  int unused = 64 - 8 * i.bytes;
  return uint64_t(int64_t(value << unused) >> unused);
}

void load(Warp &w, const Instruction &i, uint32_t on) {
  uint32_t count = std::max<uint32_t>(1, i.moreResults), bytes = i.bytes * count;
  if (w.launch->counts)
    countAccess(w, i, on, bytes, false);
  Use use{.isRead = true, .isStrong = isStrong(i), .isReadOnly = i.isReadOnly};
  SpinWatch spin;
  eachLane(on, [&](int lane) {
    uint64_t address = w.get(i.a, lane) + i.offset;
    const uint8_t *from = reach(w, lane, i.space, address, bytes, bytes, use);
    if (count == 1) {
      w.set(i.d, lane, element(i, from));
    } else {
      for (uint32_t k = 0; k < count; ++k)
        w.set(i.more[k], lane, element(i, from + k * i.bytes));
    }
    if (use.isStrong) {
      w.launch->races->receive(w.clock, keyOf(w, i.space, address), acquires(i), i.scope);
      spin.note(address, w.get(count == 1 ? i.d : i.more[0], lane));
    }
  });
  if (use.isStrong)
    spin.finish(w);
}

void store(Warp &w, const Instruction &i, uint32_t on) {
  uint32_t count = std::max<uint32_t>(1, i.moreCount), bytes = i.bytes * count;
  if (w.launch->counts)
    countAccess(w, i, on, bytes, true);
  Use use{.isWrite = true, .isStrong = isStrong(i)};
  eachLane(on, [&](int lane) {
    uint64_t address = w.get(i.a, lane) + i.offset;
    uint8_t *to = reach(w, lane, i.space, address, bytes, bytes, use);
    if (i.moreCount == 0)
      storeElement(to, w.get(i.b, lane), i.bytes);
    for (uint32_t k = 0; k < i.moreCount; ++k)
      storeElement(to + k * i.bytes, w.get(i.more[k], lane), i.bytes);
    if (use.isStrong)
      w.launch->races->publish(w.clock, keyOf(w, i.space, address), releases(i), false, i.scope);
  });
}

/// A hint, which may name any address.
void prefetch(Warp &, const Instruction &, uint32_t) {}

Scope takeScope(Modifiers &op) {
  int scope = op.takeOneOf({"cta", "cluster", "gpu", "sys"});
  return scope == 0 ? Scope::Block : Scope::Device;
}

Space takeSpace(Modifiers &op) {
  static const Space spaces[] = {Space::Global, Space::Const, Space::Shared, Space::Shared,
                                 Space::Local,  Space::Param, Space::Param,  Space::Param};
  int space =
      op.takeOneOf({"global", "const", "shared", "shared::cta", "local", "param", "param::entry", "param::func"});
  return space < 0 ? Space::Generic : spaces[space];
}

/// Cache hints change nothing here.
void dropHints(Modifiers &op) {
  op.takeOneOf({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  op.takeOneOf({"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
  op.takeOneOf({"L2::evict_normal", "L2::evict_first", "L2::evict_last"});
  op.takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
}

void takeAddress(const Statement &s, size_t at, Instruction &i) {
  const Argument &address = s.address(at);
  i.a = address.items[0];
  i.offset = address.offset;
  if (address.space != Space::Generic && i.space != Space::Generic && address.space != i.space)
    refuse("the variable lies in another state space than the instruction says");
  if (address.space != Space::Generic && address.space != Space::Global && address.space != Space::Const)
    i.space = address.space;
}

template <bool IsLoad> void decodeTransfer(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  static const Order orders[] = {Order::Weak, Order::Relaxed, Order::Volatile,
                                 IsLoad ? Order::Acquire : Order::Release};
  int order = op.takeOneOf({"weak", "relaxed", "volatile", IsLoad ? "acquire" : "release"});
  i.order = order < 0 ? Order::Weak : orders[order];
  i.scope = order == 1 || order == 3 ? takeScope(op) : Scope::Device;
  i.space = takeSpace(op);
  if (IsLoad)
    i.isReadOnly = op.take("nc");
  dropHints(op);
  int vector = op.takeOneOf({"v2", "v4"});
  Type type = op.takeType();
  if (!type.kind || type.bits > 64 || type.kind == 'p')
    refuse("unknown type");
  i.bytes = uint8_t(type.bytes());
  i.isSigned = IsLoad && type.kind == 's';
  if (i.bytes * (vector < 0 ? 1 : 2 << vector) > 16)
    refuse("expected at most 16 bytes");
  s.expect(2, 2);
  takeAddress(s, IsLoad ? 1 : 0, i);
  if (vector < 0) {
    const Operand &value = s.scalar(IsLoad ? 0 : 1);
    (IsLoad ? i.d : i.b) = value;
  } else {
    const Argument &list = s.arguments[IsLoad ? 0 : 1];
    if (list.kind != Argument::List || list.items.size() != size_t(2 << vector))
      refuse(format("expected %d elements", 2 << vector));
    pool.keep(i, IsLoad ? list.items : std::vector<Operand>(), IsLoad ? std::vector<Operand>() : list.items);
  }
  i.run = IsLoad ? load : store;
}

// Atomic operations: Instruction::mode is the operation and, above, the type.
enum AtomicOp : uint32_t { AddA, MinA, MaxA, AndA, OrA, XorA, ExchA, CasA, IncA, DecA };

template <typename T> uint64_t updateInteger(AtomicOp op, T old, T b) {
  switch (op) {
  case AddA:
    return bitsOf(T(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(b)));
  case MinA:
    return bitsOf(std::min(old, b));
  case MaxA:
    return bitsOf(std::max(old, b));
  case IncA:
    return bitsOf(old >= b ? T(0) : T(old + 1));
  default: // DecA
    return bitsOf(old == 0 || old > b ? b : T(old - 1));
  }
}

uint64_t addFloats(uint64_t a, uint64_t b, Type type) {
  if (type.kind == 'f')
    return type.bits == 64 ? bitsOf(as<double>(a) + as<double>(b)) : bitsOf(as<float>(a) + as<float>(b));
  uint64_t result = 0;
  for (int k = 0; k < (type.isPacked ? 2 : 1); ++k) {
    uint16_t x = uint16_t(a >> 16 * k), y = uint16_t(b >> 16 * k);
    uint16_t sum = type.kind == 'h' ? Half::fromFloat(Half::toFloat(x) + Half::toFloat(y))
                                    : BFloat::fromFloat(BFloat::toFloat(x) + BFloat::toFloat(y));
    result |= uint64_t(sum) << 16 * k;
  }
  return result;
}

uint64_t update(AtomicOp op, Type type, uint64_t old, uint64_t b, uint64_t c) {
  switch (op) {
  case AndA:
    return old & b;
  case OrA:
    return old | b;
  case XorA:
    return old ^ b;
  case ExchA:
    return b;
  case CasA: {
    uint64_t mask = type.bits == 64 ? ~uint64_t(0) : (uint64_t(1) << type.bits) - 1;
    return old == (b & mask) ? c : old;
  }
  default:
    break;
  }
  if (type.kind == 'f' || type.kind == 'h' || type.kind == 'w')
    return addFloats(old, b, type);
  if (type.kind == 's')
    return type.bits == 64 ? updateInteger<int64_t>(op, int64_t(old), int64_t(b))
                           : updateInteger<int32_t>(op, as<int32_t>(old), as<int32_t>(b));
  return type.bits == 64 ? updateInteger<uint64_t>(op, old, b)
                         : updateInteger<uint32_t>(op, uint32_t(old), uint32_t(b));
}

Type atomicType(uint32_t mode) { return {char(mode >> 8 & 255), uint8_t(mode >> 16 & 255), bool(mode >> 24)}; }

void atomic(Warp &w, const Instruction &i, uint32_t on) {
  Use use{.isRead = true, .isWrite = true, .isStrong = true};
  Type type = atomicType(i.mode);
  SpinWatch spin;
  if (w.launch->counts)
    countAccess(w, i, on, i.bytes, true);
  eachLane(on, [&](int lane) {
    uint64_t address = w.get(i.a, lane) + i.offset, key = keyOf(w, i.space, address);
    uint8_t *at = reach(w, lane, i.space, address, i.bytes, i.bytes, use);
    uint64_t old = loadElement(at, i.bytes), b = w.get(i.b, lane), c = w.get(i.c, lane);
    w.launch->races->receive(w.clock, key, acquires(i), i.scope);
    uint64_t fresh = update(AtomicOp(i.mode & 255), type, old, b, c);
    storeElement(at, fresh, i.bytes);
    w.launch->races->publish(w.clock, key, releases(i), true, i.scope);
    if (i.d.reg >= 0) {
      w.set(i.d, lane, old);
      spin.note(address, old);
    }
  });
  if (i.d.reg >= 0)
    spin.finish(w);
}

template <bool HasResult> void decodeAtomic(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  static const Order orders[] = {Order::Relaxed, Order::Acquire, Order::Release, Order::AcquireRelease};
  int order = op.takeOneOf({"relaxed", "acquire", "release", "acq_rel"});
  i.order = orders[std::max(order, 0)];
  i.scope = takeScope(op);
  i.space = takeSpace(op);
  uint32_t what = op.takeOneOf({"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"});
  op.take("noftz");
  Type type = op.takeType();
  bool isFloat = type.kind == 'f' || type.kind == 'h' || type.kind == 'w';
  if (what > DecA || type.bits < 16 || type.bits > 64 || (type.bits == 16 && !isFloat && what != CasA) ||
      (isFloat && what != AddA) || (!HasResult && what >= ExchA && what <= CasA))
    refuse("unknown operation or type");
  size_t operands = (HasResult ? 3 : 2) + (what == CasA);
  s.expect(operands, operands);
  size_t at = 0;
  if (HasResult)
    i.d = s.scalar(at++);
  takeAddress(s, at++, i);
  i.b = s.scalar(at++);
  if (what == CasA)
    i.c = s.scalar(at);
  i.bytes = uint8_t(type.bytes());
  i.mode = uint32_t(what) | uint32_t(type.kind) << 8 | uint32_t(type.bits) << 16 | uint32_t(type.isPacked) << 24;
  i.run = atomic;
}

void fence(Warp &w, const Instruction &i, uint32_t) { w.launch->races->fence(w.clock, i.scope); }

void decodeFence(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  s.expect(0, 0);
  if (op.first == "membar") {
    int scope = op.takeOneOf({"cta", "gl", "sys"});
    if (scope < 0)
      refuse("expected .cta, .gl or .sys");
    i.scope = scope == 0 ? Scope::Block : Scope::Device;
  } else {
    op.takeOneOf({"sc", "acq_rel", "acquire", "release"});
    i.scope = takeScope(op);
  }
  i.run = fence;
}

void decodePrefetch(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  i.space = takeSpace(op);
  if (op.takeOneOf({"L1", "L2", "L2::evict_last", "L2::evict_normal"}) < 0)
    refuse("expected .L1 or .L2");
  s.expect(1, 1);
  takeAddress(s, 0, i);
  i.run = prefetch;
}

} // namespace

std::span<const DecoderEntry> ptxsim::accessDecoders() {
  static const DecoderEntry table[] = {{"ld", decodeTransfer<true>},
                                       {"st", decodeTransfer<false>},
                                       {"prefetch", decodePrefetch},
                                       {"prefetchu", decodePrefetch}};
  return table;
}

std::span<const DecoderEntry> ptxsim::atomicDecoders() {
  static const DecoderEntry table[] = {
      {"atom", decodeAtomic<true>}, {"red", decodeAtomic<false>}, {"membar", decodeFence}, {"fence", decodeFence}};
  return table;
}
