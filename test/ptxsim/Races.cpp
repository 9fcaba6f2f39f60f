//===- Races.cpp - vector clocks over barriers, releases and acquires ---------------------------------------------===//

#include "Races.h"

#include <algorithm>

using namespace ptxsim;

namespace {

void raise(std::vector<uint32_t> &into, const std::vector<uint32_t> &from) {
  if (into.size() < from.size())
    into.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    into[i] = std::max(into[i], from[i]);
}

} // namespace

void Races::begin(uint32_t warpsPerBlock, uint64_t blocks) {
  ++launch;
  perBlock = warpsPerBlock;
  warps = warpsPerBlock * blocks;
  readers.clear();
  locations.clear();
}

void Races::start(WarpClock &clock, uint32_t block, uint32_t warpInBlock) const {
  clock.block = block;
  clock.first = block * perBlock;
  clock.id = clock.first + warpInBlock;
  clock.now.own.assign(perBlock, 0);
  clock.now.own[warpInBlock] = 1;
}

bool Races::hasSeen(const WarpClock &me, uint32_t warp, uint32_t time) const {
  if (warp == me.id)
    return true;
  if (warp - me.first < perBlock)
    return me.now.own[warp - me.first] >= time;
  return warp < me.now.grid.size() && me.now.grid[warp] >= time;
}

Races::Conflict Races::access(WarpClock &me, Shadow &shadow, uint8_t mask, uint32_t pc, bool isWrite, bool isStrong) {
  if (shadow.launch != launch) {
    shadow = Shadow();
    shadow.launch = launch;
  }
  if (shadow.writeTime && (shadow.writtenBytes & mask) && !(isStrong && shadow.isWriteStrong) &&
      !hasSeen(me, shadow.writer, shadow.writeTime))
    return {true, true, shadow.writer, shadow.writePc};
  uint32_t time = me.time();
  if (isWrite) {
    if (shadow.readTime && (shadow.readBytes & mask)) {
      if (shadow.hasManyReaders) {
        for (const Reader &reader : readers[shadow.reader])
          if (!(isStrong && reader.isStrong) && !hasSeen(me, reader.warp, reader.time))
            return {true, false, reader.warp, reader.pc};
      } else if (!(isStrong && shadow.isReadStrong) && !hasSeen(me, shadow.reader, shadow.readTime)) {
        return {true, false, shadow.reader, shadow.readPc};
      }
    }
    // The same warp writes other bytes of the word: the shadow keeps both.
    bool isSame = shadow.writeTime == time && shadow.writer == me.id;
    shadow.writtenBytes = isSame ? shadow.writtenBytes | mask : mask;
    shadow.writer = me.id;
    shadow.writeTime = time;
    shadow.writePc = pc;
    shadow.isWriteStrong = isStrong;
    return {};
  }
  if (!shadow.readTime ||
      (!shadow.hasManyReaders && (shadow.reader == me.id || hasSeen(me, shadow.reader, shadow.readTime)))) {
    // This read happens after the one before, so it replaces it.
    bool isSame = shadow.readTime && shadow.reader == me.id;
    shadow.isReadStrong = isSame ? shadow.isReadStrong && isStrong : isStrong;
    shadow.readBytes = isSame ? shadow.readBytes | mask : mask;
    shadow.reader = me.id;
    shadow.readTime = time;
    shadow.readPc = pc;
    return {};
  }
  if (!shadow.hasManyReaders) {
    readers.push_back({{shadow.reader, shadow.readTime, shadow.readPc, shadow.isReadStrong}});
    shadow.hasManyReaders = true;
    shadow.reader = readers.size() - 1;
  }
  std::vector<Reader> &list = readers[shadow.reader];
  shadow.readBytes |= mask;
  if (!list.empty() && list.back().warp == me.id) {
    list.back() = {me.id, time, pc, list.back().isStrong && isStrong};
    return {};
  }
  std::erase_if(list, [&](const Reader &reader) { return hasSeen(me, reader.warp, reader.time); });
  list.push_back({me.id, time, pc, isStrong});
  return {};
}

void Races::barrier(const std::vector<WarpClock *> &all) {
  Clock joined = all[0]->now;
  for (size_t i = 1; i < all.size(); ++i) {
    raise(joined.own, all[i]->now.own);
    raise(joined.grid, all[i]->now.grid);
  }
  for (WarpClock *one : all) {
    one->now.own = joined.own;
    if (!joined.grid.empty())
      one->now.grid = joined.grid;
    ++one->now.own[one->id - one->first];
  }
}

void Races::join(WarpClock &me, Clock &into, const Published &from) const {
  if (!from.isValid)
    return;
  if (!from.clock.grid.empty())
    raise(into.grid, from.clock.grid);
  if (into.own.empty())
    into.own.assign(perBlock, 0);
  if (from.block == me.block) {
    raise(into.own, from.clock.own);
    return;
  }
  if (into.grid.size() < warps)
    into.grid.resize(warps);
  for (uint32_t i = 0; i < from.clock.own.size(); ++i) {
    uint32_t &time = into.grid[from.block * perBlock + i];
    time = std::max(time, from.clock.own[i]);
  }
  // The clock also gets the times of this block that other blocks have seen.
  for (uint32_t i = 0; i < perBlock && me.first + i < from.clock.grid.size(); ++i)
    into.own[i] = std::max(into.own[i], from.clock.grid[me.first + i]);
}

void Races::merge(Published &into, const WarpClock &me, const Clock &clock) const {
  if (!into.isValid) {
    into = {true, me.block, clock};
    return;
  }
  raise(into.clock.grid, clock.grid);
  if (into.block == me.block) {
    raise(into.clock.own, clock.own);
    return;
  }
  // Several blocks have released here: times go to the grid's, `own` stays the first one's.
  if (into.clock.grid.size() < warps)
    into.clock.grid.resize(warps);
  for (uint32_t i = 0; i < clock.own.size(); ++i) {
    uint32_t &time = into.clock.grid[me.first + i];
    time = std::max(time, clock.own[i]);
  }
}

void Races::publish(WarpClock &me, uint64_t address, bool isRelease, bool isUpdate, Scope scope) {
  if (!isOn)
    return;
  // A release by a fence has the fence's scope.
  const Clock *clock = isRelease ? &me.now : nullptr;
  if (!clock && me.fenced[1].own.size() && scope == Scope::Device)
    clock = &me.fenced[1];
  if (!clock && me.fenced[0].own.size())
    clock = &me.fenced[0], scope = Scope::Block;
  auto found = locations.find(address);
  if (!clock && (found == locations.end() || isUpdate))
    return; // an update keeps what it found: the release sequence goes on
  Location &at = found == locations.end() ? locations[address] : found->second;
  if (!isUpdate)
    at = Location(); // a store ends what was published before
  if (!clock)
    return;
  merge(scope == Scope::Device ? at.device : at.block, me, *clock);
  ++me.now.own[me.id - me.first];
}

void Races::receive(WarpClock &me, uint64_t address, bool isAcquire, Scope scope) {
  if (!isOn)
    return;
  auto found = locations.find(address);
  if (found == locations.end())
    return;
  const Location &at = found->second;
  Clock &into = isAcquire ? me.now : me.received[int(scope)];
  if (scope == Scope::Device || (at.device.isValid && at.device.block == me.block))
    join(me, into, at.device);
  if (at.block.isValid && at.block.block == me.block)
    join(me, into, at.block);
}

void Races::fence(WarpClock &me, Scope scope) {
  if (!isOn)
    return;
  for (int s = 0; s <= int(Scope::Device); ++s) {
    if (s == int(Scope::Device) && scope == Scope::Block)
      continue;
    raise(me.now.own, me.received[s].own);
    if (!me.received[s].grid.empty())
      raise(me.now.grid, me.received[s].grid);
  }
  me.fenced[0] = me.now;
  if (scope == Scope::Device)
    me.fenced[1] = me.now;
  ++me.now.own[me.id - me.first];
}
