//===- TargetAttr.cpp - #lm.target: what depends on the target ----------------------------------------------------===//

#include "dialects/lm/LMOps.h"
#include "dialects/lm/Layout.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::lm;
using lathe::Format;

namespace {

struct Range {
  StringRef name;
  int64_t value, min, max;
};

LogicalResult verifyRanges(function_ref<InFlightDiagnostic()> emitError, ArrayRef<Range> ranges) {
  for (const Range &range : ranges)
    if (range.value < range.min || range.value > range.max)
      return emitError() << "expects " << range.name << " from " << range.min << " to " << range.max << ", but found "
                         << range.value;
  return success();
}

/// What holds for formats that are not listed.
struct Product {
  int64_t depth;
  OperandEncoding rows;
};

Product productFor(ArrayRef<ProductAttr> products, Format format) {
  for (ProductAttr product : products)
    if (product.getFormat() == format)
      return {product.getDepth(), product.getRows()};
  return lathe::getFormatInfo(format).isQuantised() ? Product{4, OperandEncoding::Q8}
                                                    : Product{1, OperandEncoding::F32};
}

bool lists(ArrayRef<ProductAttr> products, Format format) {
  return llvm::any_of(products, [&](ProductAttr product) { return product.getFormat() == format; });
}

LogicalResult verifyProducts(function_ref<InFlightDiagnostic()> emitError, StringRef what,
                             ArrayRef<ProductAttr> products) {
  for (auto [index, product] : llvm::enumerate(products))
    if (lists(products.take_front(index), product.getFormat()))
      return emitError() << "expects each format once in " << what << ", but found "
                         << lathe::getFormatInfo(product.getFormat()).name << " twice";
  return success();
}

} // namespace

LogicalResult ProductAttr::verify(function_ref<InFlightDiagnostic()> emitError, Format format, int64_t depth,
                                  OperandEncoding rows) {
  const lathe::FormatInfo &info = lathe::getFormatInfo(format);
  // What dialects/lm/Layout.h describes.
  SmallVector<int64_t> depths = {1, 2, 4};
  if (info.isQuantised())
    depths = info.bits == 8 ? SmallVector<int64_t>{2, 4} : SmallVector<int64_t>{4};
  if (!llvm::is_contained(depths, depth)) {
    InFlightDiagnostic error = emitError() << "expects a depth of ";
    llvm::interleave(depths, error, " or ");
    return error << " for " << info.name << ", but found " << depth;
  }
  const bool isQuantisedRow = rows == OperandEncoding::Q8 || rows == OperandEncoding::Q16;
  if (isQuantisedRow && !info.isQuantised())
    return emitError() << "expects rows in f32 or bf16 for " << info.name << ", but found "
                       << stringifyOperandEncoding(rows);
  return success();
}

LogicalResult TilesAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t blockRows,
                                int64_t replicatedRows, int64_t productTiles, int64_t productPanels,
                                int64_t attentionRows, int64_t attentionTiles, int64_t splitPositions,
                                bool /*splitHeads*/) {
  return verifyRanges(emitError, {{"rows", rows, 1, 4096},
                                  {"block_rows", blockRows, 1, 4096},
                                  {"replicated_rows", replicatedRows, 0, 4096},
                                  {"product_tiles", productTiles, 1, 65536},
                                  {"product_panels", productPanels, 1, 4096},
                                  {"attention_rows", attentionRows, 1, 4096},
                                  {"attention_tiles", attentionTiles, 1, 65536},
                                  {"split_positions", splitPositions, 16, 65536}});
}

LogicalResult ScratchAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t absorbedRows,
                                  int64_t absorbedPositions, int64_t latentRows, int64_t latentPositions) {
  return verifyRanges(emitError, {{"absorbed_rows", absorbedRows, 8, 4096},
                                  {"absorbed_positions", absorbedPositions, 16, 65536},
                                  {"latent_rows", latentRows, 1, 65536},
                                  {"latent_positions", latentPositions, 16, 65536}});
}

LogicalResult TargetAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringAttr,
                                 ArrayRef<ProductAttr> products, OperandEncoding cacheRows, TilesAttr, ScratchAttr,
                                 ArrayRef<ProductAttr> headProducts) {
  if (failed(verifyProducts(emitError, "products", products)) ||
      failed(verifyProducts(emitError, "head_products", headProducts)))
    return failure();
  // A packed matrix says its depth, not whether it is the head's.
  for (ProductAttr head : headProducts)
    if (Product layer = productFor(products, head.getFormat());
        layer.depth == head.getDepth() && layer.rows != head.getRows())
      return emitError() << "expects head_products to differ in depth for "
                         << lathe::getFormatInfo(head.getFormat()).name
                         << ", but found rows = " << stringifyOperandEncoding(head.getRows())
                         << " and rows = " << stringifyOperandEncoding(layer.rows) << " at depth " << layer.depth;
  if (cacheRows != OperandEncoding::F32 && cacheRows != OperandEncoding::BF16)
    return emitError() << "expects cache_rows to be f32 or bf16, but found " << stringifyOperandEncoding(cacheRows);
  return success();
}

PanelsAttr TargetAttr::getPanels(WeightType type, bool isHead) const {
  const Format format = type.getFormat();
  int64_t depth =
      productFor(isHead && lists(getHeadProducts(), format) ? getHeadProducts() : getProducts(), format).depth;
  // Blocks of quantised formats are whole; other rows may have an odd number of columns.
  if (type.getColumns() % depth)
    depth = 1;
  return PanelsAttr::get(getContext(), lathe::kPanelRows, depth);
}

OperandEncoding TargetAttr::getRows(WeightType type) const {
  const Format format = type.getFormat();
  const int64_t depth = type.getLayout().getDepth();
  if (Product layer = productFor(getProducts(), format); layer.depth == depth)
    return layer.rows;
  if (Product head = productFor(getHeadProducts(), format); lists(getHeadProducts(), format) && head.depth == depth)
    return head.rows;
  // Packed for another target, or with an odd number of columns.
  if (!type.getInfo().isQuantised())
    return OperandEncoding::F32;
  return type.hasWideCodes() ? OperandEncoding::Q16 : OperandEncoding::Q8;
}

OperandEncoding TargetAttr::getRows(CacheType type) const {
  return type.getElement().isBF16() && type.getDim() % lathe::kPanelRows == 0 ? getCacheRows() : OperandEncoding::F32;
}
