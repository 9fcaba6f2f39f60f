#ifndef LATHE_COMPILER_GRAPH_PASSES_TD
#define LATHE_COMPILER_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseQKV : Pass<"lm-fuse-qkv", "::mlir::ModuleOp"> {
  let summary = "projections, q/k norm, rope and append become lm.qkv";
  let description = [{
    From the layer's input to the cache, a head depends on no other head: so this is one phase, divided by heads.
    Example: test/graph/fuse-qkv.mlir.
  }];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def FuseGatedLinear : Pass<"lm-fuse-gated-linear", "::mlir::ModuleOp"> {
  let summary = "gate, up and glu become lm.gated_linear";
  let description = "Example: test/graph/fuse-gated-linear.mlir.";
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def DeferResiduals : Pass<"lm-defer-residuals", "::mlir::ModuleOp"> {
  let summary = "the output of a block is added to the residual stream at the next norm";
  let description = [{
    A layer takes and returns (stream, pending) instead of their sum. The addition, and a norm between block and addition
    (post norm), move to the phase that reads the sum. There every worker repeats them on its own copy, which is faster
    than a barrier. The next layer then needs the weight of the last block's post norm: its slot `previous.<slot>`.
    Example: test/graph/defer-residuals.mlir.
  }];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def ConvertWeights : Pass<"lm-convert-weights", "::mlir::ModuleOp"> {
  let summary = "weights get the format that the user chose";
  let description = [{
    `f32`, `bf16`, `q8` (q8_0) and `q4` (q4_1) apply to every matrix; vectors are always f32. A matrix whose rows the
    blocks of 32 do not divide stays bf16. `as-stored` keeps a matrix's own format. Example: test/graph/convert-weights.mlir.
  }];
  let options = [Option<"policy", "policy", "std::string", "\"as-stored\"", "as-stored, f32, bf16, q8 or q4">];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def PackWeights : Pass<"lm-pack-weights", "::mlir::ModuleOp"> {
  let summary = "weights get the target's layout and offsets in the weights file";
  let description = "The layout is that of lm.target (lm-describe-target). Example: test/graph/pack-weights.mlir.";
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def PlanCache : Pass<"lm-plan-cache", "::mlir::ModuleOp"> {
  let summary = "caches get their element type, rows and offset";
  let description = [{
    A cache with window W has rows for W - 1 past positions and for the rows of one call, rounded up to panels, and at most
    as many as the context. If these are fewer than the context, it is a ring. Example: test/graph/plan-cache.mlir.
  }];
  let options = [Option<"element", "element", "std::string", "\"bf16\"", "bf16 or f32">,
                 Option<"rows", "rows", "int64_t", "512", "maximum number of rows that a call appends; lm.options.prefill_rows of the module overrides it">];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

#endif // LATHE_COMPILER_GRAPH_PASSES_TD
