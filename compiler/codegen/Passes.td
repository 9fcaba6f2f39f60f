#ifndef LATHE_COMPILER_CODEGEN_PASSES_TD
#define LATHE_COMPILER_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def AbsorbLatent : Pass<"lm-absorb-latent", "::mlir::ModuleOp"> {
  let summary = "latent attention becomes attention to the latent vectors themselves";
  let description = [{
    <q, k_up^T c> = <k_up q, c> and sum p v_up c = v_up sum p c: queries and sums take the matrices, and keys and values
    of single heads are never made. One head of the cache then serves all query heads. lm-schedule does this for `decode`.
    Example: test/codegen/absorb-latent.mlir.
  }];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def Schedule : Pass<"lm-schedule", "::mlir::ModuleOp"> {
  let summary = "fused layers become phases of an SPMD program, once per entry point";
  let description = [{
    A program (spmd.program) for each entry point: `decode` (one row, logits included), `prefill` (up to `prefill-rows`, leaves the stream in the module's buffers)
    and `logits` (logits of up to `logits-rows` rows of the last prefill). Work that is a row's alone (norms, quantising)
    becomes the prologue of the phase that needs it where rows are few, and a phase divided by rows where they are many.
    An op that has no phase of its own, or is named by `decompose`, is computed by one tile in kernel.compute.
    Examples: test/codegen/schedule.mlir, test/codegen/schedule-decomposed.mlir.
  }];
  let options = [Option<"prefillRows", "prefill-rows", "int64_t", "512", "most rows of one prefill call; the module's lm.options.prefill_rows goes before">,
                 Option<"decompose", "decompose", "std::string", "\"\"", "ops to run by their decomposition, lm.qkv,lm.linear or all; the module's lm.options.decompose goes before">,
                 Option<"logitsRows", "logits-rows", "int64_t", "8", "the largest number of rows of one call for logits">];
  let dependentDialects = ["::mlir::lm::LMDialect", "::mlir::spmd::SPMDDialect", "::mlir::kernel::KernelDialect",
                           "::mlir::func::FuncDialect", "::mlir::scf::SCFDialect"];
}

def PlanMemory : Pass<"lm-plan-memory", "::mlir::ModuleOp"> {
  let summary = "buffers take places in the arena and the scratch";
  let description = [{
    Buffers whose uses lie in the function of one kind of layer and do not overlap in time share bytes. Programs share the
    arena: nothing in it outlives a call but the module's buffers, which lie before those of each program that uses them.
    A program that comes after another one begins where that ends. Example: test/codegen/plan-memory.mlir.
  }];
  let dependentDialects = ["::mlir::spmd::SPMDDialect"];
}

def VerifySchedule : Pass<"lm-verify-schedule", "::mlir::ModuleOp"> {
  let summary = "checks sampled calls: no tile touches what another one writes";
  let description = [{
    The index arithmetic of the schedule is evaluated for calls of several sizes (the most rows, one less, half, one) at
    several positions (first, last, where windows slide and rings wrap), and for every call:
    tiles of a phase write each part of a buffer once, without gaps, inside the buffer; between two phases, across the
    edges of layers and of calls too, there is a barrier; what a phase reads was last written through the same buffer in
    this call (for logits: by the last prefill), so that no two live buffers share bytes and nothing is read undefined; a
    worker reads its scratch only where its own tile or a prologue filled it; every position a query sees is in its row of
    the cache, not overwritten by a later one of the same call;
    weights, caches and buffers lie apart and inside their areas. Workers are never mentioned: what was checked holds for any
    number of them, for the calls that were evaluated. Between buffers bytes are judged by whole rows. Layers are not multiplied: a kind is evaluated once per call.
    Example: test/codegen/verify-schedule.mlir.
  }];
}

def PredictCost : Pass<"lm-predict-cost", "::mlir::ModuleOp"> {
  let summary = "what every phase must read and compute";
  let description = [{
    The index arithmetic of the schedule is evaluated for a call of the most rows at position 0, as lm-verify-schedule
    does. What tiles repeat counts once: the panels of a matrix that any tile of the phase multiplies, a head of a cache
    that any tile attends to. Activations, and whatever no dot product does, are not counted.
    Example: test/codegen/predict-cost.mlir.
  }];
  let dependentDialects = ["::mlir::spmd::SPMDDialect"];
}

def DescribeProgram : Pass<"lm-describe-program", "::mlir::ModuleOp"> {
  let summary = "sizes, barriers, bytes and operations of the program, as the attribute lm.program";
  let description = [{
    Read off the schedule itself and the costs of its phases (lm-predict-cost). `traces` lists, for every entry point, the
    phases between two barriers, and the order in which a call runs them. Example: test/codegen/describe-program.mlir.
  }];
}

def RecordChecksum : Pass<"lm-record-checksum", "::mlir::ModuleOp"> {
  let summary = "a checksum of what the code of later stages relies on, as the attribute lm.checksum";
  let description = [{
    Of lm.model, lm.options, lm.program, lm.sizes and the places and types of weights and states. Once phases are loops
    over addresses, nothing in the code says them again: an edited dump of stage vector or later in which they no longer
    agree with the code is refused. Example: test/codegen/record-checksum.mlir.
  }];
}

def Decompose : Pass<"lm-decompose", "::mlir::ModuleOp"> {
  let summary = "ops of lm become linalg on tensors";
  let description = [{
    What every op means (dialects/lm/decompose/). lm.values, lm.cached, lm.append, lm.read_state and lm.write_state
    stay. In the pipeline it meets the ops inside kernel.compute alone: those that `--decompose` names. Example: test/codegen/decompose.mlir.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::mlir::lm::LMDialect"];
}

#endif // LATHE_COMPILER_CODEGEN_PASSES_TD
