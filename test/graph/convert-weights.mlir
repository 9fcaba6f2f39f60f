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

// STORED: lm.weight @matrix : !lm.weight<8x64xf16>{{$}}
// F32: lm.weight @matrix : !lm.weight<8x64xf32> stored "f16"{{$}}
// BF16: lm.weight @matrix : !lm.weight<8x64xbf16> stored "f16"{{$}}
// Q8: lm.weight @matrix : !lm.weight<8x64xq8_0> stored "f16"{{$}}
// Q4: lm.weight @matrix : !lm.weight<8x64xq4_1> stored "f16"{{$}}
lm.weight @matrix : !lm.weight<8x64xf16>

// The file keeps its format, however often the type changes.
// STORED: lm.weight @quantised : !lm.weight<8x64xq5_0> stored "q8_0"{{$}}
// BF16: lm.weight @quantised : !lm.weight<8x64xbf16> stored "q8_0"{{$}}
lm.weight @quantised : !lm.weight<8x64xq5_0> stored "q8_0"

// A near miss: blocks of 32 do not divide the row.
// STORED: lm.weight @ragged : !lm.weight<8x72xf32>{{$}}
// F32: lm.weight @ragged : !lm.weight<8x72xf32>{{$}}
// Q8: lm.weight @ragged : !lm.weight<8x72xbf16> stored "f32"{{$}}
// Q4: lm.weight @ragged : !lm.weight<8x72xbf16> stored "f32"{{$}}
lm.weight @ragged : !lm.weight<8x72xf32>

// Vectors are always f32.
// ALL: lm.weight @vector : !lm.weight<64xf32> stored "bf16"{{$}}
lm.weight @vector : !lm.weight<64xbf16>

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
