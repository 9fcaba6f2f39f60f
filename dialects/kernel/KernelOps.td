#ifndef KERNEL_OPS_TD
#define KERNEL_OPS_TD

include "dialects/kernel/KernelInterface.td"
include "dialects/lm/LMTypes.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::mlir::kernel";
  let summary = "The computation of one tile by one worker, on memory";
  let description = [{
    The level between tensors and vectors: an op reads rows of some buffers and writes rows of another one. Each target has
    an expansion of each op (compiler/codegen/kernels, compiler/targets), on the CPU into `vector`, `scf` and `memref`.
    Rows are `memref<?xNxf32>` with any stride between rows.
  }];
  let dependentDialects = ["::mlir::lm::LMDialect", "::mlir::memref::MemRefDialect"];
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
}

class Kernel_BaseOp<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits # [LM_NoUnknownAttributes]>;
/// An op on memory. `own`: the methods of KernelOpInterface that it implements itself (KernelAccesses.cpp).
class Kernel_Op<string mnemonic, list<Trait> traits = [], list<string> own = []>
    : Kernel_BaseOp<mnemonic, traits # [DeclareOpInterfaceMethods<KernelOpInterface, own>]>;

// How an op accesses the memory of an operand. lm-verify-schedule relies on it (KernelInterface.td).
class Kernel_In<TypeConstraint type> : Arg<type, "", [MemRead]>;
class Kernel_Out<TypeConstraint type> : Arg<type, "", [MemWrite]>;
class Kernel_InOut<TypeConstraint type> : Arg<type, "", [MemRead, MemWrite]>;
/// Memory of the worker. The op writes it before it reads it.
class Kernel_Scratch<TypeConstraint type> : Arg<type, "", [MemWrite]>;

def Kernel_Rows : MemRefRankOf<[F32], [2]>;
def Kernel_Ids : MemRefRankOf<[I32], [2]>;
def Kernel_Codes : MemRefRankOf<[I8], [2]>;

def Kernel_ZeroOp : Kernel_Op<"zero"> {
  let summary = "out = 0";
  let arguments = (ins Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = "$out attr-dict `:` type($out)";
}

def Kernel_EmbedOp : Kernel_Op<"embed", own = ["getAccesses"]> {
  let summary = "out[t] = scale * table[ids[t]]";
  let description = [{
    Reads rows of the packed table, whatever its format. `ids` is one column; an id that is no row of the table reads row 0.
  }];
  let arguments = (ins Kernel_In<Kernel_Ids>:$ids, LM_WeightType:$table, Kernel_Out<Kernel_Rows>:$out,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let assemblyFormat = [{
    $ids `,` $table `to` $out (`scale` custom<Real>($scale)^)? attr-dict `:` type($ids) `,` type($table) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_AddOp : Kernel_Op<"add"> {
  let summary = "out = lhs + rhs";
  let arguments = (ins Kernel_In<Kernel_Rows>:$lhs, Kernel_In<Kernel_Rows>:$rhs, Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = "$lhs `,` $rhs `to` $out attr-dict `:` type($lhs) `,` type($rhs) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_CopyOp : Kernel_Op<"copy"> {
  let summary = "out = input";
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = "$input `to` $out attr-dict `:` type($input) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_ConcatOp : Kernel_Op<"concat"> {
  let summary = "out[t] = the rows t of the inputs, concatenated";
  let arguments = (ins Kernel_In<Variadic<Kernel_Rows>>:$inputs, Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = "$inputs `to` $out attr-dict `:` type($inputs) `to` type($out)";
  let hasVerifier = 1;
}

def Kernel_MultiplyOp : Kernel_Op<"multiply"> {
  let summary = "out[t] = input[t] * weight, element-wise";
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, LM_WeightType:$weight, Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = "$input `,` $weight `to` $out attr-dict `:` type($input) `,` type($weight) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_SparsifyOp : Kernel_Op<"sparsify"> {
  let summary = "out = max(input - (mean + deviations * std), 0)";
  let description = "As lm.sparsify.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, Kernel_Out<Kernel_Rows>:$out, F64Attr:$deviations);
  let assemblyFormat = "$input `to` $out `deviations` custom<Real>($deviations) attr-dict `:` type($input) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_MatchMagnitudeOp : Kernel_Op<"match_magnitude"> {
  let summary = "input, scaled to the magnitude of another row";
  let description = "As lm.match_magnitude.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, Kernel_In<Kernel_Rows>:$like, Kernel_Out<Kernel_Rows>:$out,
                       F64Attr:$eps);
  let assemblyFormat = "$input `,` $like `to` $out `eps` custom<Real>($eps) attr-dict `:` type($input) `,` type($like) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_AltUpPredictOp : Kernel_Op<"altup_predict"> {
  let summary = "the predicted streams";
  let description = "As lm.altup_predict.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$streams, Kernel_In<Kernel_Rows>:$coefficients,
                       Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = [{
    $streams `,` $coefficients `to` $out attr-dict `:` type($streams) `,` type($coefficients) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_AltUpCorrectOp : Kernel_Op<"altup_correct"> {
  let summary = "corrects the streams by the layer's output for the first one";
  let description = "As lm.altup_correct.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$streams, Kernel_In<Kernel_Rows>:$activated,
                       Kernel_In<Kernel_Rows>:$coefficients, Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = [{
    $streams `,` $activated `,` $coefficients `to` $out attr-dict
    `:` type($streams) `,` type($activated) `,` type($coefficients) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_AltUpInjectOp : Kernel_Op<"altup_inject"> {
  let summary = "adds input to every stream except for the first";
  let arguments = (ins Kernel_In<Kernel_Rows>:$streams, Kernel_In<Kernel_Rows>:$input, Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = "$streams `,` $input `to` $out attr-dict `:` type($streams) `,` type($input) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_AddPositionsOp : Kernel_Op<"add_positions", own = ["getAccesses"]> {
  let summary = "out[t] += table[position + t]";
  let description = "Reads rows of the packed table, whatever its format.";
  let arguments = (ins LM_WeightType:$table, Index:$position, Kernel_InOut<Kernel_Rows>:$out);
  let assemblyFormat = "$table `at` $position `to` $out attr-dict `:` type($table) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_NormOp : Kernel_Op<"norm", [AttrSizedOperandSegments]> {
  let summary = "root-mean-square norm of each group of each row, layer norm with a bias";
  let description = "As lm.norm, of groups of `group` values. `out` may be `input`.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, Optional<LM_WeightType>:$weight, Optional<LM_WeightType>:$bias,
                       Kernel_Out<Kernel_Rows>:$out, I64Attr:$group, F64Attr:$eps);
  let assemblyFormat = [{
    $input (`by` $weight^ `:` type($weight))? (`bias` $bias^ `:` type($bias))? `to` $out `group` $group `eps` custom<Real>($eps)
    attr-dict `:` type($input) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_ScaleOp : Kernel_Op<"scale"> {
  let summary = "out = out * factor";
  let arguments = (ins Kernel_InOut<Kernel_Rows>:$out, F64Attr:$factor);
  let assemblyFormat = "$out `by` custom<Real>($factor) attr-dict `:` type($out)";
}

def Kernel_AddBiasOp : Kernel_Op<"add_bias", own = ["getAccesses"]> {
  let summary = "out[t, n] += bias[first + n]";
  let description = [{
    With `expert`, `bias` has `each` values for each expert, and those of the expert with this number are added, as in
    kernel.matmul.
  }];
  let arguments = (ins LM_WeightType:$bias, Index:$first, Kernel_In<Optional<Kernel_Ids>>:$expert,
                       Kernel_InOut<Kernel_Rows>:$out, DefaultValuedAttr<I64Attr, "0">:$each);
  let assemblyFormat = [{
    $bias `[` $first `]` (`of` $expert^ `:` type($expert) `each` $each)? `to` $out attr-dict
    `:` type($bias) `,` type($out)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$bias, "::mlir::Value":$first, "::mlir::Value":$out,
                                 CArg<"::mlir::Value", "{}">:$expert, CArg<"int64_t", "0">:$each),
    [{ build($_builder, $_state, bias, first, expert, out, $_builder.getI64IntegerAttr(each)); }]>];
  let hasVerifier = 1;
}

def Kernel_ScaleRowsOp : Kernel_Op<"scale_rows"> {
  let summary = "out[t] *= factors[t]";
  let description = "`factors` is one column.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$factors, Kernel_InOut<Kernel_Rows>:$out);
  let assemblyFormat = "$out `by` $factors attr-dict `:` type($out) `,` type($factors)";
  let hasVerifier = 1;
}

def Kernel_QuantizeOp : Kernel_Op<"quantize"> {
  let summary = "quantises rows to 8 or 16 bits";
  let description = [{
    For each block of 32 values: scale = max |x| / 127, quantised values round(x / scale); with `wide`, 16-bit values with
    a 256 times smaller scale. A block of `out` has the quantised values, the scale and sums (dialects/lm/QuantizedRow.h).
  }];
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, Kernel_Out<Kernel_Codes>:$out, UnitAttr:$wide);
  let assemblyFormat = "(`wide` $wide^)? $input `to` $out attr-dict `:` type($input) `,` type($out)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$out, "bool":$wide),
    [{ build($_builder, $_state, input, out, wide ? $_builder.getUnitAttr() : ::mlir::UnitAttr()); }]>];
  let hasVerifier = 1;
}

def Kernel_RoundOp : Kernel_Op<"round"> {
  let summary = "rows rounded to bf16";
  let description = "To nearest, ties to even: the operand of a bf16 dot product.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, Kernel_Out<MemRefRankOf<[BF16], [2]>>:$out);
  let assemblyFormat = "$input `to` $out attr-dict `:` type($input) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_MatmulOp : Kernel_Op<"matmul", [AttrSizedOperandSegments], own = ["getAccesses", "getCost"]> {
  let summary = "out[t, n] = <input[t], weight[first + n]>";
  let description = [{
    `input` is rows of f32, rows from kernel.round for bf16 dot products, or rows from kernel.quantize for quantised
    weights. `first` is a multiple of the weight's panel rows; the number of outputs is the number of columns of `out`. If
    the weight has a matrix for each expert, `expert` ([1, 1]) holds the number of the one to use; if that is negative,
    the op does nothing. If it has a matrix for each head, `head` is the number.
  }];
  let arguments = (ins Kernel_In<MemRefRankOf<[F32, BF16, I8], [2]>>:$input, LM_WeightType:$weight, Index:$first,
                       Kernel_In<Optional<Kernel_Ids>>:$expert, Optional<Index>:$head, Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = [{
    $input `,` $weight `[` $first `]` (`of` $expert^ `:` type($expert))? (`head` $head^)? `to` $out attr-dict
    `:` type($input) `,` type($weight) `,` type($out)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$weight, "::mlir::Value":$first,
                                 "::mlir::Value":$out, CArg<"::mlir::Value", "{}">:$expert,
                                 CArg<"::mlir::Value", "{}">:$head),
    [{ build($_builder, $_state, TypeRange(), input, weight, first, expert, head, out); }]>];
  let hasVerifier = 1;
}

def Kernel_RouteOp : Kernel_Op<"route", [AttrSizedOperandSegments]> {
  let summary = "the experts of each row, and their weights";
  let description = "As lm.route. With groups, `scratch` holds the scores, with those of groups that are not chosen masked.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$scores, Optional<LM_WeightType>:$correction,
                       Kernel_Out<Optional<Kernel_Rows>>:$scratch, Kernel_Out<Kernel_Rows>:$weights, Kernel_Out<Kernel_Ids>:$experts, LM_ScoringAttr:$scoring,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale, UnitAttr:$normalized, DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<I64Attr, "1">:$top_groups, DefaultValuedAttr<I64Attr, "1">:$group_terms);
  let assemblyFormat = [{
    $scores (`of` $top_groups `in` $groups^ `by` $group_terms)? (`correction` $correction^ `:` type($correction))?
    (`scratch` $scratch^ `:` type($scratch))? `to` $weights `,` $experts `` $scoring (`scale` custom<Real>($scale)^)? attr-dict
    `:` type($scores) `,` type($weights) `,` type($experts)
  }];
  let hasVerifier = 1;
}

def Kernel_DispatchOp : Kernel_Op<"dispatch"> {
  let summary = "rows sorted by expert, in blocks of one expert each";
  let description = [{
    `experts` [rows, k] has numbers below `count`. A block has S = `order` rows / `blocks` rows slots, all for one expert;
    the last block of an expert may have free slots. The op writes `blocks` [b, 1], the expert of each block, -1 after the
    last block; `order` [b * S, 1], the row of each slot, -1 in free slots; `slots` [rows, k], the slot of each of a row's
    experts.
  }];
  let arguments = (ins Kernel_In<Kernel_Ids>:$experts, Kernel_Out<Kernel_Ids>:$order, Kernel_Out<Kernel_Ids>:$slots,
                       Kernel_Out<Kernel_Ids>:$blocks, I64Attr:$count);
  let assemblyFormat = [{
    $experts `to` $order `,` $slots `,` $blocks `count` $count attr-dict
    `:` type($experts) `,` type($order) `,` type($slots) `,` type($blocks)
  }];
  let hasVerifier = 1;
}

def Kernel_GatherOp : Kernel_Op<"gather"> {
  let summary = "out[t] = input[rows[t]]";
  let description = "If `rows[t]` is negative, `out[t]` does not change.";
  let arguments = (ins Kernel_In<MemRefRankOf<[F32, BF16, I8], [2]>>:$input, Kernel_In<Kernel_Ids>:$rows,
                       Kernel_Out<MemRefRankOf<[F32, BF16, I8], [2]>>:$out);
  let assemblyFormat = "$input `[` $rows `]` `to` $out attr-dict `:` type($input) `,` type($rows) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_CombineOp : Kernel_Op<"combine", [AttrSizedOperandSegments]> {
  let summary = "out[t] = sum over k of weights[t, k] * input[slots[t, k]], plus the shared expert";
  let description = [{
    Without `slots` there is one row, and slots[0, k] = k. With `unweighted` the weights (one column) are already in the
    input. `shared[t]` is added; with a `gate` (one column), sigmoid(gate[t]) * shared[t].
  }];
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, Kernel_In<Kernel_Rows>:$weights,
                       Kernel_In<Optional<Kernel_Ids>>:$slots, Kernel_In<Optional<Kernel_Rows>>:$shared,
                       Kernel_In<Optional<Kernel_Rows>>:$gate, Kernel_Out<Kernel_Rows>:$out, UnitAttr:$unweighted);
  let assemblyFormat = [{
    $input `,` $weights oilist(`at` $slots `:` type($slots) | `shared` $shared `:` type($shared)
      | `gate` $gate `:` type($gate)) `to` $out attr-dict `:` type($input) `,` type($weights) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_RopeTableOp : Kernel_Op<"rope_table"> {
  let summary = "cosines and sines of the call's positions";
  let description = "out[t] = cos a_0 .. cos a_(d/2-1), sin a_0 .. sin a_(d/2-1) with a_i = (position + t) w_i.";
  let arguments = (ins Index:$position, Kernel_Out<Kernel_Rows>:$out, LM_RopeAttr:$rope);
  let assemblyFormat = "$rope `at` $position `to` $out attr-dict `:` type($out)";
  let hasVerifier = 1;
}

def Kernel_RopeOp : Kernel_Op<"rope"> {
  let summary = "rotates heads in place";
  let description = "As lm.rope. `out` has heads of `head` values; `table` has a row for each row of `out`.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$table, Kernel_InOut<Kernel_Rows>:$out, I64Attr:$head,
                       DefaultValuedAttr<I64Attr, "0">:$from);
  let assemblyFormat = "$table `to` $out `head` $head (`from` $from^)? attr-dict `:` type($table) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_AppendOp : Kernel_Op<"append", own = ["getAccesses"]> {
  let summary = "appends rows of heads to the cache";
  let description = "Row t is the keys, or the values, of the heads from `head` on at position `position` + t.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, Kernel_Out<LM_CacheType>:$cache, Index:$head, Index:$position,
                       UnitAttr:$values);
  let assemblyFormat = "$input `to` (`values` $values^)? $cache `[` $head `]` `at` $position attr-dict `:` type($input) `,` type($cache)";
  let hasVerifier = 1;
}

def Kernel_AttentionOp : Kernel_Op<"attention", [AttrSizedOperandSegments], own = ["getAccesses", "getCost"]> {
  let summary = "attention of rows of one query head";
  let description = [{
    As lm.attention, for rows of one query head at positions `position`, `position` + 1, ..., or for several query heads of
    one row that share the cache's `head`. `scores` is scratch of the worker: a row of scores for each row and head.
    `sinks` has the sinks of all query heads; those of these heads begin at `sink`.

    With `split`, the op attends only to the `split`-th of `splits` equal parts of the positions that the row sees. Then
    `out` is the sum of exp(score - peak) * value, and `statistics` has two columns for each head: the peak (the largest
    score) and the sum of exp(score - peak). kernel.combine_partials combines the splits.

    `rounded`: dot products are of bf16. Queries and softmax weights are rounded to bf16, as keys and values are.
  }];
  let arguments = (ins Kernel_In<Kernel_Rows>:$query, Kernel_In<LM_CacheType>:$cache, Index:$head, Index:$position,
                       Optional<LM_WeightType>:$sinks, Optional<Index>:$sink, Optional<Index>:$split,
                       Optional<Index>:$splits, Kernel_Out<Optional<Kernel_Rows>>:$statistics,
                       Kernel_Scratch<Kernel_Rows>:$scores, Kernel_Out<Kernel_Rows>:$out, F64Attr:$scale,
                       DefaultValuedAttr<F64Attr, "0.0">:$softcap, OptionalAttr<LM_TemperatureAttr>:$temperature, UnitAttr:$rounded);
  let assemblyFormat = [{
    (`rounded` $rounded^)? $query `,` $cache `[` $head `]` `at` $position (`sinks` $sinks^ `[` $sink `]` `:` type($sinks))?
    (`split` $split^ `of` $splits `statistics` $statistics `:` type($statistics))? `scores` $scores
    `to` $out `scale` custom<Real>($scale) (`softcap` custom<Real>($softcap)^)? (`temperature` $temperature^)? attr-dict
    `:` type($query) `,` type($cache) `,` type($scores) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_AbsorbedAttentionOp : Kernel_Op<"absorbed_attention", [AttrSizedOperandSegments], own = ["getAccesses", "getCost"]> {
  let summary = "attention of rows of one query head, or of heads of one row, to latent vectors";
  let description = [{
    As lm.attention to a latent cache, for rows of one query head at positions `position`, `position` + 1, ..., or for
    several query heads of one row. With `per_head`, the rows are of several heads, `per_head` rows each, which all begin
    at `position`. Computed in blocks of `positions` positions with an online softmax. `scratch` is memory of the worker,
    with the size that kernel::AbsorbedScratch has for `rows` rows or heads. `split` and `splits` as in kernel.attention.
  }];
  let arguments = (ins Kernel_In<Kernel_Rows>:$query, Kernel_In<LM_CacheType>:$cache, Index:$position,
                       Optional<Index>:$per_head, Optional<Index>:$split, Optional<Index>:$splits, Kernel_Out<Optional<Kernel_Rows>>:$statistics,
                       Kernel_Scratch<Kernel_Rows>:$scratch, Kernel_Out<Kernel_Rows>:$out, F64Attr:$scale,
                       I64Attr:$rows, I64Attr:$positions);
  let assemblyFormat = [{
    $query `,` $cache `at` $position (`per_head` $per_head^)?
    (`split` $split^ `of` $splits `statistics` $statistics `:` type($statistics))? `scratch` $scratch
    `to` $out `scale` custom<Real>($scale) `rows` $rows `positions` $positions attr-dict
    `:` type($query) `,` type($cache) `,` type($scratch) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_LatentAttentionOp : Kernel_Op<"latent_attention", own = ["getAccesses", "getCost"]> {
  let summary = "attention of rows of one query head to keys and values that are made of a latent cache";
  let description = [{
    As lm.latent_attention, for rows of `head` at positions `position`, `position` + 1, ... Computed in blocks of
    `positions` positions with an online softmax: the keys and values of a block are computed once for all rows.
    `matrices`, `panels` and `rows` are scratch of the worker, with the sizes of kernel::LatentScratch: the head's matrices
    as f32, the keys and values of a block, and for each row its scaled query, scores and sums.
  }];
  let arguments = (ins Kernel_In<Kernel_Rows>:$query, Kernel_In<LM_CacheType>:$cache, Index:$position,
                       LM_WeightType:$k_up, LM_WeightType:$v_up, Index:$head,
                       Kernel_Scratch<Kernel_Rows>:$matrices,
                       Kernel_Scratch<Kernel_Rows>:$panels,
                       Kernel_Scratch<Kernel_Rows>:$rows, Kernel_Out<Kernel_Rows>:$out, F64Attr:$scale,
                       I64Attr:$positions);
  let assemblyFormat = [{
    $query `,` $cache `at` $position `by` $k_up `,` $v_up `[` $head `]` `matrices` $matrices `panels` $panels `rows` $rows
    `to` $out `scale` custom<Real>($scale) `positions` $positions attr-dict `:` type($query) `,` type($cache) `,` type($k_up) `,`
    type($v_up) `,` type($matrices) `,` type($panels) `,` type($rows) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_CombinePartialsOp : Kernel_Op<"combine_partials"> {
  let summary = "combines the partial results of attention's KV splits";
  let description = [{
    out[h] = sum over p of exp(peak[p, h] - peak[h]) input[p, h] / sum over p of exp(peak[p, h] - peak[h]) sum[p, h], where
    peak[h] is the largest of the splits' (FlashDecoding). A row of `input` and of `statistics` is a split; `sinks`, a score for
    each head, enter the sum here.
  }];
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, Kernel_In<Kernel_Rows>:$statistics, Optional<LM_WeightType>:$sinks,
                       Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = [{
    $input `,` $statistics (`sinks` $sinks^ `:` type($sinks))? `to` $out attr-dict
    `:` type($input) `,` type($statistics) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_Conv1dOp : Kernel_Op<"conv1d", own = ["getAccesses", "getCost"]> {
  let summary = "a short causal convolution of some channels";
  let description = [{
    As lm.causal_conv1d, with SiLU, for the channels from `channel` on, whose state is `part`. `input` has all rows of the
    call.
  }];
  let arguments = (ins Kernel_In<Kernel_Rows>:$input, LM_WeightType:$weight, Index:$channel,
                       Kernel_InOut<LM_RecurrentStateType>:$state, Index:$part, Index:$position,
                       Kernel_Out<Kernel_Rows>:$out, I64Attr:$width);
  let assemblyFormat = [{
    $input `,` $weight `[` $channel `]` `width` $width `state` $state `[` $part `]` `at` $position `to` $out attr-dict
    `:` type($input) `,` type($weight) `,` type($state) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_DeltaRuleOp : Kernel_Op<"delta_rule", own = ["getAccesses", "getCost"]> {
  let summary = "the gated delta rule for some columns of one head's state";
  let description = [{
    As lm.gated_delta_rule. `query` and `key` are those of one head; `value` and `out` are the columns whose state is
    `part`. `a`, `b`, `decay` and `bias` have a column for each head; `head` is the one to use. The operands have all rows
    of the call.
  }];
  let arguments = (ins Kernel_In<Kernel_Rows>:$query, Kernel_In<Kernel_Rows>:$key, Kernel_In<Kernel_Rows>:$value,
                       Kernel_In<Kernel_Rows>:$a, Kernel_In<Kernel_Rows>:$b, LM_WeightType:$decay, LM_WeightType:$bias,
                       Index:$head, Kernel_InOut<LM_RecurrentStateType>:$state, Index:$part, Index:$position,
                       Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = [{
    $query `,` $key `,` $value `by` $a `,` $b `,` $decay `,` $bias `[` $head `]` `state` $state `[` $part `]` `at` $position
    `to` $out attr-dict `:` type($query) `,` type($key) `,` type($value) `,` type($a) `,` type($b) `,` type($decay) `,`
    type($bias) `,` type($state) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Kernel_ValuesOp : Kernel_Op<"values"> {
  let summary = "out = the values of a weight";
  let description = "As lm.values; a vector is one row.";
  let arguments = (ins LM_WeightType:$weight, Kernel_Out<Kernel_Rows>:$out);
  let assemblyFormat = "$weight `to` $out attr-dict `:` type($weight) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_CachedOp : Kernel_Op<"cached", own = ["getAccesses"]> {
  let summary = "out[p] = keys or values of all heads at position p";
  let description = "As lm.cached; the end is the number of rows of `out`.";
  let arguments = (ins Kernel_In<LM_CacheType>:$cache, Kernel_Out<Kernel_Rows>:$out, UnitAttr:$values);
  let assemblyFormat = "(`values` $values^)? $cache `to` $out attr-dict `:` type($cache) `,` type($out)";
  let hasVerifier = 1;
}

def Kernel_ComputeOp : Kernel_Op<"compute", [AttrSizedOperandSegments, RecursiveMemoryEffects, SingleBlock],
                                 own = ["getAccesses", "getCost"]> {
  let summary = "ops of `lm` on the rows of a tile, by their decomposition";
  let description = [{
    The arguments of the body are the rows of `ins` as tensors, and the tensors it yields are written to `outs`. Weights,
    caches and the position are values from outside the body. Every tensor has as many rows as the first input. For ops
    without a schedule and for those that `--decompose` names: it is not fast.

    Example:
    ```mlir
    kernel.compute (%x : memref<1x64xf32, strided<[64, 1], offset: ?>>) to (%y : memref<1x64xf32, strided<[64, 1], offset: ?>>) {
    ^bb0(%rows: tensor<?x64xf32>):
      %capped = lm.softcap %rows cap 3.0e1 : tensor<?x64xf32>
      kernel.yield %capped : tensor<?x64xf32>
    }
    ```
  }];
  let arguments = (ins Kernel_In<Variadic<MemRefRankOf<[F32, I32], [2]>>>:$ins, Kernel_Out<Variadic<MemRefRankOf<[F32, I32], [2]>>>:$outs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "(`(` $ins^ `:` type($ins) `)`)? `to` `(` $outs `:` type($outs) `)` $body attr-dict";
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$ins, "::mlir::ValueRange":$outs)>];
  let hasVerifier = 1;
}

def Kernel_YieldOp : Kernel_BaseOp<"yield", [Pure, Terminator, ReturnLike, HasParent<"ComputeOp">]> {
  let summary = "the results of a kernel.compute";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Kernel_GluOp : Kernel_Op<"glu"> {
  let summary = "out = act(gate) * up";
  let description = "With a `limit` L: act(min(gate, L)) * (clamp(up, -L, L) + up_offset). Rounded where `out` is bf16.";
  let arguments = (ins Kernel_In<Kernel_Rows>:$gate, Kernel_In<Kernel_Rows>:$up,
                       Kernel_Out<MemRefRankOf<[F32, BF16], [2]>>:$out,
                       LM_ActivationAttr:$activation, DefaultValuedAttr<F64Attr, "0.0">:$limit,
                       DefaultValuedAttr<F64Attr, "0.0">:$up_offset);
  let assemblyFormat = [{
    $gate `,` $up `to` $out `` $activation (`limit` custom<Real>($limit)^)? (`up_offset` custom<Real>($up_offset)^)? attr-dict
    `:` type($gate) `,` type($up) `,` type($out)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$gate, "::mlir::Value":$up, "::mlir::Value":$out,
                                 "::mlir::lm::ActivationAttr":$activation),
    [{ build($_builder, $_state, gate, up, out, activation, $_builder.getF64FloatAttr(0), $_builder.getF64FloatAttr(0)); }]>];
  let hasVerifier = 1;
}

def Kernel_ActivationOp : Kernel_Op<"activation"> {
  let summary = "out = act(out)";
  let arguments = (ins Kernel_InOut<Kernel_Rows>:$out, LM_ActivationAttr:$activation);
  let assemblyFormat = "$out `` $activation attr-dict `:` type($out)";
}

def Kernel_SoftcapOp : Kernel_Op<"softcap"> {
  let summary = "out = cap * tanh(out / cap)";
  let arguments = (ins Kernel_InOut<Kernel_Rows>:$out, F64Attr:$cap);
  let assemblyFormat = "$out `cap` custom<Real>($cap) attr-dict `:` type($out)";
  let hasVerifier = 1;
}

#endif // KERNEL_OPS_TD
