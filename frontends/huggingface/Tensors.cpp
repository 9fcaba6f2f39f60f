//===- Tensors.cpp - finds tensors by transformers' names and layouts ---------------------------------------------===//
//
// Besides plain tensors [out, in]: matrices with the rows of several slots, one after another or interleaved
// (Qwen3-Next); matrices [in, out] (GPT-2); experts as one tensor each or stacked; MXFP4 and F8_E4M3 with scales in
// another tensor; tensors that were split for several devices (Grok 2).
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/huggingface/Tensors.h"
#include "compiler/support/Errors.h"

using namespace lathe;

namespace {

constexpr SlotName names[] = {
#include "frontends/huggingface/TensorNames.inc"
};
static_assert(namesEverySlot(names));

// Prefixes of the decoder in transformers' classes: causal language model, multimodal models (older and newer), GPT-2,
// decoder only.
constexpr llvm::StringLiteral prefixes[] = {"model.", "language_model.model.", "model.language_model.", "transformer.",
                                            ""};
constexpr llvm::StringLiteral headPrefixes[] = {"", "language_model.", "model."};

llvm::StringRef ownName(const Model &model, Slot slot) {
  return nameIn(model.huggingFace.names, model.huggingFace.fused, names, slot);
}

/// Norms whose stored weights lack Model::normOffset.
bool isNorm(Slot slot) {
  switch (slot) {
  case Slot::InputNorm:
  case Slot::QNorm:
  case Slot::KNorm:
  case Slot::PostAttentionNorm:
  case Slot::PreFFNNorm:
  case Slot::PostFFNNorm:
  case Slot::FinalNorm:
  case Slot::QDownNorm:
  case Slot::KVDownNorm:
    return true;
  default:
    return false;
  }
}

/// The Cut of a matrix [rows, columns] whose parts are in several files. Error: the parts do not form such a matrix.
absl::StatusOr<Cut> findCut(const Checkpoint &checkpoint, const TensorInfo &tensor, int64_t rows, int64_t columns) {
  Cut cut;
  const auto count = static_cast<int64_t>(tensor.parts.size());
  llvm::ArrayRef<int64_t> shape = tensor.parts.front().shape;
  if (shape.size() != 2 || (shape[0] != rows && shape[1] != columns))
    shape = {};
  else if (shape[0] < rows && shape[0] * count == rows)
    cut.rows = count;
  else if (shape[1] < columns && shape[1] * count == columns)
    cut.columns = count;
  if (cut == Cut())
    return fileError(checkpoint.path(tensor), tensor.name,
                     "expected parts of a tensor of shape " + shapeString({rows, columns}) + ", got " +
                         partsString(tensor));
  if (!tensor.format || getFormatInfo(*tensor.format).isScaled())
    return fileError(checkpoint.path(tensor), tensor.name,
                     "expected parts of type F32, F16 or BF16, got " + printable(tensor.storedType));
  return cut;
}

/// Adds one matrix to a binding: the offset of the tensor, or of each of its parts. All matrices have the same Cut.
absl::StatusOr<const TensorInfo *> findMatrix(const Checkpoint &checkpoint, const std::string &name, int64_t rows,
                                              int64_t columns, TensorBinding &binding) {
  const TensorInfo *tensor = checkpoint.find(name);
  Cut cut;
  if (!tensor || tensor->parts.empty()) {
    LATHE_ASSIGN_OR_RETURN(tensor, findTensor(checkpoint, name, {rows, columns}));
  } else {
    LATHE_ASSIGN_OR_RETURN(cut, findCut(checkpoint, *tensor, rows, columns));
  }
  if (!binding.segments.empty() && cut != binding.cut)
    return fileError(checkpoint.path(*tensor), name,
                     "expected parts like those of " + binding.segments.front().tensor->name + ", got others");
  binding.cut = cut;
  for (const TensorInfo &part : tensor->parts)
    binding.segments.push_back({&part, part.offset});
  if (tensor->parts.empty())
    binding.segments.push_back({tensor, tensor->offset});
  return tensor;
}

/// Adds the scales if the tensor [rows, columns] is F8_E4M3. The slot's rows begin at `firstRow` of the tensor.
absl::Status bindScales(const Checkpoint &checkpoint, const TensorInfo &tensor, int64_t rows, int64_t columns,
                        int64_t firstRow, TensorBinding &binding) {
  if (tensor.format != Format::F8E4M3)
    return absl::OkStatus();
  const std::string name = tensor.name + "_scale_inv";
  const TensorInfo *scales = checkpoint.find(name);
  const std::vector<int64_t> shape = {(rows + kScaleBlock - 1) / kScaleBlock,
                                      (columns + kScaleBlock - 1) / kScaleBlock};
  if (!scales)
    return fileError(checkpoint.source, name,
                     "expected a tensor of shape " + shapeString(shape) + " beside one of type F8_E4M3, found none");
  if (scales->shape != shape || scales->format != Format::F32)
    return fileError(checkpoint.path(*scales), name,
                     "expected F32 of shape " + shapeString(shape) + ", got " + printable(scales->storedType) +
                         " of shape " + shapeString(scales->shape));
  binding.scales.push_back({scales, scales->offset, firstRow});
  return absl::OkStatus();
}

/// MXFP4 experts of gpt-oss: bytes `_blocks` [experts, rows, blocks, 16] and `_scales` [experts, rows, blocks]. Rows of
/// gate and up are interleaved.
absl::Status bindBlocks(const Checkpoint &checkpoint, const std::string &stem, bool isInterleaved, bool isUp,
                        TensorBinding &binding) {
  const int64_t experts = binding.shape[0], rows = binding.shape[1], blocks = binding.shape[2] / 32;
  const int64_t stored = isInterleaved ? 2 * rows : rows;
  auto find = [&](llvm::StringRef suffix, const std::vector<int64_t> &shape) -> absl::StatusOr<const TensorInfo *> {
    const TensorInfo *tensor = checkpoint.find(stem + suffix.str());
    if (!tensor)
      return fileError(checkpoint.source, stem + suffix.str(),
                       "expected a tensor of shape " + shapeString(shape) + ", found none of that name");
    if (tensor->shape != shape || tensor->storedType != "U8")
      return fileError(checkpoint.path(*tensor), tensor->name,
                       "expected U8 of shape " + shapeString(shape) + ", got " + printable(tensor->storedType) +
                           " of shape " + shapeString(tensor->shape));
    return tensor;
  };
  if (binding.shape[2] % 32)
    return fileError(checkpoint.source, stem + "_blocks",
                     "expected rows of whole blocks of 32 values, got " + llvm::Twine(binding.shape[2]));
  LATHE_ASSIGN_OR_RETURN(const TensorInfo *quants, find("_blocks", {experts, stored, blocks, 16}));
  LATHE_ASSIGN_OR_RETURN(const TensorInfo *scales, find("_scales", {experts, stored, blocks}));
  for (int64_t expert = 0; expert < experts; ++expert) {
    const uint64_t before = static_cast<uint64_t>((expert * stored + (isUp && isInterleaved ? 1 : 0)) * blocks);
    binding.segments.push_back({quants, quants->offset + before * 16});
    binding.scales.push_back({scales, scales->offset + before});
  }
  binding.tensor = quants;
  binding.format = Format::MXFP4;
  binding.pitch = isInterleaved ? 2 : 1;
  return absl::OkStatus();
}

/// Stacked, transposed matrices: gate_up_proj [experts, in, gate and up], down_proj [experts, in, out].
absl::Status bindTransposedExperts(const SlotRequest &request, const std::string &name, TensorBinding &binding) {
  const Checkpoint &checkpoint = request.checkpoint;
  const int64_t experts = binding.shape[0], rows = binding.shape[1], columns = binding.shape[2];
  const bool isDown = request.slot == Slot::ExpertDown, isUp = request.slot == Slot::ExpertUp;
  const bool isInterleaved = !isDown && request.model.huggingFace.experts == ExpertTensors::Interleaved;
  if (!checkpoint.find(name) && checkpoint.find(name + "_blocks"))
    return bindBlocks(checkpoint, name, isInterleaved, isUp, binding);
  const int64_t stored = isDown ? rows : 2 * rows;
  LATHE_ASSIGN_OR_RETURN(binding.tensor, findTensor(checkpoint, name, {experts, columns, stored}));
  binding.format = *binding.tensor->format;
  const FormatInfo &info = getFormatInfo(binding.format);
  for (int64_t expert = 0; expert < experts; ++expert) {
    const int64_t first = expert * columns * stored + (isUp ? (isInterleaved ? 1 : rows) : 0);
    binding.segments.push_back({binding.tensor, binding.tensor->offset + static_cast<uint64_t>(first * info.bytes)});
  }
  binding.transposedRows = stored;
  binding.pitch = isInterleaved ? 2 : 1;
  return absl::OkStatus();
}

/// Matrices of all experts: one tensor each, or stacked. transformers 5 may save [experts, gate and up, in].
absl::Status bindExperts(const SlotRequest &request, TensorBinding &binding) {
  const Checkpoint &checkpoint = request.checkpoint;
  const std::string pattern = request.name();
  if (request.model.huggingFace.experts != ExpertTensors::Each)
    return bindTransposedExperts(request, pattern, binding);
  const auto [stem, rest] = llvm::StringRef(pattern).split("{e}");
  const int64_t experts = binding.shape[0], rows = binding.shape[1], columns = binding.shape[2];
  auto nameOf = [&](int64_t expert) { return (stem + llvm::Twine(expert) + rest).str(); };
  if (!checkpoint.find(nameOf(0)) && checkpoint.find((stem + "down_proj").str()))
    return request.slot == Slot::ExpertDown ? bindStackedExperts(request, (stem + "down_proj").str(), rows, 0, binding)
                                            : bindStackedExperts(request, (stem + "gate_up_proj").str(), 2 * rows,
                                                                 request.slot == Slot::ExpertGate ? 0 : rows, binding);
  for (int64_t expert = 0; expert < experts; ++expert) {
    LATHE_ASSIGN_OR_RETURN(const TensorInfo *tensor, findMatrix(checkpoint, nameOf(expert), rows, columns, binding));
    if (expert && tensor->format != binding.segments.front().tensor->format)
      return fileError(checkpoint.path(*tensor), tensor->name,
                       "expected the type of the other experts, " + binding.segments.front().tensor->storedType +
                           ", got " + printable(tensor->storedType));
    LATHE_RETURN_IF_ERROR(bindScales(checkpoint, *tensor, rows, columns, 0, binding));
  }
  binding.tensor = binding.segments.front().tensor;
  binding.format = *binding.tensor->format;
  return absl::OkStatus();
}

absl::Status bindHeads(const SlotRequest &request, TensorBinding &binding) {
  const Config &config = request.config;
  LATHE_ASSIGN_OR_RETURN(const std::vector<int64_t> firstRows, bindHeadsOfOneMatrix(request, request.name(), binding));
  for (int64_t row : firstRows)
    LATHE_RETURN_IF_ERROR(bindScales(request.checkpoint, *binding.tensor,
                                     config.heads * (config.nopeDim + config.valueDim), config.latentRank, row,
                                     binding));
  return absl::OkStatus();
}

/// Biases of all experts: [experts, values]; those of gate and up are interleaved in one tensor.
absl::Status bindExpertBiases(const SlotRequest &request, TensorBinding &binding) {
  const int64_t experts = request.config.experts, each = binding.shape[0] / experts;
  const bool isFused = request.slot != Slot::ExpertDownBias;
  LATHE_ASSIGN_OR_RETURN(binding.tensor,
                         findTensor(request.checkpoint, request.name(), {experts, isFused ? 2 * each : each}));
  LATHE_RETURN_IF_ERROR(checkType(request.checkpoint, *binding.tensor, /*isVector=*/true));
  binding.pitch = isFused ? 2 : 1;
  binding.firstRow = request.slot == Slot::ExpertUpBias ? 1 : 0;
  binding.format = *binding.tensor->format;
  return absl::OkStatus();
}

/// The shape of the stored tensor: rows of all its slots, and transposed if it is stored as [in, out].
llvm::SmallVector<int64_t, 3> storedShape(const SlotRequest &request, TensorBinding &binding) {
  llvm::SmallVector<int64_t, 3> stored(binding.shape.begin(), binding.shape.end());
  addFusedRows(request, request.model.huggingFace.fused, binding, stored);
  if (std::optional<RowGroups> groups = rowGroupsOf(request.config, request.slot))
    addRowGroups(*groups, binding, stored);
  if (request.model.huggingFace.transposedMatrices && stored.size() == 2 && !isGlobal(request.slot)) {
    binding.transposedRows = stored[0];
    std::swap(stored[0], stored[1]);
  }
  return stored;
}

absl::Status bindPlain(const SlotRequest &request, TensorBinding &binding) {
  const auto &[model, config, checkpoint, slot, layer] = request;
  llvm::SmallVector<int64_t, 3> stored = storedShape(request, binding);
  const std::string name = request.name();
  const TensorInfo *tensor = checkpoint.find(name);
  // A tied matrix may be stored under the name of lm_head only.
  if (!tensor && slot == Slot::Embed && config.tied)
    tensor = checkpoint.find(tensorName(model, checkpoint, Slot::Head, layer));
  // One row may be stored as a vector.
  if (tensor && stored.size() == 2 && stored[0] == 1 && tensor->shape.size() == 1)
    stored.erase(stored.begin());
  const bool isWhole = stored.size() == 2 && llvm::equal(stored, binding.shape) && !binding.transposedRows;
  if (tensor && !tensor->parts.empty() && isWhole) {
    LATHE_ASSIGN_OR_RETURN(tensor, findMatrix(checkpoint, tensor->name, stored[0], stored[1], binding));
  } else {
    LATHE_ASSIGN_OR_RETURN(tensor, findTensor(checkpoint, tensor ? tensor->name : name, stored));
  }
  binding.tensor = tensor;
  binding.format = *tensor->format;
  if (stored.size() == 2)
    LATHE_RETURN_IF_ERROR(bindScales(checkpoint, *tensor, stored[0], stored[1], binding.firstRow, binding));
  if (model.huggingFace.interleaved)
    addInterleavedRotation(request, binding);
  if (isNorm(slot))
    binding.add = model.normOffset;
  binding.negateExp = slot == Slot::DeltaDecay;
  return absl::OkStatus();
}

} // namespace

std::string HuggingFaceTensors::nameOf(const Model &model, const Checkpoint &checkpoint, Slot slot,
                                       int64_t layer) const {
  const llvm::StringRef own = ownName(model, slot);
  if (slot == Slot::Head) {
    for (llvm::StringRef prefix : headPrefixes)
      if (std::string name = (prefix + own).str(); checkpoint.find(name))
        return name;
    return own.str();
  }
  const llvm::StringRef anchor = ownName(model, Slot::FinalNorm);
  const auto *found =
      llvm::find_if(prefixes, [&](llvm::StringRef candidate) { return checkpoint.find((candidate + anchor).str()); });
  const llvm::StringRef prefix = found == std::end(prefixes) ? prefixes[0] : *found;
  return isGlobal(slot) ? (prefix + own).str()
                        : (prefix + model.huggingFace.layersName + llvm::Twine(layer) + "." + own).str();
}

absl::Status HuggingFaceTensors::bind(const SlotRequest &request, TensorBinding &binding) const {
  const Config &config = request.config;
  if (isExperts(request.slot))
    return bindExperts(request, binding);
  if (isHeads(request.slot))
    return bindHeads(request, binding);
  if (isConvolution(request.slot))
    return bindConvolution(request, {convolutionChannels(config), 1, config.convWidth}, binding);
  return isExpertBias(request.slot) ? bindExpertBiases(request, binding) : bindPlain(request, binding);
}

bool HuggingFaceTensors::hasShape(const TensorInfo &tensor, llvm::ArrayRef<int64_t> shape) const {
  return llvm::ArrayRef<int64_t>(tensor.shape) == shape;
}

llvm::StringRef HuggingFaceTensors::otherMatrixTypes() const { return ", or F8_E4M3 with scales"; }

const TensorConventions &lathe::huggingFaceTensors() {
  static const HuggingFaceTensors conventions;
  return conventions;
}
