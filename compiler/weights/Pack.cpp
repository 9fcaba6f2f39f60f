#include "compiler/weights/Pack.h"
#include "compiler/support/Errors.h"
#include "compiler/support/Inputs.h"
#include "compiler/weights/Decode.h"
#include "compiler/weights/Panels.h"
#include "lrt/abi.h"
#include "lrt/weights.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <sys/mman.h>
#include <thread>

using namespace lathe;
using namespace mlir;
namespace fs = llvm::sys::fs;

namespace {

/// FNV-1a over 64-bit words, the last one padded with zeros; as lrt/weights.h says.
class ContentId {
public:
  void add(llvm::StringRef bytes) {
    while (!bytes.empty() && pendingBytes != 0)
      take(bytes);
    for (; bytes.size() >= 8; bytes = bytes.drop_front(8)) {
      uint64_t word;
      std::memcpy(&word, bytes.data(), 8);
      addWord(word);
    }
    while (!bytes.empty())
      take(bytes);
  }
  uint64_t finish() {
    if (pendingBytes != 0)
      addWord(pending);
    return hash;
  }

private:
  void take(llvm::StringRef &bytes) {
    pending |= uint64_t(uint8_t(bytes.front())) << 8 * pendingBytes;
    bytes = bytes.drop_front();
    if (++pendingBytes == 8) {
      addWord(pending);
      pending = pendingBytes = 0;
    }
  }
  void addWord(uint64_t word) { hash = (hash ^ word) * 0x100000001b3ull; }

  uint64_t hash = 0xcbf29ce484222325ull, pending = 0;
  unsigned pendingBytes = 0;
};

/// One weight: where it comes from and what happens to it.
struct Recipe {
  std::string name, file;
  std::string tensor; // its name in the checkpoint; empty: not known
  lm::WeightType type;
  Format stored;
  int64_t heads;        // of unpermute; 0: rows stay where they are
  int64_t from;         // in a head: rows before it stay where they are
  int64_t group, pitch; // rows come in groups of `group`, the next one `pitch` further on
  int64_t transposed;   // of a matrix stored as [columns, transposed], of which these rows are columns; 0: it is not
  bool addOne, negateExp;
  int64_t place, size; // in the tensor section

  /// In the mapped files: the matrix, or its parts of rows, each followed by those of the same rows' further columns.
  std::vector<const uint8_t *> parts = {};
  int64_t partRows = 0, partColumns = 0; // stored rows and columns of a part

  const uint8_t *scales = nullptr; // where they are kept apart
  int64_t scaleRow = 0;            // the first row's, of f8_e4m3
  int64_t scaleColumns = 0;        // to a row of scales

  int64_t storedRow(int64_t row) const {
    if (!heads)
      return spread(row);
    const int64_t width = type.getRows() / heads, half = (width - from) / 2, turned = row % width - from;
    const int64_t place = turned < 0 ? row % width : from + turned % half * 2 + turned / half;
    return spread(row / width * width + place);
  }
  int64_t spread(int64_t row) const { return row / group * pitch + row % group; }
  /// Rows, or values of a vector, from the first to the last that is read.
  int64_t storedRows() const { return spread(type.getRows() - 1) + 1; }

  /// f8_e4m3: the scale of a stored row and column.
  float scaleAt(int64_t row, int64_t column) const {
    if (!scales)
      return 1;
    float scale;
    std::memcpy(&scale, scales + ((scaleRow + row) / kScaleBlock * scaleColumns + column / kScaleBlock) * 4, 4);
    return scale;
  }
  /// A stored row as its format has it: `room` takes it where columns, or codes and scales, lie apart.
  const uint8_t *rowAt(int64_t row, std::vector<uint8_t> &room) const;
  /// [panel, panel + count) of a matrix to `out`, which is zeros.
  absl::Status runPanels(int64_t panel, int64_t count, uint8_t *out, RoundingError &error) const;
  absl::Status runVector(uint8_t *out) const;

  /// An error of values that the format cannot hold.
  absl::Status cannotHold(const llvm::Twine &message) const {
    return fileError(file, tensor.empty() ? name : name + " (" + tensor + ")", message + "; --weights bf16 keeps them");
  }

private:
  /// Rows [first, last) of a transposed matrix, one after another.
  std::vector<float> turnRows(int64_t first, int64_t last) const;
};

const uint8_t *Recipe::rowAt(int64_t row, std::vector<uint8_t> &room) const {
  if (stored != Format::MXFP4 || !scales) {
    const uint64_t width = rowBytes(stored, partColumns), offset = row % partRows * width;
    const size_t across = type.getColumns() / partColumns, first = row / partRows * across;
    if (across == 1)
      return parts[first] + offset;
    room.resize(across * width);
    for (size_t i = 0; i < across; ++i)
      std::memcpy(room.data() + i * width, parts[first + i] + offset, width);
    return room.data();
  }
  const int64_t blocks = type.getColumns() / 32;
  room.resize(blocks * 17);
  for (int64_t i = 0; i < blocks; ++i) {
    const uint8_t *codes = parts.front() + (row * blocks + i) * 16;
    uint8_t *block = room.data() + i * 17;
    *block++ = scales[row * blocks + i];
    // Neighbours share a byte here, values 16 apart in a block.
    auto codeOf = [&](int value) { return codes[value / 2] >> value % 2 * 4 & 15; };
    for (int j = 0; j < 16; ++j)
      block[j] = static_cast<uint8_t>(codeOf(j) | codeOf(j + 16) << 4);
  }
  return room.data();
}

std::vector<float> Recipe::turnRows(int64_t first, int64_t last) const {
  const int64_t columns = type.getColumns(), rows = last - first;
  // The whole blocks that hold them.
  const int64_t block = getFormatInfo(stored).block, begin = llvm::alignDown(spread(first), block);
  const int64_t span = llvm::alignTo(spread(last - 1) + 1, block) - begin;
  const uint64_t line = rowBytes(stored, transposed);
  std::vector<float> values(rows * columns), some(span);
  for (int64_t column = 0; column < columns; ++column) {
    decodeRow(stored, parts.front() + column * line + rowBytes(stored, begin), span, some.data());
    for (int64_t row = 0; row < rows; ++row)
      values[row * columns + column] = some[spread(first + row) - begin] * scaleAt(column, spread(first + row));
  }
  return values;
}

absl::Status Recipe::runPanels(int64_t panel, int64_t count, uint8_t *out, RoundingError &error) const {
  const PanelLayout layout(type);
  const PanelWriter writer(type);
  const int64_t columns = type.getColumns(), last = std::min((panel + count) * layout.rows, type.getRows());
  const bool isCopy = stored == type.getFormat() && !addOne && !transposed;
  const int64_t begin = panel * layout.rows;
  std::vector<float> values(isCopy ? 0 : columns), turned;
  std::vector<uint8_t> room;
  if (transposed)
    turned = turnRows(begin, last);
  for (int64_t row = begin; row < last; ++row) {
    uint8_t *to = out + (row / layout.rows - panel) * layout.panelBytes;
    if (transposed) {
      values.assign(turned.begin() + (row - begin) * columns, turned.begin() + (row - begin + 1) * columns);
    } else {
      const uint8_t *from = rowAt(storedRow(row), room);
      if (isCopy) {
        writer.copyRow(from, row % layout.rows, to);
        if (type.getInfo().isScaled() && row % layout.rows == 0) {
          std::vector<float> ofBlocks;
          for (int64_t column = 0; column < columns; column += kScaleBlock)
            ofBlocks.push_back(scaleAt(storedRow(row), column));
          writer.writeScales(ofBlocks.data(), to);
        }
        continue;
      }
      decodeRow(stored, from, columns, values.data());
      if (stored == Format::F8E4M3)
        for (int64_t column = 0; column < columns; ++column)
          values[column] *= scaleAt(storedRow(row), column);
    }
    if (addOne)
      for (float &value : values)
        value += 1;
    if (!writer.convertRow(values.data(), row % layout.rows, to, error))
      return cannotHold("row " + llvm::Twine(storedRow(row)) +
                        ": expected finite values that f16 scales can hold, to convert to " + type.getInfo().name +
                        ", found others");
  }
  return absl::OkStatus();
}

absl::Status Recipe::runVector(uint8_t *out) const {
  const int64_t size = type.getRows();
  std::vector<float> values(storedRows());
  decodeRow(stored, parts.front(), values.size(), values.data());
  float *to = reinterpret_cast<float *>(out);
  for (int64_t i = 0; i < size; ++i) {
    const float value = values[storedRow(i)];
    to[i] = negateExp ? -std::exp(value) : value + (addOne ? 1.0f : 0.0f);
  }
  return absl::OkStatus();
}

/// A piece of the tensor section that is computed at once.
struct Piece {
  const Recipe *recipe;
  int64_t panel, panels; // of a matrix
  int64_t place, size;

  absl::Status run(uint8_t *out, RoundingError &error) const {
    return recipe->type.isMatrix() ? recipe->runPanels(panel, panels, out, error) : recipe->runVector(out);
  }

  /// The pages it read are not needed again; without this the whole checkpoint would count as this process's memory.
  void release() const {
    if (!recipe->type.isMatrix() || recipe->heads || recipe->transposed || recipe->group != recipe->pitch)
      return;
    if (recipe->stored == Format::MXFP4 && recipe->scales)
      return;
    const int64_t rows = recipe->type.getLayout().getRows();
    const uint64_t stride = rowBytes(recipe->stored, recipe->partColumns), page = 4096;
    const int64_t first = panel * rows, last = std::min(first + panels * rows, recipe->type.getRows());
    const int64_t across = recipe->type.getColumns() / recipe->partColumns;
    for (auto [index, part] : llvm::enumerate(recipe->parts)) {
      const int64_t before = static_cast<int64_t>(index) / across * recipe->partRows;
      auto placeOf = [&, part = part](int64_t row) {
        return reinterpret_cast<uintptr_t>(part) + std::clamp<int64_t>(row - before, 0, recipe->partRows) * stride;
      };
      const uint64_t begin = llvm::alignTo(placeOf(first), page), end = llvm::alignDown(placeOf(last), page);
      if (begin < end)
        madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
    }
  }
};

/// About the size of a core's cache.
constexpr int64_t kPieceBytes = 1 << 20;

std::vector<Piece> cut(llvm::ArrayRef<Recipe> recipes) {
  std::vector<Piece> pieces;
  for (const Recipe &recipe : recipes) {
    if (!recipe.type.isMatrix()) {
      pieces.push_back({&recipe, 0, 0, recipe.place, recipe.size});
      continue;
    }
    const PanelLayout layout(recipe.type);
    const int64_t atOnce = std::max<int64_t>(1, kPieceBytes / layout.panelBytes);
    for (int64_t panel = 0; panel < layout.panels; panel += atOnce) {
      const int64_t count = std::min(atOnce, layout.panels - panel);
      pieces.push_back({&recipe, panel, count, recipe.place + panel * layout.panelBytes, count * layout.panelBytes});
    }
  }
  return pieces;
}

/// Workers run pieces in any order, `next` hands them out in theirs. At most two per worker are in memory.
class Team {
public:
  Team(llvm::ArrayRef<Piece> pieces, unsigned size) : pieces(pieces), slots(2 * size) {
    for (unsigned i = 0; i < size; ++i)
      workers.emplace_back([this] { work(); });
  }
  ~Team() {
    {
      std::lock_guard lock(mutex);
      started = pieces.size();
    }
    changed.notify_all();
    for (std::thread &worker : workers)
      worker.join();
  }

  struct Result {
    llvm::StringRef bytes; // until the next call
    RoundingError error;
  };
  /// Waits for piece `index` and returns its result.
  absl::StatusOr<Result> next(size_t index) {
    std::unique_lock lock(mutex);
    taken = index;
    changed.notify_all();
    Slot &slot = slots[index % slots.size()];
    changed.wait(lock, [&] { return slot.done == index + 1; });
    if (!slot.status.ok())
      return slot.status;
    return Result{{reinterpret_cast<const char *>(slot.bytes.data()), static_cast<size_t>(pieces[index].size)},
                  slot.error};
  }

private:
  struct Slot {
    std::vector<uint8_t> bytes;
    absl::Status status;
    RoundingError error;
    size_t done = 0; // number of the piece it holds, plus one
  };

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return started == pieces.size() || started < taken + slots.size(); });
      if (started == pieces.size())
        return;
      const size_t index = started++;
      Slot &slot = slots[index % slots.size()];
      lock.unlock();
      slot.bytes.assign(pieces[index].size, 0);
      slot.error = {};
      slot.status = pieces[index].run(slot.bytes.data(), slot.error);
      pieces[index].release();
      lock.lock();
      slot.done = index + 1;
      changed.notify_all();
    }
  }

  llvm::ArrayRef<Piece> pieces;
  std::vector<Slot> slots;
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable changed;
  size_t started = 0; // pieces before it are being computed or done
  size_t taken = 0;   // pieces before it are no longer needed
};

class Packer {
public:
  Packer(ModuleOp module, OutputFile &output, const PackOptions &options)
      : module(module), output(output), options(options) {}

  absl::Status collect();
  absl::StatusOr<PackedWeights> write(llvm::StringRef tokenizer);

private:
  absl::Status addRecipes(lm::WeightOp weight);
  absl::Status addRecipe(lm::WeightOp weight, lm::WeightType type, int64_t place, size_t expert = 0);
  absl::Status addParts(lm::WeightOp weight, size_t expert, Recipe &recipe);
  absl::Status addScales(lm::WeightOp weight, size_t expert, Recipe &recipe);
  absl::StatusOr<llvm::StringRef> open(llvm::StringRef path);
  absl::Status writeTensors(ContentId &id);
  absl::Status writeZeros(uint64_t count, ContentId *id = nullptr);

  ModuleOp module;
  OutputFile &output;
  const PackOptions &options;
  llvm::StringMap<fs::mapped_file_region> files;
  std::vector<Recipe> recipes; // in order of place
};

absl::Status about(lm::WeightOp weight, const llvm::Twine &message) {
  return absl::InvalidArgumentError(("lm.weight @" + weight.getSymName() + ": " + message).str());
}

// Really mapped, even when small: Piece::release gives pages back, and memory would lose what it holds.
absl::StatusOr<llvm::StringRef> Packer::open(llvm::StringRef path) {
  auto [entry, isNew] = files.try_emplace(path);
  if (isNew) {
    fs::file_status status;
    std::error_code error = fs::status(path, status);
    if (!error && status.type() != fs::file_type::regular_file)
      return fileError(path, "expected a regular file");
    recordInput(path, status.getUniqueID());
    llvm::Expected<fs::file_t> file = fs::openNativeFileForRead(path);
    if (!file)
      return fileError(path, llvm::errorToErrorCode(file.takeError()).message());
    entry->second = fs::mapped_file_region(*file, fs::mapped_file_region::readonly, status.getSize(), 0, error);
    fs::closeFile(*file);
    if (error)
      return fileError(path, "cannot map " + llvm::Twine(status.getSize()) + " bytes: " + error.message());
  }
  return llvm::StringRef(entry->second.const_data(), entry->second.size());
}

absl::Status Packer::addRecipes(lm::WeightOp weight) {
  std::string reason;
  if (!isPackable(weight.getWeightType(), reason))
    return about(weight, reason);
  if (!weight.getFile() || !weight.getOffset())
    return about(weight, "expects a file and an offset like the other weights");
  if (!weight.getPlace())
    return about(weight, "expects a place in the weights file");

  lm::WeightType type = weight.getWeightType();
  if (!type.isExperts())
    return addRecipe(weight, type, *weight.getPlace());
  if (!weight.getOffsets())
    return about(weight, "expects an offset for each expert");
  for (int64_t expert = 0; expert < type.getExperts(); ++expert)
    LATHE_RETURN_IF_ERROR(
        addRecipe(weight, type.getMatrix(), *weight.getPlace() + expert * getExpertBytes(type), expert));
  return absl::OkStatus();
}

absl::Status Packer::addRecipe(lm::WeightOp weight, lm::WeightType type, int64_t place, size_t expert) {
  auto tensor = mlir::dyn_cast<NameLoc>(weight.getLoc());
  Recipe recipe = {weight.getSymName().str(),
                   weight.getFile()->str(),
                   tensor ? tensor.getName().str() : "",
                   type,
                   weight.getStoredFormat(),
                   static_cast<int64_t>(weight.getUnpermute().value_or(0)),
                   static_cast<int64_t>(weight.getUnpermuteFrom().value_or(0)),
                   static_cast<int64_t>(weight.getGroup().value_or(1)),
                   static_cast<int64_t>(weight.getPitch().value_or(1)),
                   static_cast<int64_t>(weight.getTransposed().value_or(0)),
                   weight.getAddOne(),
                   weight.getNegateExp(),
                   place,
                   0};
  recipe.size = getPackedBytes(recipe.type);
  const FormatInfo &stored = getFormatInfo(recipe.stored);
  if (recipe.transposed && recipe.heads)
    return about(weight, "expects rows that are either turned round or unpermuted");
  if (!recipe.transposed && recipe.type.getColumns() % stored.block)
    return about(weight, "expects a multiple of " + llvm::Twine(stored.block) + " columns for " + stored.name);
  LATHE_RETURN_IF_ERROR(addParts(weight, expert, recipe));
  LATHE_RETURN_IF_ERROR(addScales(weight, expert, recipe));
  if (recipe.place < 0 || recipe.place > options.tensorsBytes || recipe.size > options.tensorsBytes - recipe.place)
    return about(weight, "expects a place in the tensor section of " + llvm::Twine(options.tensorsBytes) +
                             " bytes, found " + llvm::Twine(recipe.place) + " for " + llvm::Twine(recipe.size) +
                             " bytes");
  recipes.push_back(std::move(recipe));
  return absl::OkStatus();
}

absl::Status Packer::addParts(lm::WeightOp weight, size_t expert, Recipe &recipe) {
  const int64_t rows = recipe.type.isMatrix() ? recipe.storedRows() : 1;
  const int64_t columns = recipe.type.isMatrix() ? recipe.type.getColumns() : recipe.storedRows();
  const FormatInfo &stored = getFormatInfo(recipe.stored);
  recipe.partRows = rows / static_cast<int64_t>(weight.getRowParts().value_or(1));
  recipe.partColumns = columns / static_cast<int64_t>(weight.getColumnParts().value_or(1));
  if (weight.getColumnParts() && recipe.partColumns % stored.block)
    return about(weight, "expects parts of a multiple of " + llvm::Twine(stored.block) + " columns for " + stored.name);
  // Of a transposed matrix the last column ends before its row does.
  const uint64_t bytes = recipe.transposed ? rowBytes(recipe.stored, recipe.transposed) * (columns - 1) +
                                                 rowBytes(recipe.stored, llvm::alignTo(rows, stored.block))
                                           : rowBytes(recipe.stored, recipe.partColumns) * recipe.partRows;
  const size_t count = weight.getParts();
  for (size_t index = expert * count; index < (expert + 1) * count; ++index) {
    if (weight.getFiles())
      recipe.file = mlir::cast<StringAttr>((*weight.getFiles())[index]).str();
    const uint64_t offset = weight.getOffsets() ? (*weight.getOffsets())[index] : *weight.getOffset();
    LATHE_ASSIGN_OR_RETURN(llvm::StringRef file, open(recipe.file));
    if (offset > file.size() || bytes > file.size() - offset)
      return fileError(recipe.file, recipe.name,
                       "expected " + llvm::Twine(bytes) + " bytes at " + llvm::Twine(offset) + ", found a file of " +
                           llvm::Twine(file.size()));
    recipe.parts.push_back(reinterpret_cast<const uint8_t *>(file.data()) + offset);
  }
  return absl::OkStatus();
}

absl::Status Packer::addScales(lm::WeightOp weight, size_t expert, Recipe &recipe) {
  std::optional<llvm::ArrayRef<int64_t>> offsets = weight.getScaleOffsets();
  if (!offsets)
    return absl::OkStatus();
  const bool isFP8 = recipe.stored == Format::F8E4M3;
  if (!isFP8 && recipe.stored != Format::MXFP4)
    return about(weight, "expects scales beside f8_e4m3 or mxfp4 alone");
  llvm::StringRef path =
      weight.getScaleFiles() ? mlir::cast<StringAttr>((*weight.getScaleFiles())[expert]).getValue() : *weight.getFile();
  LATHE_ASSIGN_OR_RETURN(llvm::StringRef file, open(path));
  recipe.scaleRow = weight.getScaleRows() ? (*weight.getScaleRows())[expert] : 0;
  recipe.scaleColumns = static_cast<int64_t>(*weight.getScaleColumns());
  // Stored rows and columns: turned round, they are each other's.
  const int64_t rows = recipe.transposed ? recipe.type.getColumns() : recipe.storedRows();
  const int64_t columns = recipe.transposed ? recipe.storedRows() : recipe.type.getColumns();
  const int64_t lines = isFP8 ? (recipe.scaleRow + rows - 1) / kScaleBlock + 1 : rows;
  const int64_t each = isFP8 ? (columns + kScaleBlock - 1) / kScaleBlock : columns / 32;
  if (recipe.scaleColumns < each || lines > (int64_t(1) << 50) / recipe.scaleColumns)
    return about(weight, "expects at least " + llvm::Twine(each) + " scales to a row of blocks");
  const uint64_t offset = (*offsets)[expert];
  const uint64_t bytes = uint64_t((lines - 1) * recipe.scaleColumns + each) * (isFP8 ? 4 : 1);
  if (offset > file.size() || bytes > file.size() - offset)
    return fileError(path, recipe.name,
                     "expected " + llvm::Twine(bytes) + " bytes of scales at " + llvm::Twine(offset) +
                         ", found a file of " + llvm::Twine(file.size()));
  recipe.scales = reinterpret_cast<const uint8_t *>(file.data()) + offset;
  return absl::OkStatus();
}

absl::Status Packer::collect() {
  for (auto weight : module.getOps<lm::WeightOp>())
    LATHE_RETURN_IF_ERROR(addRecipes(weight));
  llvm::sort(recipes, [](const Recipe &a, const Recipe &b) { return a.place < b.place; });
  for (size_t i = 1; i < recipes.size(); ++i)
    if (recipes[i].place < recipes[i - 1].place + recipes[i - 1].size)
      return absl::InvalidArgumentError("lm.weight @" + recipes[i].name + ": expects a place of its own, but @" +
                                        recipes[i - 1].name + " lies there");
  // What no weight covers is written as zeros: a place far off would write them for hours.
  int64_t end = 0;
  auto isNear = [&](int64_t place) { return place - end < LRT_WEIGHTS_ALIGN; };
  for (const Recipe &recipe : recipes) {
    if (!isNear(recipe.place))
      return absl::InvalidArgumentError("lm.weight @" + recipe.name +
                                        ": expects a place right behind the weight before, at byte " +
                                        std::to_string(end) + ", but it is at " + std::to_string(recipe.place));
    end = recipe.place + recipe.size;
  }
  if (!isNear(options.tensorsBytes))
    return absl::InvalidArgumentError("lm.program: weights_bytes: expects the end of the last weight, " +
                                      std::to_string(end) + ", but found " + std::to_string(options.tensorsBytes));
  return absl::OkStatus();
}

absl::Status Packer::writeZeros(uint64_t count, ContentId *id) {
  static const char zeros[LRT_WEIGHTS_ALIGN] = {};
  while (count > 0) {
    llvm::StringRef some(zeros, std::min<uint64_t>(count, sizeof zeros));
    LATHE_RETURN_IF_ERROR(output.write(some));
    if (id)
      id->add(some);
    count -= some.size();
  }
  return absl::OkStatus();
}

/// A block whose largest value is below 127 (q8) or 15 (q4) times 2^-14 has a scale that f16 holds with less than 11
/// bits; below 2^-25 the scale is zero. Single blocks like that are expected: rows of tokens that no text had, neurons
/// that died. Their error is small beside the rounding of the same matrix's other blocks, and products add both. So a
/// matrix is refused only where its largest error exceeds what so many bits make of the matrix's own largest values.
static absl::Status checkError(const Recipe &recipe, const RoundingError &error) {
  if (!error.isWorse())
    return absl::OkStatus();
  const llvm::StringRef format = recipe.type.getInfo().name;
  return recipe.cannotHold("expected values large enough for the f16 scales of " + format + ", which then is off by " +
                           numberString(error.promised) + " at most, found ones that it is off by " +
                           numberString(error.found));
}

absl::Status Packer::writeTensors(ContentId &id) {
  const std::vector<Piece> pieces = cut(recipes);
  const unsigned threads = options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  Team team(pieces, threads);
  int64_t end = 0;
  RoundingError error; // of the matrix that the piece belongs to
  for (auto [index, piece] : llvm::enumerate(pieces)) {
    LATHE_RETURN_IF_ERROR(writeZeros(piece.place - end, &id));
    LATHE_ASSIGN_OR_RETURN(const Team::Result result, team.next(index));
    if (index == 0 || pieces[index - 1].recipe != piece.recipe)
      error = {};
    error.add(result.error);
    if (index + 1 == pieces.size() || pieces[index + 1].recipe != piece.recipe)
      LATHE_RETURN_IF_ERROR(checkError(*piece.recipe, error));
    LATHE_RETURN_IF_ERROR(output.write(result.bytes));
    id.add(result.bytes);
    end = piece.place + piece.size;
    if (options.progress)
      options.progress(end, options.tensorsBytes);
  }
  return writeZeros(options.tensorsBytes - end, &id);
}

absl::StatusOr<PackedWeights> Packer::write(llvm::StringRef tokenizer) {
  lrt_weights_header header = {};
  header.magic = LRT_WEIGHTS_MAGIC;
  header.version = LRT_ABI_VERSION;
  header.header_bytes = sizeof header;
  header.tensors_offset = LRT_WEIGHTS_ALIGN;
  header.tensors_bytes = options.tensorsBytes;
  header.tokenizer_offset = llvm::alignTo(header.tensors_offset + header.tensors_bytes, LRT_WEIGHTS_ALIGN);
  header.tokenizer_bytes = tokenizer.size();
  header.file_bytes = header.tokenizer_offset + header.tokenizer_bytes;

  ContentId tensors, tokens;
  LATHE_RETURN_IF_ERROR(writeZeros(header.tensors_offset));
  LATHE_RETURN_IF_ERROR(writeTensors(tensors));
  LATHE_RETURN_IF_ERROR(writeZeros(header.tokenizer_offset - header.tensors_offset - header.tensors_bytes));
  LATHE_RETURN_IF_ERROR(output.write(tokenizer));
  tokens.add(tokenizer);

  // Last, so that what was interrupted is no weights file.
  header.content_id[0] = tensors.finish();
  header.content_id[1] = tokens.finish();
  LATHE_RETURN_IF_ERROR(output.writeAt(0, {reinterpret_cast<const char *>(&header), sizeof header}));
  return PackedWeights{{header.content_id[0], header.content_id[1]}, header.file_bytes};
}

} // namespace

bool lathe::hasWeights(ModuleOp module) {
  return llvm::any_of(module.getOps<lm::WeightOp>(), [](lm::WeightOp weight) { return weight.getFile().has_value(); });
}

absl::StatusOr<PackedWeights> lathe::packWeights(ModuleOp module, llvm::StringRef tokenizer, OutputFile &output,
                                                 const PackOptions &options) {
  Packer packer(module, output, options);
  LATHE_RETURN_IF_ERROR(packer.collect());
  return packer.write(tokenizer);
}
