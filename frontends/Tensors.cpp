#include "frontends/Tensors.h"
#include "frontends/Config.h"
#include "frontends/models/Model.h"
#include "frontends/support/Errors.h"

using namespace lathe;

namespace {

enum class Width : uint8_t { H, Q, KV, QN, KN, I, V, P, One };

struct SlotRow {
  llvm::StringLiteral name, huggingFace, gguf;
  Width rows, columns;
};

constexpr SlotRow slotRows[] = {
#define LATHE_SLOT_ROW(id, slot, huggingFace, gguf, rows, columns)                                                     \
  {slot, huggingFace, gguf, Width::rows, Width::columns},
    LATHE_LAYER_SLOTS(LATHE_SLOT_ROW) LATHE_GLOBAL_SLOTS(LATHE_SLOT_ROW)
#undef LATHE_SLOT_ROW
};

// Where transformers' classes keep the decoder: plain, as one part of a multimodal model (older and newer), bare.
constexpr llvm::StringLiteral prefixes[] = {"model.", "language_model.model.", "model.language_model.", "transformer.",
                                            ""};
constexpr llvm::StringLiteral headPrefixes[] = {"", "language_model.", "model."};

const SlotRow &rowOf(Slot slot) { return slotRows[static_cast<int>(slot)]; }

int64_t widthOf(Width width, const Model &model, const Config &config) {
  switch (width) {
  case Width::H:
    return config.hidden;
  case Width::Q:
    return config.heads * config.headDim;
  case Width::KV:
    return config.kvHeads * config.headDim;
  case Width::I:
    return config.intermediate;
  case Width::QN:
    return model.qkNorm == QKNorm::Whole ? config.heads * config.headDim : config.headDim;
  case Width::KN:
    return model.qkNorm == QKNorm::Whole ? config.kvHeads * config.headDim : config.headDim;
  case Width::P:
    return config.maxPositions;
  case Width::V:
    return config.vocabulary;
  case Width::One:
    return 1;
  }
  llvm_unreachable("every width has a value");
}

/// The tensor that holds a slot together with others; null: it has its own.
const FusedTensor *fusedWith(const Model &model, Slot slot) {
  for (const FusedTensor &fused : model.fused)
    if (fused.huggingFace && llvm::is_contained(llvm::ArrayRef(fused.slots, fused.count), slot))
      return &fused;
  return nullptr;
}

llvm::StringRef ownName(const Model &model, Slot slot, Checkpoint::Naming naming) {
  if (const FusedTensor *fused = fusedWith(model, slot))
    return naming == Checkpoint::Naming::Gguf ? fused->gguf : fused->huggingFace;
  for (const SlotName &name : model.names)
    if (name.huggingFace && name.slot == slot)
      return naming == Checkpoint::Naming::Gguf ? name.gguf : name.huggingFace;
  return naming == Checkpoint::Naming::Gguf ? rowOf(slot).gguf : rowOf(slot).huggingFace;
}

bool isNorm(Slot slot) {
  switch (slot) {
  case Slot::InputNorm:
  case Slot::QNorm:
  case Slot::KNorm:
  case Slot::PostAttentionNorm:
  case Slot::PreFFNNorm:
  case Slot::PostFFNNorm:
  case Slot::FinalNorm:
    return true;
  default:
    return false;
  }
}

int64_t rotaryHeads(Slot slot, const Config &config) {
  switch (slot) {
  case Slot::Q:
  case Slot::QBias:
    return config.heads;
  case Slot::K:
  case Slot::KBias:
    return config.kvHeads;
  default:
    return 0;
  }
}

std::string huggingFaceName(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer) {
  const llvm::StringRef own = ownName(model, slot, checkpoint.naming);
  if (slot == Slot::Head) {
    for (llvm::StringRef prefix : headPrefixes)
      if (std::string name = (prefix + own).str(); checkpoint.find(name))
        return name;
    return own.str();
  }
  llvm::StringRef prefix = prefixes[0];
  const llvm::StringRef anchor = ownName(model, Slot::FinalNorm, checkpoint.naming);
  for (llvm::StringRef candidate : prefixes)
    if (checkpoint.find((candidate + anchor).str())) {
      prefix = candidate;
      break;
    }
  return (isGlobal(slot) ? prefix + own : prefix + model.layersName + llvm::Twine(layer) + "." + own).str();
}

} // namespace

llvm::StringRef lathe::slotName(Slot slot) { return rowOf(slot).name; }

bool lathe::isGlobal(Slot slot) { return slot >= Slot::Embed; }

llvm::SmallVector<Slot, 24> lathe::layerSlots(const Model &model, const Config &config, int64_t layer) {
  llvm::SmallVector<Slot, 24> slots;
  auto addIf = [&](bool present, std::initializer_list<Slot> more) {
    if (present)
      slots.append(more.begin(), more.end());
  };
  const bool before = model.norms != NormPlacement::Post, after = model.norms != NormPlacement::Pre;
  const bool normBias = before && model.normKind == NormKind::Layer;
  addIf(before, {Slot::InputNorm});
  addIf(normBias, {Slot::InputNormBias});
  addIf(true, {Slot::Q, Slot::K, Slot::V});
  addIf(config.qkvBias, {Slot::QBias, Slot::KBias, Slot::VBias});
  addIf(model.qkNorm != QKNorm::None, {Slot::QNorm, Slot::KNorm});
  addIf(true, {Slot::O});
  addIf(config.oBias, {Slot::OBias});
  addIf(after, {Slot::PostAttentionNorm});
  addIf(before, {Slot::PreFFNNorm});
  addIf(normBias, {Slot::PreFFNNormBias});
  addIf(model.gated, {Slot::Gate});
  addIf(true, {Slot::Up, Slot::Down});
  addIf(config.mlpBias && model.gated, {Slot::GateBias});
  addIf(config.mlpBias, {Slot::UpBias, Slot::DownBias});
  addIf(after, {Slot::PostFFNNorm});
  return slots;
}

llvm::SmallVector<Slot, 5> lathe::globalSlots(const Model &model, const Config &config) {
  llvm::SmallVector<Slot, 5> slots = {Slot::Embed};
  if (model.positions == Positions::Learned)
    slots.push_back(Slot::Positions);
  slots.push_back(Slot::FinalNorm);
  if (model.normKind == NormKind::Layer)
    slots.push_back(Slot::FinalNormBias);
  if (!config.tied)
    slots.push_back(Slot::Head);
  return slots;
}

llvm::SmallVector<int64_t, 2> lathe::slotShape(const Model &model, const Config &config, Slot slot) {
  const SlotRow &row = rowOf(slot);
  llvm::SmallVector<int64_t, 2> shape = {widthOf(row.rows, model, config)};
  if (row.columns != Width::One)
    shape.push_back(widthOf(row.columns, model, config));
  return shape;
}

std::string lathe::tensorName(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer) {
  if (checkpoint.naming == Checkpoint::Naming::HuggingFace)
    return huggingFaceName(model, checkpoint, slot, layer);
  const llvm::StringRef own = ownName(model, slot, checkpoint.naming);
  return isGlobal(slot) ? own.str() : ("blk." + llvm::Twine(layer) + "." + own).str();
}

absl::StatusOr<TensorBinding> lathe::bindTensor(const Model &model, const Config &config, const Checkpoint *checkpoint,
                                                Slot slot, int64_t layer) {
  if (slot == Slot::Head && config.tied)
    slot = Slot::Embed;
  TensorBinding binding;
  binding.shape = slotShape(model, config, slot);
  if (!checkpoint)
    return binding;

  // The whole tensor's shape: rows of all its slots, and turned round where they are stored so.
  llvm::SmallVector<int64_t, 2> stored = binding.shape;
  if (const FusedTensor *fused = fusedWith(model, slot)) {
    stored[0] = 0;
    for (Slot other : llvm::ArrayRef(fused->slots, fused->count)) {
      if (other == slot)
        binding.firstRow = stored[0];
      stored[0] += slotShape(model, config, other)[0];
    }
  }
  if (model.transposedMatrices && stored.size() == 2 && !isGlobal(slot) &&
      checkpoint->naming == Checkpoint::Naming::HuggingFace) {
    binding.transposedRows = stored[0];
    std::swap(stored[0], stored[1]);
  }

  const std::string name = tensorName(model, *checkpoint, slot, layer);
  const TensorInfo *tensor = checkpoint->find(name);
  // A tied matrix may have been saved under the head's name only.
  if (!tensor && slot == Slot::Embed && config.tied)
    tensor = checkpoint->find(tensorName(model, *checkpoint, Slot::Head, layer));
  if (!tensor)
    return fileError(checkpoint->source, name,
                     "expected a tensor of shape " + shapeString(stored) + ", found none of that name");
  const llvm::StringRef path = checkpoint->path(*tensor);
  if (llvm::ArrayRef<int64_t>(tensor->shape) != llvm::ArrayRef<int64_t>(stored))
    return fileError(path, tensor->name,
                     "expected shape " + shapeString(stored) + ", got " + shapeString(tensor->shape));
  const bool isVector = binding.shape.size() == 1;
  if (!tensor->format || (isVector && getFormatInfo(*tensor->format).isQuantised()))
    return fileError(path, tensor->name,
                     "expected a tensor of type F32, F16 or BF16" +
                         llvm::Twine(isVector || checkpoint->naming == Checkpoint::Naming::HuggingFace
                                         ? ""
                                         : ", or quantised as Q4_0 to Q8_0 or Q4_K to Q6_K") +
                         ", got " + printable(tensor->storedType));
  binding.tensor = tensor;
  if (checkpoint->naming == Checkpoint::Naming::Gguf)
    binding.permuteHeads = model.ggufInterleaved ? rotaryHeads(slot, config) : 0;
  else if (isNorm(slot))
    binding.add = model.normOffset;
  return binding;
}

absl::Status lathe::checkTensors(const Model &model, const Config &config, const Checkpoint &checkpoint) {
  for (Slot slot : globalSlots(model, config))
    LATHE_RETURN_IF_ERROR(bindTensor(model, config, &checkpoint, slot).status());
  for (int64_t layer = 0; layer < config.layers; ++layer)
    for (Slot slot : layerSlots(model, config, layer))
      LATHE_RETURN_IF_ERROR(bindTensor(model, config, &checkpoint, slot, layer).status());
  return absl::OkStatus();
}
