#include "compiler/targets/cpu/CPUTarget.h"
#include "compiler/codegen/Passes.h"
#include "compiler/targets/LLVMConversions.h"
#include "compiler/targets/cpu/CPUInfo.h"
#include "compiler/targets/cpu/CPUOps.h"
#include "compiler/targets/cpu/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

/// Its result: loops, views of the arena and vectors. Dot products are still ops of the cpu dialect.
static void populateVectorPipeline(OpPassManager &pm) {
  // The checksum needs ops that the next passes remove.
  pm.addPass(lm::createRecordChecksum());
  pm.addPass(lm::createLowerPhases());
  // Weights and caches are now segments and offsets, from which lm-lower-compute copies into tensors.
  pm.addPass(lm::createDecompose());
  pm.addPass(lm::createLowerCompute());
  pm.addPass(lm::createLowerKernels());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// Its result: the llvm dialect, and the symbols of weights and states for packing.
static void populateLLVMPipeline(OpPassManager &pm) {
  pm.addPass(lm::createLowerDots());
  lathe::addLLVMConversions(pm);
  pm.addPass(lm::createExportEntries());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

namespace {
struct CPUTarget : lathe::Target {
  llvm::StringRef getName() const override { return "cpu"; }

  FailureOr<lathe::TargetInfo> describe(ModuleOp module) const override {
    FailureOr<lathe::CPUInfo> cpu = lathe::CPUInfo::get(module);
    if (failed(cpu))
      return failure();
    return cpu->describe(module.getContext());
  }

  std::string checkTuning(llvm::StringRef tuning) const override {
    return lathe::setTuning(lathe::CPUInfo().parameters(), tuning);
  }

  void registerDialects(DialectRegistry &registry) const override { registry.insert<cpu::CPUDialect>(); }

  void registerPasses() const override {
    lathe::registerLLVMConversions();
    lm::registerLatheCPUPasses();
    static PassPipelineRegistration<> vector("lm-vector", "stage vector", populateVectorPipeline);
    static PassPipelineRegistration<> llvm("lm-llvm", "stage llvm", populateLLVMPipeline);
  }

  void addLowering(OpPassManager &pm) const override { populateVectorPipeline(pm); }
  void addLLVMLowering(OpPassManager &pm) const override { populateLLVMPipeline(pm); }

  absl::StatusOr<llvm::SmallString<0>> emit(ModuleOp module, ModuleOp, llvm::TargetMachine &host,
                                            lathe::Output output) const override {
    return lathe::emitModule(module, host, output);
  }

  lathe::LinkInputs linkInputs() const override { return {{"liblrt.a"}, {"libpcre2-8.a"}}; }
};
} // namespace

std::unique_ptr<lathe::Target> lathe::createCPUTarget() { return std::make_unique<CPUTarget>(); }
