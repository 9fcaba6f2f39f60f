//===- PackedMatrix.cpp - one matrix or vector of the weights file ------------------------------------------------===//

#include "compiler/weights/PackedMatrix.h"
#include "compiler/support/Errors.h"
#include "compiler/weights/Sources.h"
#include "compiler/weights/Steps.h"
#include <cstring>

using namespace lathe;
using namespace mlir;

absl::Status PackedMatrix::cannotHold(const llvm::Twine &message) const {
  return fileError(file, tensor.empty() ? name : name + " (" + tensor + ")", message + "; --weights bf16 keeps them");
}

bool PackedMatrix::copiesRows() const {
  std::vector<uint8_t> scratch;
  return stored == type.getFormat() && reader->storedRow(0, scratch);
}

/// Bits move, nothing is rounded.
absl::Status PackedMatrix::copyPanels(int64_t first, int64_t count, uint8_t *out) const {
  const PanelLayout layout(type);
  const PanelWriter writer(type);
  const size_t blocks = type.getInfo().isScaled() ? (type.getColumns() + kScaleBlock - 1) / kScaleBlock : 0;
  std::vector<float> scales(blocks), ofPanel(blocks);
  std::vector<uint8_t> scratch;
  const int64_t end = std::min((first + count) * layout.rows, type.getRows());
  for (int64_t row = first * layout.rows; row < end; ++row) {
    uint8_t *panel = out + (row / layout.rows - first) * layout.panelBytes;
    writer.copyRow(reader->storedRow(row, scratch), row % layout.rows, panel);
    if (blocks == 0)
      continue;
    std::fill(scales.begin(), scales.end(), 1.0f);
    reader->readScales(row, scales.data());
    if (row % layout.rows == 0) {
      writer.writeScales(scales.data(), panel);
      ofPanel = scales;
    } else if (std::memcmp(scales.data(), ofPanel.data(), blocks * sizeof(float)) != 0) {
      return cannotHold("row " + llvm::Twine(row) + ": expected the scales of the " + llvm::Twine(layout.rows) +
                        " rows of its panel, found others");
    }
  }
  return absl::OkStatus();
}

absl::Status PackedMatrix::writePanels(int64_t first, int64_t count, uint8_t *out, RoundingError &error) const {
  if (copiesRows())
    return copyPanels(first, count, out);
  const PanelLayout layout(type);
  const PanelWriter writer(type);
  const int64_t columns = type.getColumns(), end = std::min((first + count) * layout.rows, type.getRows());
  // Mostly one row, which stays in a core's first cache.
  const int64_t atOnce = reader->mixesRows() ? end - first * layout.rows : 1;
  std::vector<float> values(atOnce * columns);
  for (int64_t row = first * layout.rows; row < end; row += atOnce) {
    reader->read({row, row + atOnce}, {0, columns}, values.data());
    for (int64_t i = row; i < row + atOnce; ++i) {
      uint8_t *panel = out + (i / layout.rows - first) * layout.panelBytes;
      if (!writer.convertRow(values.data() + (i - row) * columns, i % layout.rows, panel, error))
        return cannotHold("row " + llvm::Twine(i) +
                          ": expected finite values that f16 scales can hold, to convert to " + type.getInfo().name +
                          ", found others");
    }
  }
  return absl::OkStatus();
}

void PackedMatrix::writeVector(uint8_t *out) const {
  reader->read({0, type.getRows()}, {0, 1}, reinterpret_cast<float *>(out));
}

namespace {

/// Makes the readers of one weight's matrices.
class ReaderBuilder {
public:
  ReaderBuilder(lm::WeightOp weight, MappedFiles &files, ArrayRef<lm::StoredShape> shapes)
      : weight(weight), files(files), shapes(shapes), matrices(weight.getWeightType().getExperts()) {
    for (auto source : weight.getSources()->getAsRange<lm::SourceAttr>()) {
      roles.push_back(source.getRole());
      segments.push_back(source.getSegments());
    }
  }

  absl::StatusOr<std::unique_ptr<MatrixReader>> build(int64_t matrix);
  /// Where its values begin.
  llvm::StringRef fileOf(int64_t matrix) const { return segments.front()[matrix].file.getValue(); }

private:
  absl::StatusOr<StoredMatrix> open(int64_t matrix, int64_t part);

  lm::WeightOp weight;
  MappedFiles &files;
  ArrayRef<lm::StoredShape> shapes; // what each step reads, and the result
  int64_t matrices;
  SmallVector<lm::SourceRole, 2> roles;
  SmallVector<SmallVector<lm::SourceSegment>, 2> segments; // of each role
};

absl::StatusOr<StoredMatrix> ReaderBuilder::open(int64_t matrix, int64_t part) {
  StoredMatrix stored;
  stored.format = weight.getStoredFormat();
  stored.shape = shapes.front();
  // How many bytes the values have depends on what lies apart.
  for (lm::SourceRole role : ArrayRef(roles).drop_front())
    stored.get(role).rule = lm::getSourceRule(stored.format, role, weight.getSource(role).getFormat());
  for (auto [role, ofRole] : llvm::zip_equal(roles, segments)) {
    const lm::SourceSegment &segment = ofRole[part * matrices + matrix];
    const llvm::StringRef path = segment.file.getValue();
    LATHE_ASSIGN_OR_RETURN(llvm::StringRef file, files.open(path));
    stored.get(role).row = segment.row;
    const uint64_t offset = segment.offset, bytes = getSourceBytes(stored, role, ArrayRef(roles).drop_front());
    if (offset > file.size() || bytes > file.size() - offset)
      return fileError(path, weight.getSymName(),
                       "expected " + llvm::Twine(bytes) + " bytes " +
                           (role == lm::SourceRole::Values ? "" : "of " + stringifySourceRole(role) + " ") + "at " +
                           llvm::Twine(offset) + ", found a file of " + llvm::Twine(file.size()));
    stored.get(role).bytes = reinterpret_cast<const uint8_t *>(file.data()) + offset;
  }
  return stored;
}

absl::StatusOr<std::unique_ptr<MatrixReader>> ReaderBuilder::build(int64_t matrix) {
  std::vector<std::unique_ptr<MatrixReader>> readers;
  for (int64_t part = 0; part < weight.getParts(); ++part) {
    LATHE_ASSIGN_OR_RETURN(const StoredMatrix stored, open(matrix, part));
    readers.push_back(makeSourceReader(stored));
  }
  if (weight.getRecipe())
    for (auto [index, step] : llvm::enumerate(weight.getRecipe()->getAsRange<lm::RecipeStep>())) {
      std::unique_ptr<MatrixReader> result =
          makeStepReader(step, {weight.getStoredFormat(), shapes[index], shapes[index + 1]}, std::move(readers));
      readers.clear();
      readers.push_back(std::move(result));
    }
  return std::move(readers.front());
}

} // namespace

absl::Status lathe::addMatrices(lm::WeightOp weight, MappedFiles &files, std::vector<PackedMatrix> &out) {
  auto about = [&](const llvm::Twine &message) {
    return absl::InvalidArgumentError(("lm.weight @" + weight.getSymName() + ": " + message).str());
  };
  const lm::WeightType type = weight.getWeightType();
  std::string reason;
  if (!isPackable(type, reason))
    return about(reason);
  if (!weight.getSources())
    return about("expects a source of values like the other weights");
  if (!weight.getOffset())
    return about("expects an offset in the weights file");
  auto shapes = lm::getRecipeShapes(weight, [&] { return weight.emitOpError(); });
  if (failed(shapes))
    return about("expects a recipe that the verifier accepts");

  ReaderBuilder builder(weight, files, *shapes);
  const auto tensor = dyn_cast<NameLoc>(weight.getLoc());
  for (int64_t i = 0; i < type.getExperts(); ++i) {
    PackedMatrix matrix;
    matrix.name = weight.getSymName().str();
    matrix.file = builder.fileOf(i).str();
    matrix.tensor = tensor ? tensor.getName().str() : "";
    matrix.type = type.isExperts() ? type.getMatrix() : type;
    matrix.stored = weight.getStoredFormat();
    matrix.size = getPackedBytes(matrix.type);
    matrix.offset = *weight.getOffset() + (type.isExperts() ? i * getExpertBytes(type) : 0);
    LATHE_ASSIGN_OR_RETURN(matrix.reader, builder.build(i));
    if (matrix.type.isMatrix() && !canConvertTo(type.getFormat()) && !matrix.copiesRows())
      return about("expects rows stored as " + type.getInfo().name + ", to which nothing is converted, but found " +
                   getFormatInfo(matrix.stored).name + (weight.getRecipe() ? " and steps that change them" : ""));
    out.push_back(std::move(matrix));
  }
  return absl::OkStatus();
}
