#include "compiler/driver/Program.h"
#include "compiler/support/Errors.h"
#include "compiler/support/ModuleAttributes.h"
#include "compiler/targets/Registry.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/Layout.h"
#include "dialects/spmd/SPMDOps.h"
#include "lrt/abi.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include <cstddef>
#include <limits>
#include <map>

using namespace lathe;
using namespace mlir;

namespace {

absl::Status badAttribute(llvm::StringRef dictionary, llvm::StringRef key, llvm::StringRef expected) {
  return absl::InvalidArgumentError("the module's attribute " + dictionary.str() + ": " + key.str() + ": expected " +
                                    expected.str() + ", found none");
}

Attribute findEntry(ModuleOp module, llvm::StringRef dictionary, llvm::StringRef key) {
  auto entries = module->getAttrOfType<DictionaryAttr>(dictionary);
  return entries ? entries.get(key) : Attribute();
}

/// The constants of an object. A C struct is written as its bytes, in which pointers are relocated by their offsets. So
/// its layout is that of the C compiler; host and target are both 64-bit little endian.
class Image {
public:
  explicit Image(llvm::TargetMachine &machine) : module("program", context) {
    module.setTargetTriple(machine.getTargetTriple());
    module.setDataLayout(machine.createDataLayout());
  }

  using Pointers = std::map<size_t, llvm::Constant *>; // by offset

  llvm::Constant *string(llvm::StringRef text) {
    return define("", llvm::ConstantDataArray::getString(context, text), llvm::GlobalValue::PrivateLinkage);
  }

  llvm::Constant *external(llvm::StringRef name) {
    return module.getOrInsertGlobal(name, llvm::Type::getInt8Ty(context));
  }

  llvm::Constant *function(llvm::StringRef name) {
    auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), false);
    return llvm::cast<llvm::Constant>(module.getOrInsertFunction(name, type).getCallee());
  }

  llvm::Constant *bytes(llvm::StringRef name, llvm::StringRef image, const Pointers &pointers = {}) {
    llvm::SmallVector<llvm::Constant *> parts;
    size_t position = 0;
    auto upTo = [&](size_t end) {
      if (end > position)
        parts.push_back(llvm::ConstantDataArray::getString(context, image.slice(position, end), /*AddNull=*/false));
      position = end;
    };
    for (auto [offset, constant] : pointers) {
      upTo(offset);
      parts.push_back(constant);
      position += sizeof(void *);
    }
    upTo(image.size());
    return define(name, llvm::ConstantStruct::getAnon(context, parts, /*Packed=*/true),
                  name.empty() ? llvm::GlobalValue::PrivateLinkage : llvm::GlobalValue::ExternalLinkage);
  }

  llvm::Module &get() { return module; }

private:
  llvm::Constant *define(llvm::StringRef name, llvm::Constant *value, llvm::GlobalValue::LinkageTypes linkage) {
    auto *global = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true, linkage, value, name);
    global->setAlignment(llvm::Align(8));
    return global;
  }

  llvm::LLVMContext context;
  llvm::Module module;
};

template <typename Struct> llvm::StringRef bytesOf(const Struct *first, size_t count = 1) {
  return {reinterpret_cast<const char *>(first), count * sizeof(Struct)};
}

uint64_t featuresOf(llvm::TargetMachine &machine) {
  constexpr llvm::StringLiteral names[] = {
#define LATHE_FEATURE_NAME(id, name) name,
      LRT_FEATURES(LATHE_FEATURE_NAME)
#undef LATHE_FEATURE_NAME
  };
  uint64_t features = 0;
  for (auto [bit, name] : llvm::enumerate(names))
    if (machine.getMCSubtargetInfo()->checkFeatures(("+" + name).str()))
      features |= uint64_t(1) << bit;
  return features;
}

/// The phases between the barriers of an entry point (lm-describe-program).
struct Trace {
  std::vector<lrt_phase> phases;
  std::vector<std::pair<std::string, std::string>> names; // name and kind of each
  std::vector<int32_t> order;
};

absl::StatusOr<Trace> traceOf(ModuleOp module, llvm::StringRef entry) {
  auto traces = llvm::dyn_cast_or_null<DictionaryAttr>(findEntry(module, kProgramAttr, "traces"));
  auto dictionary = traces ? traces.getAs<DictionaryAttr>(entry) : DictionaryAttr();
  if (!dictionary)
    return badAttribute(kProgramAttr, ("traces." + entry).str(), "a dictionary of phases and their order");
  auto phases = dictionary.getAs<ArrayAttr>("phases");
  auto order = dictionary.getAs<DenseI32ArrayAttr>("order");
  if (!phases || !order)
    return badAttribute(kProgramAttr, ("traces." + entry).str(), "phases and their order");
  Trace trace;
  for (Attribute attribute : phases) {
    auto phase = llvm::dyn_cast<DictionaryAttr>(attribute);
    auto name = phase ? phase.getAs<StringAttr>("name") : StringAttr();
    auto kind = phase ? phase.getAs<StringAttr>("kind") : StringAttr();
    auto cost = phase ? phase.getAs<spmd::CostAttr>("cost") : spmd::CostAttr();
    if (!name || !kind || !cost)
      return badAttribute(kProgramAttr, ("traces." + entry + ".phases").str(), "phases of a name, a kind and a cost");
    trace.names.emplace_back(name.str(), kind.str());
    trace.phases.push_back({.name = nullptr,
                            .kind = nullptr,
                            .weight_bytes = cost.getWeights(),
                            .lookup_bytes = cost.getLookup(),
                            .expert_bytes = cost.getExpert(),
                            .experts = cost.getExperts(),
                            .chosen = cost.getChosen(),
                            .state_bytes = cost.getState(),
                            .position_bytes = cost.getPosition(),
                            .window = cost.getWindow(),
                            .chunk = cost.getChunk(),
                            .row_ops = {cost.getF32(), cost.getBf16(), cost.getInt8()},
                            .seen_ops = {cost.getAttend(), cost.getAttendBf16(), 0}});
  }
  for (int32_t index : order.asArrayRef()) {
    if (index < 0 || static_cast<size_t>(index) >= trace.phases.size())
      return absl::InvalidArgumentError("the module's attribute " + std::string(kProgramAttr) + ": traces." +
                                        entry.str() + ".order: expected indices below " +
                                        std::to_string(trace.phases.size()) + ", found " + std::to_string(index));
    trace.order.push_back(index);
  }
  return trace;
}

absl::StatusOr<std::vector<lrt_cache>> cachesOf(ModuleOp module, int64_t context) {
  std::vector<lrt_cache> caches;
  for (lm::StateOp state : module.getOps<lm::StateOp>()) {
    lm::CacheType type = state.getCacheType();
    if (state.getShares())
      continue;
    if (!type) {
      lrt_cache recurrent = {};
      recurrent.offset = state.getOffset().value_or(0);
      recurrent.bytes = getStateBytes(state.getType());
      recurrent.element = LRT_F32;
      caches.push_back(recurrent);
      continue;
    }
    if (!state.getOffset())
      return absl::InvalidArgumentError("lm.state @" + state.getSymName().str() +
                                        ": expected an offset in the memory of the caches, found none");
    const bool isBF16 = type.getElement().isBF16();
    lrt_cache cache = {};
    cache.offset = *state.getOffset();
    cache.rows = type.getRows() ? type.getRows() : context;
    cache.window = type.getWindow();
    cache.is_chunked = type.getChunked();
    // A key and, where it is not a part of it, a value.
    cache.bytes_per_position =
        type.getHeads() * (type.getDim() + (type.getLatent() ? 0 : type.getDim())) * (isBF16 ? 2 : 4);
    cache.bytes = cache.rows * cache.bytes_per_position;
    cache.element = isBF16 ? LRT_BF16 : LRT_F32;
    caches.push_back(cache);
  }
  return caches;
}

/// A number of lm.sampling. Error: outside of [low, high].
absl::Status readSamplingNumber(ModuleOp module, llvm::StringRef key, double low, double high, double &number) {
  auto value = llvm::dyn_cast_or_null<FloatAttr>(findEntry(module, lm::kSamplingAttr, key));
  if (!value)
    return badAttribute(lm::kSamplingAttr, key, "a number");
  number = value.getValueAsDouble();
  if (number >= low && number <= high)
    return absl::OkStatus();
  return absl::InvalidArgumentError("the module's attribute " + lm::kSamplingAttr.str() + ": " + key.str() +
                                    ": expected a number from " + numberString(low) + " to " + numberString(high) +
                                    ", found " + numberString(number));
}

/// lm.sampling: the sampling parameters of the model's files.
absl::Status describeSampling(ModuleOp module, Image &image, lrt_program &program, Image::Pointers &pointers) {
  if (!module->hasAttr(lm::kSamplingAttr))
    return absl::OkStatus();
  constexpr double most = std::numeric_limits<float>::max();
  const std::tuple<llvm::StringRef, double, double, double *> numbers[] = {
      {"temperature", 0, most, &program.sampling.temperature},
      {"top_p", 0, 1, &program.sampling.top_p},
      {"min_p", 0, 1, &program.sampling.min_p},
      {"repeat_penalty", std::numeric_limits<float>::min(), most, &program.sampling.repeat_penalty}};
  for (auto [key, low, high, number] : numbers)
    LATHE_RETURN_IF_ERROR(readSamplingNumber(module, key, low, high, *number));
  LATHE_ASSIGN_OR_RETURN(program.sampling.top_k, moduleInteger(module, lm::kSamplingAttr, "top_k"));
  for (auto [key, field] : {std::pair("origin", offsetof(lrt_sampling, origin)),
                            std::pair("unfollowed", offsetof(lrt_sampling, unfollowed))}) {
    LATHE_ASSIGN_OR_RETURN(std::string text, moduleString(module, lm::kSamplingAttr, key));
    pointers[offsetof(lrt_program, sampling) + field] = image.string(text);
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<int64_t> lathe::moduleInteger(ModuleOp module, llvm::StringRef dictionary, llvm::StringRef key) {
  if (auto value = llvm::dyn_cast_or_null<IntegerAttr>(findEntry(module, dictionary, key)))
    return value.getInt();
  return badAttribute(dictionary, key, "an integer");
}

absl::StatusOr<std::string> lathe::moduleString(ModuleOp module, llvm::StringRef dictionary, llvm::StringRef key) {
  if (auto value = llvm::dyn_cast_or_null<StringAttr>(findEntry(module, dictionary, key)))
    return value.str();
  return badAttribute(dictionary, key, "a string");
}

absl::StatusOr<llvm::SmallString<0>> lathe::emitProgram(ModuleOp module, llvm::TargetMachine &machine,
                                                        const ProgramWeights &weights) {
  lrt_program program = {};
  program.magic = LRT_MAGIC;
  program.version = LRT_ABI_VERSION;
  program.size = sizeof program;
  program.features = featuresOf(machine);
  llvm::copy(weights.contentId, program.content_id);

  const std::tuple<llvm::StringRef, llvm::StringRef, int64_t *> integers[] = {
      {lm::kModelAttr, "vocabulary", &program.vocabulary},
      {lm::kModelAttr, "context", &program.context},
      {lm::kModelAttr, "layers", &program.layers},
      {lm::kModelAttr, "hidden", &program.hidden},
      {lm::kModelAttr, "parameters", &program.parameters},
      {kOptionsAttr, "threads", &program.default_threads},
      {kProgramAttr, "arena_bytes", &program.arena_bytes},
      {kProgramAttr, "scratch_bytes", &program.scratch_bytes},
      {kProgramAttr, "cache_bytes", &program.cache_bytes},
      {kProgramAttr, "weights_bytes", &program.weights_bytes},
      {kProgramAttr, "barriers_per_layer", &program.barriers_per_layer},
      {kProgramAttr, "decode_rows", &program.decode.rows},
      {kProgramAttr, "prefill_rows", &program.prefill.rows},
      {kProgramAttr, "logits_rows", &program.logits.rows},
  };
  for (auto [dictionary, key, field] : integers) {
    LATHE_ASSIGN_OR_RETURN(*field, moduleInteger(module, dictionary, key));
  }
  program.active_parameters = program.parameters;
  if (findEntry(module, lm::kModelAttr, "active_parameters")) {
    LATHE_ASSIGN_OR_RETURN(program.active_parameters, moduleInteger(module, lm::kModelAttr, "active_parameters"));
  }
  for (auto [key, field] : {std::pair("row_ops", program.row_ops), std::pair("logits_ops", program.logits_ops)}) {
    auto values = llvm::dyn_cast_or_null<DenseI64ArrayAttr>(findEntry(module, kProgramAttr, key));
    if (!values || values.size() != LRT_PEAKS)
      return badAttribute(kProgramAttr, key, "array<i64: f32, bf16, int8>");
    llvm::copy(values.asArrayRef(), field);
  }
  LATHE_ASSIGN_OR_RETURN(std::string name, moduleString(module, lm::kModelAttr, "name"));
  LATHE_ASSIGN_OR_RETURN(std::string architecture, moduleString(module, lm::kModelAttr, "architecture"));
  LATHE_ASSIGN_OR_RETURN(std::vector<lrt_cache> caches, cachesOf(module, program.context));
  program.num_caches = caches.size();
  program.weights_data_bytes = weights.embeddedBytes;

  LATHE_ASSIGN_OR_RETURN(const lathe::Target *target, targetOf(module));
  const std::optional<DeviceCode> device = target->deviceCode(module);
  const llvm::StringRef prefix = getSymbolPrefix(module);
  Image image(machine);
  Image::Pointers pointers = {
      {offsetof(lrt_program, model), image.string(name)},
      {offsetof(lrt_program, architecture), image.string(architecture)},
      {offsetof(lrt_program, target), image.string(target->getName())},
      {offsetof(lrt_program, mcpu), image.string(machine.getTargetCPU())},
      {offsetof(lrt_program, caches), image.bytes("", bytesOf(caches.data(), caches.size()))},
  };
  const std::pair<llvm::StringRef, size_t> entries[] = {{"decode", offsetof(lrt_program, decode)},
                                                        {"prefill", offsetof(lrt_program, prefill)},
                                                        {"logits", offsetof(lrt_program, logits)}};
  lrt_entry *const described[] = {&program.decode, &program.prefill, &program.logits};
  for (auto [index, entry] : llvm::enumerate(entries)) {
    auto [name, offset] = entry;
    pointers[offset + offsetof(lrt_entry, name)] = image.string(name);
    if (!device)
      pointers[offset + offsetof(lrt_entry, run)] = image.function((prefix + "_" + name).str());
    LATHE_ASSIGN_OR_RETURN(Trace trace, traceOf(module, name));
    described[index]->num_phases = trace.phases.size();
    described[index]->num_order = trace.order.size();
    Image::Pointers names;
    for (auto [phase, texts] : llvm::enumerate(trace.names)) {
      names[phase * sizeof(lrt_phase) + offsetof(lrt_phase, name)] = image.string(texts.first);
      names[phase * sizeof(lrt_phase) + offsetof(lrt_phase, kind)] = image.string(texts.second);
    }
    pointers[offset + offsetof(lrt_entry, phases)] =
        image.bytes("", bytesOf(trace.phases.data(), trace.phases.size()), names);
    pointers[offset + offsetof(lrt_entry, order)] = image.bytes("", bytesOf(trace.order.data(), trace.order.size()));
  }
  LATHE_RETURN_IF_ERROR(describeSampling(module, image, program, pointers));
  if (device) {
    pointers[offsetof(lrt_program, open_device)] = image.function(device->open);
    const llvm::SmallVector<llvm::StringRef> gpus = getGPUs(module);
    std::vector<lrt_device_code> codes(gpus.size());
    Image::Pointers texts;
    for (auto [index, gpu] : llvm::enumerate(gpus)) {
      const size_t offset = index * sizeof(lrt_device_code);
      texts[offset + offsetof(lrt_device_code, device)] = image.string(gpu);
      texts[offset + offsetof(lrt_device_code, code)] = image.external(deviceCodeSymbol(module, gpu));
    }
    pointers[offsetof(lrt_program, device_codes)] = image.bytes("", bytesOf(codes.data(), codes.size()), texts);
    program.num_device_codes = codes.size();
    program.block_threads = device->blockThreads;
  }
  if (weights.embeddedBytes)
    pointers[offsetof(lrt_program, weights_data)] = image.external(weightsSymbol(module));
  image.bytes((prefix + "_program").str(), bytesOf(&program), pointers);
  return emit(image.get(), machine, Output::Object);
}

absl::StatusOr<llvm::SmallString<0>> lathe::emitMain(ModuleOp module, llvm::TargetMachine &machine) {
  Image image(machine);
  const Image::Pointers pointers = {{0, image.external((getSymbolPrefix(module) + "_program").str())}};
  image.bytes("lrt_main_program", std::string(sizeof(void *), '\0'), pointers);
  return emit(image.get(), machine, Output::Object);
}

std::string lathe::weightsSymbol(ModuleOp module) { return (getSymbolPrefix(module) + "_weights").str(); }
