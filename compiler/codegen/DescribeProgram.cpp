//===- DescribeProgram.cpp - the attribute lm.program, for the runtime and the user -------------------------------===//

#include "compiler/codegen/Passes.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/Layout.h"
#include "dialects/spmd/SPMDOps.h"
#include "lrt/abi.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <map>

namespace mlir::lm {
#define GEN_PASS_DEF_DESCRIBEPROGRAM
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

/// The phases between two barriers: usually one, or several that do not depend on each other.
struct PhaseSequence {
  std::string name;
  StringRef kind; // of layer; empty outside the layers
  SmallVector<spmd::PhaseOp, 1> phases;
};

/// What a call of an entry point runs, in order.
struct Trace {
  std::vector<PhaseSequence> sequences; // all different
  SmallVector<int32_t> order;           // indices into sequences, one for each barrier
};

class TraceReader {
public:
  explicit TraceReader(spmd::ProgramOp program) : program(program) {}

  Trace read() {
    follow(program.getEntry());
    if (!phases.empty())
      arrive();
    return std::move(trace);
  }

private:
  void follow(func::FuncOp function) {
    for (Operation &op : function.getBody().front()) {
      if (auto phase = dyn_cast<spmd::PhaseOp>(op))
        phases.push_back(phase);
      else if (isa<spmd::BarrierOp>(op))
        arrive();
      else if (auto layers = dyn_cast<spmd::LayersOp>(op))
        for (auto name : layers.getKinds().getAsRange<FlatSymbolRefAttr>())
          follow(program.lookupSymbol<func::FuncOp>(name));
    }
  }

  /// A barrier ends the sequence of phases.
  void arrive() {
    std::vector<Operation *> key(phases.begin(), phases.end());
    auto [entry, isNew] = known.try_emplace(key, trace.sequences.size());
    trace.order.push_back(entry->second);
    if (isNew)
      trace.sequences.push_back(describe());
    phases.clear();
  }

  PhaseSequence describe() {
    PhaseSequence sequence{"", "", phases};
    for (spmd::PhaseOp phase : phases)
      sequence.name += (sequence.name.empty() ? "" : "+") + phase.getName().str();
    if (phases.empty())
      sequence.name = "nothing";
    else if (auto function = phases[0]->getParentOfType<func::FuncOp>(); !spmd::ProgramOp::isEntry(function))
      sequence.kind = function.getSymName();
    // Two of one name are told apart by a number.
    int number = ++names[(sequence.kind + "/" + sequence.name).str()];
    if (number > 1)
      sequence.name += "." + std::to_string(number);
    return sequence;
  }

  spmd::ProgramOp program;
  Trace trace;
  SmallVector<spmd::PhaseOp, 1> phases; // since the last barrier
  std::map<std::vector<Operation *>, int32_t> known;
  llvm::StringMap<int> names;
};

/// The cost of a sequence of phases.
spmd::CostAttr sumOf(ArrayRef<spmd::PhaseOp> phases, MLIRContext *context) {
  auto sum = spmd::CostAttr::get(context, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  for (spmd::PhaseOp phase : phases) {
    spmd::CostAttr cost = *spmd::PhaseOp(phase).getCost();
    // At most one of them attends, and at most one has experts.
    sum = spmd::CostAttr::get(context, sum.getWeights() + cost.getWeights(), sum.getLookup() + cost.getLookup(),
                              sum.getExpert() + cost.getExpert(), std::max(sum.getExperts(), cost.getExperts()),
                              std::max(sum.getChosen(), cost.getChosen()), sum.getState() + cost.getState(),
                              sum.getPosition() + cost.getPosition(), std::max(sum.getWindow(), cost.getWindow()),
                              std::max(sum.getChunk(), cost.getChunk()), sum.getF32() + cost.getF32(),
                              sum.getBf16() + cost.getBf16(), sum.getInt8() + cost.getInt8(),
                              sum.getAttend() + cost.getAttend(), sum.getAttendBf16() + cost.getAttendBf16());
  }
  return sum;
}

/// Calls `visit` with the cost of the phases before each barrier of a call.
void forEachCost(const Trace &trace, MLIRContext *context, function_ref<void(spmd::CostAttr)> visit) {
  for (int32_t index : trace.order)
    visit(sumOf(trace.sequences[index].phases, context));
}

Attribute toAttribute(const Trace &trace, Builder &builder) {
  SmallVector<Attribute> table;
  for (const PhaseSequence &sequence : trace.sequences)
    table.push_back(
        builder.getDictionaryAttr({builder.getNamedAttr("cost", sumOf(sequence.phases, builder.getContext())),
                                   builder.getNamedAttr("kind", builder.getStringAttr(sequence.kind)),
                                   builder.getNamedAttr("name", builder.getStringAttr(sequence.name))}));
  return builder.getDictionaryAttr({builder.getNamedAttr("order", builder.getDenseI32ArrayAttr(trace.order)),
                                    builder.getNamedAttr("phases", builder.getArrayAttr(table))});
}

struct DescribeProgram : mlir::lm::impl::DescribeProgramBase<DescribeProgram> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(verifyInput()))
      return signalPassFailure();
    auto program = [&](StringRef name) { return module.lookupSymbol<spmd::ProgramOp>(name); };
    spmd::ProgramOp decode = program("decode"), prefill = program("prefill"), logits = program("logits");

    int64_t barriers = 0;
    decode.walk([&](spmd::LayersOp layers) {
      for (auto name : layers.getKinds().getAsRange<FlatSymbolRefAttr>()) {
        int64_t own = 0;
        decode.lookupSymbol<func::FuncOp>(name).walk([&](spmd::BarrierOp) { ++own; });
        barriers = std::max(barriers, own);
      }
    });
    Trace decodeTrace = TraceReader(decode).read(), prefillTrace = TraceReader(prefill).read(),
          logitsTrace = TraceReader(logits).read();
    auto operations = [&](const Trace &trace) {
      std::array<int64_t, LRT_PEAKS> sums = {}; // of a row
      forEachCost(trace, &getContext(), [&](spmd::CostAttr cost) {
        sums[LRT_PEAK_F32] += cost.getF32();
        sums[LRT_PEAK_BF16] += cost.getBf16();
        sums[LRT_PEAK_INT8] += cost.getInt8();
      });
      return sums;
    };

    int64_t weightBytes = 0, cacheBytes = 0;
    for (auto weight : module.getOps<WeightOp>())
      weightBytes = std::max<int64_t>(weightBytes,
                                      weight.getOffset().value_or(0) + lathe::getPackedBytes(weight.getWeightType()));
    for (auto state : module.getOps<StateOp>())
      cacheBytes = std::max<int64_t>(cacheBytes, state.getOffset().value_or(0) + lathe::getStateBytes(state.getType()));

    Builder builder(&getContext());
    SmallVector<NamedAttribute> entries;
    auto add = [&](StringRef key, int64_t value) {
      entries.push_back(builder.getNamedAttr(key, builder.getI64IntegerAttr(value)));
    };
    add("arena_bytes", module->getAttrOfType<IntegerAttr>("spmd.arena_bytes").getInt());
    add("scratch_bytes", module->getAttrOfType<IntegerAttr>("spmd.scratch_bytes").getInt());
    add("weights_bytes", std::max<int64_t>(weightBytes, lathe::kTensorAlign));
    add("cache_bytes", std::max<int64_t>(cacheBytes, lathe::kTensorAlign));
    add("decode_rows", decode.getRows());
    add("prefill_rows", prefill.getRows());
    add("logits_rows", logits.getRows());
    add("barriers_per_layer", barriers);
    entries.push_back(builder.getNamedAttr("row_ops", builder.getDenseI64ArrayAttr(operations(prefillTrace))));
    entries.push_back(builder.getNamedAttr("logits_ops", builder.getDenseI64ArrayAttr(operations(logitsTrace))));
    entries.push_back(builder.getNamedAttr(
        "traces", builder.getDictionaryAttr({builder.getNamedAttr("decode", toAttribute(decodeTrace, builder)),
                                             builder.getNamedAttr("logits", toAttribute(logitsTrace, builder)),
                                             builder.getNamedAttr("prefill", toAttribute(prefillTrace, builder))})));
    module->setAttr("lm.program", builder.getDictionaryAttr(entries));
  }

  LogicalResult verifyInput();
};

/// Checks that memory is planned and costs are known.
LogicalResult DescribeProgram::verifyInput() {
  ModuleOp module = getOperation();
  for (StringRef name : {"decode", "prefill", "logits"})
    if (!module.lookupSymbol<spmd::ProgramOp>(name))
      return module.emitError() << "lm-describe-program: expects a program @" << name << " (lm-schedule)";
  WalkResult result = module.walk([](spmd::PhaseOp phase) -> WalkResult {
    if (!phase.getCost())
      return phase.emitOpError() << "expects a cost (lm-predict-cost)";
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  for (StringRef area : {"spmd.arena_bytes", "spmd.scratch_bytes"})
    if (!module->getAttrOfType<IntegerAttr>(area))
      return module.emitError() << "lm-describe-program: expects the module's " << area << " (lm-plan-memory)";
  for (auto weight : module.getOps<WeightOp>())
    if (WeightType type = weight.getWeightType(); !type.isVector() && !type.getLayout())
      return weight.emitOpError() << "expects a packed matrix (lm-pack-weights), but found " << type;
  return success();
}

} // namespace
