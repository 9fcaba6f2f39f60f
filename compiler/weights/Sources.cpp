//===- Sources.cpp - matrices as a model's files hold them --------------------------------------------------------===//
//
// A reader for each way in which a format lies in files. Another way is a class here and its row in `readers`.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/weights/Sources.h"
#include "compiler/weights/Decode.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cstring>
#include <sys/mman.h>

using namespace lathe;
using namespace mlir::lm;

namespace {

/// Gives the whole pages of [begin, end) back. Without this the whole checkpoint would count as this process's memory.
void releasePages(const uint8_t *begin, const uint8_t *end) {
  constexpr uint64_t page = 4096;
  const uint64_t first = llvm::alignTo(reinterpret_cast<uintptr_t>(begin), page);
  const uint64_t last = llvm::alignDown(reinterpret_cast<uintptr_t>(end), page);
  if (first < last)
    madvise(reinterpret_cast<void *>(first), last - first, MADV_DONTNEED);
}

/// Numbers, or blocks with their scales, row after row.
class PlainReader : public MatrixReader {
public:
  explicit PlainReader(const StoredMatrix &matrix)
      : matrix(matrix), rowBytes(lathe::rowBytes(matrix.format, matrix.shape.pitch)) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    if (columns.size() == matrix.shape.pitch) {
      decodeRow(matrix.format, rowAt(rows.begin), rows.size() * columns.size(), out);
      return;
    }
    for (int64_t row = rows.begin; row < rows.end; ++row, out += columns.size())
      readPart(rowAt(row), columns, out);
  }
  const uint8_t *storedRow(int64_t row, std::vector<uint8_t> &) const override { return rowAt(row); }
  void release(IndexRange rows) const override { releasePages(rowAt(rows.begin), rowAt(rows.end)); }

protected:
  /// Some columns of the row at `bytes`: the whole blocks that hold them are decoded.
  void readPart(const uint8_t *bytes, IndexRange columns, float *out) const {
    const int64_t block = getFormatInfo(matrix.format).block;
    const IndexRange whole = {static_cast<int64_t>(llvm::alignDown(columns.begin, block)),
                              static_cast<int64_t>(llvm::alignTo(columns.end, block))};
    bytes += lathe::rowBytes(matrix.format, whole.begin);
    if (whole.size() == columns.size()) {
      decodeRow(matrix.format, bytes, whole.size(), out);
      return;
    }
    llvm::SmallVector<float, 1024> values(whole.size());
    decodeRow(matrix.format, bytes, whole.size(), values.data());
    std::copy_n(values.data() + (columns.begin - whole.begin), columns.size(), out);
  }

  StoredMatrix matrix;

private:
  const uint8_t *rowAt(int64_t row) const { return matrix.get(SourceRole::Values).bytes + row * rowBytes; }

  int64_t rowBytes;
};

/// f8_e4m3: an f32 for every kScaleBlock x kScaleBlock values of the tensor that the matrix is part of.
class BlockScaledReader : public PlainReader {
public:
  explicit BlockScaledReader(const StoredMatrix &matrix)
      : PlainReader(matrix), scales(matrix.get(SourceRole::Scales)),
        perRow((matrix.shape.pitch + kScaleBlock - 1) / kScaleBlock) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    PlainReader::read(rows, columns, out);
    for (int64_t row = rows.begin; row < rows.end; ++row)
      for (int64_t column = columns.begin; column < columns.end;) {
        const int64_t end = std::min<int64_t>(llvm::alignTo(column + 1, kScaleBlock), columns.end);
        const float scale = scaleAt(row, column);
        for (; column < end; ++column)
          *out++ *= scale;
      }
  }
  void readScales(int64_t row, float *out) const override {
    for (int64_t column = 0; column < matrix.shape.columns; column += kScaleBlock)
      *out++ = scaleAt(row, column);
  }

private:
  float scaleAt(int64_t row, int64_t column) const {
    float scale;
    std::memcpy(&scale, scales.bytes + ((scales.row + row) / kScaleBlock * perRow + column / kScaleBlock) * 4, 4);
    return scale;
  }

  StoredMatrix::Source scales;
  int64_t perRow; // scales to a row of blocks
};

/// MXFP4 with the scales apart, a byte for each block, as gpt-oss has it. There neighbouring values share a byte; in a
/// block of the format, values 16 apart do.
class SplitMXFP4Reader : public PlainReader {
public:
  explicit SplitMXFP4Reader(const StoredMatrix &matrix) : PlainReader(matrix), blocks(matrix.shape.pitch / 32) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    llvm::SmallVector<uint8_t, 2048> bytes(blocks * 17);
    for (int64_t row = rows.begin; row < rows.end; ++row, out += columns.size()) {
      join(row, bytes.data());
      readPart(bytes.data(), columns, out);
    }
  }
  const uint8_t *storedRow(int64_t row, std::vector<uint8_t> &scratch) const override {
    scratch.resize(blocks * 17);
    join(row, scratch.data());
    return scratch.data();
  }
  void release(IndexRange) const override {}

private:
  /// The blocks of a row as the format has them: a scale, then 16 bytes of codes.
  void join(int64_t row, uint8_t *out) const {
    const uint8_t *codes = matrix.get(SourceRole::Values).bytes + row * blocks * 16;
    const uint8_t *scales = matrix.get(SourceRole::Scales).bytes + row * blocks;
    for (int64_t i = 0; i < blocks; ++i, codes += 16, out += 17) {
      out[0] = scales[i];
      auto codeOf = [&](int value) { return codes[value / 2] >> value % 2 * 4 & 15; };
      for (int j = 0; j < 16; ++j)
        out[1 + j] = static_cast<uint8_t>(codeOf(j) | codeOf(j + 16) << 4);
    }
  }

  int64_t blocks; // in a row
};

/// Values of 4 or 8 bits, neighbours side by side, with scales and perhaps zero points apart (MatMulNBits of ONNX
/// Runtime): value = scale * (q - zero point). As rows of q4_0, q4_1 or q8_0 the scales are float16, and a block of the
/// file is several blocks of 32.
class SplitBlocksReader : public MatrixReader {
public:
  explicit SplitBlocksReader(const StoredMatrix &matrix)
      : matrix(matrix), info(getFormatInfo(matrix.format)), scales(matrix.get(SourceRole::Scales)),
        zeroPoints(matrix.get(SourceRole::ZeroPoints)), block(scales.rule->columns),
        perRow(scales.rule->perRow(matrix.shape.pitch)), rowBytes(matrix.shape.pitch * info.bits / 8) {}

  void read(IndexRange rows, IndexRange columns, float *out) const override {
    for (int64_t row = rows.begin; row < rows.end; ++row)
      for (int64_t column = columns.begin; column < columns.end;) {
        const int64_t end = std::min(columns.end, (column / block + 1) * block);
        const float scale = scaleAt(row, column / block);
        const int zero = zeroAt(row, column / block);
        for (; column < end; ++column)
          *out++ = static_cast<float>(quantisedAt(row, column) - zero) * scale;
      }
  }
  const uint8_t *storedRow(int64_t row, std::vector<uint8_t> &scratch) const override {
    const bool isWhole = block % 32 == 0 && matrix.shape.columns % 32 == 0;
    if (!isWhole || (info.format == Format::Q8_0 && zeroPoints.bytes))
      return nullptr;
    scratch.resize(matrix.shape.columns / 32 * info.bytes);
    uint8_t *out = scratch.data();
    for (int64_t column = 0; column < matrix.shape.columns; column += 32, out += info.bytes)
      writeBlock(row, column, out);
    return scratch.data();
  }
  void release(IndexRange) const override {}

private:
  int quantisedAt(int64_t row, int64_t column) const {
    const uint8_t *bytes = matrix.get(SourceRole::Values).bytes + row * rowBytes;
    return info.bits == 8 ? bytes[column] : bytes[column / 2] >> column % 2 * 4 & 15;
  }
  float scaleAt(int64_t row, int64_t index) const {
    const uint8_t *at = scales.bytes + (row * perRow + index) * scales.rule->bytes;
    if (scales.rule->bytes == 2) {
      uint16_t half;
      std::memcpy(&half, at, 2);
      return halfToFloat(half);
    }
    float scale;
    std::memcpy(&scale, at, 4);
    return scale;
  }
  int zeroAt(int64_t row, int64_t index) const {
    if (!zeroPoints.bytes)
      return 1 << (info.bits - 1);
    // Two of 4 bits to a byte; each row begins with a byte of its own.
    const uint8_t *bytes = zeroPoints.bytes + row * zeroPoints.rule->perRow(matrix.shape.pitch);
    return zeroPoints.rule->columns == block ? bytes[index] : bytes[index / 2] >> index % 2 * 4 & 15;
  }
  /// 32 values as the format stores them.
  void writeBlock(int64_t row, int64_t column, uint8_t *out) const {
    const float scale = scaleAt(row, column / block);
    const int zero = zeroAt(row, column / block);
    auto append = [&](float value) {
      const uint16_t half = floatToHalf(value);
      std::memcpy(out, &half, 2);
      out += 2;
    };
    append(scale);
    if (info.minimum)
      append(-scale * static_cast<float>(zero)); // ggml adds it
    auto pair = [&](int i) { return quantisedAt(row, column + i) | quantisedAt(row, column + i + 16) << 4; };
    for (int i = 0; i < 32 * info.bits / 8; ++i)
      *out++ = static_cast<uint8_t>(info.bits == 8 ? quantisedAt(row, column + i) ^ 0x80 : pair(i));
  }

  StoredMatrix matrix;
  const FormatInfo &info;
  StoredMatrix::Source scales, zeroPoints;
  int64_t block, perRow, rowBytes; // perRow: scales of a row
};

template <typename Reader> std::unique_ptr<MatrixReader> make(const StoredMatrix &matrix) {
  return std::make_unique<Reader>(matrix);
}

/// Formats whose files keep something apart.
const struct {
  Format format;
  SourceRole apart;
  std::unique_ptr<MatrixReader> (*make)(const StoredMatrix &);
} readers[] = {
    {Format::F8E4M3, SourceRole::Scales, make<BlockScaledReader>},
    {Format::MXFP4, SourceRole::Scales, make<SplitMXFP4Reader>},
    {Format::Q4_0, SourceRole::Scales, make<SplitBlocksReader>},
    {Format::Q4_1, SourceRole::Scales, make<SplitBlocksReader>},
    {Format::Q8_0, SourceRole::Scales, make<SplitBlocksReader>},
};

} // namespace

uint64_t lathe::getSourceBytes(const StoredMatrix &matrix, SourceRole role, llvm::ArrayRef<SourceRole> apart) {
  const StoredShape &shape = matrix.shape;
  if (const std::optional<SourceRule> &rule = matrix.get(role).rule) {
    const int64_t rows = rule->rowOf(matrix.get(role).row + shape.rows - 1) + 1;
    return ((rows - 1) * rule->perRow(shape.pitch) + rule->perRow(shape.columns)) * rule->bytes;
  }
  const FormatInfo &info = getFormatInfo(matrix.format);
  int64_t bytes = info.bytes;
  for (SourceRole other : apart)
    bytes = matrix.get(other).rule->blockBytes;
  if (!apart.empty() && info.isQuantised() && !info.hasTable())
    return (shape.rows - 1) * (shape.pitch * info.bits / 8) + (shape.columns * info.bits + 7) / 8;
  // Columns may be left out: the last row then ends before the next would begin.
  const int64_t last = (shape.columns + info.block - 1) / info.block;
  return ((shape.rows - 1) * (shape.pitch / info.block) + last) * bytes;
}

std::unique_ptr<MatrixReader> lathe::makeSourceReader(const StoredMatrix &matrix) {
  for (const auto &reader : readers)
    if (reader.format == matrix.format && matrix.get(reader.apart).bytes)
      return reader.make(matrix);
  return make<PlainReader>(matrix);
}
