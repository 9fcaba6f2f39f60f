#include "compiler/targets/cuda/GPUs.h"
#include "compiler/targets/Emit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

using namespace lathe;

namespace {

/// The PTX of the first driver for CUDA 12; 10 major + minor.
constexpr int kLowestPTX = 80;

constexpr int kLowestGPU = 80;

const llvm::Triple &deviceTriple() {
  static const llvm::Triple triple("nvptx64-nvidia-cuda");
  return triple;
}

const llvm::Target &deviceTarget() {
  static const llvm::Target *target = [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    std::string error;
    const llvm::Target *found = llvm::TargetRegistry::lookupTarget(deviceTriple(), error);
    assert(found && "this build of LLVM has no NVPTX");
    return found;
  }();
  return *target;
}

/// 90 of "sm_90a"; 0 if it is no such name.
int numberOf(llvm::StringRef gpu) {
  int number = 0;
  return gpu.consume_front("sm_") && !gpu.consumeInteger(10, number) ? number : 0;
}

std::unique_ptr<llvm::TargetMachine> createMachine(llvm::StringRef gpu, llvm::StringRef features) {
  return std::unique_ptr<llvm::TargetMachine>(
      deviceTarget().createTargetMachine(deviceTriple(), gpu, features, llvm::TargetOptions(), llvm::Reloc::Static,
                                         llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive));
}

/// The version that LLVM writes when none is asked for: the lowest that has the GPU. A lower one would end the process.
int lowestPTXOf(llvm::StringRef gpu) {
  llvm::LLVMContext context;
  llvm::Module module("empty", context);
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(gpu, "");
  module.setTargetTriple(deviceTriple());
  module.setDataLayout(machine->createDataLayout());
  absl::StatusOr<llvm::SmallString<0>> text = emit(module, *machine, Output::Assembly);
  int major = 0, minor = 0;
  llvm::StringRef version = text.ok() ? text->str().split(".version ").second : "";
  [[maybe_unused]] const bool isRead =
      !version.consumeInteger(10, major) && version.consume_front(".") && !version.consumeInteger(10, minor);
  assert(isRead && "PTX begins with its version");
  return 10 * major + minor;
}

} // namespace

std::vector<std::string> lathe::knownGPUs() {
  std::unique_ptr<llvm::MCSubtargetInfo> info(deviceTarget().createMCSubtargetInfo(deviceTriple(), "", ""));
  std::vector<std::string> names;
  for (const llvm::SubtargetSubTypeKV &gpu : info->getAllProcessorDescriptions())
    if (numberOf(gpu.Key) >= kLowestGPU)
      names.push_back(gpu.Key);
  llvm::sort(names, [](llvm::StringRef a, llvm::StringRef b) {
    return std::pair(numberOf(a), a) < std::pair(numberOf(b), b);
  });
  return names;
}

std::unique_ptr<llvm::TargetMachine> lathe::createGPUMachine(llvm::StringRef gpu) {
  return createMachine(gpu, "+ptx" + std::to_string(std::max(kLowestPTX, lowestPTXOf(gpu))));
}
