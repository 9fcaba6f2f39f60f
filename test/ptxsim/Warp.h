//===- Warp.h - 32 lanes in lockstep, their block and their launch ------------------------------------------------===//
//
// Each lane has a place: an instruction and a frame. Lanes at the same place run together. Of several groups the one in
// the deepest call runs first, then the one at the lowest instruction, so that lanes meet again after a branch.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef PTXSIM_WARP_H
#define PTXSIM_WARP_H

#include "Races.h"

#include <deque>

namespace ptxsim {

struct Block;
struct Launch;

/// One call path. Lanes that came the same way share the frame: it says only where registers and memory begin.
struct Frame {
  const Function *function = nullptr;
  Frame *caller = nullptr;
  int returnTo = -1;       // instruction
  int registers = 0;       // first slot
  uint32_t parameters = 0; // first byte of the own ones, in a lane's parameter memory
  uint32_t outgoing = 0;   // first byte of those of calls
  uint32_t local = 0;      // first byte in a lane's local memory
  uint32_t localEnd = 0;
  int depth = 0;
  std::vector<std::unique_ptr<Frame>> callees;
};

/// Copies that cp.async has begun.
struct AsyncCopy {
  uint32_t to;
  uint8_t bytes, copied; // the rest is filled with zeros
  uint64_t from;
};
struct AsyncState {
  std::deque<std::vector<AsyncCopy>> groups;
  std::vector<AsyncCopy> open;
};

struct Warp {
  Block *block = nullptr;
  Launch *launch = nullptr;
  int id = 0; // in its block
  uint32_t existing = 0, alive = 0;
  uint32_t atBarrier = 0;    // lanes that wait for the block
  uint32_t atCollective = 0; // lanes that wait for others of the warp
  uint32_t spinning = 0;     // lanes whose last turn ended in a spin
  uint32_t carry = 0;        // the carry flag of add.cc, a bit per lane
  bool isYielding = false;   // ends the warp's turn: it spins
  int barrierNumber = -1;
  int pc = 0;           // of the group that runs
  int pcs[kLanes] = {}; // of the others, and of all between turns
  Frame *frame = nullptr;
  Frame *frames[kLanes] = {};
  uint64_t *regs = nullptr; // the frame's first slot
  std::vector<uint64_t> registers;
  std::vector<uint8_t> parameters, local; // [lane][byte]
  uint32_t parameterStride = 0, localStride = 0;
  WarpClock clock;
  std::vector<AsyncState> async; // by lane; empty until the first cp.async
  uint64_t lastSpin = 0;         // what the last strong load saw, as a hash

  /// Runs until all lanes wait or are through, the warp spins, or `budget` instructions are done. Returns how many
  /// were.
  uint64_t run(uint64_t budget);
  bool isRunnable() const { return (alive & ~atBarrier) != 0; }
  void enter(Frame *to);

  uint64_t get(const Operand &operand, int lane) const {
    if (operand.reg >= 0)
      return regs[operand.reg + lane];
    return operand.reg == Operand::Constant ? operand.value : slowOperand(operand, lane);
  }
  void set(const Operand &operand, int lane, uint64_t value) { regs[operand.reg + lane] = value; }

private:
  uint64_t slowOperand(const Operand &operand, int lane) const;
  bool select(uint32_t &mask, int &limit);
  bool gather(const Instruction &i, uint32_t mask, uint32_t on);
  void arrive(const Instruction &i, uint32_t on);
  void call(const Instruction &i, uint32_t on);
  void control(const Instruction &i, uint32_t on);
  [[noreturn]] void neverMeet();
};

struct BlockBarrier {
  uint32_t arrived = 0, expected = 0; // threads
  std::vector<std::pair<Warp *, uint32_t>> waiting;
  std::vector<WarpClock> others; // of bar.arrive, as they were then
};

struct Block {
  Launch *launch = nullptr;
  uint32_t number = 0, index[3] = {0, 0, 0};
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<uint8_t> shared, sharedWritten, sharedPending; // pending: how many cp.async write this byte
  uint64_t pendingBytes = 0;
  std::vector<Shadow> sharedShadow;
  BlockBarrier barriers[16];
  bool isDone = false;

  void arrive(int barrier, uint32_t expected, Warp &warp, uint32_t lanes, bool isWaiting);
};

/// What is checked besides bounds, alignment, barriers and masks.
struct Checks {
  bool races = true, uninitialised = false;
};

struct Counts {
  std::vector<uint64_t> instructions, lanes; // by instruction of the program
  struct Space {
    uint64_t loads = 0, loadSectors = 0, stores = 0, storeSectors = 0; // bytes; sectors of 32 bytes
  } global;
  uint64_t sharedAccesses = 0, bankConflicts = 0;
};

struct Grid {
  uint32_t blocks[3] = {1, 1, 1}, threads[3] = {1, 1, 1};
  uint32_t dynamicShared = 0;
  bool isCooperative = false;
};

struct Launch {
  const Program *program = nullptr;
  const Function *kernel = nullptr;
  Memory *memory = nullptr;
  Races *races = nullptr;
  Grid grid;
  Checks checks;
  Counts *counts = nullptr; // null: nothing is counted
  uint64_t seed = 0, stepLimit = 0;
  std::vector<uint8_t> arguments; // the kernel's parameter block
  Frame root;
  uint64_t progress = 0; // grows when anything but a spin happens
  uint64_t steps = 0;    // instructions of warps so far
  uint64_t started = 0;  // the device's clock at the start: steps of earlier launches
  uint32_t processors = 1;
  bool areSharedAccessesChecked = false, areGlobalAccessesChecked = false;

  uint64_t now() const { return started + steps; }
  Frame *callee(Frame *from, int returnTo, const Function &function);
};

/// Runs a kernel to its end. Throws Fault: the text names kernel, block, thread, line and rule.
void runLaunch(Launch &launch);

/// The text of a fault with its place: kernel, block, thread and instruction of the warp that runs.
std::string describeFault(const Warp &warp, const Fault &fault);
/// "block 3 warp 1" of a clock's number.
std::string describeWarp(const Launch &launch, uint32_t warp);

/// The number of a special register such as %tid.x, or -1.
int specialNumber(std::string_view name);
uint64_t readSpecial(const Warp &warp, int number, int lane);

[[noreturn]] void fail(int lane, std::string text);
/// printf into a string.
std::string format(const char *text, ...) __attribute__((format(printf, 1, 2)));

/// Calls f(lane) for each lane of a mask, in order.
template <typename F> inline void eachLane(uint32_t on, F f) {
  if (on == kAllLanes) {
    for (int lane = 0; lane < kLanes; ++lane)
      f(lane);
    return;
  }
  for (; on; on &= on - 1)
    f(__builtin_ctz(on));
}

} // namespace ptxsim

#endif
