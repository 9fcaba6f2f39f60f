#include "dialects/lm/Layout.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;

PanelLayout::PanelLayout(mlir::lm::WeightType type) {
  const FormatInfo &info = type.getInfo();
  mlir::lm::PanelsAttr layout = type.getLayout();
  assert(layout && "only packed matrices have a layout");
  rows = layout.getRows();
  depth = layout.getDepth();
  panels = llvm::divideCeil(type.getRows(), rows);
  blockBytes = runBytes = headBytes = highOffset = codesBytes = scalesBytes = 0;
  if (!info.isQuantised()) {
    if (info.isScaled())
      scalesBytes = llvm::alignTo(llvm::divideCeil(type.getColumns(), kScaleBlock) * 4, 64);
    panelBytes = scalesBytes + llvm::divideCeil(type.getColumns(), depth) * rows * depth * (info.bits / 8);
    return;
  }
  highOffset = rows * 32 * std::min(info.bits, 4) / 8;
  codesBytes = rows * 32 * info.bits / 8;
  int64_t scaleBytes = rows * (info.hasTable() ? 1 : 2) * (info.minimum ? 2 : 1); // scale and minimum
  if (info.subscales) {
    headBytes = scaleBytes;
    runBytes = codesBytes + rows * 2; // u8 subscale and subminimum, or two i8 subscales
    blockBytes = headBytes + (info.block / 32) * runBytes;
  } else {
    runBytes = blockBytes = codesBytes + scaleBytes;
  }
  panelBytes = type.getColumns() / info.block * blockBytes;
}

int64_t lathe::getPackedBytes(mlir::lm::WeightType type) {
  if (type.isVector())
    return type.getRows() * 4;
  return type.isExperts() ? type.getExperts() * getExpertBytes(type) : PanelLayout(type).bytes();
}

int64_t lathe::getExpertBytes(mlir::lm::WeightType type) {
  return llvm::alignTo(PanelLayout(type).bytes(), kTensorAlign);
}

CacheLayout::CacheLayout(mlir::lm::CacheType type) {
  elementBytes = type.getElement().getIntOrFloatBitWidth() / 8;
  depth = 4 / elementBytes;
  int64_t dim16 = llvm::alignTo(type.getDim(), kPanelRows);
  headBytes = type.getRows() * dim16 * elementBytes;
  valuesOffset = type.getLatent() ? 0 : type.getHeads() * headBytes;
  totalBytes = type.getLatent() ? headBytes : 2 * valuesOffset;
  keyPanelBytes = kPanelRows * type.getDim() * elementBytes;
  valuePanelBytes = kPanelRows * type.getRows() * elementBytes;
}

int64_t lathe::getStateBytes(mlir::Type type) {
  if (auto recurrent = mlir::dyn_cast<mlir::lm::RecurrentStateType>(type))
    return recurrent.getBytes();
  return CacheLayout(mlir::cast<mlir::lm::CacheType>(type)).bytes();
}
