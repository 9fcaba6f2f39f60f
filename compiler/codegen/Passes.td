#ifndef LATHE_COMPILER_CODEGEN_PASSES_TD
#define LATHE_COMPILER_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def AbsorbLatent : Pass<"lm-absorb-latent", "::mlir::ModuleOp"> {
  let summary = "latent attention becomes attention to the latent vectors themselves";
  let description = [{
    Keys and values are products of a latent vector c: k = k_up^T c, v = v_up c. As <q, k_up^T c> = <k_up q, c> and
    sum p v_up c = v_up sum p c, the pass multiplies queries by k_up and sums by v_up, and attends to c itself. Keys and
    values of single heads are never computed, and all query heads use one head of the cache. lm-schedule does this for
    `decode`.
    Example: test/codegen/absorb-latent.mlir.
  }];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

def Schedule : Pass<"lm-schedule", "::mlir::ModuleOp"> {
  let summary = "fused layers become phases of an SPMD program, once per entry point";
  let description = [{
    Makes a program (spmd.program) for each entry point: `decode` (one row and its logits), `prefill` (up to
    `prefill-rows` rows; leaves the residual stream in the module's buffers) and `logits` (up to `logits-rows` rows of the
    last prefill). Work on single rows (norms, quantising) becomes the prologue of the phase that needs it where rows are
    few, and a phase of its own, divided by rows, where they are many. One tile computes an op without a schedule, or one
    that `decompose` names, in kernel.compute.
    Examples: test/codegen/schedule.mlir, test/codegen/schedule-decomposed.mlir.
  }];
  let options = [Option<"prefillRows", "prefill-rows", "int64_t", "512", "maximum number of rows of a prefill call; lm.options.prefill_rows of the module overrides it">,
                 Option<"decompose", "decompose", "std::string", "\"\"", "ops to run as their decomposition: lm.qkv,lm.linear or all; lm.options.decompose of the module overrides it">,
                 Option<"logitsRows", "logits-rows", "int64_t", "8", "maximum number of rows of a call of the logits entry">];
  let dependentDialects = ["::mlir::lm::LMDialect", "::mlir::spmd::SPMDDialect", "::mlir::kernel::KernelDialect",
                           "::mlir::func::FuncDialect", "::mlir::scf::SCFDialect"];
}

def PlanMemory : Pass<"lm-plan-memory", "::mlir::ModuleOp"> {
  let summary = "buffers get offsets in the arena and in scratch";
  let description = [{
    Buffers that are used in the function of one kind of layer only, and not at the same time, share bytes. All programs
    use the same arena: only the module's buffers keep their values after a call, and they lie before the buffers of each
    program that uses them. The buffers of a program that comes after another one begin where those of the other end.
    Example: test/codegen/plan-memory.mlir.
  }];
  let dependentDialects = ["::mlir::spmd::SPMDDialect"];
}

def VerifySchedule : Pass<"lm-verify-schedule", "::mlir::ModuleOp"> {
  let summary = "checks, for sampled calls, that no tile reads or writes what another one writes";
  let description = [{
    Evaluates the index arithmetic of the schedule for calls with several numbers of rows (the maximum, one less, half,
    one) at several positions (first, last, where windows slide and rings wrap). For each of these calls it checks:

    * The tiles of a phase write each part of a buffer once, without gaps, inside the buffer.
    * There is a barrier between two phases, also from layer to layer and from call to call.
    * What a phase reads was last written through the same buffer in this call (by the logits entry: in the last prefill).
      So no two live buffers share bytes, and nothing undefined is read.
    * A worker reads only the scratch that its own tile or a prologue wrote.
    * Each position that a query sees is in its row of the cache, and no later position of the call has overwritten it.
    * Weights, caches and buffers do not overlap, and lie inside the memory of their kind.

    The checks compare tiles, not workers: for the calls evaluated they hold for any number of workers. Two buffers are
    compared by whole rows. Each kind of layer is evaluated once per call.
    Example: test/codegen/verify-schedule.mlir.
  }];
}

def PredictCost : Pass<"lm-predict-cost", "::mlir::ModuleOp"> {
  let summary = "the bytes that each phase reads, and its operations";
  let description = [{
    Evaluates the index arithmetic of the schedule, as lm-verify-schedule does, for a call with the maximum number of rows
    at position 0. What several tiles read counts once: a panel of a matrix, a head of a cache. Activations, and operations
    other than dot products, are not counted.
    Example: test/codegen/predict-cost.mlir.
  }];
  let dependentDialects = ["::mlir::spmd::SPMDDialect"];
}

def DescribeProgram : Pass<"lm-describe-program", "::mlir::ModuleOp"> {
  let summary = "the attribute lm.program: memory, barriers, bytes and operations of the program";
  let description = [{
    The pass reads the schedule and the costs of its phases (lm-predict-cost). In lm.program, `traces` lists the phases
    of every entry point, with a barrier after each, in the order in which a call runs them.
    Example: test/codegen/describe-program.mlir.
  }];
}

def RecordChecksum : Pass<"lm-record-checksum", "::mlir::ModuleOp"> {
  let summary = "the attribute lm.checksum: a checksum of all that the code of later stages relies on";
  let description = [{
    From stage vector on, code contains addresses as plain numbers. They are computed from lm.model, lm.options,
    lm.target, lm.tuning, lm.program, and the offsets and types of weights and states; the checksum covers these. If one
    of them is edited in a dump of such a stage, the checksum no longer agrees and the dump is refused.
    Example: test/codegen/record-checksum.mlir.
  }];
}

def Decompose : Pass<"lm-decompose", "::mlir::ModuleOp"> {
  let summary = "ops of lm become linalg on tensors";
  let description = [{
    Replaces each op by its decomposition (dialects/lm/decompose/), which defines what the op computes. Ops that access
    weights, caches and states (lm.values, lm.cached, lm.append, lm.read_state, lm.write_state) stay as they are;
    lm-lower-compute replaces them. In the pipeline, the ops of `lm` left at this point are those in kernel.compute:
    those that `--decompose` names, and those without a schedule. Example: test/codegen/decompose.mlir.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::mlir::lm::LMDialect"];
}

#endif // LATHE_COMPILER_CODEGEN_PASSES_TD
