// RUN: lathe-opt --lm-verify-schedule %s | FileCheck %s

// What is accepted comes out as it went in; the message for each way of breaking it: verify-schedule-invalid.mlir.

!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
!rows = memref<?x32xf32, strided<[32, 1], offset: ?>>
!halves = memref<?x16xf32, strided<[32, 1], offset: ?>>
!scores = memref<?x48xf32, strided<[48, 1], offset: ?>>
!score = memref<1x48xf32, strided<[48, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, window = 9, rows = 48>

module attributes {lm.model = {context = 100 : i64}, spmd.arena_bytes = 8192 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @layers.0.cache : !cache offset 0
  lm.state @layers.1.cache : !cache offset 12288
  // CHECK-LABEL: spmd.program @decode
  spmd.program @decode rows 1 {
    spmd.buffer @x : memref<1x32xf32> arena offset 0
    spmd.buffer @q : memref<1x32xf32> arena offset 128
    // Shares its bytes with q, which is dead by then.
    spmd.buffer @y : memref<1x32xf32> arena offset 128
    spmd.buffer @normed : memref<1x32xf32> scratch offset 0
    spmd.buffer @scores : memref<1x48xf32> scratch offset 128
    spmd.buffer @logits : memref<1x32xf32> caller role logits
    // CHECK: @layer
    // CHECK-COUNT-3: spmd.barrier
    func.func private @layer(%rows: index, %position: index, %cache: !cache {lm.slot = "cache"}) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %c48 = arith.constant 48 : index
      // Every worker's own copy, then one head per tile.
      spmd.phase "qkv" tiles %c2 prologue {
        %x = spmd.read @x[%c0, %c0] size [%c1, %c32] : !row
        %own = spmd.write @normed[%c0, %c0] size [%c1, %c32] : !row
        kernel.add %x, %x to %own : !row, !row, !row
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @normed[%c0, %n] size [%c1, %c16] : !half
        %q = spmd.write @q[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %q : !half, !half, !half
        kernel.append %in to %cache[%tile] at %position : !half, !cache
        kernel.append %in to values %cache[%tile] at %position : !half, !cache
      }
      spmd.barrier
      spmd.phase "attention" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %scratch = spmd.write @scores[%c0, %c0] size [%c1, %c48] : !score
        %q = spmd.read @q[%c0, %n] size [%c1, %c16] : !half
        %x = spmd.write @x[%c0, %n] size [%c1, %c16] : !half
        kernel.attention %q, %cache[%tile] at %position scores %scratch to %x scale 1.0 : !half, !cache, !score, !half
      }
      spmd.barrier
      // A tile may read back what it has written itself.
      spmd.phase "twice" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %x = spmd.read @x[%c0, %n] size [%c1, %c16] : !half
        %y = spmd.write @y[%c0, %n] size [%c1, %c16] : !half
        kernel.add %x, %x to %y : !half, !half, !half
        %next = spmd.write @x[%c0, %n] size [%c1, %c16] : !half
        kernel.add %y, %y to %next : !half, !half, !half
      }
      spmd.barrier
      return
    }
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      spmd.phase "start" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %x = spmd.write @x[%c0, %c0] size [%c1, %c32] : !row
        kernel.zero %x : !row
      }
      spmd.barrier
      spmd.layers %c1 at %position [@layer, @layer]
      spmd.phase "head" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %x = spmd.read @x[%c0, %c0] size [%c1, %c32] : !row
        %logits = spmd.write @logits[%c0, %c0] size [%c1, %c32] : !row
        kernel.add %x, %x to %logits : !row, !row, !row
      }
      spmd.barrier
      return
    }
  }
  spmd.buffer @prefill.x : memref<36x32xf32> arena offset 0
  // CHECK-LABEL: spmd.program @prefill
  spmd.program @prefill rows 36 {
    spmd.buffer @scores : memref<4x48xf32> scratch offset 0
    // Tiles of 4 rows and one head, the last one ragged; the call's own positions wrap around the ring.
    // CHECK: @layer
    func.func private @layer(%rows: index, %position: index, %cache: !cache {lm.slot = "cache"}) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c16 = arith.constant 16 : index
      %c48 = arith.constant 48 : index
      %blocks = arith.ceildivui %rows, %c4 : index
      %tiles = arith.muli %blocks, %c2 : index
      spmd.phase "append" tiles %tiles prologue {
      } do {
      ^bb0(%tile: index):
        %head = arith.remui %tile, %c2 : index
        %block = arith.divui %tile, %c2 : index
        %row = arith.muli %block, %c4 : index
        %rest = arith.subi %rows, %row : index
        %count = arith.minui %rest, %c4 : index
        %n = arith.muli %head, %c16 : index
        %at = arith.addi %position, %row : index
        %x = spmd.read @prefill.x[%row, %n] size [%count, %c16] : !halves
        kernel.append %x to %cache[%head] at %at : !halves, !cache
        kernel.append %x to values %cache[%head] at %at : !halves, !cache
      }
      spmd.barrier
      spmd.phase "attention" tiles %tiles prologue {
      } do {
      ^bb0(%tile: index):
        %head = arith.remui %tile, %c2 : index
        %block = arith.divui %tile, %c2 : index
        %row = arith.muli %block, %c4 : index
        %rest = arith.subi %rows, %row : index
        %count = arith.minui %rest, %c4 : index
        %n = arith.muli %head, %c16 : index
        %at = arith.addi %position, %row : index
        %scratch = spmd.write @scores[%c0, %c0] size [%count, %c48] : !scores
        %q = spmd.read @prefill.x[%row, %n] size [%count, %c16] : !halves
        %x = spmd.write @prefill.x[%row, %n] size [%count, %c16] : !halves
        kernel.attention %q, %cache[%head] at %at scores %scratch to %x scale 1.0 : !halves, !cache, !scores, !halves
      }
      spmd.barrier
      return
    }
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      %c32 = arith.constant 32 : index
      %tiles = arith.ceildivui %rows, %c4 : index
      spmd.phase "start" tiles %tiles prologue {
      } do {
      ^bb0(%tile: index):
        %row = arith.muli %tile, %c4 : index
        %rest = arith.subi %rows, %row : index
        %count = arith.minui %rest, %c4 : index
        %x = spmd.write @prefill.x[%row, %c0] size [%count, %c32] : !rows
        kernel.zero %x : !rows
      }
      spmd.barrier
      spmd.layers %rows at %position [@layer, @layer]
      return
    }
  }
  // CHECK-LABEL: spmd.program @logits
  spmd.program @logits rows 1 after @prefill {
    spmd.buffer @logits : memref<1x32xf32> caller role logits
    // Reads what the last prefill has left.
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      spmd.phase "head" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %x = spmd.read @prefill.x[%first, %c0] size [%c1, %c32] : !row
        %logits = spmd.write @logits[%c0, %c0] size [%c1, %c32] : !row
        kernel.add %x, %x to %logits : !row, !row, !row
      }
      spmd.barrier
      return
    }
  }





}
