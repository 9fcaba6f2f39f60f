//===- LMOpBase.td - what all ops of lm have in common ------------------------------------------------------------===//

#ifndef LM_OP_BASE_TD
#define LM_OP_BASE_TD

include "dialects/lm/LMTarget.td"
include "dialects/lm/WeightAttrs.td"
include "mlir/Dialect/Linalg/IR/LinalgInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class LM_Op<string mnemonic, list<Trait> traits = []>
    : Op<LM_Dialect, mnemonic, traits # [LM_NoUnknownAttributes]>;
/// An op whose meaning is linalg on tensors (dialects/lm/decompose/). The decomposition is the reference in tests, and it
/// runs where the schedule has no phase for the op.
class LM_ComputeOp<string mnemonic, list<Trait> traits = []>
    : LM_Op<mnemonic, traits # [DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>]>;

def LM_Rows : Type<
    And<[2DTensorOf<[F32]>.predicate, CPred<"!::llvm::cast<::mlir::RankedTensorType>($_self).isDynamicDim(1)">]>,
    "rows of f32 with a known number of columns", "::mlir::RankedTensorType">;
def LM_Ids : 1DTensorOf<[I32]>;
def LM_Choice : Type<
    And<[2DTensorOf<[I32]>.predicate, CPred<"!::llvm::cast<::mlir::RankedTensorType>($_self).isDynamicDim(1)">]>,
    "rows of i32 with a known number of columns", "::mlir::RankedTensorType">;

#endif // LM_OP_BASE_TD
