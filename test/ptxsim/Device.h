//===- Device.h - a simulated GPU: memory, modules, launches ------------------------------------------------------===//
//
// The fake driver and the tests use this class. A launch that violates a rule returns the rule's text. Loading a module
// that is not understood throws.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef PTXSIM_DEVICE_H
#define PTXSIM_DEVICE_H

#include "Warp.h"

namespace ptxsim {

struct Settings {
  int processors = 4;                       // PTXSIM_SMS
  uint64_t memoryBytes = uint64_t(4) << 30; // PTXSIM_MEMORY: 512M, 2G, bytes
  int driverVersion = 13000;                // PTXSIM_DRIVER_VERSION: 1000 major + 10 minor
  int devices = 1;                          // PTXSIM_DEVICES
  bool isEndless = false;                   // PTXSIM_ENDLESS=1: a launch that hangs never ends, instead of failing
  bool isUnavailable = false;               // PTXSIM_UNAVAILABLE=1: another process has the device for itself
  uint64_t seed = 0;                        // PTXSIM_SEED: order of blocks and warps; 0: ascending
  uint64_t stepLimit = 20'000'000'000;      // PTXSIM_STEPS: instructions of warps in one launch
  std::string report;                       // PTXSIM_REPORT: a file for counts
  Checks checks;                            // PTXSIM_CHECK: none, or races, uninitialised, all with commas between

  static Settings fromEnvironment();
};

/// Of an sm_80.
constexpr uint32_t kMaxThreads = 1024, kMaxSharedStatic = 48 * 1024, kMaxSharedOptIn = 163 * 1024,
                   kSharedOfProcessor = 164 * 1024, kThreadsOfProcessor = 2048, kBlocksOfProcessor = 32;

struct Module {
  std::unique_ptr<Program> program;
  std::vector<uint64_t> variables;      // addresses of its .global and .const
  std::map<std::string, Counts> counts; // by kernel
};

class Device {
public:
  explicit Device(Settings settings);
  /// Writes PTXSIM_REPORT.
  ~Device();

  const Settings settings;
  Memory memory;
  Races races;

  /// Throws Fault when the text is not understood.
  Module *load(std::string text);
  void unload(Module *module);

  /// Runs to the end. Returns the violated rule, or an empty text. `arguments`: the kernel's parameter block.
  std::string launch(Module &module, const Function &kernel, const Grid &grid, std::vector<uint8_t> arguments);

  /// How many blocks of a kernel a processor holds at once.
  int blocksPerProcessor(const Function &kernel, uint32_t threads, uint32_t dynamicShared) const;
  /// Instructions of warps so far, as nanoseconds.
  uint64_t now() const { return clock; }
  /// Whether the last launch broke a rule by hanging. Memory is as its warps left it.
  bool hangs() const { return isHanging; }

private:
  void writeReport() const;

  std::vector<std::unique_ptr<Module>> modules;
  uint64_t clock = 0;
  bool isHanging = false;
};

} // namespace ptxsim

#endif
