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
  for (llvm::StringRef difference : llvm::split(differences, ',')) {
    if (difference.empty())
      continue;
    // As LLVM does: without avx there is no avx512f.
    const bool isAdded = difference.front() == '+';
    features[difference.drop_front()] = isAdded;
    llvm::X86::updateImpliedFeatures(difference.drop_front(), isAdded, features);
  }
  CPUTable table;
  table.avx2 = features.lookup("avx2");
  table.fma = features.lookup("fma");
  table.f16c = features.lookup("f16c");
  table.avx512 = features.lookup("avx512f") && features.lookup("avx512bw") && features.lookup("avx512vl");
  table.vnni = table.avx512 && features.lookup("avx512vnni");
  table.avxvnni = features.lookup("avxvnni");
  table.bf16Dot = table.avx512 && features.lookup("avx512bf16");
  table.chooseSizes();
  std::string sizes, wrong;
  if (auto decided = module->getAttrOfType<mlir::DictionaryAttr>("lm.sizes")) {
    for (mlir::NamedAttribute entry : decided) {
      auto number = mlir::dyn_cast<mlir::IntegerAttr>(entry.getValue());
      sizes += (sizes.empty() ? "" : ",") + entry.getName().str() + "=" +
               (number && number.getValue().isSignedIntN(64) ? std::to_string(number.getValue().getSExtValue()) : "?");
    }
  } else if (auto options = module->getAttrOfType<mlir::DictionaryAttr>("lm.options")) {
    if (auto given = options.getAs<mlir::StringAttr>("sizes"))
      sizes = given.str();
  }
  if (!sizes.empty() && !(wrong = table.setSizes(sizes)).empty())
    return module.emitError() << "sizes: " << wrong;
  return table;
}

int64_t CPUTable::getDepth(Format format, int64_t columns, bool isHead) const {
  const FormatInfo &info = getFormatInfo(format);
  if (info.isQuantised())
    return info.bits == 8 && (isHead || widensBytes()) ? 2 : 4;
  return format == Format::BF16 && columns % 2 == 0 ? 2 : 1;
}

RegisterTile CPUTable::getTile(Format format) const {
  const FormatInfo &info = getFormatInfo(format);
  if (!info.isQuantised())
    return {floatRows, floatPanels};
  return info.group == 16 ? RegisterTile{splitRows, splitPanels} : RegisterTile{codeRows, codePanels};
}

int64_t CPUTable::getBlockedRows(Format format) const {
  const FormatInfo &info = getFormatInfo(format);
  return info.bits == 8 || getStepsIn16Bits(info.largestCode()) > 2 ? blockedRows : blockedSplitRows;
}

/// 16 outputs of f32 are two 256-bit registers or one of 512 bits; of the former there are 16, of the latter 32.
void CPUTable::chooseSizes() {
  floatRows = codeRows = avx512 ? 8 : 4;
  splitRows = avx512 ? 8 : 2;
  floatPanels = avx512 ? 2 : 1;
  codePanels = splitPanels = 1; // where memory is what codes wait for, one stream is read faster than two
  groupPanels = avx512 ? 4 : 1;
  blockedFrom = avx2 && !avx512 ? 25 : 0;
  blockedRows = 4;
  blockedSplitRows = 3;
  blockedColumns = 512;
  aheadBytes = 2048;
  narrowAheadBytes = avx512 ? 1024 : 2048;
  tileAheadBytes = avx512 ? 4096 : 2048;
  aheadCache = avx512 ? 2 : 1; // the first has too few places for lines on their way (measured: Zen 3, Zen 4)
  aheadGroups = avx512 ? 1 : 0;
  tileRows = 64;
  attentionRows = 16;
  attentionTiles = 16;
  piecePositions = 64;
}

std::string CPUTable::setSizes(llvm::StringRef text) {
  for (llvm::StringRef part : llvm::split(text, ',')) {
    auto [key, digits] = part.split('=');
    bool isKnown = false;
    std::string wrong;
    auto set = [&](int64_t &size, llvm::StringRef name, int64_t least, int64_t most) {
      if (key != name)
        return;
      isKnown = true;
      if (digits.getAsInteger(10, size) || size < least || size > most || (least > 1 && size % least))
        wrong = (name + ": expected " +
                 (least > 1 ? "a multiple of " + llvm::Twine(least) + " up to " : llvm::Twine(least) + " to ") +
                 llvm::Twine(most) + ", got \"" + digits + "\"")
                    .str();
    };
#define LATHE_SIZE(member, key, least, most) set(member, key, least, most);
    LATHE_SIZES(LATHE_SIZE)
#undef LATHE_SIZE
    if (!wrong.empty())
      return wrong;
    if (!isKnown) {
      std::string names;
#define LATHE_SIZE(member, key, least, most) names += std::string(names.empty() ? "" : ", ") + key;
      LATHE_SIZES(LATHE_SIZE)
#undef LATHE_SIZE
      return ("expected KEY=N with a KEY of " + names + ", got \"" + part + "\"").str();
    }
  }
  return "";
}

mlir::DictionaryAttr CPUTable::getSizes(mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  llvm::SmallVector<mlir::NamedAttribute> entries;
#define LATHE_SIZE(member, key, least, most)                                                                           \
  entries.push_back(builder.getNamedAttr(key, builder.getI64IntegerAttr(member)));
  LATHE_SIZES(LATHE_SIZE)
#undef LATHE_SIZE
  return builder.getDictionaryAttr(entries);
}
