// RUN: lathe-opt %s --lm-plan-memory | FileCheck %s

!row = memref<1x32xf32, strided<[32, 1], offset: ?>>

// CHECK: module attributes {
// CHECK-SAME: spmd.arena_bytes = 896 : i64, spmd.scratch_bytes = 192 : i64
module {
  // What crosses functions keeps a place of its own; buffers begin at cache lines.
  // CHECK: spmd.buffer @decode.pending : memref<1x32xf32> arena place 0{{$}}
  spmd.buffer @decode.pending : memref<1x32xf32> arena
  // Dead before @decode.kind.later is written: they share bytes.
  // CHECK: spmd.buffer @decode.kind.early : memref<1x48xf32> arena place 128{{$}}
  spmd.buffer @decode.kind.early : memref<1x48xf32> arena
  // A near miss: written in the phase that reads @decode.kind.early.
  // CHECK: spmd.buffer @decode.kind.beside : memref<1x32xf32> arena place 320{{$}}
  spmd.buffer @decode.kind.beside : memref<1x32xf32> arena
  // CHECK: spmd.buffer @decode.kind.later : memref<1x32xf32> arena place 128{{$}}
  spmd.buffer @decode.kind.later : memref<1x32xf32> arena
  // Kinds follow one another.
  // CHECK: spmd.buffer @decode.other.own : memref<1x32xf32> arena place 128{{$}}
  spmd.buffer @decode.other.own : memref<1x32xf32> arena
  // Scratch is never shared: a worker may run ahead.
  // CHECK: spmd.buffer @decode.x : memref<1x32xf32> scratch place 0{{$}}
  spmd.buffer @decode.x : memref<1x32xf32> scratch
  // CHECK: spmd.buffer @decode.small : memref<1x3xf32> scratch place 128{{$}}
  spmd.buffer @decode.small : memref<1x3xf32> scratch
  // The caller's memory has no place.
  // CHECK: spmd.buffer @decode.logits : memref<1x32xf32> logits{{$}}
  spmd.buffer @decode.logits : memref<1x32xf32> logits
  // Entry points share the arena, but head comes behind what prefill leaves.
  // CHECK: spmd.buffer @prefill.x : memref<4x32xf32> arena place 0{{$}}
  spmd.buffer @prefill.x : memref<4x32xf32> arena
  // CHECK: spmd.buffer @head.sum : memref<3x32xf32> arena place 512{{$}}
  spmd.buffer @head.sum : memref<3x32xf32> arena

  func.func private @decode.kind(%n: index, %p: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c32 = arith.constant 32 : index
    %c48 = arith.constant 48 : index
    spmd.phase "one" tiles %c1 prologue {
      %x = spmd.write @decode.x[%c0, %c0] size [%c1, %c32] : !row
      %s = spmd.write @decode.small[%c0, %c0] size [%c1, %c1] : memref<1x1xf32, strided<[3, 1], offset: ?>>
    } do {
    ^bb0(%tile: index):
      %pending = spmd.read @decode.pending[%c0, %c0] size [%c1, %c32] : !row
      %early = spmd.write @decode.kind.early[%c0, %c0] size [%c1, %c48] : memref<1x48xf32, strided<[48, 1], offset: ?>>
    }
    spmd.barrier
    spmd.phase "two" tiles %c1 prologue {
    } do {
    ^bb0(%tile: index):
      %early = spmd.read @decode.kind.early[%c0, %c0] size [%c1, %c48] : memref<1x48xf32, strided<[48, 1], offset: ?>>
      %beside = spmd.write @decode.kind.beside[%c0, %c0] size [%c1, %c32] : !row
    }
    spmd.barrier
    spmd.phase "three" tiles %c1 prologue {
    } do {
    ^bb0(%tile: index):
      %beside = spmd.read @decode.kind.beside[%c0, %c0] size [%c1, %c32] : !row
      %later = spmd.write @decode.kind.later[%c0, %c0] size [%c1, %c32] : !row
      %pending = spmd.write @decode.pending[%c0, %c0] size [%c1, %c32] : !row
    }
    spmd.barrier
    return
  }
  func.func private @decode.other(%n: index, %p: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c32 = arith.constant 32 : index
    spmd.phase "one" tiles %c1 prologue {
    } do {
    ^bb0(%tile: index):
      %pending = spmd.read @decode.pending[%c0, %c0] size [%c1, %c32] : !row
      %own = spmd.write @decode.other.own[%c0, %c0] size [%c1, %c32] : !row
    }
    spmd.barrier
    return
  }
}
