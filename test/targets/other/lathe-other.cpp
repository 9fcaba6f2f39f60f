//===- lathe-other.cpp - lathe with a second target, which decides otherwise --------------------------------------===//
//
// `--target other` is the CPU with another description: other panels, operand encodings, tiles and scratch limits, and
// no rows that each worker computes for itself. It shows that no shared pass relies on the CPU's description. The CPU's
// passes lower its programs, which run here.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/driver/Driver.h"
#include "compiler/targets/Registry.h"
#include "compiler/targets/cpu/CPUTarget.h"
#include "llvm/ADT/ArrayRef.h"

using namespace lathe;
using namespace mlir;

namespace {
struct OtherTarget : Target {
  std::unique_ptr<Target> cpu = createCPUTarget();

  llvm::StringRef getName() const override { return "other"; }

  FailureOr<TargetInfo> describe(ModuleOp module) const override {
    FailureOr<TargetInfo> info = cpu->describe(module);
    if (failed(info))
      return failure();
    MLIRContext *context = module.getContext();
    const lm::ProductAttr products[] = {
        lm::ProductAttr::get(context, Format::BF16, /*depth=*/1, lm::OperandEncoding::F32),
        lm::ProductAttr::get(context, Format::Q8_0, /*depth=*/2, lm::OperandEncoding::Q16)};
    auto tiles = lm::TilesAttr::get(context, /*rows=*/24, /*block_rows=*/4, /*replicated_rows=*/0, /*product_tiles=*/3,
                                    /*product_panels=*/2, /*attention_rows=*/6, /*attention_tiles=*/5,
                                    /*split_positions=*/32, /*split_heads=*/true);
    auto scratch = lm::ScratchAttr::get(context, /*absorbed_rows=*/16, /*absorbed_positions=*/32, /*latent_rows=*/48,
                                        /*latent_positions=*/32);
    info->target = lm::TargetAttr::get(context, StringAttr::get(context, getName()), products, lm::OperandEncoding::F32,
                                       tiles, scratch, /*head_products=*/{});
    return info;
  }

  std::string checkTuning(llvm::StringRef tuning) const override { return cpu->checkTuning(tuning); }
  void registerDialects(DialectRegistry &) const override {} // the CPU's, which are there
  void registerPasses() const override {}
  void addLowering(OpPassManager &pm) const override { cpu->addLowering(pm); }
  void addLLVMLowering(OpPassManager &pm) const override { cpu->addLLVMLowering(pm); }
  absl::StatusOr<llvm::SmallString<0>> emit(ModuleOp module, ModuleOp skeleton, llvm::TargetMachine &host,
                                            Output output) const override {
    return cpu->emit(module, skeleton, host, output);
  }
  LinkInputs linkInputs() const override { return cpu->linkInputs(); }
};
} // namespace

int main(int count, char **arguments) {
  addTarget(std::make_unique<OtherTarget>());
  return runCommandLine(llvm::ArrayRef<const char *>(arguments, count).drop_front());
}
