// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!some = memref<1x?xf32, strided<[32, 1], offset: ?>>

lm.weight @layers.0.norm : !lm.weight<32xf32>
lm.weight @layers.1.norm : !lm.weight<32xf32>

// CHECK: spmd.buffer @prefill.stream : memref<4x32xf32> arena{{$}}
spmd.buffer @prefill.stream : memref<4x32xf32> arena

// CHECK-LABEL: spmd.program @decode rows 1 {
spmd.program @decode rows 1 {
  // CHECK: spmd.buffer @x : memref<1x32xf32> arena{{$}}
  spmd.buffer @x : memref<1x32xf32> arena
  // CHECK: spmd.buffer @quantised : memref<1x128xi8> scratch offset 2304
  spmd.buffer @quantised : memref<1x128xi8> scratch offset 2304
  // CHECK: spmd.buffer @tokens : memref<1x1xi32> caller role tokens
  spmd.buffer @tokens : memref<1x1xi32> caller role tokens
  // CHECK: spmd.buffer @logits : memref<1x32xf32> caller role logits
  spmd.buffer @logits : memref<1x32xf32> caller role logits

  // CHECK: func.func private @kind(
  func.func private @kind(%rows: index, %position: index, %norm: !lm.weight<32xf32> {lm.slot = "norm"}) {
    return
  }

  // CHECK: func.func @entry(
  func.func @entry(%rows: index, %position: index, %first: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c32 = arith.constant 32 : index
    // CHECK: spmd.phase "start" tiles %{{.*}} prologue {
    spmd.phase "start" tiles %c1 prologue {
      // CHECK: spmd.read @x[%{{.*}}, %{{.*}}] size[%{{.*}}, %{{.*}}] : memref<1x32xf32, strided<[32, 1], offset: ?>>
      %x = spmd.read @x[%c0, %c0] size [%c1, %c32] : !row
    // CHECK: } do {
    } do {
    // CHECK: ^bb0(%{{.*}}: index):
    ^bb0(%tile: index):
      // CHECK: spmd.write @x[%{{.*}}, %{{.*}}] size[%{{.*}}, %{{.*}}] : memref<1x?xf32, strided<[32, 1], offset: ?>>
      %part = spmd.write @x[%c0, %tile] size [%c1, %first] : !some
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
}

// CHECK-LABEL: spmd.program @prefill rows 4 {
spmd.program @prefill rows 4 {
  func.func @entry(%rows: index, %position: index, %first: index) {
    return
  }
}

// Names are looked up in the program first, then in the module.
// CHECK-LABEL: spmd.program @logits rows 1 after @prefill {
spmd.program @logits rows 1 after @prefill {
  spmd.buffer @x : memref<2x32xf32> arena
  func.func @entry(%rows: index, %position: index, %first: index) {
    // CHECK: spmd.read @prefill.stream
    %stream = spmd.read @prefill.stream[%first, %position] size [%rows, %rows] : memref<?x?xf32, strided<[32, 1], offset: ?>>
    // CHECK: spmd.read @x
    %x = spmd.read @x[%first, %position] size [%rows, %rows] : memref<?x?xf32, strided<[32, 1], offset: ?>>
    // CHECK: lm.use @layers.0.norm
    %norm = lm.use @layers.0.norm : !lm.weight<32xf32>
    return
  }
}
