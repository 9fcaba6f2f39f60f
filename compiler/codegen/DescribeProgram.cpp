//===- DescribeProgram.cpp - what the runtime and the user are told about the program
//---------------------------------===//

#include "compiler/codegen/Passes.h"
#include "compiler/support/CPUTable.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/Layout.h"
#include "dialects/spmd/SPMDOps.h"
#include "lrt/abi.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::lm {
#define GEN_PASS_DEF_DESCRIBEPROGRAM
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

/// Operations per row by the peak they are measured against.
using Ops = std::array<int64_t, LRT_PEAKS>;

struct DescribeProgram : mlir::lm::impl::DescribeProgramBase<DescribeProgram> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<lathe::CPUTable> table = lathe::CPUTable::get(module);
    if (failed(table) || failed(verifyInput()))
      return signalPassFailure();
    auto decode = module.lookupSymbol<func::FuncOp>("decode");
    SymbolTable symbols(module);

    int64_t decodeBytes = 0, barriers = 0;
    Ops rowOps = {}, headOps = {};
    int64_t expertsPerToken = 1;
    if (auto model = module->getAttrOfType<DictionaryAttr>(kModelAttr))
      if (auto count = model.getAs<IntegerAttr>("experts_per_token"))
        expertsPerToken = count.getInt();
    auto count = [&](WeightType type, Ops &ops) {
      // A row goes to so many of the experts.
      int64_t used = type.isExperts() ? expertsPerToken : 1;
      decodeBytes += type.isExperts() ? used * lathe::getExpertBytes(type) : lathe::getPackedBytes(type);
      if (type.isVector())
        return;
      bool isInt8 = type.getInfo().isQuantised(), isBF16 = type.getFormat() == lathe::Format::BF16 && table->bf16Dot;
      ops[isInt8   ? LRT_PEAK_INT8
          : isBF16 ? LRT_PEAK_BF16
                   : LRT_PEAK_F32] += 2 * used * type.getRows() * type.getColumns();
    };
    decode.walk([&](Operation *op) {
      if (auto layers = dyn_cast<spmd::LayersOp>(op)) {
        for (auto name : layers.getKinds().getAsRange<FlatSymbolRefAttr>()) {
          auto kind = symbols.lookup<func::FuncOp>(name.getValue());
          for (BlockArgument argument : kind.getArguments())
            if (auto type = dyn_cast<WeightType>(argument.getType()); type && !argument.use_empty())
              count(type, rowOps);
          int64_t own = 0;
          kind.walk([&](spmd::BarrierOp) { ++own; });
          barriers = std::max(barriers, own);
        }
      } else if (auto use = dyn_cast<UseOp>(op)) {
        auto type = dyn_cast<WeightType>(use.getType());
        // The embedding is read for one row only; as a tied head it is read whole.
        bool isRead = llvm::any_of(use->getUsers(),
                                   [](Operation *user) { return user->getName().getStringRef() != "kernel.embed"; });
        if (type && isRead)
          count(type, headOps);
      }
    });

    int64_t weightBytes = 0, cacheBytes = 0;
    for (auto weight : module.getOps<WeightOp>())
      weightBytes =
          std::max<int64_t>(weightBytes, weight.getPlace().value_or(0) + lathe::getPackedBytes(weight.getWeightType()));
    for (auto state : module.getOps<StateOp>())
      cacheBytes = std::max<int64_t>(cacheBytes, state.getPlace().value_or(0) + lathe::getStateBytes(state.getType()));

    Builder builder(&getContext());
    SmallVector<NamedAttribute> entries;
    auto add = [&](StringRef key, int64_t value) {
      entries.push_back(builder.getNamedAttr(key, builder.getI64IntegerAttr(value)));
    };
    auto rows = [&](StringRef entry) {
      return module.lookupSymbol<func::FuncOp>(entry)->getAttrOfType<IntegerAttr>(spmd::kRowsAttr).getInt();
    };
    add("arena_bytes", module->getAttrOfType<IntegerAttr>("spmd.arena_bytes").getInt());
    add("scratch_bytes", module->getAttrOfType<IntegerAttr>("spmd.scratch_bytes").getInt());
    add("weights_bytes", std::max<int64_t>(weightBytes, lathe::kTensorAlign));
    add("cache_bytes", std::max<int64_t>(cacheBytes, lathe::kTensorAlign));
    add("decode_rows", rows("decode"));
    add("prefill_rows", rows("prefill"));
    add("head_rows", rows("head"));
    add("barriers_per_layer", barriers);
    add("decode_weight_bytes", decodeBytes);
    entries.push_back(builder.getNamedAttr("row_ops", builder.getDenseI64ArrayAttr(rowOps)));
    entries.push_back(builder.getNamedAttr("head_ops", builder.getDenseI64ArrayAttr(headOps)));
    module->setAttr("lm.program", builder.getDictionaryAttr(entries));
  }

  LogicalResult verifyInput();
};

/// What the passes before must have left.
LogicalResult DescribeProgram::verifyInput() {
  ModuleOp module = getOperation();
  for (StringRef entry : {"decode", "prefill", "head"}) {
    auto function = module.lookupSymbol<func::FuncOp>(entry);
    if (!function || !function->getAttrOfType<IntegerAttr>(spmd::kRowsAttr))
      return module.emitError() << "lm-describe-program: expects an entry point @" << entry << " with "
                                << spmd::kRowsAttr << " (lm-schedule)";
  }
  for (StringRef area : {"spmd.arena_bytes", "spmd.scratch_bytes"})
    if (!module->getAttrOfType<IntegerAttr>(area))
      return module.emitError() << "lm-describe-program: expects the module's " << area << " (lm-plan-memory)";
  for (auto weight : module.getOps<WeightOp>())
    if (WeightType type = weight.getWeightType(); !type.isVector() && !type.getLayout())
      return weight.emitOpError() << "expects a packed matrix (lm-pack-weights), but found " << type;
  return success();
}

} // namespace
