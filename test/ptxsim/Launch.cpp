//===- Launch.cpp - the blocks of a kernel, their barriers and their order ----------------------------------------===//
//
// Blocks of a cooperative launch are all there from the start and take turns. Other blocks run one after the other, so
// that one that waits for another is found to hang. Everything is single-threaded: the same seed gives the same run.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "Warp.h"

#include <algorithm>
#include <numeric>

using namespace ptxsim;

namespace {

constexpr uint64_t kTurn = 4096;         // instructions of a warp before the next one's turn
constexpr uint64_t kIdleRounds = 20'000; // rounds in which all warps only spin, before it is a hang

/// xorshift64*: the order of blocks and warps.
struct Shuffler {
  uint64_t state;
  template <typename T> void shuffle(std::vector<T> &order) {
    if (!state)
      return;
    for (size_t i = order.size(); i > 1; --i) {
      state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
      std::swap(order[i - 1], order[(state * 0x2545f4914f6cdd1d >> 33) % i]);
    }
  }
};

std::unique_ptr<Block> makeBlock(Launch &launch, uint32_t number) {
  auto block = std::make_unique<Block>();
  const Grid &grid = launch.grid;
  block->launch = &launch;
  block->number = number;
  block->index[0] = number % grid.blocks[0];
  block->index[1] = number / grid.blocks[0] % grid.blocks[1];
  block->index[2] = number / grid.blocks[0] / grid.blocks[1];
  uint32_t bytes = launch.program->dynamicBase + grid.dynamicShared;
  block->shared.assign(bytes, 0xff); // NaN in every float format
  block->sharedPending.assign(bytes, 0);
  if (launch.checks.uninitialised)
    block->sharedWritten.assign(bytes, 0);
  if (launch.areSharedAccessesChecked)
    block->sharedShadow.resize(bytes / 4 + 1);
  uint32_t threads = grid.threads[0] * grid.threads[1] * grid.threads[2];
  for (uint32_t first = 0; first < threads; first += kLanes) {
    auto warp = std::make_unique<Warp>();
    warp->block = block.get();
    warp->launch = &launch;
    warp->id = first / kLanes;
    uint32_t lanes = std::min<uint32_t>(threads - first, kLanes);
    warp->existing = warp->alive = lanes == kLanes ? kAllLanes : (1u << lanes) - 1;
    for (int lane = 0; lane < kLanes; ++lane) {
      warp->pcs[lane] = launch.kernel->first;
      warp->frames[lane] = &launch.root;
    }
    launch.races->start(warp->clock, number, warp->id);
    warp->enter(&launch.root);
    for (int lane = 0; lane < kLanes && !launch.arguments.empty(); ++lane)
      std::memcpy(&warp->parameters[size_t(lane) * warp->parameterStride], launch.arguments.data(),
                  launch.arguments.size());
    block->warps.push_back(std::move(warp));
  }
  return block;
}

std::string blockName(const Block &block) {
  return format("block (%u,%u,%u)", block.index[0], block.index[1], block.index[2]);
}

/// Describes where a warp is: its line, and the event that it waits for.
std::string whereIs(const Warp &warp) {
  if (!warp.alive)
    return format("warp %d has exited", warp.id);
  const Program &program = *warp.launch->program;
  int lane = __builtin_ctz(warp.alive);
  if (warp.atBarrier)
    return format("warp %d waits at barrier %d before line %u", warp.id, warp.barrierNumber,
                  program.code[warp.pcs[lane]].line);
  return format("warp %d is at line %u (%s)", warp.id, program.code[warp.pcs[lane]].line,
                program.lineText(program.code[warp.pcs[lane]].line).c_str());
}

[[noreturn]] void reportHang(const Launch &launch, const std::vector<std::unique_ptr<Block>> &blocks, const char *why) {
  std::string text = format("kernel %s: %s", launch.kernel->name.c_str(), why);
  for (const std::unique_ptr<Block> &block : blocks) {
    if (!block || block->isDone)
      continue;
    text += "\n  " + blockName(*block) + ":";
    for (const std::unique_ptr<Warp> &warp : block->warps)
      if (warp->alive)
        text += " " + whereIs(*warp) + ";";
  }
  throw Fault{text, /*lane=*/-1, /*isHang=*/true};
}

/// Whether all warps wait or have ended, so that no barrier can be completed.
void checkBarriers(const Block &block) {
  const Warp *waiting = nullptr;
  for (const std::unique_ptr<Warp> &warp : block.warps) {
    if (warp->isRunnable())
      return;
    if (warp->atBarrier && !waiting)
      waiting = warp.get();
  }
  if (!waiting)
    return;
  const BlockBarrier &barrier = block.barriers[waiting->barrierNumber];
  std::string text = format("kernel %s %s: barrier %d has %u of the %u threads it needs and no other can come:",
                            block.launch->kernel->name.c_str(), blockName(block).c_str(), waiting->barrierNumber,
                            barrier.arrived, barrier.expected);
  for (const std::unique_ptr<Warp> &warp : block.warps)
    text += " " + whereIs(*warp) + ";";
  throw Fault{text};
}

/// Gives each warp of a block a turn.
void runBlock(Block &block, Shuffler &shuffler) {
  std::vector<Warp *> order;
  for (const std::unique_ptr<Warp> &warp : block.warps)
    if (warp->isRunnable())
      order.push_back(warp.get());
  shuffler.shuffle(order);
  Launch &launch = *block.launch;
  for (Warp *warp : order) {
    if (!warp->isRunnable())
      continue;
    try {
      uint64_t done = warp->run(kTurn);
      if (done == kTurn || !warp->isYielding)
        ++launch.progress;
    } catch (const Fault &fault) {
      throw Fault{describeFault(*warp, fault)};
    }
  }
  checkBarriers(block);
  block.isDone = std::all_of(block.warps.begin(), block.warps.end(), [](auto &warp) { return !warp->alive; });
}

void runAll(Launch &launch, std::vector<std::unique_ptr<Block>> &blocks, Shuffler &shuffler) {
  std::vector<Block *> order;
  for (const std::unique_ptr<Block> &block : blocks)
    order.push_back(block.get());
  uint64_t idle = 0;
  while (!order.empty()) {
    shuffler.shuffle(order);
    uint64_t before = launch.progress;
    for (Block *block : order)
      runBlock(*block, shuffler);
    std::erase_if(order, [](Block *block) { return block->isDone; });
    idle = launch.progress == before ? idle + 1 : 0;
    if (idle == kIdleRounds)
      reportHang(launch, blocks, "hangs: every warp waits for another one");
    if (launch.steps > launch.stepLimit)
      reportHang(
          launch, blocks,
          format("stopped after %llu instructions of warps (PTXSIM_STEPS)", (unsigned long long)launch.steps).c_str());
  }
}

} // namespace

void Block::arrive(int number, uint32_t expected, Warp &warp, uint32_t lanes, bool isWaiting) {
  BlockBarrier &barrier = barriers[number];
  const Grid &grid = launch->grid;
  uint32_t threads = grid.threads[0] * grid.threads[1] * grid.threads[2];
  if (!expected)
    expected = threads;
  if (barrier.arrived && barrier.expected != expected)
    fail(__builtin_ctz(lanes), format("barrier %d for %u threads, expected %u as the first one of them said", number,
                                      expected, barrier.expected));
  barrier.expected = expected;
  if (isWaiting)
    barrier.waiting.push_back({&warp, lanes});
  else
    barrier.others.push_back(warp.clock), ++warp.clock.now.own[warp.id];
  barrier.arrived += __builtin_popcount(lanes);
  if (barrier.arrived > expected)
    fail(__builtin_ctz(lanes), format("%u threads at barrier %d, expected %u", barrier.arrived, number, expected));
  if (barrier.arrived < expected)
    return;
  // A warp that waits gets the clocks of all warps. A warp that only arrives (bar.arrive) gives its clock and gets
  // none.
  if (launch->races->isOn) {
    std::vector<WarpClock *> clocks;
    for (auto &[waiting, mask] : barrier.waiting)
      if (std::find(clocks.begin(), clocks.end(), &waiting->clock) == clocks.end())
        clocks.push_back(&waiting->clock);
    for (WarpClock &clock : barrier.others)
      clocks.push_back(&clock);
    if (!clocks.empty())
      launch->races->barrier(clocks);
  }
  for (auto &[waiting, mask] : barrier.waiting)
    waiting->atBarrier &= ~mask;
  barrier = BlockBarrier();
  ++launch->progress;
}

std::string ptxsim::describeWarp(const Launch &launch, uint32_t warp) {
  const Grid &grid = launch.grid;
  uint32_t perBlock = (grid.threads[0] * grid.threads[1] * grid.threads[2] + kLanes - 1) / kLanes;
  uint32_t block = warp / perBlock;
  return format("block (%u,%u,%u) warp %u", block % grid.blocks[0], block / grid.blocks[0] % grid.blocks[1],
                block / grid.blocks[0] / grid.blocks[1], warp % perBlock);
}

std::string ptxsim::describeFault(const Warp &warp, const Fault &fault) {
  const Launch &launch = *warp.launch;
  const Program &program = *launch.program;
  const Grid &grid = launch.grid;
  int lane = fault.lane >= 0 ? fault.lane : warp.existing ? __builtin_ctz(warp.existing) : 0;
  uint32_t thread = warp.id * kLanes + lane;
  uint32_t line = program.code[warp.pc].line;
  return format("kernel %s %s thread (%u,%u,%u) line %u: %s: ", launch.kernel->name.c_str(),
                blockName(*warp.block).c_str(), thread % grid.threads[0], thread / grid.threads[0] % grid.threads[1],
                thread / grid.threads[0] / grid.threads[1], line, program.lineText(line).c_str()) +
         fault.text;
}

void ptxsim::runLaunch(Launch &launch) {
  const Grid &grid = launch.grid;
  uint64_t blocks = uint64_t(grid.blocks[0]) * grid.blocks[1] * grid.blocks[2];
  uint32_t threads = grid.threads[0] * grid.threads[1] * grid.threads[2];
  uint32_t warps = (threads + kLanes - 1) / kLanes;
  launch.races->begin(warps, blocks);
  launch.races->isOn = launch.checks.races && warps * blocks > 1;
  launch.areSharedAccessesChecked = launch.checks.races && warps > 1;
  launch.areGlobalAccessesChecked = launch.races->isOn;
  launch.root.function = launch.kernel;
  launch.root.outgoing = (uint32_t(launch.arguments.size()) + 15) / 16 * 16;
  launch.root.localEnd = launch.kernel->localBytes;

  // Any seed but 0 gives another order.
  Shuffler shuffler{launch.seed * 0x9e3779b97f4a7c15};
  std::vector<uint32_t> order(blocks);
  std::iota(order.begin(), order.end(), 0);
  shuffler.shuffle(order);
  std::vector<std::unique_ptr<Block>> running;
  if (grid.isCooperative) {
    for (uint32_t number : order)
      running.push_back(makeBlock(launch, number));
    runAll(launch, running, shuffler);
    return;
  }
  for (uint32_t number : order) {
    running.clear();
    running.push_back(makeBlock(launch, number));
    runAll(launch, running, shuffler);
  }
}
