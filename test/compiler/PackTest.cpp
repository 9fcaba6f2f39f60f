// Every format, packed from random rows and read back, is what decodeRow says the rows are.

#include "compiler/weights/Pack.h"
#include "compiler/weights/Decode.h"
#include "compiler/weights/Panels.h"
#include "dialects/lm/LMDialect.h"
#include "lrt/abi.h"
#include "lrt/weights.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace lathe;
using namespace mlir;

namespace {

const FormatInfo allFormats[] = {
#define LATHE_FORMAT_ROW(id, name, bits, block, bytes, group, offset, minimum, subscales)                              \
  {Format::id, name, bits, block, bytes, group, offset, minimum, subscales},
    LATHE_FORMATS(LATHE_FORMAT_ROW)
#undef LATHE_FORMAT_ROW
};

class PackTest : public testing::Test {
protected:
  PackTest() : context(MLIRContext::Threading::DISABLED) {
    context.loadDialect<lm::LMDialect>();
    llvm::SmallString<128> path;
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("lathe-pack-test", path));
    folder = path.str().str();
  }
  ~PackTest() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(llvm::StringRef name) const { return folder + "/" + name.str(); }

  /// A file of random blocks whose scales are finite.
  std::string randomRows(const FormatInfo &info, int64_t rows, int64_t columns) {
    std::string bytes(rows * rowBytes(info.format, columns), '\0');
    for (char &byte : bytes)
      byte = static_cast<char>(random());
    // Clears an exponent's upper bits: no infinities, no NaN.
    auto makeFinite = [&](size_t at, bool isWide) { bytes[at] &= isWide ? 0xbf : 0xbb; };
    if (!info.isQuantised()) {
      for (size_t at = info.bytes - 1; at < bytes.size(); at += info.bytes)
        makeFinite(at, info.format != Format::F16);
    } else {
      for (size_t block = 0; block < bytes.size(); block += info.bytes) {
        makeFinite(block + (info.format == Format::Q6_K ? 209 : 1), false);
        if (info.minimum)
          makeFinite(block + 3, false);
      }
    }
    return bytes;
  }

  void writeFile(llvm::StringRef name, llvm::StringRef bytes) {
    std::error_code error;
    llvm::raw_fd_ostream stream(path(name), error);
    stream << bytes;
    ASSERT_FALSE(error);
  }

  OwningOpRef<ModuleOp> parse(const std::string &text) { return parseSourceString<ModuleOp>(text, &context); }

  absl::StatusOr<PackedWeights> pack(ModuleOp module, int64_t bytes, llvm::StringRef tokenizer = "",
                                     unsigned threads = 2) {
    auto output = OutputFile::create(path("out.weights"), OutputKind::Weights);
    EXPECT_TRUE(output.ok());
    PackOptions options;
    options.tensorsBytes = bytes;
    options.threads = threads;
    auto packed = packWeights(module, tokenizer, **output, options);
    if (packed.ok()) {
      EXPECT_TRUE((*output)->keep().ok());
      file = std::move(*llvm::MemoryBuffer::getFile(path("out.weights"), false, false));
    }
    return packed;
  }

  const uint8_t *tensors() const {
    return reinterpret_cast<const uint8_t *>(file->getBufferStart()) + LRT_WEIGHTS_ALIGN;
  }

  /// Packs one weight and compares it with `expected(row)`. `segments`: the text after the stored format; if empty, the
  /// bytes of "in" from the third on.
  void expectRows(llvm::StringRef type, llvm::StringRef stored, llvm::StringRef recipe,
                  llvm::function_ref<std::vector<float>(int64_t)> expected, const std::string &segments = "") {
    SCOPED_TRACE((type + " stored " + stored + " " + recipe).str());
    const std::string from = segments.empty() ? "\"" + path("in") + "\" at 3" : segments;
    OwningOpRef<ModuleOp> module = parse(("lm.weight @w : !lm.weight<" + type + "> from " + stored + " " + from +
                                          (recipe.empty() ? "" : " recipe [" + recipe + "]") + " offset 64")
                                             .str());
    ASSERT_TRUE(module);
    auto weight = *module->getOps<lm::WeightOp>().begin();
    auto packed = pack(*module, 64 + getPackedBytes(weight.getWeightType()));
    ASSERT_TRUE(packed.ok()) << packed.status().message();
    const int64_t columns = weight.getWeightType().getColumns();
    std::vector<float> found(columns);
    for (int64_t row = 0; row < (weight.getWeightType().isMatrix() ? weight.getWeightType().getRows() : 1); ++row) {
      unpackRow(weight.getWeightType(), tensors() + 64, row, found.data());
      std::vector<float> wanted = expected(row);
      for (int64_t k = 0; k < columns; ++k)
        ASSERT_EQ(found[k], wanted[k]) << "row " << row << " column " << k;
    }
  }

  /// The error about a weight alone in its file.
  std::string refusal(const std::string &weight) {
    OwningOpRef<ModuleOp> module = parse("lm.weight @w : " + weight + " offset 0");
    auto packed = pack(*module, getPackedBytes((*module->getOps<lm::WeightOp>().begin()).getWeightType()));
    EXPECT_FALSE(packed.ok());
    return packed.ok() ? std::string() : std::string(packed.status().message());
  }

  MLIRContext context;
  std::mt19937 random{7};
  std::string folder;
  std::unique_ptr<llvm::MemoryBuffer> file;
};

std::vector<float> decode(const FormatInfo &info, llvm::StringRef bytes, int64_t row, int64_t columns) {
  std::vector<float> values(columns);
  decodeRow(info.format, reinterpret_cast<const uint8_t *>(bytes.data()) + row * rowBytes(info.format, columns),
            columns, values.data());
  return values;
}

TEST_F(PackTest, StoredBitsMoveUnchanged) {
  for (const FormatInfo &info : allFormats)
    for (int depth : {1, 2, 4}) {
      if ((info.isQuantised() && !(depth == 4 || (depth == 2 && info.bits == 8))) || (info.isScaled() && depth > 1))
        continue;
      // Rows that fill no panel, columns that fill no step of an odd matrix.
      const int64_t rows = 37, columns = info.isQuantised() ? 3 * 256 : 75;
      std::string bytes = randomRows(info, rows, columns);
      writeFile("in", "xyz" + bytes);
      std::string type = std::to_string(rows) + "x" + std::to_string(columns) + "x" + info.name.str() + ", <16 x " +
                         std::to_string(depth) + ">";
      expectRows(type, info.name, "", [&](int64_t row) { return decode(info, bytes, row, columns); });
    }
}

/// Each as the first of 32 values, the others smaller in turn.
TEST_F(PackTest, QuantisedBlocksKeepTheirPromise) {
  for (Format format : {Format::Q8_0, Format::Q4_1}) {
    const FormatInfo &info = getFormatInfo(format);
    for (float largest : {60000.0f, 1.0f, 0.01f, 0x1p-14f * 127, 1e-3f, 1e-5f, 1e-6f, 1e-9f, 1e-30f, 0.0f}) {
      float values[32];
      for (int j = 0; j < 32; ++j)
        values[j] = largest * (1 - 0.0617f * static_cast<float>(j));
      lathe::Block block;
      const std::optional<float> promised = quantizeBlock(format, values, block);
      ASSERT_TRUE(promised);
      const RoundingError error = {*promised, measureError(info, block, values)};
      // A scale of 2^-14 and more is a normal f16.
      const bool isCoarse = largest < 0x1p-14f * 127;
      if (format == Format::Q8_0)
        EXPECT_EQ(hasCoarseScales(info, block), isCoarse) << largest;
      if (!hasCoarseScales(info, block) || largest == 0)
        EXPECT_FALSE(error.isWorse()) << largest << " " << error.promised << " " << error.found;
      // Steps of 2^-24 are more than half of what they should be; below that nothing is left.
      if (largest > 0 && largest <= 1e-6f)
        EXPECT_TRUE(error.isWorse()) << largest;
      if (largest <= 1e-9f)
        EXPECT_EQ(error.found, largest);
    }
  }
}

/// Rows of tokens that no text had, dead neurons: what is lost is less than what the other rows lose.
TEST_F(PackTest, SmallRowsBesideOthersAreNoError) {
  std::string bytes;
  for (int i = 0; i < 16 * 32; ++i) {
    const float value = static_cast<float>(i % 32 - 16) * (i < 32 * 15 ? 1e-12f : 1e-2f);
    bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
  }
  writeFile("in", bytes);
  for (auto [format, size] : {std::pair("q8_0", 16 * 34), std::pair("q4_1", 16 * 20)}) {
    OwningOpRef<ModuleOp> module = parse("lm.weight @w : !lm.weight<16x32x" + std::string(format) +
                                         ", <16 x 4>> from f32 \"" + path("in") + "\" at 0 offset 0");
    ASSERT_TRUE(module);
    auto packed = pack(*module, size);
    EXPECT_TRUE(packed.ok()) << packed.status().message();
  }
}

/// The comment in Layout.h, spelled out for one code.
int codeAt(const PanelLayout &layout, const FormatInfo &info, const uint8_t *run, int64_t row, int k) {
  if (info.bits == 8)
    return run[(k / layout.depth * layout.rows + row) * layout.depth + k % layout.depth];
  const int64_t step = k / 4, lane = row * 4 + k % 4, stepBytes = layout.rows * 4;
  int code = run[step % 4 * stepBytes + lane] >> (step < 4 ? 0 : 4) & 15;
  const uint8_t *high = run + layout.rows * 16;
  if (info.bits == 5)
    code |= (high[lane] >> step & 1) << 4;
  if (info.bits == 6)
    code |= (high[step / 4 * stepBytes + lane] >> 2 * (step % 4) & 3) << 4;
  return code;
}

TEST_F(PackTest, BytesLieWhereLayoutSays) {
  for (const FormatInfo &info : allFormats) {
    if (!info.isQuantised())
      continue;
    SCOPED_TRACE(info.name.str());
    std::string bytes = randomRows(info, 20, 512);
    writeFile("in", bytes);
    OwningOpRef<ModuleOp> module = parse("lm.weight @w : !lm.weight<20x512x" + info.name.str() + ", <16 x 4>> from \"" +
                                         path("in") + "\" at 0 offset 0");
    auto type = (*module->getOps<lm::WeightOp>().begin()).getWeightType();
    ASSERT_TRUE(pack(*module, getPackedBytes(type)).ok());
    const PanelLayout layout(type);
    for (int64_t row = 0; row < 32; ++row)
      for (int64_t index = 0; index < 512 / info.block; ++index) {
        lathe::Block block{};
        block.codes.fill(0);
        if (row < 20)
          block = readBlock(info.format, reinterpret_cast<const uint8_t *>(bytes.data()) +
                                             (row * 512 / info.block + index) * info.bytes);
        const int64_t r = row % 16;
        const uint8_t *place = tensors() + row / 16 * layout.panelBytes + index * layout.blockBytes;
        const uint8_t *scales = place + (info.subscales ? 0 : layout.codesBytes);
        EXPECT_EQ(info.hasTable() ? scales[r] : scales[2 * r] | scales[2 * r + 1] << 8, block.scale);
        if (info.minimum) {
          EXPECT_EQ(scales[32 + 2 * r] | scales[33 + 2 * r] << 8, block.minimum);
        }
        for (int k = 0; k < info.block; ++k) {
          const uint8_t *run = place + layout.headBytes + k / 32 * layout.runBytes;
          ASSERT_EQ(codeAt(layout, info, run, r, k % 32), block.codes[k]) << "row " << row << " column " << k;
          if (!info.subscales)
            continue;
          const uint8_t *subscales = run + layout.codesBytes;
          ASSERT_EQ(subscales[info.minimum || k % 32 < 16 ? r : 16 + r], block.subscales[k / info.group]);
          if (info.minimum) {
            ASSERT_EQ(subscales[16 + r], block.subminima[k / 32]);
          }
        }
      }
  }
}

TEST_F(PackTest, PartsOfRowsAndColumnsComeTogether) {
  for (const FormatInfo &info : allFormats) {
    SCOPED_TRACE(info.name.str());
    // Three parts of 7 rows, or two of 256 columns: the borders lie in a panel, or in every row.
    const int64_t rows = 21, columns = 512;
    const std::string bytes = randomRows(info, rows, columns);
    const uint64_t row = rowBytes(info.format, columns), half = rowBytes(info.format, columns / 2);
    std::string left, right;
    for (int64_t i = 0; i < rows; ++i) {
      left += bytes.substr(i * row, half);
      right += bytes.substr(i * row + half, half);
    }
    writeFile("a", "xyz" + bytes.substr(0, 7 * row));
    writeFile("b", bytes.substr(7 * row, 7 * row));
    writeFile("c", "x" + bytes.substr(14 * row));
    writeFile("left", left);
    writeFile("right", "xx" + right);
    writeFile("in", "");
    const std::string type = "21x512x" + info.name.str() + (info.isScaled() ? ", <16 x 1>" : ", <16 x 4>");
    auto expected = [&](int64_t i) { return decode(info, bytes, i, columns); };
    const std::string rowParts = "\"" + path("a") + "\" at 3, \"" + path("b") + "\" at 0, \"" + path("c") + "\" at 1";
    const std::string columnParts = "\"" + path("left") + "\" at 0, \"" + path("right") + "\" at 2";
    expectRows(type, info.name, "#lm.concat<rows, parts = 3>", expected, rowParts);
    expectRows(type, info.name, "#lm.concat<columns, parts = 2>", expected, columnParts);
    // Converted on the way, and rotary rows put in order.
    expectRows("21x512xf32, <16 x 1>", info.name, "#lm.concat<columns, parts = 2>", expected, columnParts);
    expectRows(
        "21x512xf32, <16 x 1>", info.name, "#lm.concat<rows, parts = 3>, #lm.unpermute<heads = 1, from = 1>",
        [&](int64_t i) { return i == 0 ? expected(0) : expected(1 + (i - 1) % 10 * 2 + (i - 1) / 10); }, rowParts);
    // Rows of all parts become columns.
    for (const auto &[step, segments] :
         {std::pair("#lm.concat<rows, parts = 3>", rowParts), std::pair("#lm.concat<columns, parts = 2>", columnParts)})
      expectRows(
          "512x21xf32, <16 x 1>", info.name, std::string(step) + ", #lm.transpose",
          [&](int64_t i) {
            std::vector<float> column;
            for (int64_t row = 0; row < rows; ++row)
              column.push_back(expected(row)[i]);
            return column;
          },
          segments);
  }
}

TEST_F(PackTest, PartsAreQuantisedAsTheWholeIs) {
  const FormatInfo &info = getFormatInfo(Format::BF16);
  const std::string bytes = randomRows(info, 8, 64);
  writeFile("in", "xyz" + bytes);
  OwningOpRef<ModuleOp> module =
      parse("lm.weight @w : !lm.weight<8x64xq8_0, <16 x 4>> from bf16 \"" + path("in") + "\" at 3 offset 0");
  auto type = (*module->getOps<lm::WeightOp>().begin()).getWeightType();
  ASSERT_TRUE(pack(*module, getPackedBytes(type)).ok());
  std::vector<std::vector<float>> whole(8, std::vector<float>(64));
  for (int64_t row = 0; row < 8; ++row)
    unpackRow(type, tensors(), row, whole[row].data());
  std::string halves[2];
  for (int64_t row = 0; row < 16; ++row)
    halves[row % 2] += bytes.substr(row * 64, 64); // 32 values
  writeFile("in", halves[0] + halves[1]);
  expectRows(
      "8x64xq8_0, <16 x 4>", "bf16", "#lm.concat<columns, parts = 2>", [&](int64_t row) { return whole[row]; },
      "\"" + path("in") + "\" at 0, 512");
}

/// f8_e4m3 of which this matrix begins at row 100 of its tensor: a scale for each 128 x 128 values of that.
TEST_F(PackTest, BlocksOfFloat8AreScaled) {
  const FormatInfo &info = getFormatInfo(Format::F8E4M3);
  const int64_t first = 100, rows = 40, columns = 200;
  std::string bytes = randomRows(info, rows, columns);
  const float scales[2][2] = {{0.5f, 3}, {0.3f, 7}};
  writeFile("in", "xyz" + bytes + std::string(reinterpret_cast<const char *>(scales), sizeof scales));
  auto expected = [&](int64_t row) {
    std::vector<float> values = decode(info, bytes, row, columns);
    for (int64_t k = 0; k < columns; ++k)
      values[k] *= scales[(first + row) / 128][k / 128];
    return values;
  };
  const std::string in = "\"" + path("in") + "\" at ";
  const std::string segments = in + "3 scales f32 " + in + std::to_string(3 + bytes.size()) + " rows 100";
  expectRows("40x200xf32, <16 x 1>", info.name, "", expected, segments);
  expectRows(
      "20x200xf32, <16 x 1>", info.name, "#lm.slice<rows, stride = 2>", [&](int64_t row) { return expected(2 * row); },
      segments);
  // Columns 0, 3, 6, ... transposed: the second scale of a stored row begins among them.
  expectRows(
      "60x40xf32, <16 x 1>", info.name, "#lm.slice<columns, of = 200, stride = 3>, #lm.transpose",
      [&](int64_t row) {
        std::vector<float> column;
        for (int64_t i = 0; i < rows; ++i)
          column.push_back(expected(i)[3 * row]);
        return column;
      },
      segments);
}

/// f8_e4m3 is copied with its scales: a panel's rows must have the same ones. Here rows 16 to 31 have others.
TEST_F(PackTest, Float8IsCopiedWithItsScales) {
  const FormatInfo &info = getFormatInfo(Format::F8E4M3);
  const int64_t rows = 32, columns = 200;
  const std::string bytes = randomRows(info, rows, columns);
  const float scales[2][2] = {{0.5f, 3}, {7, 11}};
  writeFile("in", "xyz" + bytes + std::string(reinterpret_cast<const char *>(scales), sizeof scales));
  const std::string in = "\"" + path("in") + "\" at ";
  const std::string segments = in + "3 scales f32 " + in + std::to_string(3 + bytes.size());
  expectRows(
      "32x200xf8_e4m3, <16 x 1>", info.name, "",
      [&](int64_t row) {
        std::vector<float> values = decode(info, bytes, row, columns);
        for (int64_t k = 0; k < columns; ++k)
          values[k] *= scales[row / 16][k / 128];
        return values;
      },
      segments + " rows 112");
  EXPECT_EQ(refusal("!lm.weight<32x200xf8_e4m3, <16 x 1>> from " + segments + " rows 116"),
            path("in") + ": w: row 12: expected the scales of the 16 rows of its panel, found others; --weights bf16 "
                         "keeps them");
}

/// Parts [8, 128] or [8, 192] of a matrix [8, 384], each with scales of its own.
TEST_F(PackTest, PartsOfFloat8HaveTheirScales) {
  const FormatInfo &info = getFormatInfo(Format::F8E4M3);
  const int64_t rows = 8, columns = 384;
  const std::string bytes = randomRows(info, rows, columns);
  const float scales[2][2] = {{0.5f, 3}, {7, 11}};
  for (int64_t part : {128, 192}) {
    const int64_t parts = columns / part;
    std::string file(reinterpret_cast<const char *>(scales), sizeof scales), ofValues, ofScales;
    for (int64_t i = 0; i < parts; ++i) {
      ofValues += (i ? ", " : "") + std::to_string(file.size());
      ofScales += (i ? ", " : "") + std::to_string(i % 2 * 8);
      for (int64_t row = 0; row < rows; ++row)
        file += bytes.substr(row * columns + i * part, part);
    }
    writeFile("in", file);
    const std::string segments =
        "\"" + path("in") + "\" at " + ofValues + " scales f32 \"" + path("in") + "\" at " + ofScales;
    const std::string recipe = "#lm.concat<columns, parts = " + std::to_string(parts) + ">";
    auto expected = [&](int64_t row) {
      std::vector<float> values = decode(info, bytes, row, columns);
      for (int64_t k = 0; k < columns; ++k)
        values[k] *= scales[k / part % 2][k % part / 128];
      return values;
    };
    expectRows("8x384xf32, <16 x 1>", info.name, recipe, expected, segments);
    if (part == 128)
      expectRows("8x384xf8_e4m3, <16 x 1>", info.name, recipe, expected, segments);
    else // A block of 128 columns would have two scales.
      EXPECT_EQ(refusal("!lm.weight<8x384xf8_e4m3, <16 x 1>> from " + segments + " recipe [" + recipe + "]"),
                "lm.weight @w: expects rows stored as f8_e4m3, to which nothing is converted, but found f8_e4m3 and "
                "steps that change them");
  }
}

TEST_F(PackTest, NothingIsConvertedToFormatsOfFiles) {
  writeFile("in", std::string(4096, '\1'));
  const std::string in = "\"" + path("in") + "\" at 0";
  EXPECT_EQ(refusal("!lm.weight<1x256xq6_k, <16 x 4>> from f32 " + in),
            "lm.weight @w: expects rows stored as q6_k, to which nothing is converted, but found f32");
  EXPECT_EQ(refusal("!lm.weight<1x128xf8_e4m3, <16 x 1>> from bf16 " + in),
            "lm.weight @w: expects rows stored as f8_e4m3, to which nothing is converted, but found bf16");
  EXPECT_EQ(refusal("!lm.weight<1x32xmxfp4, <16 x 4>> from " + in + " recipe [#lm.add_one]"),
            "lm.weight @w: expects rows stored as mxfp4, to which nothing is converted, but found mxfp4 and steps that "
            "change them");
}

/// MXFP4 as gpt-oss has it: neighbouring values share a byte, scales lie apart.
TEST_F(PackTest, CodesAndScalesApartBecomeBlocks) {
  const FormatInfo &info = getFormatInfo(Format::MXFP4);
  const int64_t rows = 20, columns = 96;
  const std::string bytes = randomRows(info, rows, columns);
  std::string codes, scales;
  for (size_t at = 0; at < bytes.size(); at += 17) {
    scales += bytes[at];
    auto codeOf = [&](int value) { return bytes[at + 1 + value % 16] >> value / 16 * 4 & 15; };
    for (int value = 0; value < 32; value += 2)
      codes += static_cast<char>(codeOf(value) | codeOf(value + 1) << 4);
  }
  writeFile("in", "xyz" + codes + scales);
  const std::string in = "\"" + path("in") + "\" at ";
  const std::string segments = in + "3 scales e8m0 " + in + std::to_string(3 + codes.size());
  auto expected = [&](int64_t row) { return decode(info, bytes, row, columns); };
  expectRows("20x96xmxfp4, <16 x 4>", info.name, "", expected, segments);
  expectRows("20x96xf32, <16 x 1>", info.name, "", expected, segments);
  expectRows(
      "10x96xmxfp4, <16 x 4>", info.name, "#lm.slice<rows, group = 2, stride = 4>",
      [&](int64_t row) { return expected(row / 2 * 4 + row % 2); }, segments);
  // Columns that begin and end inside a block.
  expectRows(
      "40x20xf32, <16 x 1>", info.name, "#lm.slice<columns, of = 96>, #lm.transpose",
      [&](int64_t row) {
        std::vector<float> column;
        for (int64_t i = 0; i < rows; ++i)
          column.push_back(expected(i)[row]);
        return column;
      },
      segments);
}

namespace {

/// Values as MatMulNBits has them: neighbours share a byte, scales and zero points lie apart.
struct SplitBlocks {
  int64_t rows, columns, block, bits; // columns are whole blocks
  bool hasZeroPoints, hasHalves;
  std::string values, scales, zeroPoints;

  int quantisedAt(int64_t row, int64_t column) const { return static_cast<int>((row * 7 + column * 5) % (1 << bits)); }
  float scaleAt(int64_t row, int64_t index) const { return static_cast<float>(1 + (row + 3 * index) % 7) / 64; }
  int zeroAt(int64_t row, int64_t index) const {
    return hasZeroPoints ? static_cast<int>((row + 2 * index) % (1 << bits)) : 1 << (bits - 1);
  }
  std::vector<float> row(int64_t row, int64_t count) const {
    std::vector<float> out;
    for (int64_t column = 0; column < count; ++column)
      out.push_back(static_cast<float>(quantisedAt(row, column) - zeroAt(row, column / block)) *
                    scaleAt(row, column / block));
    return out;
  }
  void write() {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; column += 8 / bits)
        values += static_cast<char>(quantisedAt(row, column) | (bits == 4 ? quantisedAt(row, column + 1) << 4 : 0));
      for (int64_t i = 0; i < columns / block; ++i) {
        const float scale = scaleAt(row, i);
        const uint16_t half = floatToHalf(scale);
        scales += hasHalves ? std::string(reinterpret_cast<const char *>(&half), 2)
                            : std::string(reinterpret_cast<const char *>(&scale), 4);
      }
      for (int64_t i = 0; i < columns / block; i += 8 / bits)
        zeroPoints += static_cast<char>(zeroAt(row, i) | (bits == 4 ? zeroAt(row, i + 1) << 4 : 0));
    }
  }
};

} // namespace

/// Scales are exact in float16 here, so the formats with blocks of 32 give the same values as f32.
TEST_F(PackTest, BlocksOfAnySizeWithScalesAndZeroPointsApart) {
  struct Case {
    const char *format, *packed;
    SplitBlocks blocks;
  };
  for (Case c : {Case{"q4_0", "q4_0, <16 x 4>", {20, 96, 32, 4, false, false, "", "", ""}},
                 Case{"q4_0", "q4_0, <16 x 4>", {20, 128, 64, 4, false, true, "", "", ""}},
                 Case{"q4_1", "q4_1, <16 x 4>", {20, 96, 32, 4, true, false, "", "", ""}},
                 Case{"q4_1", "q4_1, <16 x 4>", {20, 256, 128, 4, true, true, "", "", ""}},
                 Case{"q4_1", "f32, <16 x 1>", {20, 96, 16, 4, true, false, "", "", ""}},
                 Case{"q8_0", "q8_0, <16 x 4>", {20, 96, 32, 8, false, false, "", "", ""}},
                 Case{"q8_0", "f32, <16 x 1>", {20, 96, 32, 8, true, true, "", "", ""}}}) {
    SplitBlocks &blocks = c.blocks;
    blocks.write();
    writeFile("in", "xyz" + blocks.values + blocks.scales + blocks.zeroPoints);
    const std::string in = "\"" + path("in") + "\" at ", size = "_b" + std::to_string(blocks.block);
    std::string segments = in + "3 scales " + (blocks.hasHalves ? "f16" : "f32") + size + " " + in +
                           std::to_string(3 + blocks.values.size());
    if (blocks.hasZeroPoints)
      segments += " zero_points " + std::string(blocks.bits == 4 ? "u4" : "u8") + size + " " + in +
                  std::to_string(3 + blocks.values.size() + blocks.scales.size());
    const std::string columns = std::to_string(blocks.columns);
    auto expected = [&](int64_t row) { return blocks.row(row, blocks.columns); };
    expectRows("20x" + columns + "x" + c.packed, c.format, "", expected, segments);
    expectRows("20x" + columns + "xf32, <16 x 1>", c.format, "", expected, segments);
    // A row ends inside a block.
    expectRows(
        "20x70xf32, <16 x 1>", c.format, "#lm.slice<columns, of = " + columns + ">",
        [&](int64_t row) { return blocks.row(row, 70); }, segments);
  }
}

/// Each step applies to what the one before made.
TEST_F(PackTest, StepsFollowEachOther) {
  const FormatInfo &info = getFormatInfo(Format::F32);
  const int64_t rows = 24, columns = 40;
  std::vector<float> stored(rows * columns);
  for (size_t i = 0; i < stored.size(); ++i)
    stored[i] = static_cast<float>(i) / 1024;
  writeFile("in", "xyz" + std::string(reinterpret_cast<const char *>(stored.data()), stored.size() * 4));
  // 20 of 40 columns by twos, as 20 rows of two heads, of which the last 8 of 10 rows are interleaved.
  expectRows("20x24xf32, <16 x 1>", info.name,
             "#lm.slice<columns, of = 40, group = 2, stride = 4>, #lm.transpose, #lm.unpermute<heads = 2, from = 2>, "
             "#lm.add_one, #lm.negate_exp",
             [&](int64_t row) {
               const int64_t inHead = row % 10;
               const int64_t moved = row - inHead + (inHead < 2 ? inHead : 2 + (inHead - 2) % 4 * 2 + (inHead - 2) / 4);
               const int64_t column = moved / 2 * 4 + moved % 2;
               std::vector<float> values;
               for (int64_t i = 0; i < rows; ++i)
                 values.push_back(-std::exp(stored[i * columns + column] + 1));
               return values;
             });
  expectRows("24x40xf32, <16 x 1>", info.name, "#lm.negate_exp, #lm.add_one", [&](int64_t row) {
    std::vector<float> values;
    for (int64_t k = 0; k < columns; ++k)
      values.push_back(-std::exp(stored[row * columns + k]) + 1);
    return values;
  });
}

TEST_F(PackTest, RotaryRowsAreUnpermuted) {
  for (const FormatInfo &info : allFormats) {
    const int64_t rows = 24, columns = 256, heads = 3, width = 8;
    std::string bytes = randomRows(info, rows, columns);
    writeFile("in", "xyz" + bytes);
    expectRows("24x256x" + info.name.str() + (info.isScaled() ? ", <16 x 1>" : ", <16 x 4>"), info.name,
               "#lm.unpermute<heads = 3>", [&](int64_t row) {
                 const int64_t head = row / width, s = row % width / (width / 2), i = row % (width / 2);
                 EXPECT_LT(head, heads);
                 return decode(info, bytes, head * width + 2 * i + s, columns);
               });
  }
}

TEST_F(PackTest, ColumnsBecomeRowsOfAnyFormat) {
  // A piece is 208 rows: the next begins inside a block. 300 of 512 columns end inside one.
  const int64_t columns = 1200, stored = 512;
  for (const FormatInfo &info : allFormats) {
    std::string bytes = randomRows(info, columns, stored);
    writeFile("in", "xyz" + bytes);
    std::vector<std::vector<float>> values;
    for (int64_t column = 0; column < columns; ++column)
      values.push_back(decode(info, bytes, column, stored));
    for (bool isRounded : {false, true})
      expectRows(isRounded ? "512x1200xbf16, <16 x 2>" : "300x1200xf32, <16 x 1>", info.name,
                 "#lm.slice<columns, of = 512>, #lm.transpose", [&](int64_t row) {
                   std::vector<float> turned;
                   for (const std::vector<float> &from : values)
                     turned.push_back(isRounded ? bfloatToFloat(floatToBfloat(from[row])) : from[row]);
                   return turned;
                 });
  }
}

TEST_F(PackTest, VectorsBecomeF32) {
  for (llvm::StringRef stored : {"f32", "f16", "bf16"}) {
    const FormatInfo &info = getFormatInfo(*parseFormat(stored));
    std::string bytes = randomRows(info, 1, 12);
    writeFile("in", "xyz" + bytes);
    expectRows("12xf32", stored, "", [&](int64_t) { return decode(info, bytes, 0, 12); });
    expectRows("12xf32", stored, "#lm.add_one", [&](int64_t) {
      std::vector<float> values = decode(info, bytes, 0, 12);
      for (float &value : values)
        value += 1;
      return values;
    });
    expectRows("12xf32", stored, "#lm.unpermute<heads = 2>", [&](int64_t) {
      std::vector<float> values = decode(info, bytes, 0, 12), moved(12);
      for (int h = 0; h < 2; ++h)
        for (int s = 0; s < 2; ++s)
          for (int i = 0; i < 3; ++i)
            moved[6 * h + 3 * s + i] = values[6 * h + 2 * i + s];
      return moved;
    });
  }
}

TEST_F(PackTest, ZerosKeepTheirSign) {
  writeFile("in", std::string("xyz\0\0\0\x80", 7));
  expectRows("1xf32", "f32", "", [](int64_t) { return std::vector<float>{0}; });
  EXPECT_EQ(tensors()[64 + 3], 0x80);
}

TEST_F(PackTest, ConvertsToF32AndBF16) {
  for (const FormatInfo &info : allFormats) {
    std::string bytes = randomRows(info, 20, 256);
    writeFile("in", "xyz" + bytes);
    expectRows("20x256xf32, <16 x 1>", info.name, "", [&](int64_t row) { return decode(info, bytes, row, 256); });
    expectRows("20x256xbf16, <16 x 2>", info.name, "", [&](int64_t row) {
      std::vector<float> values = decode(info, bytes, row, 256);
      for (float &value : values)
        value = bfloatToFloat(floatToBfloat(value));
      return values;
    });
  }
}

TEST_F(PackTest, QuantisesAsGgmlDoes) {
  const int64_t columns = 64;
  std::vector<float> values(16 * columns);
  std::normal_distribution<float> normal;
  for (float &value : values)
    value = normal(random);
  std::fill_n(values.begin(), 32, 0.0f); // no scale
  std::fill_n(values.begin() + 32, 32, -2.5f);
  std::fill_n(values.begin() + 64, 32, 1e-41f); // the inverse of its scale would be infinite
  writeFile("in", "xyz" + std::string(reinterpret_cast<char *>(values.data()), values.size() * 4));
  expectRows("16x64xq8_0, <16 x 4>", "f32", "", [&](int64_t row) {
    std::vector<float> wanted(columns);
    for (int64_t first = 0; first < columns; first += 32) {
      const float *x = &values[row * columns + first];
      float amax = 0;
      for (int j = 0; j < 32; ++j)
        amax = std::max(amax, std::fabs(x[j]));
      const float d = amax / 127, id = d && std::isfinite(1.0f / d) ? 1.0f / d : 0.0f;
      for (int j = 0; j < 32; ++j)
        wanted[first + j] = halfToFloat(floatToHalf(d)) * std::round(x[j] * id);
    }
    return wanted;
  });
  expectRows("16x64xq4_1, <16 x 4>", "f32", "", [&](int64_t row) {
    std::vector<float> wanted(columns);
    for (int64_t first = 0; first < columns; first += 32) {
      const float *x = &values[row * columns + first];
      const float least = *std::min_element(x, x + 32), most = *std::max_element(x, x + 32);
      const float d = (most - least) / 15, id = d ? 1.0f / d : 0.0f;
      for (int j = 0; j < 32; ++j) {
        const int code = std::min(15, static_cast<int>(static_cast<int8_t>((x[j] - least) * id + 0.5f)));
        wanted[first + j] = halfToFloat(floatToHalf(d)) * code + halfToFloat(floatToHalf(least));
      }
    }
    return wanted;
  });
}

TEST_F(PackTest, HeaderNamesSectionsAndContents) {
  const FormatInfo &info = getFormatInfo(Format::BF16);
  std::string bytes = randomRows(info, 100, 64);
  writeFile("in", bytes);
  OwningOpRef<ModuleOp> module = parse("lm.weight @b : !lm.weight<50x64xbf16, <16 x 2>> from \"" + path("in") +
                                       "\" at 6400 offset 6464 "
                                       "lm.weight @a : !lm.weight<30x64xbf16, <16 x 2>> from \"" +
                                       path("in") + "\" at 0 offset 0");
  ASSERT_TRUE(module);
  uint64_t ids[2][2];
  for (unsigned threads : {1, 3}) {
    auto packed = pack(*module, 6464 + 64 * 64 * 2 + 3, "tokenizer", threads);
    ASSERT_TRUE(packed.ok()) << packed.status().message();
    lrt_weights_header header;
    std::memcpy(&header, file->getBufferStart(), sizeof header);
    EXPECT_EQ(header.magic, LRT_WEIGHTS_MAGIC);
    EXPECT_EQ(header.version, LRT_ABI_VERSION);
    EXPECT_EQ(header.file_bytes, file->getBufferSize());
    EXPECT_EQ(header.tensors_bytes, 6464u + 64 * 64 * 2 + 3);
    EXPECT_EQ(header.tokenizer_bytes, 9u);
    EXPECT_EQ(file->getBuffer().substr(header.tokenizer_offset), "tokenizer");
    auto contentId = [&](uint64_t offset, uint64_t size) {
      uint64_t hash = 0xcbf29ce484222325ull;
      for (uint64_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        std::memcpy(&word, file->getBufferStart() + offset + i, std::min<uint64_t>(8, size - i));
        hash = (hash ^ word) * 0x100000001b3ull;
      }
      return hash;
    };
    EXPECT_EQ(packed->contentId[0], contentId(header.tensors_offset, header.tensors_bytes));
    EXPECT_EQ(packed->contentId[1], contentId(header.tokenizer_offset, header.tokenizer_bytes));
    std::copy_n(packed->contentId, 2, ids[threads == 3]);
  }
  EXPECT_EQ(ids[0][0], ids[1][0]);
}

TEST_F(PackTest, ErrorsSayWhereAndLeaveNothing) {
  writeFile("in", std::string(100, '\1'));
  auto message = [&](const std::string &op, int64_t bytes = 1 << 20) {
    OwningOpRef<ModuleOp> module = parse(op);
    auto packed = pack(*module, bytes);
    EXPECT_FALSE(packed.ok());
    EXPECT_FALSE(llvm::sys::fs::exists(path("out.weights")));
    return packed.ok() ? std::string() : std::string(packed.status().message());
  };
  const std::string from = " from \"" + path("in") + "\" at 90 offset 0";
  EXPECT_EQ(message("lm.weight @w : !lm.weight<4xf32>" + from),
            path("in") + ": w: expected 16 bytes at 90, found a file of 100");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<16x2xf32, <16 x 1>> from \"" + path("in") +
                    "\" at 0, 60 recipe [#lm.concat<rows, parts = 2>] offset 0"),
            path("in") + ": w: expected 64 bytes at 60, found a file of 100");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<4xf32> offset 0"),
            "lm.weight @w: expects a source of values like the other weights");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<4xf32> from \"" + path("in") + "\" at 0"),
            "lm.weight @w: expects an offset in the weights file");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<1x128xf8_e4m3, <16 x 1>> from \"" + path("in") +
                    "\" at 0 scales f32 \"" + path("in") + "\" at 97 offset 0"),
            path("in") + ": w: expected 128 bytes at 0, found a file of 100");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<1x32xf8_e4m3, <16 x 1>> from \"" + path("in") + "\" at 0 scales f32 \"" +
                    path("in") + "\" at 97 offset 0"),
            path("in") + ": w: expected 4 bytes of scales at 97, found a file of 100");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<4xf32> from \"" + folder + "\" at 0 offset 0"),
            folder + ": expected a regular file");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<4x4xf32>" + from),
            "lm.weight @w: expects a matrix with a layout, but found !lm.weight<4x4xf32>: the module did not pass "
            "lm-pack-weights");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<4xbf16>" + from),
            "lm.weight @w: expects a vector to be packed as f32, but found !lm.weight<4xbf16>");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<2xf32>" + from, 4),
            "lm.weight @w: expects an offset in the tensor section of 4 bytes, found 0 for 8 bytes");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<2xf32>" + from, int64_t(1) << 44),
            "lm.program: weights_bytes: expects the end of the last weight, 8, but found 17592186044416");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<2xf32> from \"" + path("in") + "\" at 0 offset 1048576", 1048584),
            "lm.weight @w: expects an offset right after the weight before, at byte 0, but it is at 1048576");
  EXPECT_EQ(message("lm.weight @w : !lm.weight<2xf32> from \"" + path("in") +
                        "\" at 0 offset 0 lm.weight @v : !lm.weight<2xf32> from \"" + path("in") + "\" at 8 offset 4",
                    12),
            "lm.weight @v: expects an offset of its own, but @w lies there");
  writeFile("in", std::string(8 * 32 * 4, '\xff'));
  EXPECT_EQ(
      message("lm.weight @w : !lm.weight<8x32xq8_0, <16 x 4>> from f32 \"" + path("in") + "\" at 0 offset 0", 16 * 34),
      path("in") + ": w: row 0: expected finite values that f16 scales can hold, to convert to q8_0, found others; "
                   "--weights bf16 keeps them");
  // What f16 scales round to nothing.
  std::string tiny;
  for (int i = 0; i < 8 * 32; ++i) {
    const float value = static_cast<float>(i % 32 - 16) * 1e-9f;
    tiny.append(reinterpret_cast<const char *>(&value), sizeof value);
  }
  writeFile("in", tiny);
  for (llvm::StringRef format : {"q8_0", "q4_1"}) {
    const int64_t bytes = format == "q8_0" ? 16 * 34 : 16 * 20;
    const std::string weight = ("lm.weight @w : !lm.weight<8x32x" + format + ", <16 x 4>> from f32 \"").str();
    const std::string beginning = path("in") +
                                  ": w (down.weight): expected values large enough for the f16 scales of " +
                                  format.str() + ", which then is off by ";
    const std::string refusal = message(weight + path("in") + "\" at 0 offset 0 loc(\"down.weight\")", bytes);
    EXPECT_EQ(refusal.substr(0, beginning.size()), beginning);
    EXPECT_TRUE(llvm::StringRef(refusal).ends_with(", found ones that it is off by 1.6e-08; --weights bf16 keeps them"))
        << refusal;
  }
  std::vector<std::string> left;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(folder, error), end; it != end; it.increment(error))
    left.push_back(llvm::sys::path::filename(it->path()).str());
  EXPECT_EQ(left, std::vector<std::string>{"in"});
}

} // namespace
