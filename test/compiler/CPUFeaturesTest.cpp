#include "compiler/targets/Emit.h"
#include "compiler/targets/cpu/CPUInfo.h"
#include "lrt/abi.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include <gtest/gtest.h>

using namespace lathe;

namespace {

/// Features that are not tuning, of the code made for a CPU.
std::vector<std::string> featuresOf(const CPUName &cpu) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(cpu);
  const llvm::MCSubtargetInfo &info = *machine->getMCSubtargetInfo();
  llvm::FeatureBitset tuning;
  for (const llvm::SubtargetSubTypeKV &known : info.getAllProcessorDescriptions())
    tuning |= known.TuneImplies.getAsBitset();
  std::vector<std::string> names;
  for (const llvm::SubtargetFeatureKV &feature : info.getAllProcessorFeatures())
    if (info.getFeatureBits()[feature.Value] && !tuning[feature.Value])
      names.push_back(feature.Key);
  return names;
}

/// What a program checks at start.
const llvm::StringSet<> checked = {
#define LATHE_FEATURE_NAME(id, name) name,
    LRT_FEATURES(LATHE_FEATURE_NAME)
#undef LATHE_FEATURE_NAME
};

/// Of every x86-64; ermsb and fsrm say that an instruction of the 8086 is fast.
const llvm::StringSet<> everywhere = {"64bit", "64bit-mode", "cmov", "cx8", "fxsr",  "mmx",
                                      "nopl",  "sse",        "sse2", "x87", "ermsb", "fsrm"};

} // namespace

TEST(CPUFeatures, codeForAnyCPUUsesOnlyWhatTheProgramChecks) {
  ASSERT_GT(knownCPUs().size(), 70u);
  for (const std::string &name : knownCPUs())
    for (const std::string &feature : featuresOf({name, ""}))
      EXPECT_TRUE(checked.contains(feature) || everywhere.contains(feature)) << name << " uses " << feature;
}

TEST(CPUFeatures, whatIsCheckedStaysSwitchedOn) {
  // Switching a feature off takes away what implies it: that must be nothing that is checked.
  for (const std::string &name : knownCPUs()) {
    std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine({name, ""});
    std::unique_ptr<llvm::MCSubtargetInfo> all(
        machine->getTarget().createMCSubtargetInfo(machine->getTargetTriple(), name, ""));
    for (const auto &feature : checked)
      EXPECT_EQ(machine->getMCSubtargetInfo()->checkFeatures("+" + feature.getKey().str()),
                all->checkFeatures("+" + feature.getKey().str()))
          << name << " " << feature.getKey().str();
  }
}

TEST(CPUFeatures, theTableOfEveryCPUAgreesWithLLVM) {
  // What the table promises, kernels ask LLVM for as intrinsics.
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  for (const std::string &name : knownCPUs()) {
    mlir::FailureOr<CPUInfo> table = CPUInfo::get(*module, name);
    ASSERT_TRUE(succeeded(table)) << name;
    std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine({name, ""});
    auto has = [&](const char *features) { return machine->getMCSubtargetInfo()->checkFeatures(features); };
    EXPECT_EQ(table->features.avx2, has("+avx2")) << name;
    EXPECT_EQ(table->features.fma, has("+fma")) << name;
    EXPECT_EQ(table->features.f16c, has("+f16c")) << name;
    EXPECT_EQ(table->features.avx512, has("+avx512f,+avx512bw,+avx512vl")) << name;
    EXPECT_EQ(table->features.vnni, has("+avx512vnni,+avx512bw,+avx512vl")) << name;
    EXPECT_EQ(table->features.avxvnni, has("+avxvnni")) << name;
    EXPECT_EQ(table->features.bf16Dot, has("+avx512bf16,+avx512bw,+avx512vl")) << name;
  }
}

TEST(CPUFeatures, ofThisMachineAreChecked) {
  absl::StatusOr<CPUName> native = resolveCPU("native");
  ASSERT_TRUE(native.ok());
  for (const std::string &feature : featuresOf(*native))
    EXPECT_TRUE(checked.contains(feature) || everywhere.contains(feature)) << feature;
}

TEST(CPUFeatures, thatADumpAddsAreChecked) {
  const CPUName edited = {"x86-64-v3", "+amx-tile,+amx-int8,+xop,+tbm,+gfni,+egpr,+ndd,+avx10.2,+sha,-movbe"};
  ASSERT_TRUE(checkFeatures(edited).ok());
  for (const std::string &feature : featuresOf(edited)) {
    EXPECT_TRUE(checked.contains(feature) || everywhere.contains(feature)) << feature;
    EXPECT_NE(feature, "movbe");
  }
}

TEST(CPUFeatures, otherNamesAreRefused) {
  for (llvm::StringRef name :
       {"i386", "i686", "pentium4", "prescott", "yonah", "athlon", "c3", "lakemont", "geode", "skylake_avx512"})
    EXPECT_EQ(resolveCPU(name).status().message(), "--mcpu: expected native or the name of a CPU, got \"" + name.str() +
                                                       "\"; `lathe compile --mcpu help` lists them");
  EXPECT_EQ(
      resolveCPU("foo", "--schedule-for").status().message(),
      "--schedule-for: expected native or the name of a CPU, got \"foo\"; `lathe compile --mcpu help` lists them");
}
