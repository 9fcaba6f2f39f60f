//===- LMOps.td - what models compute: rows in, rows out ----------------------------------------------------------===//

#ifndef LM_OPS_TD
#define LM_OPS_TD

include "dialects/lm/FusedOps.td"
include "dialects/lm/ModuleOps.td"
include "dialects/lm/TensorOps.td"

def LM_EmbedOp : LM_ComputeOp<"embed", [Pure]> {
  let summary = "rows of the embedding table";
  let description = [{
    y[t] = scale * table[ids[t]]. An id outside the table reads row 0.

    Example:
    ```mlir
    %x = lm.embed %ids, %table : tensor<?xi32>, !lm.weight<131x72xf32> -> tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Ids:$ids, LM_WeightType:$table, DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$ids `,` $table (`scale` custom<Real>($scale)^)? attr-dict `:` type($ids) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def LM_AddOp : LM_ComputeOp<"add", [Pure, SameOperandsAndResultType]> {
  let summary = "elementwise sum";
  let description = [{
    Example:
    ```mlir
    %y = lm.add %x, %o : tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$lhs, LM_Rows:$rhs);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def LM_ScaleOp : LM_ComputeOp<"scale", [Pure, SameOperandsAndResultType]> {
  let summary = "y = factor * x";
  let description = [{
    Example:
    ```mlir
    %y = lm.scale %x by 0.5 : tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, F64Attr:$factor);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input `by` custom<Real>($factor) attr-dict `:` type($result)";
}

def LM_MultiplyOp : LM_ComputeOp<"multiply", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "y[t] = x[t] * w, value by value";
  let description = [{
    Example:
    ```mlir
    %y = lm.multiply %x, %w : tensor<?x72xf32>, !lm.weight<72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_WeightType:$weight);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input `,` $weight attr-dict `:` type($input) `,` type($weight)";
  let hasVerifier = 1;
}

def LM_PartOp : LM_ComputeOp<"part", [Pure]> {
  let summary = "one of several parts of equal width";
  let description = [{
    A row is divided into parts as wide as the result; y is the part whose number is `number`, or the operand `index`.

    Example:
    ```mlir
    %first = lm.part %x [0] : tensor<?x288xf32> -> tensor<?x72xf32>
    %own = lm.part %x at %layer : tensor<?x288xf32> -> tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, Optional<Index>:$index, OptionalAttr<I64Attr>:$number);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input (`at` $index^)? (`[` $number^ `]`)? attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def LM_ConcatOp : LM_ComputeOp<"concat", [Pure]> {
  let summary = "rows side by side";
  let description = [{
    Example:
    ```mlir
    %x = lm.concat %a, %b : tensor<?x72xf32>, tensor<?x72xf32> -> tensor<?x144xf32>
    ```
  }];
  let arguments = (ins Variadic<LM_Rows>:$inputs);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($result)";
  let hasVerifier = 1;
}

def LM_SparsifyOp : LM_ComputeOp<"sparsify", [Pure, SameOperandsAndResultType]> {
  let summary = "sets all but the largest values of a row to zero (Gemma 3n)";
  let description = [{
    y = max(x - (mean + deviations * std), 0), with the mean and the population standard deviation of the row.

    Example:
    ```mlir
    %y = lm.sparsify %x deviations 1.6448536 : tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, F64Attr:$deviations);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input `deviations` custom<Real>($deviations) attr-dict `:` type($result)";
}

def LM_MatchMagnitudeOp : LM_ComputeOp<"match_magnitude", [Pure, SameOperandsAndResultType]> {
  let summary = "x, scaled to the magnitude of another row";
  let description = [{
    y = x * sqrt(mean(like^2)) / sqrt(max(mean(x^2), eps)).

    Example:
    ```mlir
    %y = lm.match_magnitude %x, %like eps 1.0e-5 : tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_Rows:$like, F64Attr:$eps);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input `,` $like `eps` custom<Real>($eps) attr-dict `:` type($result)";
}

def LM_AltUpPredictOp : LM_ComputeOp<"altup_predict", [Pure, AllTypesMatch<["streams", "result"]>]> {
  let summary = "alternating updates (arXiv:2301.13310): predicts all streams";
  let description = [{
    `streams` are n streams side by side, `coefficients` are [rows, n * n]: y_b = x_b + sum over a of coefficients[n b + a] x_a.

    Example:
    ```mlir
    %p = lm.altup_predict %x, %c : tensor<?x288xf32>, tensor<?x16xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$streams, LM_Rows:$coefficients);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$streams `,` $coefficients attr-dict `:` type($streams) `,` type($coefficients)";
  let hasVerifier = 1;
}

def LM_AltUpCorrectOp : LM_ComputeOp<"altup_correct", [Pure, AllTypesMatch<["streams", "result"]>]> {
  let summary = "alternating updates: corrects the predictions by the layer's output";
  let description = [{
    `streams` are the predictions p, one for each coefficient; `activated` is the layer's output for stream 0:
    y_b = p_b + (1 + coefficients[b]) (activated - p_0).

    Example:
    ```mlir
    %x = lm.altup_correct %p, %z, %c : tensor<?x288xf32>, tensor<?x72xf32>, tensor<?x4xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$streams, LM_Rows:$activated, LM_Rows:$coefficients);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $streams `,` $activated `,` $coefficients attr-dict `:` type($streams) `,` type($activated) `,` type($coefficients)
  }];
  let hasVerifier = 1;
}

def LM_AltUpInjectOp : LM_ComputeOp<"altup_inject", [Pure, AllTypesMatch<["streams", "result"]>]> {
  let summary = "adds rows to every stream but the first";
  let description = [{
    y_0 = x_0, y_b = x_b + input for b > 0.

    Example:
    ```mlir
    %y = lm.altup_inject %x, %u : tensor<?x288xf32>, tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$streams, LM_Rows:$input);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$streams `,` $input attr-dict `:` type($streams) `,` type($input)";
  let hasVerifier = 1;
}

def LM_ZerosOp : LM_ComputeOp<"zeros", [Pure, AllTypesMatch<["like", "result"]>]> {
  let summary = "rows of zeros";
  let description = [{
    As many rows and columns as `like` has.

    Example:
    ```mlir
    %z = lm.zeros %x : tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$like);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$like attr-dict `:` type($like)";
}

def LM_NormOp : LM_ComputeOp<"norm", [Pure, AllTypesMatch<["input", "result"]>, AttrSizedOperandSegments]> {
  let summary = "root-mean-square norm, or with a bias layer norm";
  let description = [{
    y = x / sqrt(mean(x^2) + eps) * w, over every `groups`-th part of a row (1: the whole row; the number of heads for
    a norm on each query or key head). Computed in f32. Weights stored as w - 1 are read with 1 added.

    With `bias` it is layer norm: y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * w + b. Without a weight w is 1.

    Example:
    ```mlir
    %h = lm.norm %x, %w eps 1.0e-5 : tensor<?x72xf32>, !lm.weight<72xf32>
    %g = lm.norm %x, %w bias %b : !lm.weight<72xf32> eps 1.0e-5 : tensor<?x72xf32>, !lm.weight<72xf32>
    %k = lm.norm %x eps 1.0e-5 groups 3 : tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, Optional<LM_WeightType>:$weight, Optional<LM_WeightType>:$bias, F64Attr:$eps,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $input (`,` $weight^)? (`bias` $bias^ `:` type($bias))? `eps` custom<Real>($eps) (`groups` $groups^)? attr-dict
    `:` type($input) (`,` type($weight)^)?
  }];
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$weight, "double":$eps, "int64_t":$groups,
                                 CArg<"::mlir::Value", "{}">:$bias)>];
}

def LM_AddPositionsOp : LM_ComputeOp<"add_positions", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "learned positions";
  let description = [{
    y[t] = x[t] + table[position + t].

    Example:
    ```mlir
    %y = lm.add_positions %x, %wpe at %position : tensor<?x72xf32>, !lm.weight<256x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_WeightType:$table, Index:$position);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input `,` $table `at` $position attr-dict `:` type($input) `,` type($table)";
  let hasVerifier = 1;
}

def LM_LinearOp : LM_ComputeOp<"linear", [Pure]> {
  let summary = "projection";
  let description = [{
    y = scale (x W^T + b), W is [out, in].

    Example:
    ```mlir
    %q = lm.linear %h, %q_proj : tensor<?x72xf32>, !lm.weight<192x72xbf16> -> tensor<?x192xf32>
    %o = lm.linear %q, %o_proj scale 0.22 : tensor<?x192xf32>, !lm.weight<72x192xbf16> -> tensor<?x72xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_WeightType:$weight, Optional<LM_WeightType>:$bias,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^ `:` type($bias))? (`scale` custom<Real>($scale)^)? attr-dict
    `:` type($input) `,` type($weight) `->` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input, "::mlir::Value":$weight,
                                 CArg<"::mlir::Value", "{}">:$bias, CArg<"double", "1.0">:$scale)>];
  let extraClassDeclaration = [{
    bool isScaled() { return getScale().convertToDouble() != 1; }
  }];
  let hasVerifier = 1;
}

def LM_RopeOp : LM_ComputeOp<"rope", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "rotary position embedding";
  let description = [{
    In each head: y[i] = x[i] cos a - x[i+r/2] sin a, y[i+r/2] = x[i+r/2] cos a + x[i] sin a, a = (position + row) w_i,
    for r = rope.dim values of the head, the first ones or those from `from` on. Other values stay as they are.

    Example:
    ```mlir
    %r = lm.rope %q at %position heads 6 <dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
       : tensor<?x192xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, Index:$position, I64Attr:$heads, LM_RopeAttr:$rope,
                       DefaultValuedAttr<I64Attr, "0">:$from);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input `at` $position `heads` $heads (`from` $from^)? $rope attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def LM_AppendOp : LM_Op<"append", [AllTypesMatch<["keys", "values"]>]> {
  let summary = "appends keys and values to the cache";
  let description = [{
    Row t is stored at position `position` + t of the cache.

    Example:
    ```mlir
    lm.append %k, %v to %cache at %position : tensor<?x64xf32>, !lm.cache<2 x 32 x f32>
    ```
  }];
  let arguments = (ins LM_Rows:$keys, LM_Rows:$values, Arg<LM_CacheType, "", [MemWrite]>:$cache, Index:$position);
  let assemblyFormat = "$keys `,` $values `to` $cache `at` $position attr-dict `:` type($keys) `,` type($cache)";
  let hasVerifier = 1;
}

def LM_AttentionOp : LM_ComputeOp<"attention", [InferTypeOpAdaptor]> {
  let summary = "causal grouped-query attention over the cache";
  let description = [{
    For query head h (of `heads`), row t at position p, key/value head g = h / (heads / cache heads):
    s[j] = scale * <q[h], k[g, j]>, s = cap * tanh(s / cap) if `softcap` > 0, then times the `temperature` of p; visible:
    j <= p and, with a window W, j > p - W, with chunks of C, j >= C floor(p / C); o[h] = sum_j softmax(s)[j] v[g, j].
    `sinks` holds one more score for each query head: it is part of the softmax and has no value. Scores, softmax and sums are
    f32. In a latent cache v is the first part of k.

    Example:
    ```mlir
    %o = lm.attention %q, %cache at %position heads 6 scale 0.125
       : tensor<?x192xf32>, !lm.cache<2 x 32 x f32, window = 5>
    ```
  }];
  let arguments = (ins LM_Rows:$query, Arg<LM_CacheType, "", [MemRead]>:$cache, Index:$position,
                       Optional<LM_WeightType>:$sinks, I64Attr:$heads, F64Attr:$scale,
                       DefaultValuedAttr<F64Attr, "0.0">:$softcap, OptionalAttr<LM_TemperatureAttr>:$temperature);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $query `,` $cache `at` $position `heads` $heads `scale` custom<Real>($scale) (`softcap` custom<Real>($softcap)^)? (`temperature` $temperature^)?
    (`sinks` $sinks^ `:` type($sinks))? attr-dict `:` type($query) `,` type($cache)
  }];
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$query, "::mlir::Value":$cache, "::mlir::Value":$position,
                                 "int64_t":$heads, "double":$scale, CArg<"double", "0">:$softcap,
                                 CArg<"::mlir::Value", "{}">:$sinks, CArg<"::mlir::lm::TemperatureAttr", "{}">:$temperature)>];
}

def LM_AppendLatentOp : LM_Op<"append_latent"> {
  let summary = "appends latent vectors to the cache";
  let description = [{
    Row t, `latent` followed by `rotated`, is stored at position `position` + t of the cache.

    Example:
    ```mlir
    lm.append_latent %c, %r to %cache at %position
       : tensor<?x32xf32>, tensor<?x8xf32>, !lm.cache<1 x 40 x f32, latent = 32>
    ```
  }];
  let arguments = (ins LM_Rows:$latent, LM_Rows:$rotated, Arg<LM_CacheType, "", [MemWrite]>:$cache, Index:$position);
  let assemblyFormat = [{
    $latent `,` $rotated `to` $cache `at` $position attr-dict `:` type($latent) `,` type($rotated) `,` type($cache)
  }];
  let hasVerifier = 1;
}

def LM_LatentAttentionOp : LM_ComputeOp<"latent_attention"> {
  let summary = "causal attention over latent vectors (MLA, arXiv:2405.04434)";
  let description = [{
    Position j of the cache has a latent part c[j] and a rotated part r[j]; q[h] = [q_n, q_r]. Keys and values are
    k[h, j] = [k_up[h]^T c[j], r[j]] and v[h, j] = v_up[h] c[j]; the rest is lm.attention with a cache head for each query
    head. `k_up` is [heads, latent,
    unrotated], `v_up` [heads, values, latent].

    Example:
    ```mlir
    %o = lm.latent_attention %q, %k_up, %v_up, %cache at %position scale 0.2
       : tensor<?x72xf32>, !lm.weight<3x32x16xf32>, !lm.weight<3x12x32xf32>,
         !lm.cache<1 x 40 x f32, latent = 32> -> tensor<?x36xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$query, LM_WeightType:$k_up, LM_WeightType:$v_up,
                       Arg<LM_CacheType, "", [MemRead]>:$cache, Index:$position, F64Attr:$scale);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $query `,` $k_up `,` $v_up `,` $cache `at` $position `scale` custom<Real>($scale) attr-dict
    `:` type($query) `,` type($k_up) `,` type($v_up) `,` type($cache) `->` type($result)
  }];
  let hasVerifier = 1;
}

def LM_HeadLinearOp : LM_ComputeOp<"head_linear", [Pure]> {
  let summary = "a projection for each head";
  let description = [{
    y[t, h] = weight[h] x[t, h], weight is [heads, out, in]. If x[t, h] has more than `in` values, the others follow unchanged.

    Example:
    ```mlir
    %a = lm.head_linear %q, %k_up : tensor<?x72xf32>, !lm.weight<3x32x16xf32> -> tensor<?x120xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_WeightType:$weight);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input `,` $weight attr-dict `:` type($input) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def LM_CausalConv1dOp : LM_ComputeOp<"causal_conv1d", [AllTypesMatch<["input", "result"]>]> {
  let summary = "a short convolution along the sequence, each channel by itself";
  let description = [{
    y[t, c] = silu(sum over j < width of w[c, j] x[t - width + 1 + j, c]). `weight` is [channels, width]. The state keeps the last
    width - 1 inputs. A part of it is some of the channels: [width - 1, channels / parts].

    Example:
    ```mlir
    %y = lm.causal_conv1d %x, %w width 4 to %state at %position : tensor<?x64xf32>, !lm.weight<256xf32>, !lm.recurrent_state<2 x 96>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_WeightType:$weight, Arg<LM_RecurrentStateType, "", [MemRead, MemWrite]>:$state,
                       Index:$position, I64Attr:$width);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight `width` $width `to` $state `at` $position attr-dict
    `:` type($input) `,` type($weight) `,` type($state)
  }];
  let hasVerifier = 1;
}

def LM_GatedDeltaRuleOp : LM_ComputeOp<"gated_delta_rule"> {
  let summary = "linear attention by the gated delta rule (Gated DeltaNet, arXiv:2412.06464)";
  let description = [{
    For value head h, whose key head is h / (value heads / `heads`), with q and k of length 1 (x / sqrt(sum x^2 + 1e-6)),
    q times dim^-1/2: S = exp(decay[h] softplus(a[h] + bias[h])) S; S = S + k (sigmoid(b[h]) (v - k^T S))^T; o = q^T S.
    S is [key dim, value dim] in f32. A part of the state is some columns of one head's S: [key dim, columns].

    Example:
    ```mlir
    %o = lm.gated_delta_rule %q, %k, %v, %a, %b, %decay, %bias to %state at %position heads 2
       : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x48xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !lm.weight<4xf32>,
         !lm.weight<4xf32>, !lm.recurrent_state<4 x 192> -> tensor<?x48xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$query, LM_Rows:$key, LM_Rows:$value, LM_Rows:$a, LM_Rows:$b, LM_WeightType:$decay,
                       LM_WeightType:$bias, Arg<LM_RecurrentStateType, "", [MemRead, MemWrite]>:$state, Index:$position,
                       I64Attr:$heads);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $a `,` $b `,` $decay `,` $bias `to` $state `at` $position `heads` $heads attr-dict
    `:` type($query) `,` type($key) `,` type($value) `,` type($a) `,` type($b) `,` type($decay) `,` type($bias) `,`
    type($state) `->` type($result)
  }];
  let hasVerifier = 1;
}

def LM_RouteOp : LM_ComputeOp<"route", [Pure]> {
  let summary = "chooses experts for each row, and their weights";
  let description = [{
    p = softmax or sigmoid of a row's scores. `experts` are the numbers of the `top` experts with the largest p, or with the
    largest p + `correction`. The largest comes first; of equal ones the lower number comes first. `weights` are their p; with
    `normalized` divided by the sum of the chosen p (sigmoid: plus 1e-20); times `scale`. With `groups`, consecutive experts form
    groups of equal size, and only experts of the best `top_groups` groups are chosen. A group's score is the sum of its
    `group_terms` largest values.

    Example:
    ```mlir
    %weights, %experts = lm.route %scores top 2 softmax {normalized} : tensor<?x8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
    %w, %e = lm.route %scores top 2 correction %c : !lm.weight<8xf32> sigmoid scale 2.5 {normalized}
      : tensor<?x8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
    ```
  }];
  let arguments = (ins LM_Rows:$scores, Optional<LM_WeightType>:$correction, I64Attr:$top, LM_ScoringAttr:$scoring,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale, UnitAttr:$normalized,
                       DefaultValuedAttr<I64Attr, "1">:$groups, DefaultValuedAttr<I64Attr, "1">:$top_groups,
                       DefaultValuedAttr<I64Attr, "1">:$group_terms);
  let results = (outs LM_Rows:$weights, LM_Choice:$experts);
  let assemblyFormat = [{
    $scores `top` $top (`of` $top_groups `in` $groups^ `by` $group_terms)?
    (`correction` $correction^ `:` type($correction))? `` $scoring (`scale` custom<Real>($scale)^)? attr-dict
    `:` type($scores) `->` type($weights) `,` type($experts)
  }];
  let hasVerifier = 1;
}

def LM_ExpertsOp : LM_ComputeOp<"experts", [Pure, AllTypesMatch<["input", "result"]>, AttrSizedOperandSegments]> {
  let summary = "mixture of experts";
  let description = [{
    y[t] = sum over k of weights[t, k] * down_e (act(gate_e x[t]) * up_e x[t]), e = experts[t, k]. `shared` is
    the output of an expert that all rows use: it is added, with `shared_gate` (one column) times sigmoid(shared_gate[t]).
    A bias is a vector [experts * out]. With a `limit` L the product is act(min(gate, L)) * (clamp(up, -L, L) + up_offset)
    (gpt-oss). With `scales_input` each row has one expert, and its weight multiplies x[t] instead (Llama 4).

    Example:
    ```mlir
    %y = lm.experts %h, %weights, %experts, %gate, %up, %down silu : tensor<?x72xf32>, tensor<?x2xf32>, tensor<?x2xi32>,
      !lm.weight<8x100x72xbf16>, !lm.weight<8x100x72xbf16>, !lm.weight<8x72x100xbf16>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_Rows:$weights, LM_Choice:$experts, LM_WeightType:$gate, LM_WeightType:$up,
                       LM_WeightType:$down, Optional<LM_Rows>:$shared, Optional<LM_Rows>:$shared_gate,
                       Optional<LM_WeightType>:$gate_bias, Optional<LM_WeightType>:$up_bias,
                       Optional<LM_WeightType>:$down_bias, LM_ActivationAttr:$activation,
                       DefaultValuedAttr<F64Attr, "0.0">:$limit, DefaultValuedAttr<F64Attr, "0.0">:$up_offset,
                       UnitAttr:$scales_input);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = [{
    $input `,` $weights `,` $experts `,` $gate `,` $up `,` $down
    oilist(`shared` $shared `:` type($shared) | `shared_gate` $shared_gate `:` type($shared_gate)
      | `gate_bias` $gate_bias `:` type($gate_bias) | `up_bias` $up_bias `:` type($up_bias)
      | `down_bias` $down_bias `:` type($down_bias)) `` $activation attr-dict
    `:` type($input) `,` type($weights) `,` type($experts) `,` type($gate) `,` type($up) `,` type($down)
  }];
  let hasVerifier = 1;
}

def LM_GluOp : LM_ComputeOp<"glu", [Pure, SameOperandsAndResultType]> {
  let summary = "gated linear unit";
  let description = [{
    y = act(gate) * up; silu(x) = x / (1 + exp(-x)), gelu_tanh(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))),
    quick_gelu(x) = x / (1 + exp(-1.702 x)), sigmoid(x) = 1 / (1 + exp(-x)).

    Example:
    ```mlir
    %m = lm.glu %gate, %up silu : tensor<?x100xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$gate, LM_Rows:$up, LM_ActivationAttr:$activation);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$gate `,` $up `` $activation attr-dict `:` type($result)";
}

def LM_ActivationOp : LM_ComputeOp<"activation", [Pure, SameOperandsAndResultType]> {
  let summary = "activation of an MLP without a gate";
  let description = [{
    y = act(x), as in lm.glu.

    Example:
    ```mlir
    %m = lm.activation %x gelu_tanh : tensor<?x100xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, LM_ActivationAttr:$activation);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input `` $activation attr-dict `:` type($result)";
}

def LM_SoftcapOp : LM_ComputeOp<"softcap", [Pure, SameOperandsAndResultType]> {
  let summary = "soft cap";
  let description = [{
    y = cap * tanh(x / cap).

    Example:
    ```mlir
    %y = lm.softcap %x cap 3.0e1 : tensor<?x131xf32>
    ```
  }];
  let arguments = (ins LM_Rows:$input, F64Attr:$cap);
  let results = (outs LM_Rows:$result);
  let assemblyFormat = "$input `cap` custom<Real>($cap) attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif // LM_OPS_TD
