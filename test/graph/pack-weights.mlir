// RUN: lathe-opt %s --lm-describe-target=mcpu=znver4 --lm-pack-weights | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: lathe-opt %s --lm-describe-target=mcpu=znver3 --lm-pack-weights | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: not lathe-opt %s --lm-describe-target=mcpu=abacus 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: unknown CPU 'abacus'

// Panels of 16 rows, as many columns side by side as the format's dot sums; one after another at multiples of 64 bytes.
// CHECK: lm.weight @f32 : !lm.weight<17x9xf32, <16 x 1>> offset 0{{$}}
lm.weight @f32 : !lm.weight<17x9xf32>
// CHECK: lm.weight @f16 : !lm.weight<16x10xf16, <16 x 1>> offset 1152{{$}}
lm.weight @f16 : !lm.weight<16x10xf16>
// CHECK: lm.weight @bf16 : !lm.weight<16x10xbf16, <16 x 2>> offset 1472{{$}}
lm.weight @bf16 : !lm.weight<16x10xbf16>
// A near miss: pairs do not divide an odd number of columns.
// CHECK: lm.weight @odd : !lm.weight<16x9xbf16, <16 x 1>> offset 1792{{$}}
lm.weight @odd : !lm.weight<16x9xbf16>
// CHECK: lm.weight @vector : !lm.weight<9xf32> offset 2112{{$}}
lm.weight @vector : !lm.weight<9xf32>
// CHECK: lm.weight @q4 : !lm.weight<16x32xq4_1, <16 x 4>> offset 2176{{$}}
lm.weight @q4 : !lm.weight<16x32xq4_1>
// 8-bit codes are widened where bytes cannot be multiplied without overflow.
// VNNI: lm.weight @q8 : !lm.weight<16x32xq8_0, <16 x 4>> offset 2496{{$}}
// AVX2: lm.weight @q8 : !lm.weight<16x32xq8_0, <16 x 2>> offset 2496{{$}}
lm.weight @q8 : !lm.weight<16x32xq8_0>
// Those of the head everywhere: what multiplies beside the layers.
// CHECK: lm.weight @head : !lm.weight<48x32xq8_0, <16 x 2>> offset 3072{{$}}
lm.weight @head : !lm.weight<48x32xq8_0>
// What has a layout keeps it.
// CHECK: lm.weight @packed : !lm.weight<8x32xbf16, <8 x 2>> offset 4736{{$}}
lm.weight @packed : !lm.weight<8x32xbf16, <8 x 2>>

// CHECK-LABEL: func.func @users(
// CHECK-SAME: %[[W:.*]]: !lm.weight<16x10xbf16, <16 x 2>>)
// CHECK-NEXT: lm.use @bf16 : !lm.weight<16x10xbf16, <16 x 2>>
func.func @users(%w: !lm.weight<16x10xbf16>) {
  %used = lm.use @bf16 : !lm.weight<16x10xbf16>
  return
}

func.func private @layer(%x: tensor<?x32xf32>, %position: index) -> tensor<?x32xf32> {
  return %x : tensor<?x32xf32>
}
// CHECK-LABEL: func.func @forward(
// CHECK: lm.linear %{{.*}} : tensor<?x32xf32>, <48x32xq8_0, <16 x 2>> -> tensor<?x48xf32>
func.func @forward(%x: tensor<?x32xf32>, %position: index) -> tensor<?x48xf32> {
  %y = lm.layers %x at %position [@layer] : tensor<?x32xf32> -> tensor<?x32xf32>
  %head = lm.use @head : !lm.weight<48x32xq8_0>
  %logits = lm.linear %y, %head : tensor<?x32xf32>, <48x32xq8_0> -> tensor<?x48xf32>
  return %logits : tensor<?x48xf32>
}
