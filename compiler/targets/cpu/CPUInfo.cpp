#include "compiler/targets/cpu/CPUInfo.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace lathe;

mlir::FailureOr<CPUInfo> CPUInfo::get(mlir::ModuleOp module, llvm::StringRef mcpu) {
  const bool isOfModule = mcpu.empty();
  llvm::StringRef differences; // "+f,-g": how this machine differs from the CPU of its name
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
    // The list leaves out features that its entries imply: avxvnni implies avx2.
    for (llvm::StringRef name : names) {
      features[name.ltrim('+')] = true;
      llvm::X86::updateImpliedFeatures(name.ltrim('+'), true, features);
    }
  }
  for (llvm::StringRef difference : llvm::split(differences, ',')) {
    if (difference.empty())
      continue;
    // As in LLVM: without avx there is no avx512f.
    const bool isAdded = difference.front() == '+';
    features[difference.drop_front()] = isAdded;
    llvm::X86::updateImpliedFeatures(difference.drop_front(), isAdded, features);
  }
  CPUInfo info;
  info.features.avx2 = features.lookup("avx2");
  info.features.fma = features.lookup("fma");
  info.features.f16c = features.lookup("f16c");
  info.features.avx512 = features.lookup("avx512f") && features.lookup("avx512bw") && features.lookup("avx512vl");
  info.features.vnni = info.features.avx512 && features.lookup("avx512vnni");
  info.features.avxvnni = features.lookup("avxvnni");
  info.features.bf16Dot = info.features.avx512 && features.lookup("avx512bf16");
  info.chooseTuning();
  if (isOfModule)
    if (std::string wrong = setTuning(info.parameters(), tuningOf(module)); !wrong.empty())
      return module.emitError() << "tuning: " << wrong;
  return info;
}

/// 8-bit weights of lm_head are multiplied by 16-bit rows even if the CPU multiplies bytes: every error there is an
/// error of the logits, and for one row reading the weights takes all the time
/// (docs/experiments/2026-11-25-accuracy-of-activations.md).
TargetInfo CPUInfo::describe(mlir::MLIRContext *context) {
  using namespace mlir::lm;
  auto product = [&](Format format, int64_t depth, OperandEncoding rows) {
    return ProductAttr::get(context, format, depth, rows);
  };
  const OperandEncoding bf16Rows = features.bf16Dot ? OperandEncoding::BF16 : OperandEncoding::F32;
  const ProductAttr wideBytes = product(Format::Q8_0, 2, OperandEncoding::Q16);
  llvm::SmallVector<ProductAttr> products = {product(Format::BF16, 2, bf16Rows)}, head;
  if (widensBytes())
    products.push_back(wideBytes);
  else
    head.push_back(wideBytes);
  auto tilesAttr = TilesAttr::get(context, tiles.rows, /*block_rows=*/8, /*replicated_rows=*/8, /*product_tiles=*/64,
                                  /*product_panels=*/4, tiles.attentionRows, tiles.attentionTiles, tiles.splitPositions,
                                  /*split_heads=*/false);
  // With these limits, query rows and their sums stay in the second cache
  // (docs/experiments/2026-11-26-latent-attention-absorbed.md).
  auto scratch = ScratchAttr::get(context, /*absorbed_rows=*/32, /*absorbed_positions=*/64, /*latent_rows=*/512,
                                  /*latent_positions=*/64);
  return {TargetAttr::get(context, mlir::StringAttr::get(context, "cpu"), products, bf16Rows, tilesAttr, scratch, head),
          describeTuning(context, parameters())};
}

RegisterTile CPUInfo::getTile(Format format) const {
  const FormatInfo &info = getFormatInfo(format);
  if (!info.isQuantised())
    return {registers.floatRows, registers.floatPanels};
  return info.group == 16 ? RegisterTile{registers.splitRows, registers.splitPanels}
                          : RegisterTile{registers.quantisedRows, registers.quantisedPanels};
}

int64_t CPUInfo::getBlockedRows(Format format) const {
  const FormatInfo &info = getFormatInfo(format);
  return info.bits == 8 || getStepsIn16Bits(info.maxQuantised()) > 2 ? blocked.rows : blocked.splitRows;
}

/// 16 outputs in f32 take one of 32 registers of 512 bits, or two of 16 registers of 256 bits.
void CPUInfo::chooseTuning() {
  const bool avx512 = features.avx512;
  registers.floatRows = registers.quantisedRows = avx512 ? 8 : 4;
  registers.splitRows = avx512 ? 8 : 2;
  registers.floatPanels = avx512 ? 2 : 1;
  // A core reads one stream of quantised weights faster than two (docs/experiments/2026-11-27-panels-at-once.md).
  registers.quantisedPanels = registers.splitPanels = 1;
  registers.groupPanels = avx512 ? 4 : 1;
  blocked = {/*minRows=*/features.avx2 && !avx512 ? 25 : 0, /*columns=*/512, /*rows=*/4, /*splitRows=*/3};
  prefetch.rowBytes = 2048;
  prefetch.narrowRowBytes = avx512 ? 1024 : 2048;
  prefetch.tileBytes = avx512 ? 4096 : 2048;
  prefetch.cacheLevel = avx512 ? 2 : 1; // docs/experiments/2026-11-27-prefetch-cache-level.md
  prefetch.groups = avx512 ? 1 : 0;
  tiles = {/*rows=*/64, /*attentionRows=*/16, /*attentionTiles=*/16, /*splitPositions=*/64};
}

llvm::SmallVector<TuningParameter> CPUInfo::parameters() {
  return {
#define LATHE_PARAMETER(member, key, min, max) {key, min, max, &(member)},
      LATHE_TUNING(LATHE_PARAMETER)
#undef LATHE_PARAMETER
  };
}
