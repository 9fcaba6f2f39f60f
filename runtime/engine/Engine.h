//===- Engine.h - one program, its weights and its workers --------------------------------------------------------===//

#ifndef LRT_ENGINE_ENGINE_H
#define LRT_ENGINE_ENGINE_H

#include "lrt/abi.h"
#include "runtime/engine/Device.h"
#include "runtime/engine/Profile.h"

#include <memory>
#include <vector>

namespace lrt {

class Sequence;

struct EngineOptions {
  std::string weights;     // path; empty: beside the executable, or embedded
  int64_t positions = 0;   // positions of the first sequence, if known before the weights are open
  int64_t bufferBytes = 0; // other memory that the command will touch
  DeviceOptions device;
};

/// Program, weights, workers, activations and scratch: everything that sequences share. Any number of sequences are
/// open at a time. An engine runs one call at a time: callers on several threads take turns. Nothing here allocates
/// once it is open.
class Engine {
public:
  explicit Engine(const lrt_program &program) : program(program) {}
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  /// Fails, before it touches memory, if more is needed than is free. Prints other problems as warnings on stderr.
  bool open(const EngineOptions &options, std::string &error);

  /// Later calls are recorded in it; null: stops recording.
  void record(Profile *wanted) {
    profile = wanted;
    device->setStamps(wanted ? &wanted->stamps : nullptr);
  }

  const lrt_program &program;
  Weights weights;
  std::unique_ptr<Device> device; // there when the engine is open

private:
  friend class Sequence;

  void run(const Call &call);

  /// Memory not touched yet: the activations, counted whole; in `other`, open sequences except `apart` and the buffers
  /// of the command. Not the weights, which are loaded when the engine is open.
  MemoryNeed need(const Sequence *apart) const;

  EngineOptions options;
  std::vector<const Sequence *> sequences; // that are open
  const Sequence *lastPrefill = nullptr;   // whose hidden states the arena holds
  Profile *profile = nullptr;
};

/// "sm_80, sm_90a": the devices that the program has code for; "" if it runs on the CPU.
std::string deviceNames(const lrt_program &program);

/// Magic, version and CPU features: everything that must hold before compiled code runs.
bool checkProgram(const lrt_program &program, std::string &error);

} // namespace lrt

#endif // LRT_ENGINE_ENGINE_H
