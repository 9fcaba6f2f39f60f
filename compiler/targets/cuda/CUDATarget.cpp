//===- CUDATarget.cpp - the target of NVIDIA's GPUs --------------------------------------------------------------===//

#include "compiler/targets/cuda/CUDATarget.h"
#include "compiler/codegen/Passes.h"
#include "compiler/support/Errors.h"
#include "compiler/targets/LLVMConversions.h"
#include "compiler/targets/cpu/Passes.h"
#include "compiler/targets/cuda/CUDAInfo.h"
#include "compiler/targets/cuda/GPUs.h"
#include "compiler/targets/cuda/Passes.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

/// Its result: loops that the threads of a block divide among themselves.
static void populateVectorPipeline(OpPassManager &pm) {
  pm.addPass(lm::createRecordChecksum()); // while ops still have what the code will rely on
  pm.addPass(lm::createLowerPhases({/*staticTiles=*/true, /*prefetchBytes=*/64 << 10}));
  pm.addPass(lm::createBlockBarriers());
  pm.addPass(lm::createLowerBlockKernels());
  pm.addPass(lm::createGridBarrier());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static void populateLLVMPipeline(OpPassManager &pm) {
  lathe::addLLVMConversions(pm);
  pm.addPass(lm::createExportKernels());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// PTX without the comments in front of it: those of a dump, and LLVM's.
static llvm::StringRef withoutHeader(llvm::StringRef ptx) {
  while (!ptx.empty() && (ptx.starts_with("//") || ptx.starts_with("\n")))
    ptx = ptx.split('\n').second;
  return ptx;
}

namespace {
struct CUDATarget : lathe::Target {
  llvm::StringRef getName() const override { return "cuda"; }

  FailureOr<lathe::TargetInfo> describe(ModuleOp module) const override {
    FailureOr<lathe::CUDAInfo> gpu = lathe::CUDAInfo::get(module);
    if (failed(gpu))
      return failure();
    return gpu->describe(module.getContext());
  }

  std::string checkTuning(llvm::StringRef tuning) const override {
    return lathe::setTuning(lathe::CUDAInfo().parameters(), tuning);
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<NVVM::NVVMDialect>();
    registerNVVMDialectTranslation(registry);
  }

  void registerPasses() const override {
    lm::registerLatheCUDAPasses();
    static PassPipelineRegistration<> vector("lm-cuda-vector", "stage vector for --target cuda",
                                             populateVectorPipeline);
    static PassPipelineRegistration<> llvm("lm-cuda-llvm", "stage llvm for --target cuda", populateLLVMPipeline);
  }

  void addLowering(OpPassManager &pm) const override { populateVectorPipeline(pm); }
  void addLLVMLowering(OpPassManager &pm) const override { populateLLVMPipeline(pm); }

  llvm::StringRef getAssemblySuffix() const override { return "ptx"; }
  llvm::StringRef getCommentMark() const override { return "//"; }

  absl::StatusOr<llvm::SmallString<0>> emit(ModuleOp module, ModuleOp skeleton, llvm::TargetMachine &host,
                                            lathe::Output output) const override {
    std::vector<lathe::NamedText> texts;
    for (llvm::StringRef gpu : lathe::getGPUs(skeleton)) {
      std::unique_ptr<llvm::TargetMachine> machine = lathe::createGPUMachine(gpu);
      absl::StatusOr<llvm::SmallString<0>> ptx = lathe::emitModule(module, *machine, lathe::Output::Assembly);
      if (!ptx.ok() || output == lathe::Output::Assembly)
        return ptx;
      texts.push_back({lathe::deviceCodeSymbol(skeleton, gpu), withoutHeader(*ptx).str()});
    }
    return lathe::emitTexts(texts, host);
  }

  /// PTX stays text: the driver compiles it for the GPU at hand.
  absl::StatusOr<llvm::SmallString<0>> assemble(llvm::StringRef text, llvm::StringRef name, ModuleOp skeleton,
                                                llvm::TargetMachine &host) const override {
    if (text.contains('\0'))
      return lathe::fileError(name, "expected PTX, found a byte 0");
    for (llvm::StringRef entry : {"decode", "prefill", "logits"})
      if (!text.contains((".entry " + entry + "(").str()))
        return lathe::fileError(name, "expected PTX with an .entry " + entry + ", found none");
    return lathe::emitTexts(
        {{lathe::deviceCodeSymbol(skeleton, lathe::getGPUs(skeleton).front()), withoutHeader(text).str()}}, host);
  }

  std::optional<lathe::DeviceCode> deviceCode(ModuleOp module) const override {
    FailureOr<lathe::CUDAInfo> gpu = lathe::CUDAInfo::get(module);
    return lathe::DeviceCode{/*open=*/"lrt_open_cuda", succeeded(gpu) ? gpu->blockThreads : 0};
  }

  std::vector<std::string> knownGPUs() const override { return lathe::knownGPUs(); }
  llvm::StringRef getStandardGPU() const override { return "sm_80"; }

  lathe::LinkInputs linkInputs() const override {
    return {.runtime = {"liblrt-cuda.a", "liblrt.a"}, .libraries = {"libpcre2-8.a"}, .isDynamic = true};
  }
};
} // namespace

std::unique_ptr<lathe::Target> lathe::createCUDATarget() { return std::make_unique<CUDATarget>(); }
