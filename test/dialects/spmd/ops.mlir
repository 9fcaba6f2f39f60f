// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!some = memref<1x?xf32, strided<[32, 1], offset: ?>>

lm.weight @layers.0.norm : !lm.weight<32xf32>
lm.weight @layers.1.norm : !lm.weight<32xf32>

// CHECK: spmd.buffer @decode.x : memref<1x32xf32> arena{{$}}
spmd.buffer @decode.x : memref<1x32xf32> arena
// CHECK: spmd.buffer @decode.codes : memref<1x128xi8> scratch place 2304
spmd.buffer @decode.codes : memref<1x128xi8> scratch place 2304
// CHECK: spmd.buffer @decode.tokens : memref<1x1xi32> tokens
spmd.buffer @decode.tokens : memref<1x1xi32> tokens
// CHECK: spmd.buffer @decode.logits : memref<1x32xf32> logits
spmd.buffer @decode.logits : memref<1x32xf32> logits

// CHECK-LABEL: @kind(
func.func private @kind(%rows: index, %position: index, %norm: !lm.weight<32xf32> {lm.slot = "norm"}) {
  return
}

// CHECK-LABEL: @decode(
func.func @decode(%rows: index, %position: index, %first: index) attributes {spmd.entry = "decode", spmd.rows = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  // CHECK: spmd.phase "start" tiles %{{.*}} prologue {
  spmd.phase "start" tiles %c1 prologue {
    // CHECK: spmd.read @decode.x[%{{.*}}, %{{.*}}] size[%{{.*}}, %{{.*}}] : memref<1x32xf32, strided<[32, 1], offset: ?>>
    %x = spmd.read @decode.x[%c0, %c0] size [%c1, %c32] : !row
  // CHECK: } do {
  } do {
  // CHECK: ^bb0(%{{.*}}: index):
  ^bb0(%tile: index):
    // CHECK: spmd.write @decode.x[%{{.*}}, %{{.*}}] size[%{{.*}}, %{{.*}}] : memref<1x?xf32, strided<[32, 1], offset: ?>>
    %part = spmd.write @decode.x[%c0, %tile] size [%c1, %first] : !some
  }
  // CHECK: spmd.barrier
  spmd.barrier
  // CHECK: spmd.layers %{{.*}} at %{{.*}} [@kind, @kind]
  spmd.layers %rows at %position [@kind, @kind]
  // CHECK: spmd.phase "all" tiles %{{.*}} cost <weights = 1, lookup = 2, expert = 3, experts = 4, chosen = 5, state = 6, position = 7, window = 8, chunk = 9, f32 = 10, bf16 = 11, int8 = 12, attend = 13, attend_bf16 = 14> prologue {
  spmd.phase "all" tiles %c1 cost <weights = 1, lookup = 2, expert = 3, experts = 4, chosen = 5, state = 6, position = 7, window = 8, chunk = 9, f32 = 10, bf16 = 11, int8 = 12, attend = 13, attend_bf16 = 14> prologue {
  } do {
  ^bb0(%tile: index):
  }
  // CHECK: spmd.phase "end" tiles %{{.*}} cost <> prologue {
  spmd.phase "end" tiles %c1 cost <> prologue {
  } do {
  ^bb0(%tile: index):
  }
  return
}
