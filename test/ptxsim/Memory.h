//===- Memory.h - device memory: allocations with gaps between them -----------------------------------------------===//
//
// Device addresses begin at kGlobalBase and are never host pointers: a host program that dereferences one crashes, and
// a kernel that uses a host pointer is reported. An address is never given out twice, so a use after free is reported,
// too.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef PTXSIM_MEMORY_H
#define PTXSIM_MEMORY_H

#include "Program.h"

#include <cstring>

namespace ptxsim {

/// The last write and the last reads of four bytes of memory. Valid only in the launch with this number.
struct Shadow {
  uint32_t launch = 0;
  uint32_t writer = 0, writeTime = 0, writePc = 0; // writeTime 0: no write
  uint32_t reader = 0, readTime = 0, readPc = 0;   // readTime 0: no read
  uint8_t writtenBytes = 0, readBytes = 0;         // a bit per byte
  bool isWriteStrong = false, isReadStrong = false;
  bool hasManyReaders = false; // then `reader` is an index into the list of Races
};

struct Allocation {
  std::string name;
  uint64_t address = 0, bytes = 0;
  uint8_t *data = nullptr;
  bool isFreed = false, isConstant = false;
  std::vector<uint8_t> owned;
  std::vector<uint8_t> written;                   // a byte per byte; empty: not followed
  std::vector<std::unique_ptr<Shadow[]>> shadows; // a page for every kShadowPage bytes, made when used

  static constexpr uint64_t kShadowPage = 4096;
  Shadow &shadow(uint64_t at) { // `at`: an address in this allocation
    uint64_t word = (at - (address & ~uint64_t(3))) / 4, page = word / (kShadowPage / 4);
    if (shadows.empty())
      shadows.resize(bytes / kShadowPage + 2);
    if (!shadows[page])
      shadows[page] = std::make_unique<Shadow[]>(kShadowPage / 4);
    return shadows[page][word % (kShadowPage / 4)];
  }
  void setWritten(uint64_t at, uint64_t count) {
    if (!written.empty())
      std::memset(&written[at - address], 1, count);
  }
};

class Memory {
public:
  /// Memory of the device, bytes.
  uint64_t capacity = uint64_t(4) << 30;
  bool isFollowingWrites = false;

  /// New memory, filled with NaNs; null when it does not fit. `host`: memory of the host that the device sees.
  Allocation *allocate(uint64_t bytes, std::string name, uint8_t *host = nullptr);
  /// False when `address` is not the start of an allocation in use.
  bool free(uint64_t address);

  /// The allocation whose slot holds `address`, in use or not; null when there is none.
  Allocation *at(uint64_t address) {
    uint64_t slot = (address - kGlobalBase) >> kSlotBits;
    return slot < slots.size() ? slots[slot] : nullptr;
  }
  /// The allocation that holds all of [address, address + bytes), or null.
  Allocation *find(uint64_t address, uint64_t bytes) {
    Allocation *found = at(address);
    if (!found || found->isFreed || address < found->address || address - found->address > found->bytes ||
        bytes > found->bytes - (address - found->address))
      return nullptr;
    return found;
  }
  /// Names the allocation that is nearest to an address outside of all allocations, for messages.
  std::string describe(uint64_t address);
  uint64_t used() const { return inUse; }

private:
  static constexpr int kSlotBits = 16;
  std::vector<std::unique_ptr<Allocation>> allocations;
  std::vector<Allocation *> slots; // of 64 KiB; the last one of an allocation is its gap
  uint64_t inUse = 0;
  int count = 0;
};

} // namespace ptxsim

#endif
