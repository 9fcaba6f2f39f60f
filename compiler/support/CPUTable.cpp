#include "compiler/support/CPUTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace lathe;

mlir::FailureOr<CPUTable> CPUTable::get(mlir::ModuleOp module, llvm::StringRef mcpu) {
  llvm::StringRef differences; // "+f,-g": what the machine at hand has otherwise than its name promises
  if (auto options = module->getAttrOfType<mlir::DictionaryAttr>("lm.options"); options && mcpu.empty()) {
    auto string = [&](llvm::StringRef key) {
      auto value = options.getAs<mlir::StringAttr>(key);
      return value ? value.getValue() : llvm::StringRef();
    };
    mcpu = string("schedule_for");
    if (mcpu.empty()) {
      mcpu = string("mcpu");
      differences = string("features");
    }
  }

  llvm::StringMap<bool> features;
  if (mcpu.empty() || mcpu == "native") {
    features = llvm::sys::getHostCPUFeatures();
  } else if (mcpu != "generic") {
    if (llvm::X86::parseArchX86(mcpu) == llvm::X86::CK_None)
      return module.emitError() << "unknown CPU '" << mcpu << "'";
    llvm::SmallVector<llvm::StringRef> names;
    llvm::X86::getFeaturesForCPU(mcpu, names);
    // The list leaves out what its entries imply: avxvnni stands for avx2 as well.
    for (llvm::StringRef name : names) {
      features[name.ltrim('+')] = true;
      llvm::X86::updateImpliedFeatures(name.ltrim('+'), true, features);
    }
  }
  for (llvm::StringRef difference : llvm::split(differences, ','))
    if (!difference.empty())
      features[difference.drop_front()] = difference.front() == '+';
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

int64_t CPUTable::getDepth(Format format, int64_t columns, bool isHead) const {
  const FormatInfo &info = getFormatInfo(format);
  if (info.isQuantised())
    return info.bits == 8 && (isHead || widensBytes()) ? 2 : 4;
  return format == Format::BF16 && columns % 2 == 0 ? 2 : 1;
}

RegisterTile CPUTable::getTile(Format format) const {
  // 16 outputs of f32 are two 256-bit registers or one of 512 bits; accumulators must leave room for weights, the
  // broadcast activation and constants, or they spill (16 registers of 256 bits, 32 of 512). Two groups in a run have a
  // sum each.
  bool isSplit = getFormatInfo(format).group == 16;
  if (avx512)
    return {8, isSplit ? 1 : 2};
  return {isSplit ? 2 : 4, 1};
}

int64_t CPUTable::getBlockedRows(Format format) const {
  // Codes whose products soon fill 16 bits need sums of 32 bits besides.
  return getStepsIn16Bits(getFormatInfo(format).largestCode()) > 2 || getFormatInfo(format).bits == 8 ? 4 : 3;
}
