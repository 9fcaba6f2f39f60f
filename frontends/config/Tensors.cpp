#include "frontends/config/Tensors.h"
#include "compiler/support/Errors.h"
#include "frontends/config/Config.h"
#include "frontends/config/models/Model.h"

using namespace lathe;

namespace {

enum class Width : uint8_t {
  H,
  Q,
  KV,
  QN,
  KN,
  O,
  I,
  V,
  P,
  E,
  EI,
  EEI,
  EH,
  SI,
  N,
  QR,
  KL,
  DN,
  DR,
  DV,
  LQ,
  LV,
  LH,
  LD,
  CQ,
  CV,
  S,
  SS,
  LA,
  PV,
  PA,
  PL,
  Row,
  One
};

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

int64_t widthOf(Width width, const Model &model, const Config &config, int64_t layer) {
  switch (width) {
  case Width::H:
    return config.hidden;
  case Width::Q:
    return config.heads * config.headDim;
  case Width::KV:
    return config.kvHeads * config.headDim;
  case Width::I:
    return config.intermediateOf(layer);
  case Width::S:
    return config.streams;
  case Width::SS:
    return config.streams * config.streams;
  case Width::LA:
    return config.laurelRank;
  case Width::PV:
    return config.perLayerVocabulary;
  case Width::PA:
    return config.perLayerWidth;
  case Width::PL:
    return config.perLayerWidth * config.layers;
  case Width::QN:
    return config.qkNorm == QKNorm::Whole ? config.heads * config.headDim : config.headDim;
  case Width::KN:
    return config.qkNorm == QKNorm::Whole ? config.kvHeads * config.headDim : config.headDim;
  case Width::O:
    return config.heads * (config.latentRank ? config.valueDim : config.headDim);
  case Width::E:
    return config.experts;
  case Width::EEI:
    return config.experts * config.expertIntermediate;
  case Width::EH:
    return config.experts * config.hidden;
  case Width::N:
    return config.heads;
  case Width::QR:
    return config.queryRank;
  case Width::KL:
    return config.latentRank;
  case Width::DN:
    return config.nopeDim;
  case Width::DR:
    return config.ropeDim;
  case Width::DV:
    return config.valueDim;
  case Width::LQ:
    return config.deltaKeyHeads * config.deltaKeyDim;
  case Width::LV:
    return config.deltaValueHeads * config.deltaValueDim;
  case Width::LH:
    return config.deltaValueHeads;
  case Width::LD:
    return config.deltaValueDim;
  case Width::CQ:
    return config.deltaKeyHeads * config.deltaKeyDim * config.convWidth;
  case Width::CV:
    return config.deltaValueHeads * config.deltaValueDim * config.convWidth;
  case Width::EI:
    return config.expertIntermediate;
  case Width::P:
    return config.maxPositions;
  case Width::V:
    return config.vocabulary;
  case Width::SI:
    return config.sharedIntermediate;
  case Width::Row:
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
  case Slot::QDownNorm:
  case Slot::KVDownNorm:
    return true;
  default:
    return false;
  }
}

int64_t rotaryHeads(Slot slot, const Config &config) {
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

bool lathe::isExperts(Slot slot) {
  return slot == Slot::ExpertGate || slot == Slot::ExpertUp || slot == Slot::ExpertDown;
}

bool lathe::isHeads(Slot slot) { return slot == Slot::KUp || slot == Slot::VUp; }

bool lathe::isGlobal(Slot slot) { return slot >= Slot::Embed; }

llvm::SmallVector<Slot, 40> lathe::layerSlots(const Model &model, const Config &config, int64_t layer) {
  llvm::SmallVector<Slot, 40> slots;
  auto addIf = [&](bool present, std::initializer_list<Slot> more) {
    if (present)
      slots.append(more.begin(), more.end());
  };
  const bool before = model.norms != NormPlacement::Post, after = model.norms != NormPlacement::Pre;
  const bool normBias = before && model.normKind == NormKind::Layer;
  addIf(before, {Slot::InputNorm});
  addIf(normBias, {Slot::InputNormBias});
  if (config.kindOf(layer) == LayerKind::Linear) {
    addIf(true, {Slot::DeltaQ, Slot::DeltaK, Slot::DeltaV, Slot::DeltaZ, Slot::DeltaB, Slot::DeltaA, Slot::ConvQ,
                 Slot::ConvK, Slot::ConvV, Slot::DeltaDecay, Slot::DeltaBias, Slot::DeltaNorm, Slot::DeltaOut});
  } else if (config.latentRank) {
    addIf(config.queryRank, {Slot::QDown, Slot::QDownNorm, Slot::QUp});
    addIf(!config.queryRank, {Slot::Q});
    addIf(true, {Slot::KVDown, Slot::KRope, Slot::KVDownNorm, Slot::KUp, Slot::VUp, Slot::O});
    addIf(config.oBias, {Slot::OBias});
  } else {
    addIf(config.attentionGate, {Slot::QGate});
    const bool isOwn = config.cacheOf(layer) == layer, hasNorm = config.qkNorm != QKNorm::None;
    addIf(true, {Slot::Q});
    addIf(isOwn, {Slot::K, Slot::V});
    addIf(config.qkvBias, {Slot::QBias});
    addIf(isOwn && config.qkvBias, {Slot::KBias, Slot::VBias});
    addIf(hasNorm, {Slot::QNorm});
    addIf(isOwn && hasNorm, {Slot::KNorm});
    addIf(model.sinks, {Slot::Sinks});
    addIf(true, {Slot::O});
    addIf(config.oBias, {Slot::OBias});
  }
  addIf(after, {Slot::PostAttentionNorm});
  addIf(before, {Slot::PreFFNNorm});
  addIf(normBias, {Slot::PreFFNNormBias});
  const bool sparse = config.isSparse(layer);
  addIf(sparse && config.correctsRouting, {Slot::Correction});
  addIf(sparse, {Slot::Router, Slot::ExpertGate, Slot::ExpertUp, Slot::ExpertDown});
  addIf(sparse && model.experts.biased,
        {Slot::RouterBias, Slot::ExpertGateBias, Slot::ExpertUpBias, Slot::ExpertDownBias});
  addIf(sparse && config.sharedIntermediate, {Slot::SharedGate, Slot::SharedUp, Slot::SharedDown});
  addIf(sparse && model.experts.shared == SharedExpert::Gated, {Slot::SharedExpertGate});
  addIf(!sparse && model.gated, {Slot::Gate});
  addIf(!sparse, {Slot::Up, Slot::Down});
  addIf(!sparse && config.mlpBias && model.gated, {Slot::GateBias});
  addIf(!sparse && config.mlpBias, {Slot::UpBias, Slot::DownBias});
  addIf(after, {Slot::PostFFNNorm});
  addIf(config.streams > 1, {Slot::AltUpRouterNorm, Slot::AltUpRouter, Slot::AltUpPrediction, Slot::AltUpCorrection,
                             Slot::AltUpScale, Slot::LaurelLeft, Slot::LaurelRight, Slot::LaurelNorm,
                             Slot::PerLayerGate, Slot::PerLayerProjection, Slot::PerLayerNorm});
  return slots;
}

llvm::SmallVector<Slot, 16> lathe::globalSlots(const Model &model, const Config &config) {
  llvm::SmallVector<Slot, 16> slots = {Slot::Embed};
  if (config.streams > 1)
    slots.append({Slot::PerLayerEmbed, Slot::PerLayerModel, Slot::PerLayerModelNorm, Slot::AltUp1, Slot::AltUp2,
                  Slot::AltUp3, Slot::Unembed1, Slot::Unembed2, Slot::Unembed3});
  if (model.positions == Positions::Learned)
    slots.push_back(Slot::Positions);
  slots.push_back(Slot::FinalNorm);
  if (model.normKind == NormKind::Layer)
    slots.push_back(Slot::FinalNormBias);
  if (!config.tied)
    slots.push_back(Slot::Head);
  return slots;
}

llvm::SmallVector<int64_t, 2> lathe::slotShape(const Model &model, const Config &config, Slot slot, int64_t layer) {
  const SlotRow &row = rowOf(slot);
  llvm::SmallVector<int64_t, 2> shape = {widthOf(row.rows, model, config, layer)};
  if (row.columns != Width::One)
    shape.push_back(widthOf(row.columns, model, config, layer));
  if (isExperts(slot) || isHeads(slot))
    shape.insert(shape.begin(), isHeads(slot) ? config.heads : config.experts);
  return shape;
}

std::string lathe::tensorName(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer) {
  if (checkpoint.naming == Checkpoint::Naming::HuggingFace)
    return huggingFaceName(model, checkpoint, slot, layer);
  const llvm::StringRef own = ownName(model, slot, checkpoint.naming);
  return isGlobal(slot) ? own.str() : ("blk." + llvm::Twine(layer) + "." + own).str();
}

namespace {

absl::Status checkType(const Checkpoint &checkpoint, const TensorInfo &tensor, bool isVector) {
  if (tensor.format &&
      !(isVector && (getFormatInfo(*tensor.format).isQuantised() || getFormatInfo(*tensor.format).isScaled())))
    return absl::OkStatus();
  return fileError(checkpoint.path(tensor), tensor.name,
                   "expected a tensor of type F32, F16 or BF16" +
                       llvm::Twine(isVector ? ""
                                   : checkpoint.naming == Checkpoint::Naming::HuggingFace
                                       ? ", or F8_E4M3 with scales"
                                       : ", or quantised as Q4_0 to Q8_0, Q4_K to Q6_K or MXFP4") +
                       ", got " + printable(tensor.storedType));
}

std::string partsString(const TensorInfo &tensor) {
  return std::to_string(tensor.parts.size()) + " parts of shape " + shapeString(tensor.parts.front().shape);
}

absl::StatusOr<const TensorInfo *> findTensor(const Checkpoint &checkpoint, const std::string &name,
                                              llvm::ArrayRef<int64_t> shape) {
  const TensorInfo *tensor = checkpoint.find(name);
  if (!tensor)
    return fileError(checkpoint.source, name,
                     "expected a tensor of shape " + shapeString(shape) + ", found none of that name");
  if (!tensor->parts.empty())
    return fileError(checkpoint.path(*tensor), tensor->name,
                     "expected one tensor of shape " + shapeString(shape) + ", got " + partsString(*tensor));
  if (checkpoint.naming == Checkpoint::Naming::Gguf ? !hasDimensions(*tensor, shape)
                                                    : llvm::ArrayRef<int64_t>(tensor->shape) != shape)
    return fileError(checkpoint.path(*tensor), tensor->name,
                     "expected shape " + shapeString(shape) + ", got " + shapeString(tensor->shape));
  LATHE_RETURN_IF_ERROR(checkType(checkpoint, *tensor, shape.size() == 1));
  return tensor;
}

/// Adds the places of one more matrix of a binding, all of which are cut alike.
absl::StatusOr<const TensorInfo *> findMatrix(const Checkpoint &checkpoint, const std::string &name, int64_t rows,
                                              int64_t columns, TensorBinding &binding) {
  const TensorInfo *tensor = checkpoint.find(name);
  Cut cut;
  if (!tensor || tensor->parts.empty()) {
    LATHE_ASSIGN_OR_RETURN(tensor, findTensor(checkpoint, name, {rows, columns}));
  } else {
    const auto count = static_cast<int64_t>(tensor->parts.size());
    llvm::ArrayRef<int64_t> shape = tensor->parts.front().shape;
    if (shape.size() != 2 || (shape[0] != rows && shape[1] != columns))
      shape = {};
    else if (shape[0] < rows && shape[0] * count == rows)
      cut.rows = count;
    else if (shape[1] < columns && shape[1] * count == columns)
      cut.columns = count;
    if (cut == Cut())
      return fileError(checkpoint.path(*tensor), name,
                       "expected parts of a tensor of shape " + shapeString({rows, columns}) + ", got " +
                           partsString(*tensor));
    if (!tensor->format || getFormatInfo(*tensor->format).isScaled())
      return fileError(checkpoint.path(*tensor), name,
                       "expected parts of type F32, F16 or BF16, got " + printable(tensor->storedType));
  }
  if (!binding.places.empty() && cut != binding.cut)
    return fileError(checkpoint.path(*tensor), name,
                     "expected parts like those of " + binding.places.front().tensor->name + ", got others");
  binding.cut = cut;
  for (const TensorInfo &part : tensor->parts)
    binding.places.push_back({&part, part.offset});
  if (tensor->parts.empty())
    binding.places.push_back({tensor, tensor->offset});
  return tensor;
}

/// The scales of an F8_E4M3 matrix [rows, columns], of which ours begins at `firstRow`.
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
  binding.scaleColumns = shape[1];
  return absl::OkStatus();
}

/// Experts as gpt-oss publishes them: `_blocks` [experts, rows, blocks, 16] of bytes and `_scales` [experts, rows,
/// blocks], gate and up by turns.
absl::Status bindBlocks(const Checkpoint &checkpoint, const std::string &stem, bool isByTurns, bool isUp,
                        TensorBinding &binding) {
  const int64_t experts = binding.shape[0], rows = binding.shape[1], blocks = binding.shape[2] / 32;
  const int64_t stored = isByTurns ? 2 * rows : rows;
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
  LATHE_ASSIGN_OR_RETURN(const TensorInfo *codes, find("_blocks", {experts, stored, blocks, 16}));
  LATHE_ASSIGN_OR_RETURN(const TensorInfo *scales, find("_scales", {experts, stored, blocks}));
  for (int64_t expert = 0; expert < experts; ++expert) {
    const uint64_t before = static_cast<uint64_t>((expert * stored + (isUp && isByTurns ? 1 : 0)) * blocks);
    binding.places.push_back({codes, codes->offset + before * 16});
    binding.scales.push_back({scales, scales->offset + before});
  }
  binding.tensor = codes;
  binding.format = Format::MXFP4;
  binding.scaleColumns = blocks;
  binding.pitch = isByTurns ? 2 : 1;
  return absl::OkStatus();
}

/// Matrices of all experts: each a tensor, or all one tensor (GGUF; transformers 5 may save [experts, gate and up,
/// in]).
absl::Status bindExperts(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer,
                         TensorBinding &binding) {
  const std::string pattern = tensorName(model, checkpoint, slot, layer);
  const size_t hole = pattern.find("{e}");
  const int64_t experts = binding.shape[0], rows = binding.shape[1], columns = binding.shape[2];
  auto bytesOf = [&](const TensorInfo &tensor, int64_t count) {
    const FormatInfo &info = getFormatInfo(*tensor.format);
    return static_cast<uint64_t>(count * columns / info.block * info.bytes);
  };
  auto addFused = [&](const std::string &name, int64_t allRows, int64_t before) -> absl::Status {
    LATHE_ASSIGN_OR_RETURN(const TensorInfo *tensor, findTensor(checkpoint, name, {experts, allRows, columns}));
    for (int64_t expert = 0; expert < experts; ++expert)
      binding.places.push_back({tensor, tensor->offset + bytesOf(*tensor, expert * allRows + before)});
    return absl::OkStatus();
  };
  if (model.experts.tensors != ExpertTensors::Each && checkpoint.naming == Checkpoint::Naming::HuggingFace) {
    const bool isDown = slot == Slot::ExpertDown, isUp = slot == Slot::ExpertUp;
    const bool isByTurns = !isDown && model.experts.tensors == ExpertTensors::Interleaved;
    if (!checkpoint.find(pattern) && checkpoint.find(pattern + "_blocks"))
      return bindBlocks(checkpoint, pattern, isByTurns, isUp, binding);
    const int64_t stored = isDown ? rows : 2 * rows;
    LATHE_ASSIGN_OR_RETURN(const TensorInfo *tensor, findTensor(checkpoint, pattern, {experts, columns, stored}));
    const FormatInfo &info = getFormatInfo(*tensor->format);
    for (int64_t expert = 0; expert < experts; ++expert) {
      const int64_t first = expert * columns * stored + (isUp ? (isByTurns ? 1 : rows) : 0);
      binding.places.push_back({tensor, tensor->offset + static_cast<uint64_t>(first * info.bytes)});
    }
    binding.tensor = tensor;
    binding.format = *tensor->format;
    binding.transposedRows = stored;
    binding.pitch = isByTurns ? 2 : 1;
    return absl::OkStatus();
  }
  const std::string stem = hole == pattern.npos ? "" : pattern.substr(0, hole);
  auto one = [&](int64_t expert) { return stem + std::to_string(expert) + pattern.substr(hole + 3); };
  // llama.cpp may put gate and up of an expert one after the other.
  const std::string both = "blk." + std::to_string(layer) + ".ffn_gate_up_exps.weight";
  if (hole == pattern.npos && slot != Slot::ExpertDown && !checkpoint.find(pattern) && checkpoint.find(both)) {
    LATHE_RETURN_IF_ERROR(addFused(both, 2 * rows, slot == Slot::ExpertGate ? 0 : rows));
  } else if (hole == pattern.npos) {
    LATHE_RETURN_IF_ERROR(addFused(pattern, rows, 0));
  } else if (!checkpoint.find(one(0)) && checkpoint.find(stem + "down_proj")) {
    LATHE_RETURN_IF_ERROR(slot == Slot::ExpertDown
                              ? addFused(stem + "down_proj", rows, 0)
                              : addFused(stem + "gate_up_proj", 2 * rows, slot == Slot::ExpertGate ? 0 : rows));
  } else {
    for (int64_t expert = 0; expert < experts; ++expert) {
      LATHE_ASSIGN_OR_RETURN(const TensorInfo *tensor, findMatrix(checkpoint, one(expert), rows, columns, binding));
      if (expert && tensor->format != binding.places.front().tensor->format)
        return fileError(checkpoint.path(*tensor), tensor->name,
                         "expected the type of the other experts, " + binding.places.front().tensor->storedType +
                             ", got " + printable(tensor->storedType));
      LATHE_RETURN_IF_ERROR(bindScales(checkpoint, *tensor, rows, columns, 0, binding));
    }
  }
  binding.tensor = binding.places.front().tensor;
  binding.format = *binding.tensor->format;
  return absl::OkStatus();
}

/// Of each head's rows [unrotated keys, values] of one matrix: keys turned round, as queries meet them, or values.
absl::Status bindHeads(const Model &model, const Config &config, const Checkpoint &checkpoint, Slot slot, int64_t layer,
                       TensorBinding &binding) {
  const std::string name = tensorName(model, checkpoint, slot, layer);
  const int64_t heads = config.heads, each = config.nopeDim + config.valueDim, rank = config.latentRank;
  const bool isKeys = slot == Slot::KUp;
  // Older GGUF files have both in one matrix, as Hugging Face.
  const std::string both = "blk." + std::to_string(layer) + ".attn_kv_b.weight";
  const TensorInfo *old = checkpoint.naming == Checkpoint::Naming::Gguf ? checkpoint.find(both) : nullptr;
  if (checkpoint.naming == Checkpoint::Naming::Gguf && (!old || checkpoint.find(name))) {
    LATHE_ASSIGN_OR_RETURN(binding.tensor, findTensor(checkpoint, name, binding.shape));
    const FormatInfo &info = getFormatInfo(*binding.tensor->format);
    const uint64_t bytes = binding.shape[1] * binding.shape[2] / info.block * info.bytes;
    for (int64_t head = 0; head < heads; ++head)
      binding.places.push_back({binding.tensor, binding.tensor->offset + head * bytes});
    binding.format = info.format;
    return absl::OkStatus();
  }
  LATHE_ASSIGN_OR_RETURN(binding.tensor, findTensor(checkpoint, old ? both : name, {heads * each, rank}));
  binding.format = *binding.tensor->format;
  const FormatInfo &info = getFormatInfo(binding.format);
  const uint64_t rowBytes = rank / info.block * info.bytes;
  for (int64_t head = 0; head < heads; ++head) {
    const int64_t first = head * each + (isKeys ? 0 : config.nopeDim);
    binding.places.push_back({binding.tensor, binding.tensor->offset + first * rowBytes});
    LATHE_RETURN_IF_ERROR(bindScales(checkpoint, *binding.tensor, heads * each, rank, first, binding));
  }
  binding.transposedRows = isKeys ? rank : 0;
  return absl::OkStatus();
}

/// Rows of a tensor that has several slots' by turns, group after group.
struct Turns {
  int64_t group, pitch, first;
  int64_t rows; // of the whole tensor
};

std::optional<Turns> turnsOf(const Config &config, Slot slot) {
  const int64_t each = config.deltaKeyDim,
                sharing = config.deltaKeyHeads ? config.deltaValueHeads / config.deltaKeyHeads : 0;
  const int64_t values = sharing * config.deltaValueDim, pitch = 2 * (each + values);
  auto perKeyHead = [&](int64_t group, int64_t first) {
    return Turns{group, pitch, first, config.deltaKeyHeads * pitch};
  };
  auto perHead = [&](int64_t first) {
    return Turns{config.headDim, 2 * config.headDim, first, 2 * config.heads * config.headDim};
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
    return Turns{sharing, 2 * sharing, 0, 2 * config.deltaValueHeads};
  case Slot::DeltaA:
    return Turns{sharing, 2 * sharing, sharing, 2 * config.deltaValueHeads};
  default:
    return std::nullopt;
  }
}

/// 1 to 3 for a stream's projection, 0 for other slots.
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

bool isConvolution(Slot slot) { return slot == Slot::ConvQ || slot == Slot::ConvK || slot == Slot::ConvV; }

/// Some channels of [channels, 1, width].
absl::Status bindConvolution(const Model &model, const Config &config, const Checkpoint &checkpoint, Slot slot,
                             int64_t layer, TensorBinding &binding) {
  const int64_t keys = config.deltaKeyHeads * config.deltaKeyDim, width = config.convWidth;
  const int64_t channels = 2 * keys + config.deltaValueHeads * config.deltaValueDim;
  const std::string name = tensorName(model, checkpoint, slot, layer);
  LATHE_ASSIGN_OR_RETURN(binding.tensor, checkpoint.naming == Checkpoint::Naming::Gguf
                                             ? findTensor(checkpoint, name, {channels, width})
                                             : findTensor(checkpoint, name, {channels, 1, width}));
  LATHE_RETURN_IF_ERROR(checkType(checkpoint, *binding.tensor, /*isVector=*/true));
  binding.firstRow = (slot == Slot::ConvQ ? 0 : slot == Slot::ConvK ? keys : 2 * keys) * width;
  binding.format = *binding.tensor->format;
  return absl::OkStatus();
}

/// Biases of all experts one after another: [experts, values], of gate and up by turns or one after the other.
absl::Status bindExpertBiases(const Model &model, const Config &config, const Checkpoint &checkpoint, Slot slot,
                              int64_t layer, TensorBinding &binding) {
  const std::string name = tensorName(model, checkpoint, slot, layer);
  const int64_t each = binding.shape[0] / config.experts;
  const bool isFused = checkpoint.naming == Checkpoint::Naming::HuggingFace && slot != Slot::ExpertDownBias;
  LATHE_ASSIGN_OR_RETURN(binding.tensor, findTensor(checkpoint, name, {config.experts, isFused ? 2 * each : each}));
  LATHE_RETURN_IF_ERROR(checkType(checkpoint, *binding.tensor, /*isVector=*/true));
  binding.pitch = isFused ? 2 : 1;
  binding.firstRow = isFused && slot == Slot::ExpertUpBias ? 1 : 0;
  binding.format = *binding.tensor->format;
  return absl::OkStatus();
}

bool isExpertBias(Slot slot) {
  return slot == Slot::ExpertGateBias || slot == Slot::ExpertUpBias || slot == Slot::ExpertDownBias;
}

} // namespace

absl::StatusOr<TensorBinding> lathe::bindTensor(const Model &model, const Config &config, const Checkpoint *checkpoint,
                                                Slot slot, int64_t layer) {
  if (slot == Slot::Head && config.tied)
    slot = Slot::Embed;
  TensorBinding binding;
  binding.shape = slotShape(model, config, slot, layer);
  if (!checkpoint)
    return binding;
  if (isExperts(slot)) {
    LATHE_RETURN_IF_ERROR(bindExperts(model, *checkpoint, slot, layer, binding));
    return binding;
  }
  if (isHeads(slot)) {
    LATHE_RETURN_IF_ERROR(bindHeads(model, config, *checkpoint, slot, layer, binding));
    return binding;
  }
  if (isConvolution(slot)) {
    LATHE_RETURN_IF_ERROR(bindConvolution(model, config, *checkpoint, slot, layer, binding));
    return binding;
  }
  if (isExpertBias(slot)) {
    LATHE_RETURN_IF_ERROR(bindExpertBiases(model, config, *checkpoint, slot, layer, binding));
    return binding;
  }

  const bool isGguf = checkpoint->naming == Checkpoint::Naming::Gguf;
  // The whole tensor's shape: rows of all its slots, and turned round where they are stored so.
  llvm::SmallVector<int64_t, 2> stored = binding.shape;
  if (const FusedTensor *fused = fusedWith(model, slot)) {
    stored[0] = 0;
    for (Slot other : llvm::ArrayRef(fused->slots, fused->count)) {
      if (other == slot)
        binding.firstRow = stored[0];
      stored[0] += slotShape(model, config, other, layer)[0];
    }
  }
  // GGUF has the matrices between streams in one tensor.
  if (const int64_t stream = streamOf(slot); stream && isGguf) {
    binding.firstRow = (stream - 1) * config.hidden;
    stored.insert(stored.begin(), config.streams - 1);
  }
  const bool isGroupedInGguf = slot == Slot::Q || slot == Slot::QGate || slot == Slot::DeltaA || slot == Slot::DeltaB;
  if (std::optional<Turns> turns = turnsOf(config, slot); turns && (!isGguf || isGroupedInGguf)) {
    stored[0] = turns->rows;
    binding.group = turns->group, binding.pitch = turns->pitch, binding.firstRow = turns->first;
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
  // One row may be stored as a vector.
  if (tensor && stored.size() == 2 && stored[0] == 1 && tensor->shape.size() == 1)
    stored.erase(stored.begin());
  if (tensor && !tensor->parts.empty() && stored.size() == 2 && stored == binding.shape && !binding.transposedRows) {
    LATHE_ASSIGN_OR_RETURN(tensor, findMatrix(*checkpoint, tensor->name, stored[0], stored[1], binding));
  } else {
    LATHE_ASSIGN_OR_RETURN(tensor, findTensor(*checkpoint, tensor ? tensor->name : name, stored));
  }
  binding.tensor = tensor;
  binding.format = *tensor->format;
  if (stored.size() == 2)
    LATHE_RETURN_IF_ERROR(bindScales(*checkpoint, *tensor, stored[0], stored[1], binding.firstRow, binding));
  // Heads that are not rotated are permuted with the others where all are: queries and keys alike, it does not matter.
  if (model.interleaved || (isGguf && model.ggufInterleaved))
    binding.permuteHeads = rotaryHeads(slot, config);
  if (binding.permuteHeads && slot != Slot::KRope)
    binding.permuteFrom = config.nopeDim;
  if (!isGguf && isNorm(slot))
    binding.add = model.normOffset;
  binding.negateExp = !isGguf && slot == Slot::DeltaDecay;
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

ParameterCount lathe::countParameters(const Model &model, const Config &config) {
  ParameterCount count;
  auto add = [&](Slot slot, int64_t layer) {
    int64_t values = 1;
    for (int64_t size : slotShape(model, config, slot, layer))
      values *= size;
    count.all += values;
    count.active += isExperts(slot) || isExpertBias(slot) ? values / config.experts * config.expertsPerToken : values;
  };
  for (Slot slot : globalSlots(model, config))
    add(slot, 0);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (Slot slot : layerSlots(model, config, layer))
      add(slot, layer);
    // Checkpoints hold what makes keys and values for layers, too, that attend to another one's.
    if (config.cacheOf(layer) == layer)
      continue;
    const int64_t active = count.active;
    for (Slot slot : {Slot::K, Slot::V, Slot::KNorm})
      add(slot, layer);
    count.active = active;
  }
  return count;
}
