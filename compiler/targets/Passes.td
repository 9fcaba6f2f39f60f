#ifndef LATHE_COMPILER_TARGETS_PASSES_TD
#define LATHE_COMPILER_TARGETS_PASSES_TD

include "mlir/Pass/PassBase.td"

def DescribeTarget : Pass<"lm-describe-target", "::mlir::ModuleOp"> {
  let summary = "writes the description of the target: the attributes lm.target and lm.tuning";
  let description = [{
    Describes the target that lm.options names. A module that has lm.target keeps it. Stages graph and schedule begin with
    this pass. Example: test/targets/describe-target.mlir.
  }];
  let options = [Option<"mcpu", "mcpu", "std::string", "\"\"", "set lm.options.mcpu to it first">];
  let dependentDialects = ["::mlir::lm::LMDialect"];
}

#endif // LATHE_COMPILER_TARGETS_PASSES_TD
