#include "compiler/weights/Panels.h"
#include "compiler/weights/Decode.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>
#include <vector>

using namespace lathe;
using llvm::support::endian::read16le;
using llvm::support::endian::read32le;
using llvm::support::endian::write16le;
using llvm::support::endian::write32le;

namespace {

// Codes of 4 neighbours along K as one word, one byte each: a step of a run of 32.
constexpr uint32_t low4 = 0x0f0f0f0f, low2 = 0x03030303, low1 = 0x01010101;

/// Where the parts of a run lie for one row: `depth` 4.
struct RunOfRow {
  RunOfRow(const PanelLayout &layout, int64_t row, uint8_t *run)
      : stride(layout.rows * 4), codes(run + row * 4), high(run + layout.highOffset + row * 4) {}
  int64_t stride; // from one step to the next
  uint8_t *codes, *high;
};

void writeRun(const PanelLayout &layout, int bits, const uint8_t *codes, int64_t row, uint8_t *run) {
  if (bits == 8) {
    for (int64_t step = 0; step < 32 / layout.depth; ++step)
      std::memcpy(run + (step * layout.rows + row) * layout.depth, codes + step * layout.depth, layout.depth);
    return;
  }
  RunOfRow at(layout, row, run);
  uint32_t steps[8];
  for (int g = 0; g < 8; ++g)
    steps[g] = read32le(codes + 4 * g);
  for (int g = 0; g < 4; ++g)
    write32le(at.codes + g * at.stride, (steps[g] & low4) | (steps[g + 4] & low4) << 4);
  if (bits == 5) {
    uint32_t word = 0;
    for (int g = 0; g < 8; ++g)
      word |= (steps[g] >> 4 & low1) << g;
    write32le(at.high, word);
  }
  if (bits == 6)
    for (int h = 0; h < 2; ++h) {
      uint32_t word = 0;
      for (int q = 0; q < 4; ++q)
        word |= (steps[4 * h + q] >> 4 & low2) << 2 * q;
      write32le(at.high + h * at.stride, word);
    }
}

void readRun(const PanelLayout &layout, int bits, uint8_t *codes, int64_t row, const uint8_t *run) {
  if (bits == 8) {
    for (int64_t step = 0; step < 32 / layout.depth; ++step)
      std::memcpy(codes + step * layout.depth, run + (step * layout.rows + row) * layout.depth, layout.depth);
    return;
  }
  RunOfRow at(layout, row, const_cast<uint8_t *>(run));
  for (int g = 0; g < 8; ++g) {
    uint32_t word = read32le(at.codes + g % 4 * at.stride) >> (g < 4 ? 0 : 4) & low4;
    if (bits == 5)
      word |= (read32le(at.high) >> g & low1) << 4;
    if (bits == 6)
      word |= (read32le(at.high + g / 4 * at.stride) >> g % 4 * 2 & low2) << 4;
    write32le(codes + 4 * g, word);
  }
}

} // namespace

bool lathe::isPackable(mlir::lm::WeightType type, std::string &reason) {
  llvm::raw_string_ostream stream(reason);
  const FormatInfo &info = type.getInfo();
  if (type.isVector()) {
    if (info.format != Format::F32)
      stream << "expects a vector to be packed as f32, but found " << type;
    return reason.empty();
  }
  if (!type.getLayout())
    stream << "expects a matrix with a layout, but found " << type << ": the module did not pass lm-pack-weights";
  else if (info.isScaled() && (type.getLayout().getDepth() != 1 || kScaleBlock % type.getLayout().getRows()))
    stream << "expects panels of depth 1 and rows that divide " << kScaleBlock << " for " << info.name << ", but found "
           << type;
  else if (info.isQuantised() && type.getLayout().getDepth() != 4 &&
           (info.bits != 8 || 32 % type.getLayout().getDepth()))
    stream << "expects panels of depth 4" << (info.bits == 8 ? " or 2" : "") << " for " << info.name << ", but found "
           << type;
  return reason.empty();
}

void PanelWriter::writeBlock(const Block &block, int64_t index, int64_t row, uint8_t *panel) const {
  uint8_t *bytes = panel + index * layout.blockBytes;
  const int64_t rows = layout.rows;
  auto writeScale = [&](uint8_t *scales) {
    if (info.hasTable()) {
      scales[row] = static_cast<uint8_t>(block.scale);
      return;
    }
    write16le(scales + 2 * row, block.scale);
    if (info.minimum)
      write16le(scales + 2 * (rows + row), block.minimum);
  };
  if (!info.subscales) {
    writeRun(layout, info.bits, block.codes.data(), row, bytes);
    writeScale(bytes + layout.codesBytes);
    return;
  }
  writeScale(bytes);
  for (int run = 0; run < 8; ++run) {
    uint8_t *at = bytes + layout.headBytes + run * layout.runBytes;
    writeRun(layout, info.bits, block.codes.data() + 32 * run, row, at);
    at += layout.codesBytes;
    at[row] = block.subscales[info.minimum ? run : 2 * run];
    at[rows + row] = info.minimum ? block.subminima[run] : block.subscales[2 * run + 1];
  }
}

template <int Bytes> static void copySteps(const uint8_t *from, int64_t count, uint8_t *to, int64_t stride) {
  for (int64_t step = 0; step < count; ++step)
    std::memcpy(to + step * stride, from + step * Bytes, Bytes);
}

void PanelWriter::writeElements(const uint8_t *elements, int64_t row, uint8_t *panel) const {
  const int64_t step = layout.depth * info.bytes, stride = layout.rows * step, bytes = columns * info.bytes;
  uint8_t *to = panel + layout.scalesBytes + row * step;
  switch (step) {
  case 2:
    copySteps<2>(elements, bytes / 2, to, stride);
    break;
  case 4:
    copySteps<4>(elements, bytes / 4, to, stride);
    break;
  default:
    for (int64_t i = 0; i < bytes / step; ++i)
      std::memcpy(to + i * stride, elements + i * step, step);
  }
  std::memcpy(to + bytes / step * stride, elements + bytes / step * step, bytes % step);
}

void PanelWriter::copyRow(const uint8_t *stored, int64_t row, uint8_t *panel) const {
  if (!info.isQuantised())
    return writeElements(stored, row, panel);
  for (int64_t i = 0; i < columns / info.block; ++i)
    writeBlock(readBlock(info.format, stored + i * info.bytes), i, row, panel);
}

void PanelWriter::writeScales(const float *scales, uint8_t *panel) const {
  // Kernels read values as f16 of the same bits, which are 256 times too small.
  for (int64_t block = 0; block * kScaleBlock < columns; ++block) {
    const float scale = scales[block] * 256;
    std::memcpy(panel + block * 4, &scale, 4);
  }
}

bool lathe::canConvertTo(Format format) {
  return llvm::is_contained({Format::F32, Format::F16, Format::BF16, Format::Q8_0, Format::Q4_1}, format);
}

bool PanelWriter::convertRow(const float *values, int64_t row, uint8_t *panel, RoundingError &error) const {
  if (info.isQuantised()) {
    Block block;
    for (int64_t i = 0; i < columns / info.block; ++i) {
      const float *from = values + i * info.block;
      const std::optional<float> promised = quantizeBlock(info.format, from, block);
      if (!promised)
        return false;
      error.add({*promised, hasCoarseScales(info, block) ? measureError(info, block, from) : 0});
      writeBlock(block, i, row, panel);
    }
    return true;
  }
  if (info.format == Format::F32) {
    writeElements(reinterpret_cast<const uint8_t *>(values), row, panel);
    return true;
  }
  static thread_local std::vector<uint16_t> halves;
  halves.resize(columns);
  for (int64_t i = 0; i < columns; ++i)
    halves[i] = info.format == Format::F16 ? floatToHalf(values[i]) : floatToBfloat(values[i]);
  writeElements(reinterpret_cast<const uint8_t *>(halves.data()), row, panel);
  return true;
}

void lathe::unpackRow(mlir::lm::WeightType type, const uint8_t *packed, int64_t row, float *out) {
  const int64_t columns = type.getColumns();
  if (!type.isMatrix()) {
    std::memcpy(out, packed, columns * sizeof(float));
    return;
  }
  const FormatInfo &info = type.getInfo();
  PanelLayout layout(type);
  const uint8_t *panel = packed + row / layout.rows * layout.panelBytes;
  row %= layout.rows;
  if (!info.isQuantised()) {
    for (int64_t k = 0; k < columns; ++k) {
      const uint8_t *element = panel + layout.scalesBytes +
                               ((k / layout.depth * layout.rows + row) * layout.depth + k % layout.depth) * info.bytes;
      decodeRow(info.format, element, 1, out + k);
      if (info.isScaled()) {
        float scale;
        std::memcpy(&scale, panel + k / kScaleBlock * 4, 4);
        out[k] *= scale / 256;
      }
    }
    return;
  }
  for (int64_t i = 0; i < columns / info.block; ++i) {
    const uint8_t *bytes = panel + i * layout.blockBytes;
    const uint8_t *scales = info.subscales ? bytes : bytes + layout.codesBytes;
    Block block;
    block.scale = info.hasTable() ? scales[row] : read16le(scales + 2 * row);
    if (info.minimum)
      block.minimum = read16le(scales + 2 * (layout.rows + row));
    for (int run = 0; run < info.block / 32; ++run) {
      const uint8_t *at = bytes + layout.headBytes + run * layout.runBytes;
      readRun(layout, info.bits, block.codes.data() + 32 * run, row, at);
      if (!info.subscales)
        continue;
      at += layout.codesBytes;
      block.subscales[info.minimum ? run : 2 * run] = at[row];
      (info.minimum ? block.subminima[run] : block.subscales[2 * run + 1]) = at[layout.rows + row];
    }
    dequantizeBlock(info, block, out + i * info.block);
  }
}
