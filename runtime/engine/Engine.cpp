//===- Engine.cpp - one program, its weights and its workers ------------------------------------------------------===//

#include "runtime/engine/Engine.h"

#include "runtime/cpu/Features.h"
#include "runtime/engine/HostDevice.h"
#include "runtime/engine/Sequence.h"

using namespace lrt;

bool lrt::checkProgram(const lrt_program &program, std::string &error) {
  if (program.magic != LRT_MAGIC || program.version != LRT_ABI_VERSION || program.size != sizeof(lrt_program)) {
    error =
        format("the compiler and the runtime library disagree: expected ABI version %u with a program of %zu bytes, "
               "found version %u and %u bytes",
               LRT_ABI_VERSION, sizeof(lrt_program), program.version, program.size);
    return false;
  }
  uint64_t missing = program.features & ~cpuFeatures();
  if (missing != 0) {
    error = format("this CPU lacks %s, which the code compiled for --mcpu %s uses", featureNames(missing).c_str(),
                   program.mcpu);
    return false;
  }
  return true;
}

std::string lrt::deviceNames(const lrt_program &program) {
  std::string names;
  for (int64_t i = 0; i < program.num_device_codes; ++i)
    names += (i ? ", " : "") + std::string(program.device_codes[i].device);
  return names;
}

MemoryNeed Engine::need(const Sequence *apart) const {
  MemoryNeed need = device->need();
  if (device->memoryKind() != MemoryKind::Device) // a command's buffers are the host's
    need.other += options.bufferBytes;
  for (const Sequence *sequence : sequences)
    if (sequence != apart)
      need.other += sequence->untouchedBytes();
  return need;
}

bool Engine::open(const EngineOptions &wanted, std::string &error) {
  options = wanted;
  if (!options.device.randomWeights && !weights.open(program, options.weights, error))
    return false;
  device = program.open_device ? std::unique_ptr<Device>(static_cast<Device *>(program.open_device(&program)))
                               : std::make_unique<HostDevice>(program);
  if (!device->open(options.device, error))
    return false;

  MemoryNeed all = need(/*apart=*/nullptr);
  all.caches = memoryNeed(program, options.positions, 0, device->memoryKind()).caches;
  int64_t available = device->availableMemory();
  if (!checkMemory(all, available, device->memoryKind(), error))
    return false;
  // Only a warning: a model with experts may read only a part of its weights.
  if (all.weights == 0 && program.weights_bytes > available - all.total())
    warn(format(
        "%s of weights, but %s of memory are free for them: expect them to be read from the disk again and again",
        readableBytes(double(program.weights_bytes)).c_str(), readableBytes(double(available - all.total())).c_str()));
  return device->load(weights, error);
}

void Engine::run(const Call &call) {
  device->run(call);
  if (profile)
    profile->add(call.entry, call.rows, call.position);
}
