//===- TablesTest.cpp - masks, rotary tables and layouts ----------------------------------------------------------===//

#include "frontends/onnx/Mask.h"
#include "frontends/onnx/RopeTable.h"
#include "frontends/onnx/View.h"
#include "test/frontends/Builders.h"
#include <cmath>
#include <functional>

using namespace lathe;
using namespace lathe::onnx;
using namespace lathe::testing;

namespace {

/// A mask of booleans for `sizes`, by query and key position.
Tensor maskOf(Sizes sizes, const std::function<bool(int64_t, int64_t)> &sees) {
  Tensor mask(DataType::Bool, {1, 1, sizes.length, sizes.total()});
  for (int64_t row = 0; row < sizes.length; ++row)
    for (int64_t j = 0; j < sizes.total(); ++j)
      mask.integers[row * sizes.total() + j] = sees(sizes.past + row, j);
  return mask;
}

/// "full", "window 13", "chunk 8" or the error.
std::string windowOf(const std::function<bool(int64_t, int64_t)> &sees) {
  WindowFinder finder;
  for (Sizes sizes : {Sizes{0, 40}, Sizes{7, 30}, Sizes{63, 1}})
    if (absl::Status status = finder.add(maskOf(sizes, sees), MaskForm::TrueIsVisible, false, sizes); !status.ok())
      return messageOf(status);
  auto window = finder.find();
  if (!window.ok())
    return messageOf(window);
  return window->size == 0 ? "full" : (window->isChunk ? "chunk " : "window ") + std::to_string(window->size);
}

RopeTable tableOf(DataType type, int64_t rows, std::vector<float> frequencies, double factor = 1, int64_t first = 0) {
  RopeTable table;
  table.first = first;
  table.pairs = static_cast<int64_t>(frequencies.size());
  table.type = type;
  for (int64_t p = 0; p < rows; ++p)
    for (float frequency : frequencies) {
      const float angle = static_cast<float>(first + p) * frequency;
      table.cosine.push_back(static_cast<float>(roundTo(type, factor * std::cos(angle))));
      table.sine.push_back(static_cast<float>(roundTo(type, factor * std::sin(angle))));
    }
  return table;
}

} // namespace

TEST(OnnxMask, IsFullWindowOrChunk) {
  EXPECT_EQ(windowOf([](int64_t p, int64_t j) { return j <= p; }), "full");
  EXPECT_EQ(windowOf([](int64_t p, int64_t j) { return j <= p && j > p - 13; }), "window 13");
  EXPECT_EQ(windowOf([](int64_t p, int64_t j) { return j <= p && j >= p / 8 * 8; }), "chunk 8");
}

TEST(OnnxMask, OtherMasksAreRefused) {
  const std::string prefix = "expected a mask that shows each token its own position and neighbours before it, got one "
                             "that shows position ";
  EXPECT_EQ(windowOf([](int64_t, int64_t) { return true; }), prefix + "0 something else");
  EXPECT_EQ(windowOf([](int64_t p, int64_t j) { return j <= p && j != 5; }), prefix + "5 something else");
  const std::string nothing = "expected a mask that shows each token something, got one that shows position 0 nothing";
  EXPECT_EQ(windowOf([](int64_t p, int64_t j) { return j < p; }), nothing);
  EXPECT_EQ(windowOf([](int64_t, int64_t) { return false; }), nothing);
  EXPECT_EQ(windowOf([](int64_t p, int64_t j) { return j <= p && j > p - 13 + p / 20; }),
            "expected a mask that is full, a window or chunks, got another one");
  WindowFinder finder;
  Tensor added(DataType::Float, {1, 2});
  added.reals = {0, -1};
  EXPECT_EQ(messageOf(finder.add(added, MaskForm::Added, false, {1, 1})),
            "expected a mask of 0 and large negative numbers, got others");
  EXPECT_EQ(messageOf(finder.add(added, MaskForm::Added, false, {1, 3})),
            "expected a mask for 3 tokens and 4 positions");
}

TEST(OnnxMask, CopiesForHeadsAreEqual) {
  WindowFinder finder;
  Tensor mask(DataType::Bool, {1, 2, 2, 2});
  mask.integers = {1, 0, 1, 1, 1, 0, 1, 1};
  EXPECT_EQ(messageOf(finder.add(mask, MaskForm::TrueIsVisible, false, {0, 2})), "");
  mask.integers[6] = 0;
  EXPECT_EQ(messageOf(finder.add(mask, MaskForm::TrueIsVisible, false, {0, 2})),
            "expected a mask that is the same for all heads, got different ones");
}

TEST(OnnxMask, ANumberThatIsAddedHides) {
  WindowFinder finder;
  Tensor added(DataType::Float, {1, 1, 2, 2});
  added.reals = {0, -65504, 0, 0};
  EXPECT_EQ(messageOf(finder.add(added, MaskForm::Added, false, {0, 2})), "");
  Tensor all(DataType::Bool, {1});
  all.integers = {1};
  EXPECT_EQ(messageOf(finder.add(all, MaskForm::TrueIsVisible, true, {3, 2})), "");
  EXPECT_EQ(finder.find()->size, 0);
}

TEST(OnnxRope, FindsThetaAndFrequencies) {
  std::vector<float> plain;
  for (int i = 0; i < 8; ++i)
    plain.push_back(1.0f / std::pow(500000.0f, static_cast<float>(2 * i) / 16.0f));
  for (DataType type : {DataType::Float, DataType::Float16}) {
    auto found = findFrequencies(tableOf(type, 256, plain), {});
    ASSERT_EQ(messageOf(found), "");
    EXPECT_EQ(found->theta, 500000);
    EXPECT_EQ(found->values, plain);
    EXPECT_EQ(found->factor, 1);
  }
  const std::vector<float> scaled = {1.0f, 0.3f, 0.0125f, 3e-4f};
  auto found =
      findFrequencies(tableOf(DataType::Float, 2048, scaled, 1.25), tableOf(DataType::Float, 64, scaled, 1.25, 8128));
  ASSERT_EQ(messageOf(found), "");
  EXPECT_EQ(found->theta, 0);
  EXPECT_NEAR(found->factor, 1.25, 1e-6);
  for (size_t i = 0; i < scaled.size(); ++i)
    EXPECT_NEAR(found->values[i], scaled[i], 1e-7 * scaled[i] + 4e-11);
}

TEST(OnnxRope, OtherTablesAreRefused) {
  RopeTable table = tableOf(DataType::Float, 64, {1.0f, 0.1f});
  table.cosine[2 * 50 + 1] += 0.01f;
  EXPECT_TRUE(llvm::StringRef(messageOf(findFrequencies(table, {}))).ends_with("for pair 1 at position 50"));
  // Other frequencies from some position on, as dynamic scaling has them.
  EXPECT_TRUE(
      llvm::StringRef(messageOf(findFrequencies(tableOf(DataType::Float, 64, {1.0f, 0.1f}),
                                                tableOf(DataType::Float, 64, {1.0f, 0.05f}, 1, 64))))
          .starts_with("expected a rotary table of angles that grow with the position, got one that is off by "));
  EXPECT_EQ(messageOf(findFrequencies(tableOf(DataType::Float, 1, {1.0f}), {})),
            "expected a rotary table of at least two positions");
  table = tableOf(DataType::Float, 4, {1.0f});
  table.sine.assign(4, 0);
  table.cosine.assign(4, 0);
  EXPECT_EQ(messageOf(findFrequencies(table, {})), "expected cosines and sines, got other numbers");
}

TEST(OnnxLayout, HeadsOfRowsComeBack) {
  const Layout rows = rowsLayout(31, 24);
  auto heads = reshape(rows, {1, 31, 3, 8});
  ASSERT_TRUE(heads);
  const Layout transposed = transpose(*heads, {0, 2, 1, 3});
  EXPECT_EQ(transposed.shape(), (Shape{1, 3, 31, 8}));
  EXPECT_FALSE(transposed.isRows());
  auto back = reshape(transpose(transposed, {0, 2, 1, 3}), {1, 31, 24});
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, rows);
  EXPECT_TRUE(back->isRows());
  // Without the second transpose rows and heads would be mixed.
  auto mixed = reshape(transposed, {1, 31, 24});
  EXPECT_FALSE(mixed && mixed->isRows());
}

TEST(OnnxLayout, SlicesAreColumns) {
  const Layout heads = *reshape(rowsLayout(31, 24), {31, 3, 8});
  const SliceRange all3[] = {{0, 1, 31}, {0, 1, 3}, {4, 1, 4}};
  auto half = slice(heads, all3);
  ASSERT_TRUE(half);
  EXPECT_EQ(half->offset, 4);
  EXPECT_FALSE(half->contiguousColumns());
  const SliceRange one[] = {{0, 1, 31}, {1, 1, 1}, {0, 1, 8}};
  auto head = slice(heads, one);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->offset, 8);
  EXPECT_EQ(head->contiguousColumns(), 8);
  const SliceRange last[] = {{30, 1, 1}, {0, 1, 3}, {0, 1, 8}};
  EXPECT_FALSE(slice(heads, last));
}

TEST(OnnxLayout, RepeatedHeads) {
  const Layout heads = transpose(*reshape(rowsLayout(31, 24), {31, 3, 1, 8}), {1, 2, 0, 3});
  auto repeated = expand(heads, {3, 2, 31, 8});
  ASSERT_TRUE(repeated);
  auto flat = reshape(*repeated, {6, 31, 8});
  ASSERT_TRUE(flat);
  EXPECT_EQ(flat->dimensions[0], (Dimension{{AxisKind::Column, 3, 8}, {AxisKind::Repeat, 2, 0}}));
}
