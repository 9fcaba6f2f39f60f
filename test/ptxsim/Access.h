//===- Access.h - a lane's way to its memory ----------------------------------------------------------------------===//

#ifndef PTXSIM_ACCESS_H
#define PTXSIM_ACCESS_H

#include "Warp.h"

namespace ptxsim {

struct Use {
  bool isRead = false, isWrite = false;
  bool isStrong = false;   // atomic, volatile, relaxed or stronger
  bool isReadOnly = false; // ld.global.nc
  bool isAsync = false;    // cp.async itself
};

/// The bytes behind an address. Checks space, bounds, alignment, races and whether they were written; throws Fault.
uint8_t *reach(Warp &warp, int lane, Space space, uint64_t address, uint32_t bytes, uint32_t align, Use use);

/// Resolves a generic address: changes `space` and `address` to those of its window.
void resolve(Space &space, uint64_t &address);

/// Counts sectors or bank conflicts of one access by a warp; `bytes` is what a lane asks for.
void countAccess(Warp &warp, const Instruction &i, uint32_t on, uint32_t bytes, bool isStore);

/// Little-endian elements.
inline uint64_t loadElement(const uint8_t *from, int bytes) {
  switch (bytes) {
  case 1:
    return *from;
  case 2: {
    uint16_t value;
    std::memcpy(&value, from, 2);
    return value;
  }
  case 4: {
    uint32_t value;
    std::memcpy(&value, from, 4);
    return value;
  }
  default: {
    uint64_t value;
    std::memcpy(&value, from, 8);
    return value;
  }
  }
}
inline void storeElement(uint8_t *to, uint64_t value, int bytes) {
  switch (bytes) {
  case 1:
    *to = uint8_t(value);
    break;
  case 2:
    std::memcpy(to, &value, 2);
    break;
  case 4:
    std::memcpy(to, &value, 4);
    break;
  default:
    std::memcpy(to, &value, 8);
  }
}

} // namespace ptxsim

#endif
