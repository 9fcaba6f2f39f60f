#include "compiler/driver/Driver.h"
#include "compiler/driver/CheckDump.h"
#include "compiler/driver/CheckModel.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Dump.h"
#include "compiler/driver/Link.h"
#include "compiler/driver/MappingGuard.h"
#include "compiler/driver/Pipelines.h"
#include "compiler/driver/Program.h"
#include "compiler/driver/Report.h"
#include "compiler/driver/Reproducer.h"
#include "compiler/support/Checksum.h"
#include "compiler/support/Errors.h"
#include "compiler/support/Inputs.h"
#include "compiler/support/OutputFile.h"
#include "compiler/targets/Registry.h"
#include "compiler/weights/Pack.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/ModuleAttributes.h"
#include "lrt/inputs.h"
#include "mlir/IR/Builders.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <csignal>

using namespace lathe;
using namespace mlir;

namespace {

class Compilation {
public:
  Compilation(const Options &options, llvm::ArrayRef<const Frontend *> frontends)
      : options(options), frontends(frontends), report(options.verbose),
        context(makeRegistry(), MLIRContext::Threading::DISABLED) {}

  absl::Status run();
  absl::StatusOr<ModelObjects> runToObjects();

private:
  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  absl::Status import();
  absl::Status readDump(Stage from);
  absl::Status checkDumped(Stage from);
  absl::Status takeTokenizer(absl::StatusOr<TokenizerSection> section);
  absl::Status recordOptions();
  absl::Status checkTarget(const Target &target);
  absl::StatusOr<std::string> chooseGPUs(const Target &target);
  void recordInputs();
  absl::Status checkOutputs();
  absl::Status runPasses(Stage stage);
  void noteOddRows();
  absl::Status makeObject();
  absl::Status runStages();
  absl::Status makeExecutable();
  absl::Status makeProgram();
  absl::StatusOr<PackedWeights> pack(OutputFile &file);

  /// After a stage: writes the dumps of --dump-stages and --emit. `text`: the dump of the stage.
  absl::Status finish(Stage stage, llvm::function_ref<std::string()> text);

  bool reaches(Stage stage) const { return stage <= options.emit; }
  std::string outputPath() const { return options.output.empty() ? "chat" : options.output; }
  /// The path of a dump of --dump-stages.
  std::string dumpPath(Stage stage) const;
  bool embedsWeights();

  const Options &options;
  const llvm::ArrayRef<const Frontend *> frontends;
  Report report;
  std::vector<std::string> tokenizerNotes; // printed at the end
  MLIRContext context;
  OwningOpRef<ModuleOp> module; // from stage object on the skeleton only
  std::string tokenizer;        // section of the weights file; empty: the model has none
  std::unique_ptr<llvm::TargetMachine> machine;
  llvm::SmallString<0> object, program;
  std::unique_ptr<OutputFile> weights; // null: a bare config has none
};

//===--------------------------------------------------------------------------------------------------------------===//
// Where a compilation starts
//===--------------------------------------------------------------------------------------------------------------===//

absl::Status Compilation::import() {
  report.begin(Stage::Import);
  const MappingGuard guard;
  const llvm::StringRef suffix = llvm::sys::path::extension(options.input);
  if (suffix == ".mlir" || llvm::any_of(allTargets(), [&](const std::unique_ptr<Target> &target) {
        return suffix == "." + target->getAssemblySuffix().str();
      }))
    return fileError(options.input, "expected a model, got a dump; --from STAGE says which stage it is of");
  FirstError errors(context);
  const ImportOptions importOptions = {.context = options.context, .ignoreTensors = options.ignoreTensors};
  LATHE_ASSIGN_OR_RETURN(Imported imported, importModel(options.input, importOptions, context, frontends));
  module = std::move(imported.module);
  for (const std::string &note : imported.notes)
    report.note(note);
  return takeTokenizer(std::move(imported.tokenizer));
}

/// Keeps the tokenizer's tables, and their hash in lm.model. Stages can be printed without the tables.
absl::Status Compilation::takeTokenizer(absl::StatusOr<TokenizerSection> section) {
  if (!hasWeights(*module))
    return absl::OkStatus();
  if (!section.ok())
    return reaches(Stage::Executable) ? section.status() : absl::OkStatus();
  tokenizerNotes = std::move(section->notes);
  tokenizer = std::move(section->bytes);
  NamedAttrList entries((*module)->getAttrOfType<DictionaryAttr>(lm::kModelAttr));
  entries.set("tokenizer", StringAttr::get(&context, hashOf(tokenizer)));
  (*module)->setAttr(lm::kModelAttr, entries.getDictionary(&context));
  return absl::OkStatus();
}

absl::Status Compilation::readDump(Stage from) {
  report.begin(from);
  const MappingGuard guard;
  if (from == Stage::Object) {
    LATHE_ASSIGN_OR_RETURN(AssemblyDump dump, readAssembly(context, options.input));
    module = std::move(dump.skeleton);
    LATHE_RETURN_IF_ERROR(checkDumped(from));
    LATHE_RETURN_IF_ERROR(recordOptions());
    LATHE_RETURN_IF_ERROR(checkOutputs());
    LATHE_ASSIGN_OR_RETURN(const Target *target, targetOf(*module));
    LATHE_ASSIGN_OR_RETURN(object, target->assemble(dump.text, options.input, *module, *machine));
    return finish(from, [&] { return dump.text; });
  }
  LATHE_ASSIGN_OR_RETURN(module, readModule(context, options.input));
  return checkDumped(from);
}

/// Both the module and the model's files may have changed since it was printed.
absl::Status Compilation::checkDumped(Stage from) {
  LATHE_RETURN_IF_ERROR(checkDump(*module, from, options.input));
  // Where no weights are packed, stages can be printed without the model.
  LATHE_ASSIGN_OR_RETURN(std::optional<Imported> imported,
                         importAgain(*module, options.input, reaches(Stage::Executable), frontends));
  if (!imported || !reaches(Stage::Executable))
    return absl::OkStatus();
  auto entry = [&](llvm::StringRef key) {
    return (*module)->getAttrOfType<DictionaryAttr>(lm::kModelAttr).getAs<StringAttr>(key);
  };
  const StringAttr recorded = entry("tokenizer");
  LATHE_RETURN_IF_ERROR(takeTokenizer(std::move(imported->tokenizer)));
  const StringAttr found = entry("tokenizer");
  if (found != recorded)
    return fileError(options.input, "lm.model.tokenizer",
                     "expected " + found.getValue() + ", as the tokenizer of " + entry("path").getValue() +
                         " is now, found " + (recorded ? recorded.getValue() : "none"));
  return absl::OkStatus();
}

/// Writes the command line's options into the module. Options in a dump stay, unless the command line has them, too.
absl::Status Compilation::recordOptions() {
  Builder builder(&context);
  NamedAttrList entries;
  if (auto old = (*module)->getAttrOfType<DictionaryAttr>(kOptionsAttr))
    entries = NamedAttrList(old);
  auto set = [&](llvm::StringRef key, llvm::StringRef option, Attribute value) {
    const bool isNew = !entries.get(key);
    if (isNew || options.given.contains(option))
      entries.set(key, value);
    return isNew || options.given.contains(option);
  };
  set("target", "--target", builder.getStringAttr(options.target));
  set("weights", "--weights", builder.getStringAttr(options.weights));
  set("threads", "--threads", builder.getI64IntegerAttr(options.threads));
  set("prefill_rows", "--prefill-rows", builder.getI64IntegerAttr(options.prefillRows));
  if (!options.scheduleFor.empty()) {
    LATHE_ASSIGN_OR_RETURN(CPUName scheduled, resolveCPU(options.scheduleFor, "--schedule-for"));
    entries.set("schedule_for", builder.getStringAttr(scheduled.name));
  }
  if (!options.decompose.empty()) {
    LATHE_RETURN_IF_ERROR(checkDecompose(context, "--decompose", options.decompose));
    entries.set("decompose", builder.getStringAttr(options.decompose));
  }
  if (!options.tuning.empty())
    entries.set("tuning", builder.getStringAttr(options.tuning));
  if (!options.symbolPrefix.empty())
    entries.set("symbol_prefix", builder.getStringAttr(options.symbolPrefix));
  set("embed_weights", "--embed-weights", builder.getBoolAttr(options.embedWeights));
  // A dump describes the target of the command line it was made with.
  for (llvm::StringRef option : {"--target", "--mcpu", "--gpu", "--schedule-for", "--tuning"})
    if (options.given.contains(option)) {
      (*module)->removeAttr(lm::kTargetAttr);
      (*module)->removeAttr(lm::kTuningAttr);
    }
  if (!entries.get("mcpu") || options.given.contains("--mcpu")) {
    LATHE_ASSIGN_OR_RETURN(CPUName cpu, resolveCPU(options.mcpu));
    entries.set("mcpu", builder.getStringAttr(cpu.name));
    entries.set("features", builder.getStringAttr(cpu.features));
  }
  (*module)->setAttr(kOptionsAttr, entries.getDictionary(&context));
  LATHE_ASSIGN_OR_RETURN(const Target *target, targetOf(*module));
  LATHE_RETURN_IF_ERROR(checkTarget(*target));
  entries.erase("gpu");
  if (!target->knownGPUs().empty()) {
    LATHE_ASSIGN_OR_RETURN(const std::string gpus, chooseGPUs(*target));
    entries.set("gpu", builder.getStringAttr(gpus));
  }
  (*module)->setAttr(kOptionsAttr, entries.getDictionary(&context));

  LATHE_ASSIGN_OR_RETURN(std::string name, moduleString(*module, kOptionsAttr, "mcpu"));
  LATHE_ASSIGN_OR_RETURN(std::string features, moduleString(*module, kOptionsAttr, "features"));
  LATHE_RETURN_IF_ERROR(resolveCPU(name).status());
  LATHE_RETURN_IF_ERROR(checkFeatures({name, features}));
  machine = createTargetMachine({name, features});
  return absl::OkStatus();
}

/// Options that a target does not have.
absl::Status Compilation::checkTarget(const Target &target) {
  const std::string name = target.getName().str();
  if (target.knownGPUs().empty())
    return options.given.contains("--gpu") ? absl::InvalidArgumentError("--gpu: expected --target cuda, got " + name)
                                           : absl::OkStatus();
  if ((*module)->getAttrOfType<DictionaryAttr>(kOptionsAttr).get("schedule_for"))
    return absl::InvalidArgumentError("--schedule-for: expected --target cpu, got " + name +
                                      ": the schedule is the GPU's");
  if ((*module)->getAttrOfType<DictionaryAttr>(kOptionsAttr).get("decompose"))
    return absl::InvalidArgumentError("--decompose: expected --target cpu, got " + name +
                                      ": decompositions reserve memory while they run, which a GPU's code cannot");
  if (options.given.contains("--threads"))
    return absl::InvalidArgumentError("--threads: expected --target cpu, got " + name +
                                      ": the threads of the host do not compute");
  return absl::OkStatus();
}

/// lm.options.gpu: of the command line, of the dump, or the target's standard.
absl::StatusOr<std::string> Compilation::chooseGPUs(const Target &target) {
  const bool isGiven = options.given.contains("--gpu");
  auto recorded = (*module)->getAttrOfType<DictionaryAttr>(kOptionsAttr).getAs<StringAttr>("gpu");
  const std::string names = isGiven ? options.gpu : recorded ? recorded.str() : target.getStandardGPU().str();
  const std::string option = isGiven ? "--gpu" : "lm.options.gpu";
  const std::vector<std::string> known = target.knownGPUs();
  llvm::StringSet<> seen;
  for (llvm::StringRef name : llvm::split(names, ',')) {
    if (!llvm::is_contained(known, name))
      return absl::InvalidArgumentError(option + ": expected names of GPUs with commas between them, got \"" +
                                        name.str() + "\"; `lathe compile --gpu help` lists them");
    if (!seen.insert(name).second)
      return absl::InvalidArgumentError(option + ": expected each GPU once, got " + name.str() + " twice");
  }
  const bool isPrinted = options.emit == Stage::Object || (!options.dumpStages.empty() && reaches(Stage::Object));
  if (isPrinted && seen.size() > 1)
    return absl::InvalidArgumentError(option + ": expected one GPU where the text of stage object is printed, got " +
                                      quoted(names));
  return names;
}

/// The files that the module names: some are opened only when the weights are packed.
void Compilation::recordInputs() {
  llvm::StringSet<> paths;
  if (auto model = (*module)->getAttrOfType<DictionaryAttr>(lm::kModelAttr))
    if (auto path = model.getAs<StringAttr>("path"))
      paths.insert(path.getValue());
  for (lm::WeightOp weight : module->getOps<lm::WeightOp>())
    if (weight.getSources())
      for (auto source : weight.getSources()->getAsRange<lm::SourceAttr>())
        for (StringAttr file : source.getFiles())
          paths.insert(file.getValue());
  for (const auto &path : paths)
    recordInput(path.getKey());
}

/// Before anything is written: no output may be one of the inputs. OutputFile checks this again for files opened later.
absl::Status Compilation::checkOutputs() {
  recordInputs();
  if (!options.dumpStages.empty())
    for (const StageInfo &info : allStages().drop_back())
      if (reaches(info.stage) && info.stage >= options.from.value_or(Stage::Import))
        LATHE_RETURN_IF_ERROR(checkOutput(dumpPath(info.stage), OutputKind::Text));
  if (options.emit != Stage::Executable)
    return options.output.empty() || options.output == "-" ? absl::OkStatus()
                                                           : checkOutput(options.output, OutputKind::Text);
  LATHE_RETURN_IF_ERROR(checkOutput(outputPath(), OutputKind::Program));
  return hasWeights(*module) && !embedsWeights() ? checkOutput(outputPath() + ".weights", OutputKind::Weights)
                                                 : absl::OkStatus();
}

bool Compilation::embedsWeights() {
  auto entries = (*module)->getAttrOfType<DictionaryAttr>(kOptionsAttr);
  auto embed = entries ? entries.getAs<BoolAttr>("embed_weights") : BoolAttr();
  return embed && embed.getValue();
}

std::string Compilation::dumpPath(Stage stage) const {
  const StageInfo &info = getStageInfo(stage);
  absl::StatusOr<const Target *> target = targetOf(*module);
  llvm::StringRef suffix = info.suffix;
  if (stage == Stage::Object && target.ok())
    suffix = (*target)->getAssemblySuffix();
  llvm::SmallString<128> path(options.dumpStages);
  llvm::sys::path::append(path, std::to_string(static_cast<int>(stage) + 1) + "." + info.name + "." + suffix);
  return path.str().str();
}

//===--------------------------------------------------------------------------------------------------------------===//
// The stages
//===--------------------------------------------------------------------------------------------------------------===//

absl::Status Compilation::runPasses(Stage stage) {
  report.begin(stage);
  PassManager pm(&context);
  LATHE_RETURN_IF_ERROR(populateStage(stage, *module, pm));

  FirstError errors(context);
  const llvm::StringRef name = getStageInfo(stage).name;
  if (failed(runReproducibly(pm, *module, name, [&](const llvm::Twine &line) { report.note(line); }))) {
    const std::string reason(errors.status("failed without saying why").message());
    return absl::InvalidArgumentError(("stage " + name + ": " + reason).str());
  }
  if (options.verifyStages && failed(verifyStage(*module, stage)))
    return errors.status("");
  if (stage == Stage::Graph)
    noteOddRows();
  return absl::OkStatus();
}

/// Notes the matrices whose rows blocks of 32 do not divide, and the format that lm-convert-weights chose instead.
void Compilation::noteOddRows() {
  auto entries = (*module)->getAttrOfType<DictionaryAttr>(kOptionsAttr);
  auto policy = entries ? entries.getAs<StringAttr>("weights") : StringAttr();
  if (!policy || (policy.getValue() != "q8" && policy.getValue() != "q4"))
    return;
  int64_t matrices = 0, odd = 0;
  for (lm::WeightOp weight : module->getOps<lm::WeightOp>()) {
    lm::WeightType type = weight.getWeightType();
    matrices += !type.isVector();
    odd += !type.isVector() && type.getColumns() % getFormatInfo(Format::Q8_0).block;
  }
  if (odd)
    report.note("--weights " + policy.getValue() + ": " + llvm::Twine(odd) + " of " + llvm::Twine(matrices) +
                " matrices have rows of no multiple of 32 values and are kept in bf16");
}

absl::Status Compilation::finish(Stage stage, llvm::function_ref<std::string()> text) {
  report.end();
  (*module)->setAttr(lm::kStageAttr, StringAttr::get(&context, getStageInfo(stage).name));
  std::string printed;
  if (!options.dumpStages.empty() || options.emit == stage)
    printed = text();
  if (!options.dumpStages.empty()) {
    if (std::error_code error = llvm::sys::fs::create_directories(options.dumpStages, true, llvm::sys::fs::all_all))
      return fileError(options.dumpStages, "cannot make the directory: " + error.message());
    LATHE_ASSIGN_OR_RETURN(auto file, OutputFile::create(dumpPath(stage), OutputKind::Text));
    LATHE_RETURN_IF_ERROR(file->write(printed));
    LATHE_RETURN_IF_ERROR(file->keep());
  }
  if (options.emit != stage)
    return absl::OkStatus();
  report.clear();
  if (!options.output.empty() && options.output != "-") {
    LATHE_ASSIGN_OR_RETURN(auto file, OutputFile::create(options.output, OutputKind::Text));
    LATHE_RETURN_IF_ERROR(file->write(printed));
    return file->keep();
  }
  llvm::outs() << printed;
  llvm::outs().flush();
  if (std::error_code error = llvm::outs().error()) {
    llvm::outs().clear_error();
    return fileError("stdout", "cannot write: " + error.message());
  }
  return absl::OkStatus();
}

absl::Status Compilation::makeObject() {
  report.begin(Stage::Object);
  // LLVM has no reproducers of its own.
  const CrashDump crashDump(getStageInfo(Stage::Object).name, printModule(*module), "--from llvm --emit object");
  OwningOpRef<ModuleOp> skeleton = makeSkeleton(*module);
  dropSkeleton(*module);
  const bool isPrinted = !options.dumpStages.empty() || options.emit == Stage::Object;
  FirstError errors(context);
  LATHE_ASSIGN_OR_RETURN(const Target *target, targetOf(*skeleton));
  absl::StatusOr<llvm::SmallString<0>> code =
      target->emit(*module, *skeleton, *machine, isPrinted ? Output::Assembly : Output::Object);
  if (!code.ok())
    return code.status().message().empty() ? errors.status("stage llvm cannot be translated to LLVM IR")
                                           : code.status();
  module = std::move(skeleton);
  if (!isPrinted) {
    object = *std::move(code);
    return finish(Stage::Object, [] { return std::string(); });
  }
  const llvm::SmallString<0> &assembly = *code;
  if (reaches(Stage::Executable)) {
    LATHE_ASSIGN_OR_RETURN(object, target->assemble(assembly, "the assembly", *module, *machine));
  }
  return finish(Stage::Object, [&] { return printAssembly(*module, assembly, target->getCommentMark()); });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Weights and executable
//===--------------------------------------------------------------------------------------------------------------===//

absl::StatusOr<PackedWeights> Compilation::pack(OutputFile &file) {
  const MappingGuard guard;
  report.begin("weights");
  PackOptions packOptions;
  LATHE_ASSIGN_OR_RETURN(packOptions.tensorsBytes, moduleInteger(*module, kProgramAttr, "weights_bytes"));
  packOptions.progress = [&](uint64_t done, uint64_t all) { report.progress(done, all); };
  LATHE_ASSIGN_OR_RETURN(PackedWeights packed, packWeights(*module, tokenizer, file, packOptions));
  report.end(packed.bytes);
  return packed;
}

/// Packs the weights, and makes the program, which has the hash of their content.
absl::Status Compilation::makeProgram() {
  const std::string output = outputPath();
  ProgramWeights programWeights;
  const bool isEmbedded = embedsWeights();
  if (hasWeights(*module)) {
    LATHE_ASSIGN_OR_RETURN(
        weights, OutputFile::create(output + ".weights", isEmbedded ? OutputKind::Temporary : OutputKind::Weights));
    LATHE_ASSIGN_OR_RETURN(PackedWeights packed, pack(*weights));
    llvm::copy(packed.contentId, programWeights.contentId);
    programWeights.embeddedBytes = isEmbedded ? packed.bytes : 0;
  } else {
    report.note("a config without weights: no " + output + ".weights is written");
  }

  report.begin(Stage::Executable);
  LATHE_ASSIGN_OR_RETURN(program, emitProgram(*module, *machine, programWeights));
  return absl::OkStatus();
}

absl::Status Compilation::makeExecutable() {
  LATHE_ASSIGN_OR_RETURN(auto executable, OutputFile::create(outputPath(), OutputKind::Program));
  LATHE_RETURN_IF_ERROR(makeProgram());
  const bool isEmbedded = embedsWeights();
  LATHE_ASSIGN_OR_RETURN(auto mainObject, emitMain(*module, *machine));
  const llvm::StringRef objects[] = {object, program, mainObject};
  LATHE_ASSIGN_OR_RETURN(const Target *target, targetOf(*module));
  LinkInput input = {objects, weights && isEmbedded ? weights->temporaryPath() : "", weightsSymbol(*module),
                     target->linkInputs()};
  LATHE_RETURN_IF_ERROR(link(input, *executable));
  if (weights && !isEmbedded) // both or neither
    LATHE_RETURN_IF_ERROR(checkOutput(weights->path(), OutputKind::Weights));
  LATHE_RETURN_IF_ERROR(executable->keep());
  if (weights && !isEmbedded)
    LATHE_RETURN_IF_ERROR(weights->keep());
  report.end();
  for (const std::string &note : tokenizerNotes) // only now: after an error there is no note
    report.note(note);
  return absl::OkStatus();
}

absl::Status Compilation::runStages() {
  const Stage from = options.from.value_or(Stage::Import);
  LATHE_RETURN_IF_ERROR(options.from ? readDump(from) : import());
  if (from != Stage::Object) {
    LATHE_RETURN_IF_ERROR(recordOptions());
    LATHE_RETURN_IF_ERROR(checkOutputs());
    LATHE_RETURN_IF_ERROR(finish(from, [&] { return printModule(*module); }));
    for (Stage stage : {Stage::Graph, Stage::Schedule, Stage::Vector, Stage::LLVM}) {
      if (stage <= from || !reaches(stage))
        continue;
      LATHE_RETURN_IF_ERROR(runPasses(stage));
      LATHE_RETURN_IF_ERROR(finish(stage, [&] { return printModule(*module); }));
    }
    if (reaches(Stage::Object))
      LATHE_RETURN_IF_ERROR(makeObject());
  }
  return absl::OkStatus();
}

absl::Status Compilation::run() {
  LATHE_RETURN_IF_ERROR(runStages());
  return reaches(Stage::Executable) ? makeExecutable() : absl::OkStatus();
}

absl::StatusOr<ModelObjects> Compilation::runToObjects() {
  LATHE_RETURN_IF_ERROR(runStages());
  if (embedsWeights())
    return absl::InvalidArgumentError("--embed-weights: expected an executable to put the weights into, found objects");
  LATHE_RETURN_IF_ERROR(makeProgram());
  if (weights)
    LATHE_RETURN_IF_ERROR(weights->keep());
  report.end();
  LATHE_ASSIGN_OR_RETURN(const Target *target, targetOf(*module));
  return ModelObjects{std::move(object), std::move(program), target->linkInputs()};
}

} // namespace

absl::Status lathe::compile(const Options &options, llvm::ArrayRef<const Frontend *> frontends) {
  std::signal(SIGXFSZ, SIG_IGN); // a file that is too large is then an error of write
  lrt::forgetInputs();
  return Compilation(options, frontends).run();
}

absl::StatusOr<ModelObjects> lathe::compileToObjects(const Options &options,
                                                     llvm::ArrayRef<const Frontend *> frontends) {
  lrt::forgetInputs();
  return Compilation(options, frontends).runToObjects();
}
