#include "compiler/weights/Decode.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <vector>

using namespace lathe;
using llvm::bit_cast;

// Written by make-decode-vectors.py with the gguf package.
TEST(Decode, EqualsGgufPythonBitForBit) {
  auto file = llvm::MemoryBuffer::getFile(LATHE_TEST_DIR "/compiler/Inputs/decode-vectors.txt");
  ASSERT_TRUE(file);
  llvm::SmallVector<llvm::StringRef> lines;
  (*file)->getBuffer().split(lines, '\n', -1, /*KeepEmpty=*/false);
  std::set<Format> seen;
  for (llvm::StringRef line : lines) {
    auto [name, rest] = line.split(' ');
    auto [bytes, floats] = rest.split(' ');
    const std::optional<Format> format = parseFormat(name);
    ASSERT_TRUE(format) << name.str();
    seen.insert(*format);
    const std::string row = llvm::fromHex(bytes), expected = llvm::fromHex(floats);
    const int64_t n = expected.size() / 4;
    ASSERT_EQ(rowBytes(*format, n), row.size()) << name.str();
    // At an odd address: a safetensors header may have any length.
    std::vector<uint8_t> unaligned(row.size() + 1);
    std::memcpy(unaligned.data() + 1, row.data(), row.size());
    std::vector<float> out(n);
    decodeRow(*format, unaligned.data() + 1, n, out.data());
    for (int64_t i = 0; i < n; ++i) {
      uint32_t bits;
      std::memcpy(&bits, expected.data() + 4 * i, 4);
      ASSERT_EQ(bit_cast<uint32_t>(out[i]), bits) << name.str() << " value " << i;
    }
  }
  EXPECT_EQ(seen.size(), 11u) << "every format has a vector";
}

TEST(Decode, HalvesSurviveTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = halfToFloat(bits);
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(value))));
    else
      ASSERT_EQ(floatToHalf(value), bits);
    const float wide = bfloatToFloat(bits);
    if (std::isnan(wide))
      EXPECT_TRUE(std::isnan(bfloatToFloat(floatToBfloat(wide))));
    else
      ASSERT_EQ(floatToBfloat(wide), bits);
  }
}

TEST(Decode, RoundsHalvesToNearestEven) {
  EXPECT_EQ(floatToHalf(1 + 0x1p-11f), 0x3c00);     // a tie goes down to even
  EXPECT_EQ(floatToHalf(1 + 3 * 0x1p-11f), 0x3c02); // a tie goes up to even
  EXPECT_EQ(floatToHalf(1 + 0x1p-11f + 0x1p-20f), 0x3c01);
  EXPECT_EQ(floatToHalf(65519.f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.f), 0x7c00);
  EXPECT_EQ(floatToHalf(-1e30f), 0xfc00);
  EXPECT_EQ(floatToHalf(0x1p-25f), 0); // half the smallest subnormal, a tie
  EXPECT_EQ(floatToHalf(0x1.8p-25f), 1);
  EXPECT_EQ(floatToHalf(-0.0f), 0x8000);
  EXPECT_EQ(floatToHalf(0x1.ffep-15f + 0x1p-26f), 0x0400); // rounds up into the normal numbers
}

TEST(Decode, RoundsBfloatsToNearestEven) {
  EXPECT_EQ(floatToBfloat(1 + 0x1p-8f), 0x3f80);
  EXPECT_EQ(floatToBfloat(1 + 3 * 0x1p-8f), 0x3f82);
  EXPECT_EQ(floatToBfloat(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(floatToBfloat(-std::numeric_limits<float>::infinity()), 0xff80);
}
