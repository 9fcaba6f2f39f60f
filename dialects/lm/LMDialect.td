#ifndef LM_DIALECT_TD
#define LM_DIALECT_TD

include "mlir/IR/OpBase.td"

def LM_Dialect : Dialect {
  let name = "lm";
  let cppNamespace = "::mlir::lm";
  let summary = "What a language model computes";
  let description = [{
    The `lm` dialect says what a decoder-only language model computes, in the words of the papers, and nothing about
    how a machine does it. Activations are `tensor<?xNxf32>`: one row per token of the call, the number of rows is
    known at run time. Weights are symbols that name tensors in the model's files (`lm.weight`), never constants; state that
    survives a call is a symbol too (`lm.state`). A layer kind is one `func.func` however many layers the model has; the
    table in `lm.layers` says which layer runs which kind, and a kind's weights are arguments that `lm.layers` resolves
    by name: argument `q_proj` of layer 3 is `@layers.3.q_proj`.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::tensor::TensorDialect"];
  // Names that begin with `lm.` on modules, functions and their arguments: a misspelt one is refused.
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
}

/// An op with no attributes but those it declares (KnownAttributes.h). All ops of lm, spmd and kernel have this trait.
def LM_NoUnknownAttributes : NativeOpTrait<"NoUnknownAttributes"> { let cppNamespace = "::mlir::lm"; }

#endif // LM_DIALECT_TD
