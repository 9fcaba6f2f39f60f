// RUN: split-file %s %t
// RUN: lathe-opt %t/program.mlir --lm-predict-cost --lm-describe-program | FileCheck %t/program.mlir
// RUN: lathe-opt %t/invalid.mlir --lm-describe-program --verify-diagnostics --split-input-file

//--- program.mlir
// Sizes are where the last weight, cache and buffer end; decode reads each layer's weights once and, of what is outside the
// layers, all but the embedding. Operations are counted for the peak they are held against: f32, bf16, int8.

// CHECK: lm.program = {
// CHECK-SAME: arena_bytes = 1024 : i64
// CHECK-SAME: barriers_per_layer = 2 : i64
// CHECK-SAME: cache_bytes = 12288 : i64
// 2 layers of (16 x 32 q8_0: 544 bytes, 32 f32: 128 bytes) and the head (16 x 32 bf16: 1024 bytes).
// CHECK-SAME: decode_rows = 1 : i64
// CHECK-SAME: logits_ops = array<i64: 0, 1024, 0>
// CHECK-SAME: logits_rows = 8 : i64
// CHECK-SAME: prefill_rows = 64 : i64
// CHECK-SAME: row_ops = array<i64: 0, 0, 1024>
// CHECK-SAME: scratch_bytes = 256 : i64
// What a call runs: the kind's phases for each of its layers. Two phases without a barrier between them are one sequence.
// CHECK-SAME: traces = {decode = {order = array<i32: 0, 1, 2, 1, 2, 3>,
// CHECK-SAME: phases = [{cost = #spmd.cost<lookup = 64>, kind = "", name = "start"},
// CHECK-SAME: {cost = #spmd.cost<weights = 128>, kind = "kind", name = "a"},
// CHECK-SAME: {cost = #spmd.cost<weights = 544, int8 = 1024>, kind = "kind", name = "b"},
// CHECK-SAME: {cost = #spmd.cost<weights = 1024, bf16 = 1024>, kind = "", name = "head"}]},
// CHECK-SAME: logits = {order = array<i32: 0>, phases = [{cost = #spmd.cost<weights = 1024, bf16 = 1024>, kind = "", name = "head"}]},
// CHECK-SAME: prefill = {order = array<i32: 0, 1>,
// CHECK-SAME: phases = [{cost = #spmd.cost<weights = 544, int8 = 1024>, kind = "", name = "a+b"},
// CHECK-SAME: {cost = #spmd.cost<>, kind = "", name = "a"}]}}
// CHECK-SAME: weights_bytes = 5760 : i64
!q8 = !lm.weight<16x32xq8_0, <16 x 4>>
!head = !lm.weight<16x32xbf16, <16 x 2>>
!table = !lm.weight<48x32xbf16, <16 x 2>>
!norm = !lm.weight<32xf32>
!cache = !lm.cache<1 x 16 x f32, rows = 32>
module attributes {lm.options = {mcpu = "znver4"}, spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 256 : i64} {
  lm.weight @table : !table offset 0
  lm.weight @head_weight : !head offset 3072
  lm.weight @layers.0.w : !q8 offset 4096
  lm.weight @layers.1.w : !q8 offset 4672
  lm.weight @layers.0.norm : !norm offset 5248
  lm.weight @layers.1.norm : !norm offset 5632
  lm.state @layers.0.cache : !cache offset 0
  lm.state @layers.1.cache : !cache offset 8192
  spmd.buffer @x : memref<1x32xf32> arena offset 0
  spmd.buffer @quantised : memref<1x52xi8> arena offset 128
  spmd.buffer @rounded : memref<1x32xbf16> arena offset 256
  spmd.program @decode rows 1 {
    spmd.buffer @tokens : memref<1x1xi32> caller role tokens
    spmd.buffer @logits : memref<1x16xf32> caller role logits
    // An argument that nothing uses is not read.
    func.func private @kind(%n: index, %p: index, %w: !q8 {lm.slot = "w"}, %norm: !norm {lm.slot = "norm"},
                                   %unused: !norm {lm.slot = "previous.norm"}) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %c52 = arith.constant 52 : index
      spmd.phase "a" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %x = spmd.write @x[%c0, %c0] size [%c1, %c32] : memref<1x32xf32, strided<[32, 1], offset: ?>>
        kernel.norm %x by %norm : !norm to %x group 32 eps 1.0e-5 : memref<1x32xf32, strided<[32, 1], offset: ?>>, memref<1x32xf32, strided<[32, 1], offset: ?>>
      }
      spmd.barrier
      spmd.phase "b" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %quantised = spmd.read @quantised[%c0, %c0] size [%c1, %c52] : memref<1x52xi8, strided<[52, 1], offset: ?>>
        %x = spmd.write @x[%c0, %c0] size [%c1, %c16] : memref<1x16xf32, strided<[32, 1], offset: ?>>
        kernel.matmul %quantised, %w[%c0] to %x : memref<1x52xi8, strided<[52, 1], offset: ?>>, !q8, memref<1x16xf32, strided<[32, 1], offset: ?>>
      }
      spmd.barrier
      return
    }
    func.func @entry(%n: index, %p: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %table = lm.use @table : !table
      %head = lm.use @head_weight : !head
      spmd.phase "start" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %ids = spmd.read @tokens[%c0, %c0] size [%c1, %c1] : memref<1x1xi32, strided<[1, 1], offset: ?>>
        %x = spmd.write @x[%c0, %c0] size [%c1, %c32] : memref<1x32xf32, strided<[32, 1], offset: ?>>
        kernel.embed %ids, %table to %x scale 1.0 : memref<1x1xi32, strided<[1, 1], offset: ?>>, !table, memref<1x32xf32, strided<[32, 1], offset: ?>>
      }
      spmd.barrier
      spmd.layers %c1 at %p [@kind, @kind]
      spmd.phase "head" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %x = spmd.read @rounded[%c0, %c0] size [%c1, %c32] : memref<1x32xbf16, strided<[32, 1], offset: ?>>
        %logits = spmd.write @logits[%c0, %c0] size [%c1, %c16] : memref<1x16xf32, strided<[16, 1], offset: ?>>
        kernel.matmul %x, %head[%c0] to %logits : memref<1x32xbf16, strided<[32, 1], offset: ?>>, !head, memref<1x16xf32, strided<[16, 1], offset: ?>>
      }
      spmd.barrier
      return
    }
  }
  spmd.program @prefill rows 64 {
    func.func @entry(%n: index, %p: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %c52 = arith.constant 52 : index
      %w = lm.use @layers.0.w : !q8
      spmd.phase "a" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
      }
      spmd.phase "b" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %quantised = spmd.read @quantised[%c0, %c0] size [%c1, %c52] : memref<1x52xi8, strided<[52, 1], offset: ?>>
        %x = spmd.write @x[%c0, %c0] size [%c1, %c16] : memref<1x16xf32, strided<[32, 1], offset: ?>>
        kernel.matmul %quantised, %w[%c0] to %x : memref<1x52xi8, strided<[52, 1], offset: ?>>, !q8, memref<1x16xf32, strided<[32, 1], offset: ?>>
      }
      spmd.barrier
      // The end of a call is a barrier too.
      spmd.phase "a" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
      }
      return
    }
  }
  spmd.program @logits rows 8 after @prefill {
    func.func @entry(%n: index, %p: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %head = lm.use @head_weight : !head
      spmd.phase "head" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %x = spmd.read @rounded[%c0, %c0] size [%c1, %c32] : memref<1x32xbf16, strided<[32, 1], offset: ?>>
        %logits = spmd.write @x[%c0, %c0] size [%c1, %c16] : memref<1x16xf32, strided<[32, 1], offset: ?>>
        kernel.matmul %x, %head[%c0] to %logits : memref<1x32xbf16, strided<[32, 1], offset: ?>>, !head, memref<1x16xf32, strided<[32, 1], offset: ?>>
      }
      spmd.barrier
      return
    }
  }
}

//--- invalid.mlir
// expected-error @below {{lm-describe-program: expects a program @decode (lm-schedule)}}
module {
}

// -----

// expected-error @below {{lm-describe-program: expects a program @prefill (lm-schedule)}}
module {
  spmd.program @decode rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) { return }
  }
}

// -----

// expected-error @below {{lm-describe-program: expects the module's spmd.scratch_bytes (lm-plan-memory)}}
module attributes {spmd.arena_bytes = 64 : i64} {
  spmd.program @decode rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) { return }
  }
  spmd.program @prefill rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) { return }
  }
  spmd.program @logits rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) { return }
  }
}

// -----

module attributes {spmd.arena_bytes = 64 : i64, spmd.scratch_bytes = 64 : i64} {
  // expected-error @below {{'lm.weight' op expects a packed matrix (lm-pack-weights), but found '!lm.weight<8x8xf32>'}}
  lm.weight @unpacked : !lm.weight<8x8xf32>
  spmd.program @decode rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) { return }
  }
  spmd.program @prefill rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) { return }
  }
  spmd.program @logits rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) { return }
  }
}

// -----

module attributes {spmd.arena_bytes = 64 : i64, spmd.scratch_bytes = 64 : i64} {
  spmd.program @decode rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) {
      // expected-error @below {{'spmd.phase' op expects a cost (lm-predict-cost)}}
      spmd.phase "a" tiles %n prologue {
      } do {
      ^bb0(%tile: index):
      }
      return
    }
  }
  spmd.program @prefill rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) { return }
  }
  spmd.program @logits rows 1 {
    func.func @entry(%n: index, %p: index, %first: index) { return }
  }
}
