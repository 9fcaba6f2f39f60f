//===- FusedOps.td - ops that stage graph makes: each becomes a phase, or the prologue of one ---------------------===//

#ifndef LM_FUSED_OPS_TD
#define LM_FUSED_OPS_TD

include "dialects/lm/LMOpBase.td"

def LM_AddNormOp : LM_ComputeOp<"add_norm", [Pure, AllTypesMatch<["input", "pending", "sum", "normed"]>]> {
  let summary = "adds what is pending to the residual stream, then norms it";
  let description = [{
    sum = x + pending, or x + norm(pending; post) with `post`; normed = norm(sum; weight). A projection follows;
    in a decode step every worker computes the norm for itself, which is faster than to wait for one worker.

    Example:
    ```mlir
    %sum, %h = lm.add_norm %x, %o, %w eps 1.0e-6 : tensor<?x72xf32>, !lm.weight<72xf32>
    %s2, %h2 = lm.add_norm %x, %o post %p : !lm.weight<72xf32>, %w eps 1.0e-6 : tensor<?x72xf32>, !lm.weight<72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_Rows:$pending, Optional<LM_WeightType>:$post, LM_WeightType:$weight, F64Attr:$eps);
  let results = (outs LM_Rows:$sum, LM_Rows:$normed);
  let assemblyFormat = [{
    $input `,` $pending (`post` $post^ `:` type($post))? `,` $weight `eps` custom<Real>($eps) attr-dict `:` type($input) `,` type($weight)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$pending, "::mlir::Value":$post,
                                 "::mlir::Value":$weight, "double":$eps)>];
  let hasVerifier = 1;
}

def LM_QKVOp : LM_ComputeOp<"qkv", [AttrSizedOperandSegments]> {
  let summary = "queries, keys and values of a layer";
  let description = [{
    q = rope(norm(x Wq^T + bq; q_norm)), k likewise, v = x Wv^T + bv; k and v are appended to the cache, q is the result. The
    three matrices may have different formats. Tiles are heads.

    Example:
    ```mlir
    %q = lm.qkv %h, %wq, %wk, %wv to %cache at %position heads 6 eps 1.0e-6
       rope <dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
       : tensor<?x72xf32>, !lm.weight<192x72xbf16>, !lm.weight<64x72xbf16>, !lm.weight<64x72xbf16>,
         !lm.cache<2 x 32 x f32> -> tensor<?x192xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_WeightType:$q, LM_WeightType:$k, LM_WeightType:$v,
                       Optional<LM_WeightType>:$q_bias, Optional<LM_WeightType>:$k_bias, Optional<LM_WeightType>:$v_bias,
                       Optional<LM_WeightType>:$q_norm, Optional<LM_WeightType>:$k_norm,
                       Arg<LM_CacheType, "", [MemWrite]>:$cache, Index:$position, I64Attr:$heads,
                       DefaultValuedAttr<F64Attr, "0.0">:$eps, OptionalAttr<LM_RopeAttr>:$rope);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $input `,` $q `,` $k `,` $v oilist(`q_bias` $q_bias `:` type($q_bias) | `k_bias` $k_bias `:` type($k_bias)
      | `v_bias` $v_bias `:` type($v_bias) | `q_norm` $q_norm `:` type($q_norm) | `k_norm` $k_norm `:` type($k_norm))
    `to` $cache `at` $position `heads` $heads (`eps` custom<Real>($eps)^)? (`rope` $rope^)? attr-dict
    `:` type($input) `,` type($q) `,` type($k) `,` type($v) `,` type($cache) `->` type($result)
  }];
  let hasVerifier = 1;
}

def LM_GatedLinearOp : LM_ComputeOp<"gated_linear", [Pure, AttrSizedOperandSegments]> {
  let summary = "gate, up and activation of an MLP";
  let description = [{
    y = act(x Wg^T + bg) * (x Wu^T + bu).

    Example:
    ```mlir
    %m = lm.gated_linear %h, %gate, %up silu
       : tensor<?x72xf32>, !lm.weight<100x72xbf16>, !lm.weight<100x72xbf16> -> tensor<?x100xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_WeightType:$gate, LM_WeightType:$up, Optional<LM_WeightType>:$gate_bias,
                       Optional<LM_WeightType>:$up_bias, LM_ActivationAttr:$activation);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $input `,` $gate `,` $up oilist(`gate_bias` $gate_bias `:` type($gate_bias) | `up_bias` $up_bias `:` type($up_bias))
    `` $activation attr-dict `:` type($input) `,` type($gate) `,` type($up) `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // LM_FUSED_OPS_TD
