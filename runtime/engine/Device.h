//===- Device.h - the machine that entry points run on ------------------------------------------------------------===//
//
// An engine calls entry points and reserves memory through a device: the host's workers (HostDevice.h), or a GPU whose
// library the compiler links. Addresses of device memory are only handed back to the device.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_ENGINE_DEVICE_H
#define LRT_ENGINE_DEVICE_H

#include "lrt/abi.h"
#include "runtime/engine/MemoryNeed.h"
#include "runtime/engine/Weights.h"

#include <memory>
#include <optional>
#include <string>

namespace lrt {

class Team;
struct Stamps;

/// A device refuses by name an option that it does not have.
struct DeviceOptions {
  bool randomWeights = false; // instead of those of a file
  uint64_t seed = 0;          // of the random weights

  // Of the host.
  int64_t threads = 0;     // 0: the program's default, else the physical cores this process may use
  bool largePages = false; // for caches and a copy of the weights

  // Of a GPU.
  std::optional<double> timeLimit; // seconds, of a call; 0: none
};

/// Zeroed memory of a device.
class DeviceMemory {
public:
  virtual ~DeviceMemory() = default;
  virtual uint8_t *address() const = 0;
  /// Copies bytes of the host to [offset, offset + bytes).
  virtual void write(int64_t offset, const void *from, int64_t bytes) = 0;
};

/// A forward call of `rows` consecutive positions of one sequence. Pointers are to memory of the host, but for `cache`.
struct Call {
  const lrt_entry &entry;
  uint8_t *cache;
  int64_t position; // of the first row
  int64_t rows;
  const int32_t *tokens = nullptr; // [rows]
  int64_t first = 0;               // program.logits: the row of the last prefill that is row 0 of this call
  float *logits = nullptr;         // [rows, vocabulary]
};

class Device {
public:
  virtual ~Device() = default;

  /// Opens what it needs of the machine. Touches no memory that need() counts.
  virtual bool open(const DeviceOptions &options, std::string &error) = 0;

  /// Which memory it computes in.
  virtual MemoryKind memoryKind() const = 0;

  /// Memory that this process may still take, in bytes.
  virtual int64_t availableMemory() const = 0;

  /// Bytes of activations and of a call's buffers and, where weights are not read from the mapped file, of the weights:
  /// what it has not taken yet.
  virtual MemoryNeed need() const = 0;

  /// Makes the weights ready for calls; or makes random ones, in `weights`. need() was compared with the free memory.
  virtual bool load(Weights &weights, std::string &error) = 0;

  /// `what` names the memory in the error. Null: an error.
  virtual std::unique_ptr<DeviceMemory> reserve(int64_t bytes, const char *what, std::string &error) = 0;

  /// Runs a call; returns when it is done. A device that fails ends the process in one line.
  virtual void run(const Call &call) = 0;

  /// The workers of a call: threads of the host, blocks of a GPU.
  virtual int64_t workers() const = 0;

  /// The host's workers; null: another device has others.
  virtual Team *team() = 0;

  /// Every call from now on writes the times of its barriers there; with null, calls keep no times.
  virtual void setStamps(Stamps *wanted) = 0;
};

} // namespace lrt

#endif // LRT_ENGINE_DEVICE_H
