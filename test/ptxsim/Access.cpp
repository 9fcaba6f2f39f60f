//===- Access.cpp - bounds, alignment, races and uninitialised bytes ----------------------------------------------===//

#include "Access.h"

#include <algorithm>

using namespace ptxsim;

namespace {

const char *verb(Use use) { return use.isRead && use.isWrite ? "updates" : use.isWrite ? "writes" : "reads"; }

/// The shared variable that an offset lies in.
std::string sharedName(const Warp &warp, uint64_t offset) {
  const Variable *best = nullptr;
  for (const std::unique_ptr<Variable> &variable : warp.launch->program->variables)
    if (variable->space == Space::Shared && variable->address <= offset &&
        (!best || variable->address > best->address ||
         (variable->address == best->address && offset < variable->address + variable->bytes)))
      best = variable.get();
  if (!best)
    return format("shared byte %llu", (unsigned long long)offset);
  return format("%s + %llu (shared)", best->name.c_str(), (unsigned long long)(offset - best->address));
}

[[noreturn]] void reportRace(const Warp &warp, int lane, Use use, uint32_t bytes, const std::string &where,
                             const Races::Conflict &conflict, bool isShared) {
  const Launch &launch = *warp.launch;
  std::string other = isShared
                          ? describeWarp(launch, conflict.warp).substr(describeWarp(launch, conflict.warp).find("warp"))
                          : describeWarp(launch, conflict.warp);
  fail(lane,
       format("race: %s %u bytes at %s, which %s %s at line %u: expected a barrier%s between them", verb(use), bytes,
              where.c_str(), other.c_str(), conflict.isWrite ? "wrote" : "read", launch.program->code[conflict.pc].line,
              isShared || conflict.warp / warp.block->warps.size() == warp.block->number
                  ? ""
                  : " or a release and an acquire at gpu scope"));
}

/// Records an access, word by word. `shadow(address)` gives the shadow of the word that holds an address.
template <typename F>
void follow(Warp &warp, int lane, uint64_t address, uint32_t bytes, Use use, F shadow, bool isShared) {
  Races &races = *warp.launch->races;
  for (uint64_t at = address & ~uint64_t(3), end = address + bytes; at < end; at += 4) {
    uint8_t mask = 15;
    if (at < address)
      mask = mask << (address - at) & 15;
    if (at + 4 > end)
      mask &= 15 >> (at + 4 - end);
    Shadow &word = shadow(at);
    Races::Conflict conflict;
    if (use.isReadOnly && word.launch == races.launch && word.writeTime && (word.writtenBytes & mask))
      fail(lane, format("reads %u bytes as read-only (.nc) at %s, which the same kernel wrote at line %u", bytes,
                        warp.launch->memory->describe(address).c_str(), warp.launch->program->code[word.writePc].line));
    if (use.isRead)
      conflict = races.access(warp.clock, word, mask, warp.pc, false, use.isStrong);
    if (use.isWrite && !conflict.isFound)
      conflict = races.access(warp.clock, word, mask, warp.pc, true, use.isStrong);
    if (conflict.isFound)
      reportRace(warp, lane, use, bytes, isShared ? sharedName(warp, address) : warp.launch->memory->describe(address),
                 conflict, isShared);
  }
}

uint8_t *reachGlobal(Warp &warp, int lane, uint64_t address, uint32_t bytes, uint32_t align, Use use) {
  Launch &launch = *warp.launch;
  Allocation *found = launch.memory->find(address, bytes);
  if (!found)
    fail(lane,
         format("%s %u bytes outside of every allocation: ", verb(use), bytes) + launch.memory->describe(address));
  if (address % align)
    fail(lane, format("%s %u bytes at 0x%llx, expected a multiple of %u", verb(use), align, (unsigned long long)address,
                      align));
  if (use.isWrite && found->isConstant)
    fail(lane, format("writes the constant %s", found->name.c_str()));
  if (!found->written.empty()) {
    if (use.isRead && std::memchr(&found->written[address - found->address], 0, bytes))
      fail(lane, format("reads %u bytes that nobody wrote: ", bytes) + launch.memory->describe(address));
    if (use.isWrite)
      found->setWritten(address, bytes);
  }
  if (launch.areGlobalAccessesChecked && !found->isConstant)
    follow(warp, lane, address, bytes, use, [&](uint64_t at) -> Shadow & { return found->shadow(at); }, false);
  return found->data + (address - found->address);
}

uint8_t *reachShared(Warp &warp, int lane, uint64_t address, uint32_t bytes, uint32_t align, Use use) {
  Block &block = *warp.block;
  if (address > block.shared.size() || bytes > block.shared.size() - address)
    fail(lane, format("%s %u bytes at shared byte %llu, expected less than %zu", verb(use), bytes,
                      (unsigned long long)address, block.shared.size()));
  if (address % align)
    fail(lane, format("%s %u bytes at shared byte %llu, expected a multiple of %u", verb(use), align,
                      (unsigned long long)address, align));
  if (block.pendingBytes && !use.isAsync)
    for (uint32_t k = 0; k < bytes; ++k)
      if (block.sharedPending[address + k])
        fail(lane, format("%s %u bytes at %s, which a cp.async still fills: expected cp.async.wait before", verb(use),
                          bytes, sharedName(warp, address).c_str()));
  if (!block.sharedWritten.empty()) {
    if (use.isRead && std::memchr(&block.sharedWritten[address], 0, bytes))
      fail(lane, format("reads %u bytes that nobody wrote at ", bytes) + sharedName(warp, address));
    if (use.isWrite)
      std::memset(&block.sharedWritten[address], 1, bytes);
  }
  if (warp.launch->areSharedAccessesChecked)
    follow(warp, lane, address, bytes, use, [&](uint64_t at) -> Shadow & { return block.sharedShadow[at / 4]; }, true);
  return &block.shared[address];
}

/// A lane's own memory: .local variables, parameters.
uint8_t *reachOwn(std::vector<uint8_t> &memory, uint32_t stride, int lane, uint64_t address, uint32_t end,
                  uint32_t bytes, uint32_t align, Use use, const char *what) {
  if (address > end || bytes > end - address)
    fail(lane, format("%s %u bytes at %s byte %llu, expected less than %u", verb(use), bytes, what,
                      (unsigned long long)address, end));
  if (address % align)
    fail(lane, format("%s %u bytes at %s byte %llu, expected a multiple of %u", verb(use), align, what,
                      (unsigned long long)address, align));
  return &memory[size_t(lane) * stride + address];
}

} // namespace

void ptxsim::resolve(Space &space, uint64_t &address) {
  if (space != Space::Generic)
    return;
  uint64_t window = address >> 44;
  if (window == 0 || window > 3) {
    space = Space::Global;
    return;
  }
  space = window == 1 ? Space::Shared : window == 2 ? Space::Local : Space::Param;
  address &= (uint64_t(1) << 44) - 1;
}

uint8_t *ptxsim::reach(Warp &warp, int lane, Space space, uint64_t address, uint32_t bytes, uint32_t align, Use use) {
  resolve(space, address);
  switch (space) {
  case Space::Shared:
    return reachShared(warp, lane, address, bytes, align, use);
  case Space::Local:
    return reachOwn(warp.local, warp.localStride, lane, address, warp.frame->localEnd, bytes, align, use, "local");
  case Space::Param:
    return reachOwn(warp.parameters, warp.parameterStride, lane, address,
                    warp.frame->outgoing + warp.frame->function->outgoingBytes, bytes, align, use, "parameter");
  default:
    return reachGlobal(warp, lane, address, bytes, align, use);
  }
}

void ptxsim::countAccess(Warp &warp, const Instruction &i, uint32_t on, uint32_t bytes, bool isStore) {
  Counts &counts = *warp.launch->counts;
  uint64_t addresses[kLanes];
  int global = 0, shared = 0;
  // Global addresses from the front, shared ones from the back.
  eachLane(on, [&](int lane) {
    Space space = i.space;
    uint64_t address = warp.get(i.a, lane) + i.offset;
    resolve(space, address);
    if (space == Space::Shared)
      addresses[kLanes - ++shared] = address;
    else if (space == Space::Global)
      addresses[global++] = address;
  });
  if (global) {
    uint64_t sectors[kLanes * 2];
    int count = 0;
    for (int k = 0; k < global; ++k)
      for (uint64_t sector = addresses[k] / 32; sector <= (addresses[k] + bytes - 1) / 32; ++sector)
        if (!count || sectors[count - 1] != sector)
          sectors[count++] = sector;
    std::sort(sectors, sectors + count);
    count = int(std::unique(sectors, sectors + count) - sectors);
    (isStore ? counts.global.stores : counts.global.loads) += uint64_t(global) * bytes;
    (isStore ? counts.global.storeSectors : counts.global.loadSectors) += count;
  }
  if (!shared)
    return;
  // The hardware serves 128 bytes at a time: groups of 32, 16 or 8 lanes. Different words of one bank take turns.
  ++counts.sharedAccesses;
  int group = std::max<int>(1, bytes <= 4 ? kLanes : 128 / bytes);
  for (int first = 0; first < shared; first += group) {
    std::vector<uint64_t> words;
    for (int k = first; k < std::min(first + group, shared); ++k)
      for (uint32_t byte = 0; byte < bytes; byte += 4)
        words.push_back((addresses[kLanes - 1 - k] + byte) / 4);
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    int banks[kLanes] = {}, most = 1;
    for (uint64_t word : words)
      most = std::max(most, ++banks[word % 32]);
    counts.bankConflicts += most - 1;
  }
}
