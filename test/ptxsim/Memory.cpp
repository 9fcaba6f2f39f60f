//===- Memory.cpp - device memory ---------------------------------------------------------------------------------===//

#include "Memory.h"

#include <cstdio>

using namespace ptxsim;

Allocation *Memory::allocate(uint64_t bytes, std::string name, uint8_t *host) {
  if (!host && bytes > capacity - std::min(inUse, capacity))
    return nullptr;
  auto fresh = std::make_unique<Allocation>();
  // 256 bytes after the slot's start: what the driver promises is an alignment of 256, so no address has a larger one.
  fresh->address = kGlobalBase + (slots.size() << kSlotBits) + 256;
  fresh->bytes = bytes;
  if (name.empty())
    name = (host ? "host allocation " : "allocation ") + std::to_string(++count);
  fresh->name = std::move(name);
  if (host) {
    fresh->data = host;
  } else {
    fresh->owned.assign(bytes, 0xff);
    fresh->data = fresh->owned.data();
    inUse += bytes;
  }
  if (isFollowingWrites)
    fresh->written.assign(bytes, host != nullptr);
  uint64_t taken = ((256 + bytes) >> kSlotBits) + 2;
  slots.resize(slots.size() + taken, fresh.get());
  allocations.push_back(std::move(fresh));
  return allocations.back().get();
}

bool Memory::free(uint64_t address) {
  Allocation *found = at(address);
  if (!found || found->isFreed || found->address != address)
    return false;
  found->isFreed = true;
  if (!found->owned.empty())
    inUse -= found->bytes;
  found->owned = {};
  found->written = {};
  found->shadows.clear();
  return true;
}

std::string Memory::describe(uint64_t address) {
  char text[200];
  Allocation *near = at(address);
  unsigned long long where = address;
  if (!near) {
    snprintf(text, sizeof text, "0x%llx (no address of the device)", where);
    return text;
  }
  unsigned long long start = near->address, size = near->bytes;
  if (near->isFreed)
    snprintf(text, sizeof text, "0x%llx (in %s, which was freed)", where, near->name.c_str());
  else if (address < near->address)
    snprintf(text, sizeof text, "0x%llx (%llu bytes before %s, %llu bytes at 0x%llx)", where, start - where,
             near->name.c_str(), size, start);
  else
    snprintf(text, sizeof text, "0x%llx (byte %llu of %s, %llu bytes at 0x%llx)", where, where - start,
             near->name.c_str(), size, start);
  return text;
}
