#ifndef CPU_OPS_TD
#define CPU_OPS_TD

include "dialects/lm/LMDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def CPU_Dialect : Dialect {
  let name = "cpu";
  let cppNamespace = "::mlir::cpu";
  let summary = "Dot products that x86 CPUs have instructions for";
  let description = [{
    Expansions of kernels consist of ops of `vector` and of this dialect. An op here is the operation of one instruction, on
    vectors of any length. lm-lower-dots splits it into instructions. For a CPU without the instruction, it writes plain
    arithmetic, so that another CPU's schedule can run on this machine. Upstream's `x86vector` has only one of these ops
    (vdpbf16ps), for one length. Other targets do not use this dialect.
  }];
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
}

class CPU_Op<string mnemonic, list<Trait> traits = []>
    : Op<CPU_Dialect, mnemonic, traits # [Pure, LM_NoUnknownAttributes]>;

def CPU_DotU8S8Op : CPU_Op<"dot_u8s8", [AllTypesMatch<["acc", "result"]>, AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "acc[i] += sum over j < 4 of unsigned lhs[4i+j] * signed rhs[4i+j]";
  let description = "vpdpbusd.";
  let arguments = (ins VectorOfRankAndType<[1], [I32]>:$acc, VectorOfRankAndType<[1], [I8]>:$lhs,
                       VectorOfRankAndType<[1], [I8]>:$rhs);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$acc `,` $lhs `,` $rhs attr-dict `:` type($acc) `,` type($lhs)";
  let hasVerifier = 1;
}

def CPU_MaddU8S8Op : CPU_Op<"madd_u8s8", [AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "r[i] = unsigned lhs[2i] * signed rhs[2i] + lhs[2i+1] * rhs[2i+1] in 16 bits";
  let description = "vpmaddubsw, but a sum must fit 16 bits: the instruction saturates, plain arithmetic wraps.";
  let arguments = (ins VectorOfRankAndType<[1], [I8]>:$lhs, VectorOfRankAndType<[1], [I8]>:$rhs);
  let results = (outs VectorOfRankAndType<[1], [I16]>:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($result)";
  let hasVerifier = 1;
}

def CPU_LookupOp : CPU_Op<"lookup", [AllTypesMatch<["table", "indices", "result"]>]> {
  let summary = "r[i] = table[indices[i]], indices below 16";
  let description = "vpshufb. The table is 16 values, repeated to the vector's length.";
  let arguments = (ins VectorOfRankAndType<[1], [I8]>:$table, VectorOfRankAndType<[1], [I8]>:$indices);
  let results = (outs VectorOfRankAndType<[1], [I8]>:$result);
  let assemblyFormat = "$table `[` $indices `]` attr-dict `:` type($result)";
}

def CPU_MaddI16Op : CPU_Op<"madd_i16", [AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "r[i] = lhs[2i] * rhs[2i] + lhs[2i+1] * rhs[2i+1] in 32 bits";
  let description = "vpmaddwd.";
  let arguments = (ins VectorOfRankAndType<[1], [I16]>:$lhs, VectorOfRankAndType<[1], [I16]>:$rhs);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($result)";
  let hasVerifier = 1;
}

def CPU_DotBF16Op : CPU_Op<"dot_bf16", [AllTypesMatch<["acc", "result"]>, AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "acc[i] += lhs[2i] * rhs[2i] + lhs[2i+1] * rhs[2i+1]";
  let description = "vdpbf16ps.";
  let arguments = (ins VectorOfRankAndType<[1], [F32]>:$acc, VectorOfRankAndType<[1], [BF16]>:$lhs,
                       VectorOfRankAndType<[1], [BF16]>:$rhs);
  let results = (outs VectorOfRankAndType<[1], [F32]>:$result);
  let assemblyFormat = "$acc `,` $lhs `,` $rhs attr-dict `:` type($acc) `,` type($lhs)";
  let hasVerifier = 1;
}

#endif // CPU_OPS_TD
