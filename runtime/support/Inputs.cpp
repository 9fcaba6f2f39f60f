//===- Inputs.cpp - files that no output may replace --------------------------------------------------------------===//

#include "lrt/inputs.h"

#include "lrt/weights.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vector>

using namespace lrt;

namespace {

struct Input {
  dev_t device;
  ino_t inode;
  std::string name;

  bool is(dev_t otherDevice, ino_t otherInode) const { return device == otherDevice && inode == otherInode; }
  /// A new file may reuse the inode of a deleted one. stdin stays open, so its inode is not reused.
  bool isThere() const {
    struct stat status;
    return name == "stdin" || (stat(name.c_str(), &status) == 0 && is(status.st_dev, status.st_ino));
  }
};

std::vector<Input> &inputs() {
  static std::vector<Input> recorded;
  return recorded;
}

} // namespace

void lrt::recordInput(dev_t device, ino_t inode, const std::string &name) {
  for (const Input &input : inputs())
    if (input.is(device, inode) && input.name == name)
      return;
  inputs().push_back({device, inode, name});
}

std::string lrt::nameOfInput(dev_t device, ino_t inode) {
  for (const Input &input : inputs())
    if (input.is(device, inode) && input.isThere())
      return input.name;
  return "";
}

void lrt::forgetInputs() { inputs().clear(); }

std::string lrt::kindOfWeights(const std::string &path) {
  int file = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0)
    return "";
  char start[9] = {};
  struct stat status = {};
  ssize_t got = pread(file, start, sizeof(start), 0);
  fstat(file, &status);
  close(file);
  uint64_t magic;
  memcpy(&magic, start, sizeof(magic));
  if (got >= 4 && memcmp(start, "GGUF", 4) == 0)
    return "a GGUF file";
  if (got >= 8 && magic == LRT_WEIGHTS_MAGIC)
    return "the weights of a program";
  // safetensors: the length of a JSON object, and the object.
  bool isObject = got == sizeof(start) && start[8] == '{' && magic >= 2 && magic <= uint64_t(status.st_size) - 8;
  return isObject ? "a safetensors file" : "";
}

bool lrt::isSystemName(const std::string &path) {
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  char *real = realpath(folder.c_str(), nullptr);
  std::string text = real ? std::string(real) + "/" : "";
  free(real);
  return text.rfind("/dev/", 0) == 0 || text.rfind("/proc/", 0) == 0;
}
