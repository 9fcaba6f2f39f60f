//===- LowerKernels.cpp - kernels become vector code --------------------------------------------------------------===//

#include "compiler/targets/cpu/Passes.h"
#include "compiler/targets/cpu/kernels/Kernels.h"
#include "dialects/lm/QuantizedRow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::lm {
#define GEN_PASS_DEF_LOWERKERNELS
#include "compiler/targets/cpu/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using namespace lathe;

namespace {
/// What the expansions take for granted: places, and layouts made for this CPU.
LogicalResult verifyInput(Operation *op, const CPUTable &table) {
  for (Value operand : op->getOperands())
    if (isa<WeightType, CacheType, CarryType>(operand.getType())) {
      auto cast = operand.getDefiningOp<UnrealizedConversionCastOp>();
      if (!cast || cast.getNumOperands() != 2 || !isa<MemRefType>(cast.getOperand(0).getType()) ||
          !cast.getOperand(1).getType().isIndex())
        return op->emitOpError() << "expects a place in memory for " << operand.getType() << " (lm-lower-phases)";
    }
  if (auto matmul = dyn_cast<kernel::MatmulOp>(op)) {
    auto type = cast<WeightType>(matmul.getWeight().getType());
    auto depthFor = [&](bool isHead) { return table.getDepth(type.getFormat(), type.getColumns(), isHead); };
    auto hasDepth = [&](int64_t depth) {
      return type.getLayout() == PanelsAttr::get(op->getContext(), CPUTable::kPanelRows, depth);
    };
    if (!hasDepth(depthFor(false)) && !hasDepth(depthFor(true)))
      return op->emitOpError() << "expects panels of " << CPUTable::kPanelRows << " x " << depthFor(false)
                               << " on this CPU, but found " << type;
  }
  return success();
}

struct LowerKernels : mlir::lm::impl::LowerKernelsBase<LowerKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<CPUTable> table = CPUTable::get(module);
    if (failed(table))
      return signalPassFailure();
    ProductLibrary products(module, *table);
    KernelContext context{module, *table, products};

    SmallVector<Operation *> ops;
    module.walk([&](Operation *op) {
      // Dots, the ones with a result, are the target's.
      if (isa_and_nonnull<kernel::KernelDialect>(op->getDialect()) && op->getNumResults() == 0)
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(verifyInput(op, *table)))
        return signalPassFailure();
    for (Operation *op : ops) {
      OpBuilder builder(op);
      Emitter emitter(op->getLoc(), builder);
      TypeSwitch<Operation *>(op)
          .Case<kernel::ZeroOp, kernel::CopyOp, kernel::ConcatOp, kernel::MultiplyOp, kernel::SparsifyOp,
                kernel::MatchMagnitudeOp, kernel::AltUpPredictOp, kernel::AltUpCorrectOp, kernel::AltUpInjectOp,
                kernel::AddOp, kernel::AddBiasOp, kernel::AddPositionsOp, kernel::ScaleOp, kernel::ScaleRowsOp,
                kernel::NormOp, kernel::ActivationOp, kernel::GluOp, kernel::SoftcapOp, kernel::EmbedOp,
                kernel::ValuesOp, kernel::QuantizeOp, kernel::CachedOp, kernel::RoundOp, kernel::RopeTableOp,
                kernel::RopeOp, kernel::AppendOp, kernel::Conv1dOp, kernel::DeltaRuleOp, kernel::RouteOp,
                kernel::DispatchOp, kernel::GatherOp, kernel::CombineOp, kernel::MergePiecesOp>(
              [&](auto op) { expand(op, emitter); })
          .Case<kernel::MatmulOp, kernel::AttentionOp, kernel::AbsorbedAttentionOp, kernel::LatentAttentionOp>(
              [&](auto op) { expand(op, emitter, context); });
      op->erase();
    }
    module.walk([](UnrealizedConversionCastOp cast) {
      if (cast->use_empty())
        cast->erase();
    });
  }
};
} // namespace
