//===- Move.cpp - mov, selp, setp, cvta and special registers -----------------------------------------------------===//

#include "Access.h"
#include "Handlers.h"

using namespace ptxsim;

namespace {

enum SpecialRegister {
  Tid, // and .y, .z; so with the next three
  Ntid = 3,
  Ctaid = 6,
  Nctaid = 9,
  LaneId = 12,
  WarpId,
  NWarpId,
  SmId,
  NSmId,
  GridId,
  MaskEq,
  MaskLt,
  MaskLe,
  MaskGt,
  MaskGe,
  ClockLow,
  ClockHigh,
  Clock64,
  Timer,
  TimerLow,
  TimerHigh,
  DynamicShared,
  TotalShared,
};

constexpr std::string_view kSpecialNames[] = {
    "%tid.x",          "%tid.y",       "%tid.z",       "%ntid.x",         "%ntid.y",         "%ntid.z",
    "%ctaid.x",        "%ctaid.y",     "%ctaid.z",     "%nctaid.x",       "%nctaid.y",       "%nctaid.z",
    "%laneid",         "%warpid",      "%nwarpid",     "%smid",           "%nsmid",          "%gridid",
    "%lanemask_eq",    "%lanemask_lt", "%lanemask_le", "%lanemask_gt",    "%lanemask_ge",    "%clock",
    "%clock_hi",       "%clock64",     "%globaltimer", "%globaltimer_lo", "%globaltimer_hi", "%dynamic_smem_size",
    "%total_smem_size"};

void copy(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) { w.set(i.d, lane, w.get(i.a, lane)); });
}

/// mode: bits of a part; the first part is the lowest.
void unpack(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    uint64_t value = w.get(i.a, lane), mask = (uint64_t(1) << i.mode) - 1;
    for (int k = 0; k < i.moreResults; ++k)
      w.set(i.more[k], lane, value >> (k * i.mode) & mask);
  });
}
void pack(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    uint64_t value = 0, mask = (uint64_t(1) << i.mode) - 1;
    for (int k = 0; k < i.moreCount; ++k)
      value |= (w.get(i.more[k], lane) & mask) << (k * i.mode);
    w.set(i.d, lane, value);
  });
}

void decodeMov(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  Type type = op.takeType();
  s.expect(2, 2);
  const Argument &to = s.arguments[0], &from = s.arguments[1];
  if (to.kind == Argument::List) {
    if (to.items.size() * 8 > type.bits)
      refuse("more parts than bytes");
    i.a = s.scalar(1);
    i.mode = uint32_t(type.bits / to.items.size());
    pool.keep(i, to.items, {});
    i.run = unpack;
  } else if (from.kind == Argument::List) {
    i.d = s.scalar(0);
    i.mode = uint32_t(type.bits / from.items.size());
    pool.keep(i, {}, from.items);
    i.run = pack;
  } else {
    plainOperands(s, i, 1);
    i.run = copy;
  }
  if (!type.kind || type.bits > 64)
    refuse("expected a type of at most 64 bits");
}

void select(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) { w.set(i.d, lane, w.get(w.get(i.c, lane) & 1 ? i.a : i.b, lane)); });
}

// Comparisons: four bits say for which relations the result is true.
enum : uint32_t { Less = 1, Equal = 2, Greater = 4, Unordered = 8, Relations = 15 };
enum : uint32_t { And = 1 << 4, Or = 2 << 4, Xor = 3 << 4, Combine = 3 << 4, NegateC = 1 << 6 };

template <typename T> uint32_t relation(T a, T b) {
  return a < b ? Less : a == b ? Equal : a > b ? Greater : Unordered;
}

template <typename T> uint32_t compareBits(uint64_t a, uint64_t b) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat>)
    return relation(T::toFloat(uint16_t(a)), T::toFloat(uint16_t(b)));
  else
    return relation(as<T>(a), as<T>(b));
}

template <typename T> void setPredicate(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) { w.set(i.d, lane, (compareBits<T>(w.get(i.a, lane), w.get(i.b, lane)) & i.mode) != 0); });
}

/// With a third predicate, and a second result for the opposite.
template <typename T> void setPredicates(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    bool holds = compareBits<T>(w.get(i.a, lane), w.get(i.b, lane)) & i.mode & Relations;
    bool third = (w.get(i.c, lane) & 1) != bool(i.mode & NegateC);
    auto combined = [&](bool value) {
      uint32_t with = i.mode & Combine;
      return with == And ? value && third : with == Or ? value || third : with == Xor ? value != third : value;
    };
    w.set(i.d, lane, combined(holds));
    if (i.moreResults)
      w.set(i.more[0], lane, combined(!holds));
  });
}

/// f16x2: one predicate for each half, the lower one first.
void setPredicatePair(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    uint64_t a = w.get(i.a, lane), b = w.get(i.b, lane);
    w.set(i.d, lane, (compareBits<Half>(a, b) & i.mode) != 0);
    w.set(i.more[0], lane, (compareBits<Half>(a >> 16, b >> 16) & i.mode) != 0);
  });
}

template <template <typename> typename F> Handler handlerFor(Type type) {
  bool isSigned = type.kind == 's';
  switch (type.kind) {
  case 'f':
    return type.bits == 64 ? F<double>::get() : F<float>::get();
  case 'h':
    return F<Half>::get();
  case 'w':
    return F<BFloat>::get();
  default:
    if (type.bits == 16)
      return isSigned ? F<int16_t>::get() : F<uint16_t>::get();
    return type.bits == 64 ? (isSigned ? F<int64_t>::get() : F<uint64_t>::get())
                           : (isSigned ? F<int32_t>::get() : F<uint32_t>::get());
  }
}
template <typename T> struct One {
  static Handler get() { return setPredicate<T>; }
};
template <typename T> struct Two {
  static Handler get() { return setPredicates<T>; }
};

uint32_t takeComparison(Modifiers &op) {
  static const std::pair<std::string_view, uint32_t> names[] = {{"eq", Equal},
                                                                {"ne", Less | Greater},
                                                                {"lt", Less},
                                                                {"le", Less | Equal},
                                                                {"gt", Greater},
                                                                {"ge", Greater | Equal},
                                                                {"lo", Less},
                                                                {"ls", Less | Equal},
                                                                {"hi", Greater},
                                                                {"hs", Greater | Equal},
                                                                {"equ", Equal | Unordered},
                                                                {"neu", Less | Greater | Unordered},
                                                                {"ltu", Less | Unordered},
                                                                {"leu", Less | Equal | Unordered},
                                                                {"gtu", Greater | Unordered},
                                                                {"geu", Greater | Equal | Unordered},
                                                                {"num", Less | Equal | Greater},
                                                                {"nan", Unordered}};
  for (auto &[name, mask] : names)
    if (op.take(name))
      return mask;
  refuse("expected a comparison");
}

void decodeSetp(Modifiers &op, const Statement &s, Instruction &i, Pool &pool) {
  uint32_t mode = takeComparison(op);
  int with = op.takeOneOf({"and", "or", "xor"});
  bool isFlushing = op.take("ftz");
  Type type = op.takeType();
  bool isPair = type.isPacked && type.kind == 'h' && with < 0;
  if (!type.kind || (type.isPacked && !isPair) || type.kind == 'p' || isFlushing)
    refuse(isFlushing ? "unknown modifier .ftz" : "unknown type");
  s.expect(with < 0 ? 3 : 4, with < 0 ? 3 : 4);
  const Argument &to = s.arguments[0];
  if (to.kind != Argument::Scalar || to.items[0].reg < 0)
    refuse("operand 1: expected a predicate");
  i.d = to.items[0];
  i.a = s.scalar(1);
  i.b = s.scalar(2);
  if (to.hasSecond)
    pool.keep(i, {to.second}, {});
  if (with >= 0) {
    const Argument &third = s.arguments[3];
    if (third.kind != Argument::Scalar)
      refuse("operand 4: expected a predicate");
    i.c = third.items[0];
    mode |= uint32_t(with + 1) << 4 | (third.isNegated ? NegateC : 0);
  }
  i.mode = mode;
  if (isPair && !to.hasSecond)
    refuse("operand 1: expected two predicates");
  i.run = isPair ? setPredicatePair : with >= 0 || to.hasSecond ? handlerFor<Two>(type) : handlerFor<One>(type);
}

/// set: all ones, or 1.0 for an f32 result (mode bit 7).
template <typename T> void setValue(Warp &w, const Instruction &i, uint32_t on) {
  eachLane(on, [&](int lane) {
    bool holds = compareBits<T>(w.get(i.a, lane), w.get(i.b, lane)) & i.mode & Relations;
    w.set(i.d, lane, !holds ? 0 : i.mode & 128 ? 0x3f800000 : 0xffffffff);
  });
}
template <typename T> struct Three {
  static Handler get() { return setValue<T>; }
};

void decodeSet(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  i.mode = takeComparison(op);
  Type to = op.takeType(), from = op.takeType();
  plainOperands(s, i, 2);
  if (!from.kind || from.isPacked || to.bits != 32)
    refuse("unknown type");
  if (to.kind == 'f')
    i.mode |= 128;
  i.run = handlerFor<Three>(from);
}

Space takeSpace(Modifiers &op) {
  static const Space spaces[] = {Space::Global, Space::Const, Space::Shared, Space::Shared, Space::Local, Space::Param};
  int space = op.takeOneOf({"global", "const", "shared", "shared::cta", "local", "param"});
  return space < 0 ? Space::Generic : spaces[space];
}

void decodeCvta(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  bool isTo = op.take("to");
  Space space = takeSpace(op);
  Type type = op.takeType();
  plainOperands(s, i, 1);
  if (space == Space::Generic || type.bits != 64)
    refuse("expected a state space and 64 bits");
  static constexpr uint64_t windows[] = {0, 0, kSharedWindow, kLocalWindow, 0, kParamWindow};
  uint64_t window = windows[int(space)];
  i.mode = isTo;
  i.b.value = window;
  i.run = [](Warp &w, const Instruction &i, uint32_t on) {
    eachLane(on, [&](int lane) {
      uint64_t address = w.get(i.a, lane);
      w.set(i.d, lane, i.mode ? address - i.b.value : address + i.b.value);
    });
  };
}

void decodeIsSpace(Modifiers &op, const Statement &s, Instruction &i, Pool &) {
  Space space = takeSpace(op);
  plainOperands(s, i, 1);
  i.space = space;
  i.run = [](Warp &w, const Instruction &i, uint32_t on) {
    eachLane(on, [&](int lane) {
      Space space = Space::Generic;
      uint64_t address = w.get(i.a, lane);
      resolve(space, address);
      w.set(i.d, lane, space == i.space);
    });
  };
}

} // namespace

int ptxsim::specialNumber(std::string_view name) {
  for (size_t k = 0; k < std::size(kSpecialNames); ++k)
    if (kSpecialNames[k] == name)
      return int(k);
  return -1;
}

uint64_t ptxsim::readSpecial(const Warp &warp, int number, int lane) {
  const Launch &launch = *warp.launch;
  const Grid &grid = launch.grid;
  uint32_t thread = warp.id * kLanes + lane, bit = 1u << lane;
  uint32_t threads = grid.threads[0] * grid.threads[1] * grid.threads[2];
  switch (number) {
  case Tid:
    return thread % grid.threads[0];
  case Tid + 1:
    return thread / grid.threads[0] % grid.threads[1];
  case Tid + 2:
    return thread / grid.threads[0] / grid.threads[1];
  case Ntid:
  case Ntid + 1:
  case Ntid + 2:
    return grid.threads[number - Ntid];
  case Ctaid:
  case Ctaid + 1:
  case Ctaid + 2:
    return warp.block->index[number - Ctaid];
  case Nctaid:
  case Nctaid + 1:
  case Nctaid + 2:
    return grid.blocks[number - Nctaid];
  case LaneId:
    return lane;
  case WarpId:
    return warp.id;
  case NWarpId:
    return (threads + kLanes - 1) / kLanes;
  case SmId:
    return launch.processors ? warp.block->number % launch.processors : 0;
  case NSmId:
    return launch.processors;
  case GridId:
    return launch.races->launch;
  case MaskEq:
    return bit;
  case MaskLt:
    return bit - 1;
  case MaskLe:
    return bit | (bit - 1);
  case MaskGt:
    return ~(bit | (bit - 1));
  case MaskGe:
    return ~(bit - 1);
  // One instruction of a warp counts as a nanosecond and as a clock.
  case ClockLow:
  case TimerLow:
    return uint32_t(launch.now());
  case ClockHigh:
  case TimerHigh:
    return launch.now() >> 32;
  case Clock64:
  case Timer:
    return launch.now();
  case DynamicShared:
    return grid.dynamicShared;
  default:
    return warp.block->shared.size();
  }
}

uint64_t Warp::slowOperand(const Operand &operand, int lane) const {
  switch (operand.reg) {
  case Operand::OwnParameter:
    return operand.value + frame->parameters;
  case Operand::OutgoingParameter:
    return operand.value + frame->outgoing;
  case Operand::LocalVariable:
    return operand.value + frame->local;
  default:
    return readSpecial(*this, int(operand.value), lane);
  }
}

std::span<const DecoderEntry> ptxsim::moveDecoders() {
  static const DecoderEntry table[] = {
      {"mov", decodeMov},
      {"selp",
       [](Modifiers &op, const Statement &s, Instruction &i, Pool &) {
         Type type = op.takeType();
         plainOperands(s, i, 3);
         if (!type.kind)
           refuse("unknown type");
         i.run = select;
       }},
      {"setp", decodeSetp},
      {"set", decodeSet},
      {"cvta", decodeCvta},
      {"isspacep", decodeIsSpace},
      {"trap",
       [](Modifiers &, const Statement &s, Instruction &i, Pool &) {
         s.expect(0, 0);
         i.run = [](Warp &, const Instruction &, uint32_t on) { fail(__builtin_ctz(on), "trap"); };
       }},
      {"nanosleep",
       [](Modifiers &op, const Statement &s, Instruction &i, Pool &) {
         op.takeType();
         s.expect(1, 1);
         i.run = [](Warp &w, const Instruction &, uint32_t) { w.isYielding = true; };
       }},
  };
  return table;
}
