//===- CudaDevice.cpp - a GPU of NVIDIA's as a device -------------------------------------------------------------===//
//
// A call is one cooperative launch: its blocks are the workers, and wait for each other at a grid barrier of the
// program's own. Weights, activations and caches are in device memory. Tokens, rows and logits are in memory of the
// host that the device can address.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "runtime/cpu/Topology.h"
#include "runtime/cuda/ChooseCode.h"
#include "runtime/cuda/Driver.h"
#include "runtime/engine/Engine.h"
#include "runtime/support/OutputFile.h"
#include "runtime/support/Support.h"
#include "runtime/workers/Team.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

using namespace lrt;
using namespace lrt::cuda;

namespace {

/// A failure after the program was opened: nothing can be continued. Destructors would wait for the device.
[[noreturn]] void end(const std::string &message) {
  discardOutputs();
  const std::string line = format("%s: %s\n", program_invocation_short_name, message.c_str());
  writeAll(STDERR_FILENO, line.data(), line.size());
  _exit(1);
}

class CudaMemory final : public DeviceMemory {
public:
  CudaMemory(const Driver &driver, uint64_t base) : driver(driver), base(base) {}
  ~CudaMemory() override { driver.memoryFree(base); }
  uint8_t *address() const override { return reinterpret_cast<uint8_t *>(base); }
  void write(int64_t offset, const void *from, int64_t bytes) override {
    if (int result = driver.copyToDevice(base + offset, from, bytes); result != success)
      end("cannot copy to the device: " + driver.describe(result));
  }

private:
  const Driver &driver;
  uint64_t base;
};

/// Memory of the host that the device can address: `host` here, `device` there.
struct SharedMemory {
  uint8_t *host = nullptr;
  uint64_t device = 0;
};

class CudaDevice final : public Device {
public:
  explicit CudaDevice(const lrt_program &program) : program(program) {}
  ~CudaDevice() override;

  bool open(const DeviceOptions &options, std::string &error) override;
  MemoryKind memoryKind() const override { return MemoryKind::Device; }
  int64_t availableMemory() const override;
  MemoryNeed need() const override;
  bool load(Weights &weights, std::string &error) override;
  std::unique_ptr<DeviceMemory> reserve(int64_t bytes, const char *what, std::string &error) override;
  void run(const Call &call) override;
  int64_t workers() const override { return blocks; }
  Team *team() override { return nullptr; }
  void setStamps(Stamps *) override {}

private:
  bool openDevice(std::string &error);
  bool openContext(std::string &error);
  bool loadCode(std::string &error);
  bool chooseBlocks(std::string &error);
  bool share(int64_t bytes, SharedMemory &memory, std::string &error);
  void *functionOf(const lrt_entry &entry) const;
  int wait(const Call &call);
  int poll(void *polled, double seconds) const;
  std::string whereItIs(const Call &call);
  /// What a failed call says; `what` is what it tried to do.
  bool check(int result, const char *what, std::string &error) const {
    if (result != success)
      error = format("%s: cannot %s: %s", deviceName, what, driver.describe(result).c_str());
    return result == success;
  }

  const lrt_program &program;
  DeviceOptions options;
  Driver driver;
  int device = -1;
  bool hasContext = false;
  char deviceName[128] = "the GPU";
  void *module = nullptr, *stream = nullptr;
  void *observer = nullptr;                                      // a stream for questions while a call runs
  void *decode = nullptr, *prefill = nullptr, *logits = nullptr; // functions of the entry points
  int64_t blocks = 0;
  std::unique_ptr<DeviceMemory> arena, scratch, tensors, barrier;
  SharedMemory rows, tokens, results; // lrt_row, int32_t and float
  SharedMemory arrived;               // uint32_t: a copy of the barrier's counter
};

CudaDevice::~CudaDevice() {
  arena.reset();
  scratch.reset();
  tensors.reset();
  barrier.reset();
  for (const SharedMemory &memory : {rows, tokens, results, arrived})
    if (memory.host)
      driver.memoryHostFree(memory.host);
  for (void *opened : {stream, observer})
    if (opened)
      driver.streamDestroy(opened);
  if (module)
    driver.moduleUnload(module);
  if (hasContext)
    driver.devicePrimaryContextRelease(device);
}

bool CudaDevice::openDevice(std::string &error) {
  int count = 0, cooperative = 0;
  if (!driver.load(error))
    return false;
  int started = driver.init(0);
  if (started != errorNoDevice &&
      (!check(started, "start the driver", error) || !check(driver.deviceGetCount(&count), "count the devices", error)))
    return false;
  if (count < 1) {
    error = "expected a GPU of NVIDIA's, for code compiled with --target cuda, found none";
    return false;
  }
  int chosen = 0;
  if (!check(driver.deviceGet(&chosen, 0), "open the device", error) ||
      !check(driver.deviceGetName(deviceName, sizeof(deviceName), chosen), "read the device's name", error) ||
      !check(driver.deviceGetAttribute(&cooperative, cooperativeLaunch, chosen), "read the device's attributes", error))
    return false;
  if (!cooperative) {
    error = format("%s: expected a GPU whose blocks can wait for each other (cooperative launches), found one that "
                   "cannot",
                   deviceName);
    return false;
  }
  device = chosen;
  return true;
}

/// Several programs can have a context on one device: their calls take turns.
bool CudaDevice::openContext(std::string &error) {
  void *context = nullptr;
  int result = driver.devicePrimaryContextRetain(&context, device);
  if (result == errorDeviceUnavailable) {
    error =
        format("%s: expected a GPU that this program may use, found one in exclusive use (nvidia-smi shows by whom): "
               "%s",
               deviceName, driver.describe(result).c_str());
    return false;
  }
  if (!check(result, "make a context", error))
    return false;
  hasContext = true;
  return check(driver.contextSetCurrent(context), "use the context", error) &&
         check(driver.streamCreate(&stream, streamNonBlocking), "make a stream", error) &&
         check(driver.streamCreate(&observer, streamNonBlocking), "make a stream", error);
}

bool CudaDevice::loadCode(std::string &error) {
  int major = 0, minor = 0;
  if (!check(driver.deviceGetAttribute(&major, computeCapabilityMajor, device), "read the device's attributes",
             error) ||
      !check(driver.deviceGetAttribute(&minor, computeCapabilityMinor, device), "read the device's attributes", error))
    return false;
  const lrt_device_code *chosen = chooseCode(program, 10 * major + minor);
  if (!chosen) {
    error = format("%s: expected a GPU that runs code for %s, found one of compute capability %d.%d (compile --gpu)",
                   deviceName, deviceNames(program).c_str(), major, minor);
    return false;
  }
  std::string log(4096, '\0');
  int settings[] = {jitErrorLogBuffer, jitErrorLogBytes};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size())};
  int result = driver.moduleLoadData(&module, chosen->code, 2, settings, values);
  if (result == errorUnsupportedPtx || result == errorInvalidPtx) {
    log.resize(strlen(log.c_str()));
    log.resize(std::min(log.size(), log.find('\n')));
    int version = 0;
    (void)driver.driverGetVersion(&version);
    error = format("%s: expected a driver that compiles the program's PTX, found one for CUDA %d.%d: %s%s%s",
                   deviceName, version / 1000, version % 1000 / 10, driver.describe(result).c_str(),
                   log.empty() ? "" : ": ", log.c_str());
    return false;
  }
  if (!check(result, "load the program", error))
    return false;
  for (auto [entry, function] : {std::pair(&program.decode, &decode), std::pair(&program.prefill, &prefill),
                                 std::pair(&program.logits, &logits)})
    if (!check(driver.moduleGetFunction(function, module, entry->name), "find an entry point", error))
      return false;
  return true;
}

/// All blocks of a call must be on the device at the same time.
bool CudaDevice::chooseBlocks(std::string &error) {
  int processors = 0;
  if (!check(driver.deviceGetAttribute(&processors, multiprocessors, device), "read the device's attributes", error))
    return false;
  for (void *function : {decode, prefill, logits}) {
    int perProcessor = 0;
    if (!check(driver.maxActiveBlocks(&perProcessor, function, program.block_threads, 0), "read the occupancy", error))
      return false;
    if (perProcessor < 1) {
      error = format("%s: expected room for a block of %lld threads on a multiprocessor, found none", deviceName,
                     (long long)program.block_threads);
      return false;
    }
  }
  blocks = processors;
  return true;
}

bool CudaDevice::share(int64_t bytes, SharedMemory &memory, std::string &error) {
  void *host = nullptr;
  if (!check(driver.memoryHostAllocate(&host, std::max<int64_t>(bytes, 1), hostAllocDeviceMap),
             "reserve memory of the host", error))
    return false;
  memory.host = static_cast<uint8_t *>(host);
  return check(driver.memoryHostGetDeviceAddress(&memory.device, host, 0), "address memory of the host", error);
}

bool CudaDevice::open(const DeviceOptions &wanted, std::string &error) {
  options = wanted;
  for (auto [isGiven, name] : {std::pair(options.threads > 0, "--threads"), {options.largePages, "--large-pages"}})
    if (isGiven) {
      error = format("%s: expected a program for the CPU, found one for a GPU (--target cuda), which computes without "
                     "the host's threads and pages",
                     name);
      return false;
    }
  return openDevice(error) && openContext(error) && loadCode(error) && chooseBlocks(error);
}

int64_t CudaDevice::availableMemory() const {
  size_t free = 0, total = 0;
  return driver.memoryGetInfo(&free, &total) == success ? int64_t(free) : 0;
}

/// All of it is reserved when the weights are loaded.
MemoryNeed CudaDevice::need() const {
  MemoryNeed need;
  if (!tensors) {
    need.activations = program.arena_bytes + program.scratch_bytes * blocks;
    need.weights = program.weights_bytes;
  }
  return need;
}

bool CudaDevice::load(Weights &weights, std::string &error) {
  if (options.randomWeights) {
    Team team(usableCores());
    if (!weights.randomize(program, options.seed, team, /*largePages=*/false, error))
      return false;
  }
  const int64_t maxRows = std::max<int64_t>(program.prefill.rows, 1);
  if (!(arena = reserve(program.arena_bytes, "activations", error)) ||
      !(scratch = reserve(program.scratch_bytes * blocks, "the blocks' scratch", error)) ||
      !(barrier = reserve(sizeof(lrt_grid), "the barrier", error)) ||
      !(tensors = reserve(program.weights_bytes, "weights", error)) ||
      !share(maxRows * int64_t(sizeof(lrt_row)), rows, error) ||
      !share(maxRows * int64_t(sizeof(int32_t)), tokens, error) ||
      !share(std::max<int64_t>(program.logits.rows, 1) * program.vocabulary * int64_t(sizeof(float)), results, error) ||
      !share(sizeof(uint32_t), arrived, error))
    return false;
  tensors->write(0, weights.tensors(), program.weights_bytes);
  return true;
}

std::unique_ptr<DeviceMemory> CudaDevice::reserve(int64_t bytes, const char *what, std::string &error) {
  uint64_t address = 0;
  const int64_t size = std::max<int64_t>(bytes, 1);
  if (int result = driver.memoryAllocate(&address, size); result != success) {
    error = format("%s: expected %s of device memory for %s, found %s free: %s", deviceName,
                   readableBytes(double(size)).c_str(), what, readableBytes(double(availableMemory())).c_str(),
                   driver.describe(result).c_str());
    return nullptr;
  }
  auto memory = std::make_unique<CudaMemory>(driver, address);
  return check(driver.memorySet8(address, 0, size), "clear device memory", error) ? std::move(memory) : nullptr;
}

void *CudaDevice::functionOf(const lrt_entry &entry) const {
  return &entry == &program.decode ? decode : &entry == &program.prefill ? prefill : logits;
}

/// Waits up to `seconds` for what is queued in a stream; 0: for ever. Returns the driver's result, errorNotReady after
/// that time. A synchronisation could not be ended.
int CudaDevice::poll(void *polled, double seconds) const {
  constexpr double spinning = 20e-3; // a decode step ends sooner
  const double start = now();
  for (;;) {
    int result = driver.streamQuery(polled);
    const double waited = now() - start;
    if (result != errorNotReady || (seconds > 0 && waited > seconds))
      return result;
    if (waited > spinning)
      usleep(50);
  }
}

int CudaDevice::wait(const Call &call) {
  constexpr double defaultLimit = 60;
  const double limit = options.timeLimit.value_or(defaultLimit);
  int result = poll(stream, limit);
  if (result == errorNotReady)
    end(format("%s: expected a call of %s to end within %g s (--time-limit), found it %s", deviceName, call.entry.name,
               limit, whereItIs(call).c_str()));
  return result;
}

/// Where a call that runs is, by the counter of its grid barrier: every block adds one at every barrier.
std::string CudaDevice::whereItIs(const Call &call) {
  int result =
      driver.copyToHost(arrived.host, reinterpret_cast<uint64_t>(barrier->address()), sizeof(uint32_t), observer);
  if (result == success)
    result = poll(observer, /*seconds=*/2);
  if (result != success)
    return "nowhere: the device does not answer";
  uint32_t count;
  memcpy(&count, arrived.host, sizeof(count));
  const int64_t passed = count / blocks;
  if (passed >= call.entry.num_order)
    return "after its last barrier";
  const lrt_phase &phase = call.entry.phases[call.entry.order[passed]];
  return format("in phase %s%s%s%s, %lld of %lld, which %lld of %lld blocks have finished", phase.name,
                *phase.kind ? " (" : "", phase.kind, *phase.kind ? ")" : "", (long long)passed + 1,
                (long long)call.entry.num_order, (long long)(count % blocks), (long long)blocks);
}

void CudaDevice::run(const Call &call) {
  auto *row = reinterpret_cast<lrt_row *>(rows.host);
  for (int64_t i = 0; i < call.rows; ++i)
    row[i] = {.position = call.position + i, .cache = call.cache};
  if (call.tokens)
    memcpy(tokens.host, call.tokens, call.rows * sizeof(int32_t));
  auto there = [](uint64_t address) { return reinterpret_cast<uint8_t *>(address); };
  lrt_step step = {.weights = tensors->address(),
                   .arena = arena->address(),
                   .scratch = scratch->address(),
                   .row = reinterpret_cast<const lrt_row *>(there(rows.device)),
                   .tokens = reinterpret_cast<const int32_t *>(there(tokens.device)),
                   .logits = reinterpret_cast<float *>(there(results.device)),
                   .rows = call.rows,
                   .first = call.first,
                   .workers = blocks,
                   .team = barrier->address()};
  void *parameters[] = {&step};
  int result = driver.memorySet32(reinterpret_cast<uint64_t>(barrier->address()), 0, 1, stream);
  if (result == success)
    result = driver.launchCooperative(functionOf(call.entry), unsigned(blocks), 1, 1, unsigned(program.block_threads),
                                      1, 1, 0, stream, parameters);
  if (result == success)
    result = wait(call);
  if (result != success)
    end(format("%s: a call of %s failed: %s", deviceName, call.entry.name, driver.describe(result).c_str()));
  if (call.logits)
    memcpy(call.logits, results.host, call.rows * program.vocabulary * sizeof(float));
}

} // namespace

/// Programs compiled with --target cuda name it in lrt_program.open_device.
extern "C" void *lrt_open_cuda(const lrt_program *program) { return new CudaDevice(*program); }
