// RUN: lathe-opt %s --lm-plan-memory | FileCheck %s

!row = memref<1x32xf32, strided<[32, 1], offset: ?>>

// CHECK: module attributes {
// CHECK-SAME: spmd.arena_bytes = 1408 : i64, spmd.scratch_bytes = 192 : i64
module {
  // CHECK: spmd.buffer @prefill.stream : memref<4x32xf32> arena offset 0{{$}}
  spmd.buffer @prefill.stream : memref<4x32xf32> arena
  // CHECK-LABEL: spmd.program @decode
  spmd.program @decode rows 1 {
    // What crosses functions has bytes of its own; buffers begin at cache lines.
    // CHECK: spmd.buffer @pending : memref<1x32xf32> arena offset 0{{$}}
    spmd.buffer @pending : memref<1x32xf32> arena
    // Dead before @kind.later is written: they share bytes.
    // CHECK: spmd.buffer @kind.early : memref<1x48xf32> arena offset 128{{$}}
    spmd.buffer @kind.early : memref<1x48xf32> arena
    // A near miss: written in the phase that reads @kind.early.
    // CHECK: spmd.buffer @kind.beside : memref<1x32xf32> arena offset 320{{$}}
    spmd.buffer @kind.beside : memref<1x32xf32> arena
    // CHECK: spmd.buffer @kind.later : memref<1x32xf32> arena offset 128{{$}}
    spmd.buffer @kind.later : memref<1x32xf32> arena
    // Kinds follow one another.
    // CHECK: spmd.buffer @other.own : memref<1x32xf32> arena offset 128{{$}}
    spmd.buffer @other.own : memref<1x32xf32> arena
    // Scratch is never shared: a worker may run ahead.
    // CHECK: spmd.buffer @x : memref<1x32xf32> scratch offset 0{{$}}
    spmd.buffer @x : memref<1x32xf32> scratch
    // CHECK: spmd.buffer @small : memref<1x3xf32> scratch offset 128{{$}}
    spmd.buffer @small : memref<1x3xf32> scratch
    // The caller's buffers get no offset.
    // CHECK: spmd.buffer @logits : memref<1x32xf32> caller role logits{{$}}
    spmd.buffer @logits : memref<1x32xf32> caller role logits
    func.func private @kind(%n: index, %p: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      %c48 = arith.constant 48 : index
      spmd.phase "one" tiles %c1 prologue {
        %x = spmd.write @x[%c0, %c0] size [%c1, %c32] : !row
        %s = spmd.write @small[%c0, %c0] size [%c1, %c1] : memref<1x1xf32, strided<[3, 1], offset: ?>>
      } do {
      ^bb0(%tile: index):
        %pending = spmd.read @pending[%c0, %c0] size [%c1, %c32] : !row
        %early = spmd.write @kind.early[%c0, %c0] size [%c1, %c48] : memref<1x48xf32, strided<[48, 1], offset: ?>>
      }
      spmd.barrier
      spmd.phase "two" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %early = spmd.read @kind.early[%c0, %c0] size [%c1, %c48] : memref<1x48xf32, strided<[48, 1], offset: ?>>
        %beside = spmd.write @kind.beside[%c0, %c0] size [%c1, %c32] : !row
      }
      spmd.barrier
      spmd.phase "three" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %beside = spmd.read @kind.beside[%c0, %c0] size [%c1, %c32] : !row
        %later = spmd.write @kind.later[%c0, %c0] size [%c1, %c32] : !row
        %pending = spmd.write @pending[%c0, %c0] size [%c1, %c32] : !row
      }
      spmd.barrier
      return
    }
    func.func private @other(%n: index, %p: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      spmd.phase "one" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %pending = spmd.read @pending[%c0, %c0] size [%c1, %c32] : !row
        %own = spmd.write @other.own[%c0, %c0] size [%c1, %c32] : !row
      }
      spmd.barrier
      return
    }
    func.func @entry(%n: index, %p: index, %first: index) {
      spmd.layers %n at %p [@kind, @other]
      return
    }
  }

  // Programs share the arena, one runs at a time. What a program leaves for another lies before the buffers of either;
  // here @decode does not use it, so that it may lie in the same bytes.
  // CHECK-LABEL: spmd.program @logits rows 3 after @prefill
  // CHECK: spmd.buffer @sum : memref<3x32xf32> arena offset 1024{{$}}
  spmd.program @logits rows 3 after @prefill {
    spmd.buffer @sum : memref<3x32xf32> arena
    func.func @entry(%n: index, %p: index, %first: index) {
      return
    }
  }
  // The first that continues it lies behind all its memory.
  // CHECK-LABEL: spmd.program @prefill
  // CHECK: spmd.buffer @own : memref<4x32xf32> arena offset 512{{$}}
  spmd.program @prefill rows 4 {
    spmd.buffer @own : memref<4x32xf32> arena
    func.func @entry(%n: index, %p: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c4 prologue {
      } do {
      ^bb0(%tile: index):
        %stream = spmd.write @prefill.stream[%c0, %c0] size [%c4, %c32] : memref<4x32xf32, strided<[32, 1], offset: ?>>
      }
      spmd.barrier
      return
    }
  }
}
