//===- LowerKernels.cpp - kernels become vector code
//------------------------------------------------------------------===//

#include "compiler/codegen/Passes.h"
#include "compiler/codegen/kernels/Kernels.h"

namespace mlir::lm {
#define GEN_PASS_DEF_LOWERKERNELS
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using namespace lathe;

namespace {
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
      if (isa<kernel::KernelDialect>(op->getDialect()))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      OpBuilder builder(op);
      Emitter emitter(op->getLoc(), builder);
      TypeSwitch<Operation *>(op)
          .Case<kernel::ZeroOp, kernel::AddOp, kernel::AddBiasOp, kernel::NormOp, kernel::GluOp, kernel::SoftcapOp,
                kernel::EmbedOp, kernel::ValuesOp, kernel::CachedOp, kernel::RoundOp, kernel::RopeOp, kernel::AppendOp>(
              [&](auto op) { expand(op, emitter); })
          .Case<kernel::QuantizeOp, kernel::MatmulOp, kernel::RopeTableOp, kernel::AttentionOp>(
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
