#include "compiler/support/CPUTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace lathe;

mlir::FailureOr<CPUTable> CPUTable::get(mlir::ModuleOp module, llvm::StringRef mcpu) {
  if (mcpu.empty())
    if (auto options = module->getAttrOfType<mlir::DictionaryAttr>("lm.options"))
      if (auto name = options.getAs<mlir::StringAttr>("mcpu"))
        mcpu = name.getValue();
  if (mcpu.empty())
    mcpu = "native";

  llvm::StringMap<bool> features;
  if (mcpu == "native" || mcpu == llvm::sys::getHostCPUName()) {
    // The name alone promises too much on virtual machines that hide features.
    features = llvm::sys::getHostCPUFeatures();
  } else {
    if (llvm::X86::parseArchX86(mcpu) == llvm::X86::CK_None)
      return module.emitError() << "unknown CPU '" << mcpu << "'";
    llvm::SmallVector<llvm::StringRef> names;
    llvm::X86::getFeaturesForCPU(mcpu, names);
    for (llvm::StringRef name : names)
      features[name.ltrim('+')] = true;
  }
  CPUTable table;
  table.avx2 = features.lookup("avx2");
  table.fma = features.lookup("fma");
  table.f16c = features.lookup("f16c");
  table.avx512 = features.lookup("avx512f") && features.lookup("avx512bw") && features.lookup("avx512vl");
  table.vnni = table.avx512 && features.lookup("avx512vnni");
  table.avxvnni = features.lookup("avxvnni");
  table.bf16Dot = table.avx512 && features.lookup("avx512bf16");
  return table;
}

int64_t CPUTable::getDepth(Format format) const {
  const FormatInfo &info = getFormatInfo(format);
  if (info.isQuantised())
    return info.bits == 8 && widensBytes() ? 2 : 4;
  return format == Format::BF16 ? 2 : 1;
}

RegisterTile CPUTable::getTile(Format format) const {
  // 16 outputs of f32 are two 256-bit registers or one of 512 bits; accumulators must leave room for weights, the
  // broadcast activation and constants, or they spill (16 registers of 256 bits, 32 of 512).
  if (avx512)
    return {8, 2};
  return getFormatInfo(format).isQuantised() ? RegisterTile{2, 1} : RegisterTile{4, 1};
}
