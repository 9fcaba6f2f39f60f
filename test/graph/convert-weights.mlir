// RUN: split-file %s %t
// RUN: lathe-opt %t/weights.mlir --lm-convert-weights | FileCheck %t/weights.mlir --check-prefixes=ALL,STORED
// RUN: lathe-opt %t/weights.mlir --lm-convert-weights=policy=f32 | FileCheck %t/weights.mlir --check-prefixes=ALL,F32
// RUN: lathe-opt %t/weights.mlir --lm-convert-weights=policy=bf16 | FileCheck %t/weights.mlir --check-prefixes=ALL,BF16
// RUN: lathe-opt %t/weights.mlir --lm-convert-weights=policy=q8 | FileCheck %t/weights.mlir --check-prefixes=ALL,Q8
// RUN: lathe-opt %t/weights.mlir --lm-convert-weights=policy=q4 | FileCheck %t/weights.mlir --check-prefixes=ALL,Q4
// RUN: not lathe-opt %t/weights.mlir --lm-convert-weights=policy=q3 2>&1 | FileCheck %t/weights.mlir --check-prefix=UNKNOWN
// RUN: lathe-opt %t/packed.mlir --lm-convert-weights=policy=q8 --verify-diagnostics

//--- weights.mlir
// UNKNOWN: error: lm-convert-weights: unknown policy 'q3'; expected as-stored, f32, bf16, q8 or q4

// STORED: lm.weight @matrix : !lm.weight<8x64xf16> from "a" at 0{{$}}
// F32: lm.weight @matrix : !lm.weight<8x64xf32> from f16 "a" at 0{{$}}
// BF16: lm.weight @matrix : !lm.weight<8x64xbf16> from f16 "a" at 0{{$}}
// Q8: lm.weight @matrix : !lm.weight<8x64xq8_0> from f16 "a" at 0{{$}}
// Q4: lm.weight @matrix : !lm.weight<8x64xq4_1> from f16 "a" at 0{{$}}
lm.weight @matrix : !lm.weight<8x64xf16> from "a" at 0

// The file keeps its format, however often the type changes.
// STORED: lm.weight @quantised : !lm.weight<8x64xq5_0> from q8_0 "a" at 0{{$}}
// BF16: lm.weight @quantised : !lm.weight<8x64xbf16> from q8_0 "a" at 0{{$}}
lm.weight @quantised : !lm.weight<8x64xq5_0> from q8_0 "a" at 0

// A near miss: blocks of 32 do not divide the row.
// STORED: lm.weight @ragged : !lm.weight<8x72xf32> from "a" at 0{{$}}
// F32: lm.weight @ragged : !lm.weight<8x72xf32> from "a" at 0{{$}}
// Q8: lm.weight @ragged : !lm.weight<8x72xbf16> from f32 "a" at 0{{$}}
// Q4: lm.weight @ragged : !lm.weight<8x72xbf16> from f32 "a" at 0{{$}}
lm.weight @ragged : !lm.weight<8x72xf32> from "a" at 0

// Vectors are always f32.
// ALL: lm.weight @vector : !lm.weight<64xf32> from bf16 "a" at 0{{$}}
lm.weight @vector : !lm.weight<64xbf16> from "a" at 0

// Symbols, values and signatures change together.
// Q8-LABEL: func.func @users(
// Q8-SAME: %[[W:.*]]: !lm.weight<8x64xq8_0>) -> !lm.weight<8x64xq8_0>
// Q8-NEXT: lm.use @matrix : !lm.weight<8x64xq8_0>
// Q8-NEXT: return %[[W]] : !lm.weight<8x64xq8_0>
func.func @users(%w: !lm.weight<8x64xf16>) -> !lm.weight<8x64xf16> {
  %used = lm.use @matrix : !lm.weight<8x64xf16>
  return %w : !lm.weight<8x64xf16>
}

//--- packed.mlir
// expected-error @below {{lm-convert-weights: expects weights that are not packed yet}}
module {
  lm.weight @packed : !lm.weight<16x64xbf16, <16 x 2>>
}
