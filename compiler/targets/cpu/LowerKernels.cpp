//===- LowerKernels.cpp - kernels become vector code --------------------------------------------------------------===//

#include "compiler/support/TargetInfo.h"
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

Expansions lathe::getCPUExpansions(KernelContext &context) {
  Expansions table;
  addRowwise(table);
  addRope(table);
  table.addOwn<VectorEmitter, kernel::EmbedOp, kernel::AddPositionsOp, kernel::ValuesOp>();
  table.addOwn<VectorEmitter, kernel::QuantizeOp>();
  table.addOwn<VectorEmitter, kernel::AppendOp, kernel::CachedOp>();
  table.addOwn<VectorEmitter, kernel::Conv1dOp, kernel::DeltaRuleOp>();
  table.addOwn<VectorEmitter, kernel::RouteOp, kernel::DispatchOp>();
  table.addWith<VectorEmitter, kernel::MatmulOp>(context);
  table.addWith<VectorEmitter, kernel::AttentionOp, kernel::AbsorbedAttentionOp, kernel::LatentAttentionOp>(context);
  table.addOwn<VectorEmitter, kernel::CombinePartialsOp>();
  return table;
}

namespace {
/// Whether there is code for products with this weight: true for all panels that the CPU's #lm.target can name.
bool hasKernel(WeightType type) {
  const FormatInfo &info = type.getInfo();
  if (!type.getLayout() || type.getLayout().getRows() != kPanelRows)
    return false;
  const int64_t depth = type.getLayout().getDepth();
  if (info.isQuantised())
    return depth == 4 || (depth == 2 && info.bits == 8);
  return depth == 1 || (depth == 2 && type.getFormat() == Format::BF16);
}

/// Checks what the expansions rely on: lowered weights and states, and layouts for this CPU.
LogicalResult verifyInput(Operation *op, TargetAttr target) {
  for (Value operand : op->getOperands())
    if (isa<WeightType, CacheType, RecurrentStateType>(operand.getType())) {
      auto cast = operand.getDefiningOp<UnrealizedConversionCastOp>();
      if (!cast || cast.getNumOperands() != 2 || !isa<MemRefType>(cast.getOperand(0).getType()) ||
          !cast.getOperand(1).getType().isIndex())
        return op->emitOpError() << "expects a segment and an offset for " << operand.getType() << " (lm-lower-phases)";
    }
  if (auto matmul = dyn_cast<kernel::MatmulOp>(op)) {
    auto type = cast<WeightType>(matmul.getWeight().getType());
    PanelsAttr panels = target.getPanels(type, /*isHead=*/false);
    if (type.getLayout() != panels && type.getLayout() != target.getPanels(type, /*isHead=*/true))
      return op->emitOpError() << "expects panels of " << panels.getRows() << " x " << panels.getDepth()
                               << " on this CPU, but found " << type;
    if (!hasKernel(type))
      return op->emitOpError() << "has no kernel for " << type;
  }
  return success();
}

struct LowerKernels : mlir::lm::impl::LowerKernelsBase<LowerKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<CPUInfo> cpu = CPUInfo::get(module);
    FailureOr<TargetAttr> target = getTarget(module);
    if (failed(cpu) || failed(target))
      return signalPassFailure();
    ProductLibrary products(module, *cpu);
    KernelContext context{module, *cpu, products};

    Expansions expansions = getCPUExpansions(context);

    SmallVector<kernel::KernelOpInterface> ops;
    module.walk([&](kernel::KernelOpInterface op) { ops.push_back(op); });
    for (Operation *op : ops) {
      if (!expansions.lookup(op->getName())) {
        op->emitOpError() << "has no expansion on this target";
        return signalPassFailure();
      }
      if (failed(verifyInput(op, *target)))
        return signalPassFailure();
    }
    for (Operation *op : ops) {
      OpBuilder builder(op);
      VectorEmitter emitter(op->getLoc(), builder);
      (*expansions.lookup(op->getName()))(op, emitter);
      op->erase();
    }
    module.walk([](UnrealizedConversionCastOp cast) {
      if (cast->use_empty())
        cast->erase();
    });
  }
};
} // namespace
