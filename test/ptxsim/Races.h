//===- Races.h - which accesses are ordered, by vector clocks -----------------------------------------------------===//
//
// Every warp of a launch has a clock: for each warp, the last time of it that this warp has seen. A block barrier joins
// the clocks of all who wait at it. A release leaves the clock at an address, an acquire that reads the address joins
// it. Two accesses of the same bytes, one of them a write, race when the later one's clock has not seen the earlier
// one, unless both are strong (atomic, volatile or relaxed). Lanes of one warp are ordered: a missing __syncwarp is not
// found.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef PTXSIM_RACES_H
#define PTXSIM_RACES_H

#include "Memory.h"

#include <unordered_map>

namespace ptxsim {

/// Times by warp: those of the own block, and those of the whole grid once another block has been heard of.
struct Clock {
  std::vector<uint32_t> own, grid;
};

/// What a warp or an address holds besides its clock.
struct WarpClock {
  uint32_t id = 0, block = 0, first = 0; // number in the grid; of its block; number of the block's first warp
  Clock now;
  Clock fenced[2];   // by scope: what a fence before a relaxed store publishes; empty: no fence yet
  Clock received[2]; // by scope: what relaxed loads read and a later fence takes in
  uint32_t time() const { return now.own[id - first]; }
};

class Races {
public:
  bool isOn = false;
  uint32_t launch = 0; // counts launches: shadows of earlier ones are void

  void begin(uint32_t warpsPerBlock, uint64_t blocks);
  void start(WarpClock &clock, uint32_t block, uint32_t warpInBlock) const;

  struct Conflict {
    bool isFound = false, isWrite = false; // the earlier access
    uint32_t warp = 0, pc = 0;
  };
  /// Records an access; returns the earlier access that it races with. `mask`: a bit for each of the four bytes.
  Conflict access(WarpClock &me, Shadow &shadow, uint8_t mask, uint32_t pc, bool isWrite, bool isStrong);

  /// All warps that wait at a barrier leave it with the same clock.
  void barrier(const std::vector<WarpClock *> &all);

  /// A strong store (`isUpdate`: atomic read and write) to an address.
  void publish(WarpClock &me, uint64_t address, bool isRelease, bool isUpdate, Scope scope);
  /// A strong load from an address.
  void receive(WarpClock &me, uint64_t address, bool isAcquire, Scope scope);
  void fence(WarpClock &me, Scope scope);

private:
  struct Reader {
    uint32_t warp, time, pc;
    bool isStrong;
  };
  struct Published {
    bool isValid = false;
    uint32_t block = 0; // whose `own` it is
    Clock clock;
  };
  struct Location {
    Published device, block; // by the release's scope
  };

  bool hasSeen(const WarpClock &me, uint32_t warp, uint32_t time) const;
  void join(WarpClock &me, Clock &into, const Published &from) const;
  void merge(Published &into, const WarpClock &me, const Clock &clock) const;

  uint32_t perBlock = 1;
  uint64_t warps = 1;
  std::vector<std::vector<Reader>> readers;
  std::unordered_map<uint64_t, Location> locations;
};

} // namespace ptxsim

#endif
