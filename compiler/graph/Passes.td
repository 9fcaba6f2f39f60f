#ifndef LATHE_COMPILER_GRAPH_PASSES_TD
#define LATHE_COMPILER_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseQKV : Pass<"lm-fuse-qkv", "::mlir::ModuleOp"> {
  let summary = "projections, q/k norm, rope and append become lm.qkv";
  let description = [{
    The way of a head from the layer's input into the cache needs nothing of other heads: one phase, divided by heads.
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
  let summary = "what a block adds to the stream is added where it is next normed";
  let description = [{
    A layer takes and returns (stream, pending) instead of the sum: the addition, and a norm between block and addition
    (post-norms), move into the consuming phase, where every worker repeats them on its own copy instead of waiting. The
    last block's post-norm weight is then needed by the next layer, as its slot `previous.<slot>`.
    Example: test/graph/defer-residuals.mlir.
  }];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def ConvertWeights : Pass<"lm-convert-weights", "::mlir::ModuleOp"> {
  let summary = "weights take the format the user asks for";
  let description = [{
    `f32`, `bf16`, `q8` (q8_0) and `q4` (q4_1) apply to every matrix; vectors are always f32. A matrix whose rows the
    blocks of 32 do not divide stays bf16. `as-stored` keeps a matrix's own format. Example: test/graph/convert-weights.mlir.
  }];
  let options = [Option<"policy", "policy", "std::string", "\"as-stored\"", "as-stored, f32, bf16, q8 or q4">];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def PackWeights : Pass<"lm-pack-weights", "::mlir::ModuleOp"> {
  let summary = "weights take the target's layout and a place in the weights file";
  let description = "The layout is that of lm.target (lm-describe-target). Example: test/graph/pack-weights.mlir.";
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def PlanCache : Pass<"lm-plan-cache", "::mlir::ModuleOp"> {
  let summary = "caches take their element, rows and place";
  let description = [{
    A cache with window W holds W - 1 past positions and the rows of one call, not more than the context, rounded up to
    panels: a ring when that is less than the context. Example: test/graph/plan-cache.mlir.
  }];
  let options = [Option<"element", "element", "std::string", "\"bf16\"", "bf16 or f32">,
                 Option<"rows", "rows", "int64_t", "512", "most rows one call appends; the module's lm.options.prefill_rows goes before">];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

#endif // LATHE_COMPILER_GRAPH_PASSES_TD
