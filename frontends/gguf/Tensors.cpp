//===- Tensors.cpp - finds tensors by llama.cpp's names and layouts -----------------------------------------------===//
//
// Besides plain tensors [out, in] of any type with blocks: stacked experts; stacked projections of Gemma 3n's streams;
// one matrix per head for keys and values of latent attention (in older files one for all heads). Norm weights are
// stored as they are used: those of 1 + w include the 1.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/gguf/Tensors.h"
#include "compiler/support/Errors.h"
#include "frontends/gguf/Gguf.h"

using namespace lathe;

namespace {

constexpr SlotName names[] = {
#include "frontends/gguf/TensorNames.inc"
};
static_assert(namesEverySlot(names));

std::string nameInBlock(int64_t layer, llvm::StringRef own) { return ("blk." + llvm::Twine(layer) + "." + own).str(); }

absl::Status bindExperts(const SlotRequest &request, TensorBinding &binding) {
  const std::string name = request.name(), both = nameInBlock(request.layer, "ffn_gate_up_exps.weight");
  const int64_t rows = binding.shape[1];
  // Some files have gate and up of an expert in one tensor, one after the other.
  if (request.slot != Slot::ExpertDown && !request.checkpoint.find(name) && request.checkpoint.find(both))
    return bindStackedExperts(request, both, 2 * rows, request.slot == Slot::ExpertGate ? 0 : rows, binding);
  return bindStackedExperts(request, name, rows, 0, binding);
}

absl::Status bindHeads(const SlotRequest &request, TensorBinding &binding) {
  const std::string name = request.name(), both = nameInBlock(request.layer, "attn_kv_b.weight");
  // Older files have keys and values in one matrix, as safetensors do.
  if (request.checkpoint.find(both) && !request.checkpoint.find(name))
    return bindHeadsOfOneMatrix(request, both, binding).status();
  LATHE_ASSIGN_OR_RETURN(binding.tensor, findTensor(request.checkpoint, name, binding.shape));
  const FormatInfo &info = getFormatInfo(*binding.tensor->format);
  const uint64_t bytes = binding.shape[1] * binding.shape[2] / info.block * info.bytes;
  for (int64_t head = 0; head < request.config.heads; ++head)
    binding.segments.push_back({binding.tensor, binding.tensor->offset + head * bytes});
  binding.format = info.format;
  return absl::OkStatus();
}

absl::Status bindExpertBiases(const SlotRequest &request, TensorBinding &binding) {
  const int64_t experts = request.config.experts;
  LATHE_ASSIGN_OR_RETURN(binding.tensor,
                         findTensor(request.checkpoint, request.name(), {experts, binding.shape[0] / experts}));
  LATHE_RETURN_IF_ERROR(checkType(request.checkpoint, *binding.tensor, /*isVector=*/true));
  binding.format = *binding.tensor->format;
  return absl::OkStatus();
}

/// The stream (1 to 3) of a projection between Gemma 3n's streams; 0 for other slots.
int64_t streamOf(Slot slot) {
  switch (slot) {
  case Slot::AltUp1:
  case Slot::Unembed1:
    return 1;
  case Slot::AltUp2:
  case Slot::Unembed2:
    return 2;
  case Slot::AltUp3:
  case Slot::Unembed3:
    return 3;
  default:
    return 0;
  }
}

/// Qwen3-Next: slots whose rows are interleaved with others'. The converter separates the rows of all other slots.
bool isInterleaved(Slot slot) {
  return slot == Slot::Q || slot == Slot::QGate || slot == Slot::DeltaA || slot == Slot::DeltaB;
}

absl::Status bindPlain(const SlotRequest &request, TensorBinding &binding) {
  llvm::SmallVector<int64_t, 3> stored(binding.shape.begin(),
                                       binding.shape.end()); // of the whole tensor, with the rows of all its slots
  addFusedRows(request, request.model.gguf.fused, binding, stored);
  if (const int64_t stream = streamOf(request.slot)) {
    binding.firstRow = (stream - 1) * request.config.hidden;
    stored.insert(stored.begin(), request.config.streams - 1);
  }
  if (std::optional<RowGroups> groups = rowGroupsOf(request.config, request.slot);
      groups && isInterleaved(request.slot))
    addRowGroups(*groups, binding, stored);
  const std::string name = request.name();
  // One row may be stored as a vector.
  if (const TensorInfo *tensor = request.checkpoint.find(name);
      tensor && stored.size() == 2 && stored[0] == 1 && tensor->shape.size() == 1)
    stored.erase(stored.begin());
  LATHE_ASSIGN_OR_RETURN(binding.tensor, findTensor(request.checkpoint, name, stored));
  binding.format = *binding.tensor->format;
  if (request.model.gguf.interleaved)
    addInterleavedRotation(request, binding);
  return absl::OkStatus();
}

} // namespace

std::string GgufTensors::nameOf(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer) const {
  const llvm::StringRef own = nameIn(model.gguf.names, model.gguf.fused, names, slot);
  return isGlobal(slot) ? own.str() : nameInBlock(layer, own);
}

absl::Status GgufTensors::bind(const SlotRequest &request, TensorBinding &binding) const {
  const Config &config = request.config;
  if (isExperts(request.slot))
    return bindExperts(request, binding);
  if (isHeads(request.slot))
    return bindHeads(request, binding);
  if (isConvolution(request.slot))
    return bindConvolution(request, {convolutionChannels(config), config.convWidth}, binding);
  return isExpertBias(request.slot) ? bindExpertBiases(request, binding) : bindPlain(request, binding);
}

bool GgufTensors::hasShape(const TensorInfo &tensor, llvm::ArrayRef<int64_t> shape) const {
  return hasDimensions(tensor, shape);
}

llvm::StringRef GgufTensors::otherMatrixTypes() const {
  return ", or quantised as Q4_0 to Q8_0, Q4_K to Q6_K or MXFP4";
}

const TensorConventions &lathe::ggufTensors() {
  static const GgufTensors conventions;
  return conventions;
}
