#include "compiler/targets/Emit.h"
#include "absl/status/status.h"
#include "lrt/abi.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCAsmBackend.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCCodeEmitter.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCObjectFileInfo.h"
#include "llvm/MC/MCObjectWriter.h"
#include "llvm/MC/MCParser/MCAsmParser.h"
#include "llvm/MC/MCParser/MCTargetAsmParser.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCStreamer.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"
#include <mutex>

using namespace lathe;

namespace {

const llvm::Triple &hostTriple() {
  static const llvm::Triple triple("x86_64-unknown-linux-gnu");
  return triple;
}

const llvm::Target &hostTarget() {
  static const llvm::Target *target = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    std::string error;
    const llvm::Target *found = llvm::TargetRegistry::lookupTarget(hostTriple(), error);
    assert(found && "this build of LLVM has no x86-64");
    return found;
  }();
  return *target;
}

std::unique_ptr<llvm::MCSubtargetInfo> subtarget(llvm::StringRef cpu) {
  return std::unique_ptr<llvm::MCSubtargetInfo>(hostTarget().createMCSubtargetInfo(hostTriple(), cpu, ""));
}

/// How this machine's features differ from those of LLVM's CPU of that name: virtual machines hide features.
std::string hostDifferences(llvm::StringRef cpu) {
  std::unique_ptr<llvm::MCSubtargetInfo> named = subtarget(cpu);
  std::vector<std::string> differences;
  for (const auto &feature : llvm::sys::getHostCPUFeatures()) {
    std::string name = feature.getKey().str();
    const bool isKnown = llvm::any_of(named->getAllProcessorFeatures(),
                                      [&](const llvm::SubtargetFeatureKV &known) { return name == known.Key; });
    if (isKnown && named->checkFeatures("+" + name) != feature.getValue())
      differences.push_back((feature.getValue() ? "+" : "-") + name);
  }
  llvm::sort(differences);
  return llvm::join(differences, ",");
}

/// Whether compiled code may use a feature: the program checks it at start, or every x86-64 has it.
bool isUsable(llvm::StringRef feature) {
  constexpr llvm::StringLiteral usable[] = {
#define LATHE_FEATURE_NAME(id, name) name,
      LRT_FEATURES(LATHE_FEATURE_NAME)
#undef LATHE_FEATURE_NAME
      // x86-64 itself.
      "64bit",
      "64bit-mode", "cmov", "cx8", "fxsr", "mmx", "nopl", "sse", "sse2", "x87",
      // These say that REP MOVS, which every CPU has, is fast.
      "ermsb", "fsrm"};
  return llvm::is_contained(usable, feature);
}

/// The features of a CPU that compiled code must not use, as "-amx-tile,-xop": all that a program does not check at
/// start. So no program ends in an illegal instruction. This costs no speed: LLVM uses AMX, AES and the like only
/// through intrinsics, and with gfni it would shift bytes by bit matrix products, in the units that dot products need.
std::string unusableFeatures(const CPUName &cpu) {
  std::unique_ptr<llvm::MCSubtargetInfo> info(hostTarget().createMCSubtargetInfo(hostTriple(), cpu.name, cpu.features));
  llvm::FeatureBitset tuning; // features that say what is fast
  for (const llvm::SubtargetSubTypeKV &known : info->getAllProcessorDescriptions())
    if (cpu.name == known.Key)
      tuning = known.TuneImplies.getAsBitset();
  std::vector<std::string> unusable;
  for (const llvm::SubtargetFeatureKV &feature : info->getAllProcessorFeatures())
    if (info->getFeatureBits()[feature.Value] && !tuning[feature.Value] && !isUsable(feature.Key))
      unusable.push_back(std::string("-") + feature.Key);
  return llvm::join(unusable, ",");
}

/// Keeps the first of LLVM's error messages.
void keepFirst(const llvm::SMDiagnostic &diagnostic, void *message) {
  std::string &text = *static_cast<std::string *>(message);
  if (text.empty() && diagnostic.getKind() == llvm::SourceMgr::DK_Error)
    text = std::to_string(diagnostic.getLineNo()) + ": " + diagnostic.getMessage().str();
}

} // namespace

absl::StatusOr<CPUName> lathe::resolveCPU(llvm::StringRef mcpu, llvm::StringRef option) {
  (void)hostTarget();
  if (mcpu == "native") {
    std::string host = llvm::sys::getHostCPUName().str();
    return CPUName{host, hostDifferences(host)};
  }
  if (!llvm::is_contained(knownCPUs(), mcpu))
    return absl::InvalidArgumentError(option.str() + ": expected native or the name of a CPU, got \"" + mcpu.str() +
                                      "\"; `lathe compile --mcpu help` lists them");
  return CPUName{mcpu.str(), ""};
}

absl::Status lathe::checkFeatures(const CPUName &cpu) {
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      hostTarget().createMCSubtargetInfo(hostTriple(), cpu.name, /*Features=*/""));
  for (llvm::StringRef feature : llvm::split(cpu.features, ',')) {
    if (feature.empty())
      continue;
    const bool isKnown = llvm::any_of(info->getAllProcessorFeatures(), [&](const llvm::SubtargetFeatureKV &known) {
      return feature.drop_front() == known.Key;
    });
    if (!isKnown || (feature.front() != '+' && feature.front() != '-'))
      return absl::InvalidArgumentError("lm.options.features: expected + or - and the name of a CPU's feature, got \"" +
                                        feature.str() + "\"");
    info->ApplyFeatureFlag(feature);
  }
  for (llvm::StringRef needed : {"+64bit-mode", "+64bit", "+x87", "+sse2", "-soft-float"})
    if (!info->checkFeatures(needed))
      return absl::InvalidArgumentError("lm.options.features: expected what every x86-64 has, " + needed.str() +
                                        ", got \"" + cpu.features + "\"");
  return absl::OkStatus();
}

std::vector<std::string> lathe::knownCPUs() {
  (void)hostTarget();
  std::unique_ptr<llvm::MCSubtargetInfo> info = subtarget("");
  std::vector<std::string> names;
  for (const llvm::SubtargetSubTypeKV &cpu : info->getAllProcessorDescriptions())
    // Leave out aliases for clang's dispatch attributes (skylake_avx512), which the CPU table does not have.
    if (subtarget(cpu.Key)->checkFeatures("+64bit-mode") && subtarget(cpu.Key)->checkFeatures("+64bit") &&
        (llvm::StringRef(cpu.Key) == "generic" || llvm::X86::parseArchX86(cpu.Key) != llvm::X86::CK_None))
      names.push_back(cpu.Key);
  return names;
}

std::unique_ptr<llvm::TargetMachine> lathe::createTargetMachine(const CPUName &cpu) {
  // The address of a loop decides how many lines of decoded instructions it takes, which is a few percent of its time.
  llvm::TargetOptions codegenOptions;
  codegenOptions.LoopAlignment = 64; // docs/experiments/2026-11-26-align-loops.md
  const std::string unusable = unusableFeatures(cpu);
  const std::string features = cpu.features + (cpu.features.empty() || unusable.empty() ? "" : ",") + unusable;
  return std::unique_ptr<llvm::TargetMachine>(
      hostTarget().createTargetMachine(hostTriple(), cpu.name, features, codegenOptions, llvm::Reloc::Static,
                                       llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive));
}

std::unique_ptr<llvm::Module> lathe::translateToLLVM(mlir::ModuleOp module, llvm::LLVMContext &context,
                                                     llvm::TargetMachine &machine) {
  std::unique_ptr<llvm::Module> result = mlir::translateModuleToLLVMIR(module, context, "lathe");
  if (!result)
    return nullptr;
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());
  const bool has512 = machine.getTargetTriple().isX86() && machine.getMCSubtargetInfo()->checkFeatures("+avx512f");
  for (llvm::Function &function : *result) {
    if (function.isDeclaration())
      continue;
    // These replace attributes in an edited dump: the program checks at start only for this machine's features.
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.addFnAttr("frame-pointer", "none");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // For CPUs tuned for 256 bits, LLVM would split our 512-bit vectors.
    if (has512) {
      function.addFnAttr("prefer-vector-width", "512");
      function.addFnAttr("min-legal-vector-width", "512");
    }
  }
  return result;
}

void lathe::optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  // Kernels are already unrolled where it pays. More unrolling makes no program faster, but doubles code size and
  // compile time.
  llvm::PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false; // docs/experiments/2026-11-26-no-unrolling.md
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

absl::StatusOr<llvm::SmallString<0>> lathe::emit(llvm::Module &module, llvm::TargetMachine &machine, Output output) {
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  const llvm::CodeGenFileType type =
      output == Output::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return absl::InternalError("LLVM cannot emit code for " + machine.getTargetCPU().str());
  passes.run(module);
  return bytes;
}

absl::StatusOr<llvm::SmallString<0>> lathe::emitModule(mlir::ModuleOp module, llvm::TargetMachine &machine,
                                                       Output output) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translateToLLVM(module, context, machine);
  if (!code)
    return absl::InvalidArgumentError("");
  optimize(*code, machine);
  return emit(*code, machine, output);
}

absl::StatusOr<llvm::SmallString<0>> lathe::emitTexts(llvm::ArrayRef<NamedText> texts, llvm::TargetMachine &host) {
  llvm::LLVMContext context;
  llvm::Module module("texts", context);
  module.setTargetTriple(host.getTargetTriple());
  module.setDataLayout(host.createDataLayout());
  for (const auto &[symbol, text] : texts) {
    llvm::Constant *value = llvm::ConstantDataArray::getString(context, text);
    new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage, value,
                             symbol);
  }
  return emit(module, host, Output::Object);
}

absl::StatusOr<llvm::SmallString<0>> lathe::assemble(llvm::StringRef text, llvm::StringRef name,
                                                     llvm::TargetMachine &machine) {
  const llvm::Target &target = hostTarget();
  const llvm::MCSubtargetInfo &subtarget = *machine.getMCSubtargetInfo();
  llvm::MCTargetOptions options;

  llvm::SourceMgr sources;
  std::string message;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(text, name, /*RequiresNullTerminator=*/false), {});
  sources.setDiagHandler(keepFirst, &message);

  llvm::MCContext context(hostTriple(), machine.getMCAsmInfo(), machine.getMCRegisterInfo(), &subtarget, &sources,
                          &options);
  std::unique_ptr<llvm::MCObjectFileInfo> fileInfo(
      target.createMCObjectFileInfo(context, /*PIC=*/false, /*LargeCodeModel=*/false));
  context.setObjectFileInfo(fileInfo.get());
  context.setDiagnosticHandler([&](const llvm::SMDiagnostic &diagnostic, bool, const llvm::SourceMgr &,
                                   std::vector<const llvm::MDNode *> &) { keepFirst(diagnostic, &message); });

  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  std::unique_ptr<llvm::MCAsmBackend> backend(
      target.createMCAsmBackend(subtarget, *machine.getMCRegisterInfo(), options));
  std::unique_ptr<llvm::MCObjectWriter> writer = backend->createObjectWriter(stream);
  std::unique_ptr<llvm::MCCodeEmitter> emitter(target.createMCCodeEmitter(*machine.getMCInstrInfo(), context));
  std::unique_ptr<llvm::MCStreamer> streamer(target.createMCObjectStreamer(
      hostTriple(), context, std::move(backend), std::move(writer), std::move(emitter), subtarget));
  std::unique_ptr<llvm::MCAsmParser> parser(
      llvm::createMCAsmParser(sources, context, *streamer, *machine.getMCAsmInfo()));
  std::unique_ptr<llvm::MCTargetAsmParser> targetParser(
      target.createMCAsmParser(subtarget, *parser, *machine.getMCInstrInfo(), options));
  parser->setTargetParser(*targetParser);
  if (parser->Run(/*NoInitialTextSection=*/false) || !message.empty())
    return absl::InvalidArgumentError(name.str() + ":" + (message.empty() ? " not valid assembly" : message));
  return bytes;
}
