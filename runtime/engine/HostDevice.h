//===- HostDevice.h - the host's own cores as a device ------------------------------------------------------------===//

#ifndef LRT_ENGINE_HOSTDEVICE_H
#define LRT_ENGINE_HOSTDEVICE_H

#include "runtime/engine/Device.h"
#include "runtime/workers/Team.h"
#include "runtime/workers/WorkerTuner.h"

#include <optional>
#include <vector>

namespace lrt {

class HostDevice final : public Device {
public:
  explicit HostDevice(const lrt_program &program) : program(program) {}

  bool open(const DeviceOptions &options, std::string &error) override;
  MemoryKind memoryKind() const override { return options.largePages ? MemoryKind::LargePages : MemoryKind::Pages; }
  int64_t availableMemory() const override;
  MemoryNeed need() const override;
  bool load(Weights &weights, std::string &error) override;
  std::unique_ptr<DeviceMemory> reserve(int64_t bytes, const char *what, std::string &error) override;
  void run(const Call &call) override;
  int64_t workers() const override { return workerTeam->workers(); }
  Team *team() override { return workerTeam.get(); }
  void setStamps(Stamps *wanted) override { workerTeam->setStamps(wanted); }

private:
  const lrt_program &program;
  DeviceOptions options;
  std::unique_ptr<Team> workerTeam;
  std::optional<WorkerTuner> tuner; // of decode steps
  Memory arena, scratch;
  const uint8_t *tensors = nullptr; // of the weights
  std::vector<lrt_row> rows;        // of the current call; program.prefill.rows of them
};

/// The number of workers if no option sets it.
int64_t defaultThreads(const lrt_program &program);

} // namespace lrt

#endif // LRT_ENGINE_HOSTDEVICE_H
