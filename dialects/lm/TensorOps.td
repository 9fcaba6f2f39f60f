//===- TensorOps.td - weights and states as plain tensors, for decompositions -------------------------------------===//

#ifndef LM_TENSOR_OPS_TD
#define LM_TENSOR_OPS_TD

include "dialects/lm/LMOpBase.td"

def LM_ValuesOp : LM_Op<"values", [Pure]> {
  let summary = "the values of a weight";
  let description = [{
    All values in f32, whatever the weight's format and layout.

    Example:
    ```mlir
    %t = lm.values %w : !lm.weight<192x72xbf16> -> tensor<192x72xf32>
    ```
  }];
  let arguments = (ins LM_WeightType:$weight);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = "$weight attr-dict `:` type($weight) `->` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$weight)>];
  let hasVerifier = 1;
}

def LM_CachedOp : LM_Op<"cached"> {
  let summary = "keys or values of a cache, a row per position";
  let description = [{
    Positions 0 to `end` - 1 in f32, all heads side by side. A ring holds the last positions only: rows of older positions have
    undefined values.

    Example:
    ```mlir
    %k = lm.cached keys %cache to %end : !lm.cache<2 x 32 x f32, window = 5, rows = 16> -> tensor<?x64xf32>
    %v = lm.cached values %cache to %end : !lm.cache<2 x 32 x f32, window = 5, rows = 16> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins LM_CachePartAttr:$part, Arg<LM_CacheType, "", [MemRead]>:$cache, Index:$end);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "`` $part $cache `to` $end attr-dict `:` type($cache) `->` type($result)";
  let builders = [OpBuilder<(ins "::mlir::lm::CachePart":$part, "::mlir::Value":$cache, "::mlir::Value":$end)>];
  let hasVerifier = 1;
}

def LM_ReadStateOp : LM_Op<"read_state"> {
  let summary = "the values of a recurrent state";
  let description = [{
    What the calls before left in the state, a row for each part. At position 0 all values are zero.

    Example:
    ```mlir
    %s = lm.read_state %state at %position : !lm.recurrent_state<2 x 96> -> tensor<2x96xf32>
    ```
  }];
  let arguments = (ins Arg<LM_RecurrentStateType, "", [MemRead]>:$state, Index:$position);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = "$state `at` $position attr-dict `:` type($state) `->` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$state, "::mlir::Value":$position)>];
  let hasVerifier = 1;
}

def LM_WriteStateOp : LM_Op<"write_state"> {
  let summary = "writes a recurrent state";
  let description = [{
    All values of the state, a row for each part.

    Example:
    ```mlir
    lm.write_state %s to %state : tensor<2x96xf32>, !lm.recurrent_state<2 x 96>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$values, Arg<LM_RecurrentStateType, "", [MemWrite]>:$state);
  let assemblyFormat = "$values `to` $state attr-dict `:` type($values) `,` type($state)";
  let hasVerifier = 1;
}

#endif // LM_TENSOR_OPS_TD
