//===- Warp.cpp - lockstep execution and divergence ---------------------------------------------------------------===//

#include "Warp.h"

#include <climits>
#include <cstdarg>

using namespace ptxsim;

void ptxsim::fail(int lane, std::string text) { throw Fault{std::move(text), lane}; }

std::string ptxsim::format(const char *text, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, text);
  vsnprintf(line, sizeof line, text, arguments);
  va_end(arguments);
  return line;
}

Frame *Launch::callee(Frame *from, int returnTo, const Function &function) {
  for (const std::unique_ptr<Frame> &known : from->callees)
    if (known->returnTo == returnTo && known->function == &function)
      return known.get();
  if (from->depth > 200)
    fail(-1, "calls are nested more than 200 deep");
  auto fresh = std::make_unique<Frame>();
  fresh->function = &function;
  fresh->caller = from;
  fresh->returnTo = returnTo;
  fresh->registers = from->registers + from->function->registers * kLanes;
  fresh->parameters = from->outgoing;
  fresh->outgoing = (fresh->parameters + function.signature.bytes + 15) / 16 * 16;
  fresh->local = (from->localEnd + 15) / 16 * 16;
  fresh->localEnd = fresh->local + function.localBytes;
  fresh->depth = from->depth + 1;
  from->callees.push_back(std::move(fresh));
  return from->callees.back().get();
}

static void restride(std::vector<uint8_t> &bytes, uint32_t &stride, uint32_t wanted, uint8_t fill) {
  if (wanted <= stride)
    return;
  wanted = (wanted + 255) / 256 * 256;
  std::vector<uint8_t> fresh(size_t(wanted) * kLanes, fill);
  for (int lane = 0; lane < kLanes && stride; ++lane)
    std::memcpy(&fresh[size_t(lane) * wanted], &bytes[size_t(lane) * stride], stride);
  bytes = std::move(fresh);
  stride = wanted;
}

void Warp::enter(Frame *to) {
  frame = to;
  size_t slots = to->registers + size_t(to->function->registers) * kLanes;
  if (registers.size() < slots)
    registers.resize(slots + slots / 2);
  regs = registers.data() + to->registers;
  restride(parameters, parameterStride, to->outgoing + to->function->outgoingBytes, 0xff);
  restride(local, localStride, to->localEnd, 0xff);
}

/// Chooses the lanes that run next. `limit`: where they must stop, because other lanes of the same frame are there.
bool Warp::select(uint32_t &mask, int &limit) {
  uint32_t ready = alive & ~atBarrier & ~atCollective;
  if (!ready)
    return false;
  // Lanes that spun let the others go first: what they wait for may be in this warp.
  if (ready & ~spinning)
    ready &= ~spinning;
  spinning = 0;
  const Frame *best = nullptr;
  int lowest = INT_MAX;
  for (uint32_t rest = ready; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    if (!best || frames[lane]->depth > best->depth || (frames[lane] == best && pcs[lane] < lowest)) {
      best = frames[lane];
      lowest = pcs[lane];
    }
  }
  mask = 0;
  limit = INT_MAX;
  for (uint32_t rest = alive & ~atBarrier; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    if (frames[lane] != best || !((ready | atCollective) >> lane & 1))
      continue;
    if (pcs[lane] == lowest)
      mask |= 1u << lane; // also those that wait here for a collective
    else if (pcs[lane] > lowest)
      limit = std::min(limit, pcs[lane]);
  }
  atCollective &= ~mask;
  if (frame != best)
    enter(const_cast<Frame *>(best));
  pc = lowest;
  return true;
}

/// Of a collective: whether all lanes it needs are here. Otherwise those that are wait.
bool Warp::gather(const Instruction &i, uint32_t mask, uint32_t on) {
  uint32_t needed = existing;
  if (i.kind == Kind::Collective && !i.isAligned) {
    int first = __builtin_ctz(on);
    needed = uint32_t(get(i.c, first));
    eachLane(on, [&](int lane) {
      uint32_t own = uint32_t(get(i.c, lane));
      if (!(own >> lane & 1))
        fail(lane, format("member mask 0x%08x, expected one that has the lane's own bit %d", own, lane));
      if (own != needed)
        fail(lane, format("member mask 0x%08x, expected that of lane %d, 0x%08x", own, first, needed));
    });
    needed &= existing;
  }
  if ((on & needed) == needed && (i.kind != Kind::Barrier || on == needed))
    return true;
  uint32_t gone = needed & ~alive;
  if (gone)
    fail(__builtin_ctz(on), format("expected lanes 0x%08x here, found that 0x%08x have exited", needed, gone));
  atCollective |= on;
  eachLane(mask, [&](int lane) { pcs[lane] = on >> lane & 1 ? pc : pc + 1; });
  return false;
}

void Warp::neverMeet() {
  uint32_t waiting = atCollective;
  int lane = __builtin_ctz(waiting);
  pc = pcs[lane];
  uint32_t here = 0;
  for (uint32_t rest = waiting; rest; rest &= rest - 1)
    if (pcs[__builtin_ctz(rest)] == pc)
      here |= 1u << __builtin_ctz(rest);
  const Instruction &i = launch->program->code[pc];
  enter(frames[lane]);
  uint32_t needed = i.kind == Kind::Collective && !i.isAligned ? uint32_t(get(i.c, lane)) & existing : existing;
  std::string text = format("expected lanes 0x%08x of the warp together, got 0x%08x", needed, here);
  for (uint32_t rest = needed & ~here; rest; rest &= rest - 1) {
    int other = __builtin_ctz(rest);
    if (alive >> other & 1)
      text += format("; lane %d is at line %u", other, launch->program->code[pcs[other]].line);
    else
      text += format("; lane %d has exited", other);
    break;
  }
  fail(lane, text);
}

void Warp::arrive(const Instruction &i, uint32_t on) {
  int first = __builtin_ctz(on);
  int number = int(get(i.a, first));
  uint32_t expected = uint32_t(get(i.b, first));
  eachLane(on, [&](int lane) {
    if (int(get(i.a, lane)) != number)
      fail(lane, format("barrier %d, expected %d as in lane %d", int(get(i.a, lane)), number, first));
  });
  if (number < 0 || number > 15)
    fail(first, format("barrier %d, expected 0 to 15", number));
  bool isWaiting = i.mode == 0;
  if (isWaiting) {
    atBarrier |= on;
    barrierNumber = number;
  }
  block->arrive(number, expected, *this, on, isWaiting);
}

void Warp::call(const Instruction &i, uint32_t on) {
  const CallSite &site = launch->program->calls[i.target];
  const Function *function = nullptr;
  if (site.function >= 0) {
    function = &launch->program->functions[site.function];
  } else {
    int first = __builtin_ctz(on);
    uint64_t address = get(i.a, first);
    eachLane(on, [&](int lane) {
      if (get(i.a, lane) != address) // supporting it needs one group per target; LLVM never makes it of our code
        fail(lane, "lanes of one warp call different functions through a pointer: not modelled");
    });
    uint64_t number = (address - kCodeWindow) / 16;
    if (address < kCodeWindow || number >= launch->program->functions.size())
      fail(first, format("calls 0x%llx, expected the address of a function", (unsigned long long)address));
    function = &launch->program->functions[number];
    if (!(function->signature == site.signature))
      fail(first, "calls " + function->name + " with parameters of other sizes than it has");
  }
  Frame *to = launch->callee(frame, pc + 1, *function);
  eachLane(on, [&](int lane) {
    frames[lane] = to;
    pcs[lane] = function->first;
  });
  enter(to);
}

/// Barriers, tables, calls, returns and exits: lanes `on` leave the instruction that follows.
void Warp::control(const Instruction &i, uint32_t on) {
  switch (i.kind) {
  case Kind::Barrier:
    arrive(i, on);
    break;
  case Kind::IndexedBranch:
    eachLane(on, [&](int lane) {
      const std::vector<int> &table = launch->program->tables[i.target];
      uint64_t index = uint32_t(get(i.a, lane));
      if (index >= table.size())
        fail(lane, format("index %llu of a table of %zu branch targets", (unsigned long long)index, table.size()));
      pcs[lane] = table[index];
    });
    break;
  case Kind::Call:
    call(i, on);
    break;
  case Kind::Return:
    if (frame->caller) {
      Frame *to = frame->caller;
      int place = frame->returnTo;
      eachLane(on, [&](int lane) {
        frames[lane] = to;
        pcs[lane] = place;
      });
      enter(to);
      break;
    }
    [[fallthrough]];
  case Kind::Exit:
    alive &= ~on;
    ++launch->progress;
    break;
  default:
    break;
  }
}

uint64_t Warp::run(uint64_t budget) {
  const Instruction *code = launch->program->code.data();
  uint64_t *executed = launch->counts ? launch->counts->instructions.data() : nullptr;
  uint64_t *lanes = launch->counts ? launch->counts->lanes.data() : nullptr;
  uint64_t left = budget;
  isYielding = false;
  uint32_t mask = 0;
  int limit = 0;
  while (left && !isYielding && select(mask, limit)) {
    // Writes the group's place back; all ways out of the inner loop do so.
    bool isMoved = false;
    while (pc < limit && left && !isYielding) {
      const Instruction &i = code[pc];
      uint32_t on = mask;
      if (i.predicate >= 0) {
        const uint64_t *predicate = regs + i.predicate;
        eachLane(mask, [&](int lane) {
          if ((predicate[lane] & 1) == i.isNegated)
            on &= ~(1u << lane);
        });
      }
      --left;
      if (executed) {
        ++executed[pc];
        lanes[pc] += __builtin_popcount(on);
      }
      if (i.kind == Kind::Plain) {
        if (on)
          i.run(*this, i, on);
        ++pc;
        continue;
      }
      if (i.kind == Kind::Branch) {
        if (on == mask) {
          // Others stand between here and there, or there; or they wait at a place that a jump back comes by.
          bool mayMeet = i.target >= limit || (atCollective && i.target < pc);
          pc = i.target;
          if (mayMeet)
            break;
          continue;
        }
        if (!on) {
          ++pc;
          continue;
        }
        eachLane(mask, [&](int lane) { pcs[lane] = on >> lane & 1 ? i.target : pc + 1; });
        isMoved = true;
        break;
      }
      if (!on) {
        ++pc;
        continue;
      }
      if (i.kind == Kind::Collective) {
        if (!gather(i, mask, on)) {
          isMoved = true;
          break;
        }
        i.run(*this, i, on);
        ++pc;
        continue;
      }
      isMoved = true;
      if (i.kind == Kind::Barrier && i.isAligned && !gather(i, mask, on))
        break;
      eachLane(mask, [&](int lane) { pcs[lane] = pc + 1; });
      control(i, on);
      break;
    }
    if (!isMoved)
      eachLane(mask, [&](int lane) { pcs[lane] = pc; });
  }
  if (isYielding)
    spinning = mask;
  if (left && !isYielding && atCollective && !(alive & ~atBarrier & ~atCollective))
    neverMeet();
  launch->steps += budget - left;
  return budget - left;
}
