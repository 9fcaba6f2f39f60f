#include "frontends/config/TensorConventions.h"
#include "compiler/support/Errors.h"

using namespace lathe;

Modality TensorConventions::modalityOf(llvm::StringRef name) const {
  if (name.contains("vision") || name.contains("visual") || name.contains("multi_modal_projector"))
    return Modality::Vision;
  return name.contains("audio") ? Modality::Audio : Modality::Text;
}

/// The tensor that holds the slot together with others, or null if the slot has its own tensor.
static const FusedTensor *fusedWith(llvm::ArrayRef<FusedTensor> fused, Slot slot) {
  for (const FusedTensor &tensor : fused)
    if (tensor.name && llvm::is_contained(llvm::ArrayRef(tensor.slots, tensor.count), slot))
      return &tensor;
  return nullptr;
}

llvm::StringRef lathe::nameIn(llvm::ArrayRef<SlotName> own, llvm::ArrayRef<FusedTensor> fused,
                              llvm::ArrayRef<SlotName> table, Slot slot) {
  if (const FusedTensor *tensor = fusedWith(fused, slot))
    return tensor->name;
  for (const SlotName &name : own)
    if (name.name && name.slot == slot)
      return name.name;
  return table[static_cast<size_t>(slot)].name;
}

std::string lathe::partsString(const TensorInfo &tensor) {
  return std::to_string(tensor.parts.size()) + " parts of shape " + shapeString(tensor.parts.front().shape);
}

absl::Status lathe::checkType(const Checkpoint &checkpoint, const TensorInfo &tensor, bool isVector) {
  if (tensor.format &&
      !(isVector && (getFormatInfo(*tensor.format).isQuantised() || getFormatInfo(*tensor.format).isScaled())))
    return absl::OkStatus();
  return fileError(checkpoint.path(tensor), tensor.name,
                   "expected a tensor of type F32, F16 or BF16" +
                       (isVector ? llvm::StringRef() : checkpoint.conventions.otherMatrixTypes()) + ", got " +
                       printable(tensor.storedType));
}

absl::StatusOr<const TensorInfo *> lathe::findTensor(const Checkpoint &checkpoint, const std::string &name,
                                                     llvm::ArrayRef<int64_t> shape) {
  const TensorInfo *tensor = checkpoint.find(name);
  if (!tensor)
    return fileError(checkpoint.source, name,
                     "expected a tensor of shape " + shapeString(shape) + ", found none of that name");
  if (!tensor->parts.empty())
    return fileError(checkpoint.path(*tensor), tensor->name,
                     "expected one tensor of shape " + shapeString(shape) + ", got " + partsString(*tensor));
  if (!checkpoint.conventions.hasShape(*tensor, shape))
    return fileError(checkpoint.path(*tensor), tensor->name,
                     "expected shape " + shapeString(shape) + ", got " + shapeString(tensor->shape));
  LATHE_RETURN_IF_ERROR(checkType(checkpoint, *tensor, shape.size() == 1));
  return tensor;
}

void lathe::addFusedRows(const SlotRequest &request, llvm::ArrayRef<FusedTensor> fused, TensorBinding &binding,
                         llvm::SmallVectorImpl<int64_t> &stored) {
  const FusedTensor *tensor = fusedWith(fused, request.slot);
  if (!tensor)
    return;
  stored[0] = 0;
  for (Slot other : llvm::ArrayRef(tensor->slots, tensor->count)) {
    if (other == request.slot)
      binding.firstRow = stored[0];
    stored[0] += slotShape(request.model, request.config, other, request.layer)[0];
  }
}

std::optional<RowGroups> lathe::rowGroupsOf(const Config &config, Slot slot) {
  const int64_t each = config.deltaKeyDim,
                sharing = config.deltaKeyHeads ? config.deltaValueHeads / config.deltaKeyHeads : 0;
  const int64_t values = sharing * config.deltaValueDim, pitch = 2 * (each + values);
  auto perKeyHead = [&](int64_t group, int64_t first) {
    return RowGroups{group, pitch, first, config.deltaKeyHeads * pitch};
  };
  auto perHead = [&](int64_t first) {
    return RowGroups{config.headDim, 2 * config.headDim, first, 2 * config.heads * config.headDim};
  };
  switch (slot) {
  case Slot::Q:
    return config.attentionGate ? std::optional(perHead(0)) : std::nullopt;
  case Slot::QGate:
    return perHead(config.headDim);
  case Slot::DeltaQ:
    return perKeyHead(each, 0);
  case Slot::DeltaK:
    return perKeyHead(each, each);
  case Slot::DeltaV:
    return perKeyHead(values, 2 * each);
  case Slot::DeltaZ:
    return perKeyHead(values, 2 * each + values);
  case Slot::DeltaB:
    return RowGroups{sharing, 2 * sharing, 0, 2 * config.deltaValueHeads};
  case Slot::DeltaA:
    return RowGroups{sharing, 2 * sharing, sharing, 2 * config.deltaValueHeads};
  default:
    return std::nullopt;
  }
}

void lathe::addRowGroups(const RowGroups &groups, TensorBinding &binding, llvm::SmallVectorImpl<int64_t> &stored) {
  stored[0] = groups.rows;
  binding.group = groups.group, binding.pitch = groups.pitch, binding.firstRow = groups.first;
}

static int64_t rotaryHeads(Slot slot, const Config &config) {
  switch (slot) {
  case Slot::Q:
  case Slot::QUp:
  case Slot::QBias:
    return config.heads;
  case Slot::KRope:
    return 1;
  case Slot::K:
  case Slot::KBias:
    return config.kvHeads;
  default:
    return 0;
  }
}

void lathe::addInterleavedRotation(const SlotRequest &request, TensorBinding &binding) {
  // Layers without rotary positions are permuted, too: the same permutation of queries and keys keeps their products.
  binding.permuteHeads = rotaryHeads(request.slot, request.config);
  if (binding.permuteHeads && request.slot != Slot::KRope)
    binding.permuteFrom = request.config.nopeDim;
}

absl::Status lathe::bindStackedExperts(const SlotRequest &request, const std::string &name, int64_t allRows,
                                       int64_t before, TensorBinding &binding) {
  const int64_t experts = binding.shape[0], columns = binding.shape[2];
  LATHE_ASSIGN_OR_RETURN(binding.tensor, findTensor(request.checkpoint, name, {experts, allRows, columns}));
  binding.format = *binding.tensor->format;
  const FormatInfo &info = getFormatInfo(binding.format);
  for (int64_t expert = 0; expert < experts; ++expert) {
    const int64_t values = (expert * allRows + before) * columns;
    binding.segments.push_back(
        {binding.tensor, binding.tensor->offset + static_cast<uint64_t>(values / info.block * info.bytes)});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> lathe::bindHeadsOfOneMatrix(const SlotRequest &request, const std::string &name,
                                                                 TensorBinding &binding) {
  const Config &config = request.config;
  const int64_t heads = config.heads, each = config.nopeDim + config.valueDim, rank = config.latentRank;
  const bool isKeys = request.slot == Slot::KUp;
  LATHE_ASSIGN_OR_RETURN(binding.tensor, findTensor(request.checkpoint, name, {heads * each, rank}));
  binding.format = *binding.tensor->format;
  const FormatInfo &info = getFormatInfo(binding.format);
  const uint64_t rowBytes = rank / info.block * info.bytes;
  std::vector<int64_t> first;
  for (int64_t head = 0; head < heads; ++head) {
    first.push_back(head * each + (isKeys ? 0 : config.nopeDim));
    binding.segments.push_back({binding.tensor, binding.tensor->offset + first.back() * rowBytes});
  }
  binding.transposedRows = isKeys ? rank : 0;
  return first;
}

bool lathe::isConvolution(Slot slot) { return slot == Slot::ConvQ || slot == Slot::ConvK || slot == Slot::ConvV; }

int64_t lathe::convolutionChannels(const Config &config) {
  return 2 * config.deltaKeyHeads * config.deltaKeyDim + config.deltaValueHeads * config.deltaValueDim;
}

absl::Status lathe::bindConvolution(const SlotRequest &request, llvm::ArrayRef<int64_t> shape, TensorBinding &binding) {
  const Config &config = request.config;
  const int64_t keys = config.deltaKeyHeads * config.deltaKeyDim;
  LATHE_ASSIGN_OR_RETURN(binding.tensor, findTensor(request.checkpoint, request.name(), shape));
  LATHE_RETURN_IF_ERROR(checkType(request.checkpoint, *binding.tensor, /*isVector=*/true));
  const int64_t channels = request.slot == Slot::ConvQ ? 0 : request.slot == Slot::ConvK ? keys : 2 * keys;
  binding.firstRow = channels * config.convWidth;
  binding.format = *binding.tensor->format;
  return absl::OkStatus();
}
