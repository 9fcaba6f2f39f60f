//===- Simulator.h - small kernels for the tests of the simulator -------------------------------------------------===//

#ifndef PTXSIM_SIMULATOR_H
#define PTXSIM_SIMULATOR_H

#include "Device.h"

#include <gtest/gtest.h>

namespace ptxsim::test {

/// A module around a kernel `k` with parameters of 64 bits, in registers %rd1, %rd2, ... `before` is at module scope.
inline std::string kernel(int parameters, const std::string &body, const std::string &before = "") {
  std::string list, loads;
  for (int k = 1; k <= parameters; ++k) {
    list += (k > 1 ? ", " : "") + std::string(".param .u64 p") + std::to_string(k);
    loads += "ld.param.b64 %rd" + std::to_string(k) + ", [p" + std::to_string(k) + "];\n";
  }
  return ".version 8.0\n.target sm_80\n.address_size 64\n" + before + "\n.visible .entry k(" + list +
         ")\n{\n.reg .pred %p<16>; .reg .b16 %rs<16>;\n.reg .b32 %r<32>;\n.reg .f32 %f<32>;\n.reg .b64 %rd<32>;\n" +
         loads + body + "\nret;\n}\n";
}

struct Simulator {
  explicit Simulator(Settings settings = {}) : device(settings) {}

  Device device;

  Allocation &buffer(uint64_t bytes, const char *name) { return *device.memory.allocate(bytes, name); }

  /// Loads and runs kernel `k`; the text of what went wrong, or an empty one.
  std::string run(const std::string &ptx, std::vector<uint64_t> arguments, Grid grid = {}) {
    std::vector<uint8_t> bytes(arguments.size() * 8);
    if (!bytes.empty())
      std::memcpy(bytes.data(), arguments.data(), bytes.size());
    try {
      Module *module = device.load(ptx);
      return device.launch(*module, *module->program->find("k"), grid, bytes);
    } catch (const Fault &fault) {
      return fault.text;
    }
  }
};

template <typename T> std::vector<T> values(const Allocation &buffer) {
  std::vector<T> result(buffer.bytes / sizeof(T));
  std::memcpy(result.data(), buffer.data, buffer.bytes);
  return result;
}
template <typename T> void fill(Allocation &buffer, const std::vector<T> &from) {
  std::memcpy(buffer.data, from.data(), std::min<size_t>(buffer.bytes, from.size() * sizeof(T)));
  buffer.setWritten(buffer.address, buffer.bytes);
}

inline Grid grid(uint32_t blocks, uint32_t threads, bool isCooperative = false, uint32_t dynamicShared = 0) {
  return {{blocks, 1, 1}, {threads, 1, 1}, dynamicShared, isCooperative};
}

#define EXPECT_CONTAINS(TEXT, PART) EXPECT_PRED_FORMAT2(testing::IsSubstring, std::string(PART), std::string(TEXT))

/// Without `line`'s first occurrence, which must be there.
inline std::string without(std::string text, const std::string &line, const std::string &instead = "") {
  size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << "no " << line << " in\n" << text;
  return at == std::string::npos ? text : text.replace(at, line.size(), instead);
}

} // namespace ptxsim::test

#endif
