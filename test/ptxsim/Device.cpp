//===- Device.cpp - modules, launches and the report --------------------------------------------------------------===//

#include "Device.h"

#include <algorithm>
#include <cstdlib>

using namespace ptxsim;

Settings Settings::fromEnvironment() {
  Settings settings;
  auto number = [](const char *name, uint64_t fallback) {
    const char *text = getenv(name);
    if (!text || !*text)
      return fallback;
    char *end = nullptr;
    uint64_t value = strtoull(text, &end, 0);
    static const std::map<char, int> units = {{'K', 10}, {'M', 20}, {'G', 30}};
    if (auto unit = units.find(*end); unit != units.end())
      value <<= unit->second, ++end;
    if (*end) {
      fprintf(stderr, "ptxsim: %s: expected a number, got \"%s\"\n", name, text);
      exit(2);
    }
    return value;
  };
  settings.processors = int(number("PTXSIM_SMS", settings.processors));
  settings.memoryBytes = number("PTXSIM_MEMORY", settings.memoryBytes);
  settings.driverVersion = int(number("PTXSIM_DRIVER_VERSION", settings.driverVersion));
  settings.devices = int(number("PTXSIM_DEVICES", settings.devices));
  settings.isEndless = number("PTXSIM_ENDLESS", 0);
  settings.isUnavailable = number("PTXSIM_UNAVAILABLE", 0);
  settings.seed = number("PTXSIM_SEED", settings.seed);
  settings.stepLimit = number("PTXSIM_STEPS", settings.stepLimit);
  if (const char *report = getenv("PTXSIM_REPORT"))
    settings.report = report;
  if (const char *text = getenv("PTXSIM_CHECK")) {
    settings.checks = {false, false};
    std::string all = text;
    for (size_t at = 0; at <= all.size();) {
      size_t end = std::min(all.find(',', at), all.size());
      std::string one = all.substr(at, end - at);
      at = end + 1;
      if (one == "races" || one == "all")
        settings.checks.races = true;
      if (one == "uninitialised" || one == "all")
        settings.checks.uninitialised = true;
      if (one != "races" && one != "uninitialised" && one != "all" && one != "none") {
        fprintf(stderr, "ptxsim: PTXSIM_CHECK: expected none, races, uninitialised or all, got \"%s\"\n", one.c_str());
        exit(2);
      }
    }
  }
  return settings;
}

Device::Device(Settings wanted) : settings(std::move(wanted)) {
  memory.capacity = settings.memoryBytes;
  memory.isFollowingWrites = settings.checks.uninitialised;
}

Device::~Device() {
  if (!settings.report.empty())
    writeReport();
}

Module *Device::load(std::string text) {
  auto module = std::make_unique<Module>();
  struct Owner {
    Device *device;
    Module *module;
  } owner{this, module.get()};
  auto place = [](void *pointer, Variable &variable) {
    auto [device, module] = *static_cast<Owner *>(pointer);
    Allocation *memory = device->memory.allocate(std::max<uint64_t>(variable.bytes, 1), variable.name);
    if (!memory)
      throw Fault{"no memory for " + variable.name};
    module->variables.push_back(memory->address);
    return memory->address;
  };
  try {
    module->program = readProgram(std::move(text), place, &owner);
  } catch (const Fault &) {
    for (uint64_t address : module->variables)
      memory.free(address);
    throw;
  }
  // Variables without an initialiser are zero.
  for (const std::unique_ptr<Variable> &variable : module->program->variables) {
    if (variable->space == Space::Shared)
      continue;
    Allocation *found = memory.at(variable->address);
    std::fill(found->owned.begin(), found->owned.end(), 0);
    std::copy(variable->init.begin(), variable->init.end(), found->owned.begin());
    found->setWritten(variable->address, found->bytes);
    found->isConstant = variable->space == Space::Const;
  }
  modules.push_back(std::move(module));
  return modules.back().get();
}

void Device::unload(Module *module) {
  // The program stays: the report counts its instructions.
  for (uint64_t address : module->variables)
    memory.free(address);
  module->variables.clear();
}

int Device::blocksPerProcessor(const Function &kernel, uint32_t threads, uint32_t dynamicShared) const {
  uint64_t shared = (kernel.sharedBytes + dynamicShared + 1024 + 127) / 128 * 128; // the system's own KiB
  threads = (threads + kLanes - 1) / kLanes * kLanes;
  return int(std::min<uint64_t>(
      {kBlocksOfProcessor, kThreadsOfProcessor / std::max(threads, 1u), kSharedOfProcessor / shared}));
}

std::string Device::launch(Module &module, const Function &kernel, const Grid &grid, std::vector<uint8_t> arguments) {
  Launch launch;
  launch.program = module.program.get();
  launch.kernel = &kernel;
  launch.memory = &memory;
  launch.races = &races;
  launch.grid = grid;
  launch.checks = settings.checks;
  launch.seed = settings.seed;
  launch.stepLimit = settings.stepLimit;
  launch.arguments = std::move(arguments);
  launch.started = clock;
  launch.processors = uint32_t(settings.processors);
  if (!settings.report.empty()) {
    Counts &counts = module.counts[kernel.name];
    counts.instructions.resize(launch.program->code.size());
    counts.lanes.resize(launch.program->code.size());
    launch.counts = &counts;
  }
  std::string violated;
  isHanging = false;
  try {
    runLaunch(launch);
  } catch (const Fault &fault) {
    violated = fault.text;
    isHanging = fault.isHang;
  }
  clock += launch.steps;
  return violated;
}

/// Writes a kernel's totals, then a line for each opcode: kernel, opcode, instructions of warps, instructions of lanes.
void Device::writeReport() const {
  FILE *file = fopen(settings.report.c_str(), "w");
  if (!file) {
    fprintf(stderr, "ptxsim: PTXSIM_REPORT: cannot write %s\n", settings.report.c_str());
    return;
  }
  for (const std::unique_ptr<Module> &module : modules)
    for (const auto &[kernel, counts] : module->counts) {
      std::map<std::string, std::pair<uint64_t, uint64_t>> opcodes;
      uint64_t warps = 0, lanes = 0;
      for (size_t pc = 0; pc < counts.instructions.size(); ++pc) {
        if (!counts.instructions[pc])
          continue;
        auto &[ofWarps, ofLanes] = opcodes[module->program->opcodes[module->program->code[pc].opcode]];
        ofWarps += counts.instructions[pc], ofLanes += counts.lanes[pc];
        warps += counts.instructions[pc], lanes += counts.lanes[pc];
      }
      fprintf(
          file,
          "kernel %s: warp_instructions %llu lane_instructions %llu load_bytes %llu load_sectors %llu store_bytes %llu "
          "store_sectors %llu shared_accesses %llu bank_conflicts %llu\n",
          kernel.c_str(), (unsigned long long)warps, (unsigned long long)lanes, (unsigned long long)counts.global.loads,
          (unsigned long long)counts.global.loadSectors, (unsigned long long)counts.global.stores,
          (unsigned long long)counts.global.storeSectors, (unsigned long long)counts.sharedAccesses,
          (unsigned long long)counts.bankConflicts);
      for (const auto &[opcode, count] : opcodes)
        fprintf(file, "%s %s %llu %llu\n", kernel.c_str(), opcode.c_str(), (unsigned long long)count.first,
                (unsigned long long)count.second);
    }
  fclose(file);
}
