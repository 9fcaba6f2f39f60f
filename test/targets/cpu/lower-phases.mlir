// RUN: split-file %s %t
// RUN: lathe-opt %t/phases.mlir --lm-lower-phases | FileCheck %t/phases.mlir
// RUN: lathe-opt %t/invalid.mlir --lm-lower-phases --verify-diagnostics --split-input-file

//--- phases.mlir
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!part = memref<1x32xf32, strided<[96, 1], offset: ?>>
!some = memref<1x?xf32, strided<[32, 1], offset: ?>>
!norm = !lm.weight<32xf32>
!cache = !lm.cache<1 x 16 x f32, rows = 16>
module attributes {lm.program = {weights_bytes = 1024 : i64, arena_bytes = 1024 : i64, scratch_bytes = 256 : i64, cache_bytes = 8192 : i64}} {
  // CHECK-DAG: func.func private @lrt_barrier(!llvm.ptr, i64, i64, i64)
  // CHECK-DAG: func.func private @lrt_next_tile(!llvm.ptr, i64, i64) -> i64
  lm.weight @layers.0.norm : !norm offset 128
  lm.weight @layers.1.norm : !norm offset 256
  lm.weight @layers.2.norm : !norm offset 384
  lm.state @layers.0.cache : !cache offset 0
  lm.state @layers.1.cache : !cache offset 4096
  lm.state @layers.2.cache : !cache offset 8192
  lm.weight @final_norm : !norm offset 512
  spmd.program @decode rows 1 {
    // The pass removes buffers.
    // CHECK-NOT: spmd.
    spmd.buffer @x : memref<1x32xf32> arena offset 64
    spmd.buffer @wide : memref<1x96xf32> arena offset 320
    spmd.buffer @own : memref<1x32xf32> scratch offset 128
    spmd.buffer @tokens : memref<1x1xi32> caller role tokens
    spmd.buffer @logits : memref<1x32xf32> caller role logits
    // The step's memory comes first; a weight is a segment and an offset.
    // CHECK-LABEL: func.func private @decode.first(
    // CHECK-SAME: %[[WEIGHTS:[^ ]*]]: memref<1024xi8>, %[[ARENA:[^ ]*]]: memref<1024xi8>, %[[SCRATCH:[^ ]*]]: memref<256xi8>, %[[CACHE:[^ ]*]]: memref<8192xi8>, %[[STEP:[^ ]*]]: !llvm.ptr, %[[WORKER:[^ ]*]]: index, %[[WORKERS:[^ ]*]]: index, %{{[^ ]*}}: index, %{{[^ ]*}}: index, %[[NORM:[^ ]*]]: index, %{{[^ ]*}}: index, %[[SLOT:[^ ]*]]: index)
    // CHECK-DAG: builtin.unrealized_conversion_cast %[[WEIGHTS]], %[[NORM]] : memref<1024xi8>, index to !lm.weight<32xf32>
    // CHECK-DAG: builtin.unrealized_conversion_cast %[[CACHE]], %[[SLOT]] : memref<8192xi8>, index to !lm.cache
    func.func private @first(%n: index, %p: index, %norm: !norm {lm.slot = "norm"}, %before: !norm {lm.slot = "previous.norm"},
                                    %cache: !cache {lm.slot = "cache"}) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c5 = arith.constant 5 : index
      %c32 = arith.constant 32 : index
      // The prologue is before the loop, in which the worker gets tiles from the runtime.
      // CHECK: memref.view %[[SCRATCH]][%c128{{.*}}][] : memref<256xi8> to memref<1x32xf32>
      // CHECK: kernel.zero
      // CHECK-DAG: %[[ID:.*]] = arith.index_cast %[[WORKER]] : index to i64
      // CHECK-DAG: %[[TILES:.*]] = arith.index_cast %c5{{.*}} : index to i64
      // CHECK: scf.while : () -> i64 {
      // CHECK-NEXT: %[[NEXT:.*]] = func.call @lrt_next_tile(%[[STEP]], %[[ID]], %[[TILES]]) : (!llvm.ptr, i64, i64) -> i64
      // CHECK-NEXT: %[[NONE:.*]] = arith.constant 0 : i64
      // CHECK-NEXT: %[[IS:.*]] = arith.cmpi sge, %[[NEXT]], %[[NONE]]
      // CHECK-NEXT: scf.condition(%[[IS]]) %[[NEXT]] : i64
      // CHECK: ^bb0(%[[GIVEN:.*]]: i64):
      // CHECK-NEXT: %[[TILE:.*]] = arith.index_cast %[[GIVEN]] : i64 to index
      // CHECK: %[[VIEW:.*]] = memref.view %[[ARENA]][%c64{{.*}}][] : memref<1024xi8> to memref<1x32xf32>
      // CHECK-NEXT: memref.subview %[[VIEW]][%{{.*}}, %[[TILE]]] [1, %{{.*}}] [1, 1] : memref<1x32xf32> to memref<1x?xf32
      spmd.phase "fill" tiles %c5 prologue {
        %own = spmd.write @own[%c0, %c0] size [%c1, %c32] : !row
        kernel.zero %own : !row
      } do {
      ^bb0(%tile: index):
        %x = spmd.write @x[%c0, %tile] size [%c1, %n] : !some
        kernel.zero %x : !some
      }
      // CHECK: %[[WHO:.*]] = arith.index_cast %[[WORKER]] : index to i64
      // CHECK-NEXT: %[[NOWHERE:.*]] = arith.index_cast %c0{{.*}} : index to i64
      // CHECK-NEXT: %[[NOTHING:.*]] = arith.index_cast %c0{{.*}} : index to i64
      // CHECK-NEXT: call @lrt_barrier(%[[STEP]], %[[WHO]], %[[NOWHERE]], %[[NOTHING]])
      spmd.barrier
      return
    }
    // The barrier gets the address that the worker's first tile of the next phase reads: here panels of 16 outputs, of
    // 16 * 32 * 2 bytes each, two panels per tile.
    // CHECK-LABEL: func.func private @decode.prefetch(
    // CHECK-SAME: %[[WEIGHTS:[^ ]*]]: memref<1024xi8>, {{.*}}, %[[WORKER:[^ ]*]]: index, %[[WORKERS:[^ ]*]]: index, %{{[^ ]*}}: index, %{{[^ ]*}}: index, %[[W_OFFSET:[^ ]*]]: index)
    func.func private @prefetch(%n: index, %p: index, %matrix: !lm.weight<96x32xbf16, <16 x 2>> {lm.slot = "matrix"}) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      spmd.phase "before" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
      }
      // CHECK: %[[THREE:.*]] = arith.constant 3 : index
      // CHECK: %[[WT:.*]] = arith.muli %[[WORKER]], %[[THREE]]
      // CHECK: %[[TILE:.*]] = arith.divui %[[WT]], %[[WORKERS]]
      // CHECK: %[[ROW:.*]] = arith.muli %[[TILE]], %c32
      // CHECK: %[[PANEL:.*]] = arith.divui %[[ROW]], %c16
      // CHECK: %[[OFFSET:.*]] = arith.muli %[[PANEL]], %c1024
      // CHECK: %[[REST:.*]] = arith.subi %c6144{{.*}}, %[[OFFSET]]
      // CHECK: %[[BASE:.*]] = memref.extract_aligned_pointer_as_index %[[WEIGHTS]]
      // CHECK: %[[START:.*]] = arith.addi %[[BASE]], %[[W_OFFSET]]
      // CHECK: %[[ADDRESS:.*]] = arith.addi %[[START]], %[[OFFSET]]
      // CHECK: %[[BYTES:.*]] = arith.minsi %[[REST]], %c32768
      // CHECK: %[[A:.*]] = arith.index_cast %[[ADDRESS]]
      // CHECK: %[[B:.*]] = arith.index_cast %[[BYTES]]
      // CHECK: call @lrt_barrier(%{{.*}}, %{{.*}}, %[[A]], %[[B]])
      spmd.barrier
      %c3 = arith.constant 3 : index
      spmd.phase "product" tiles %c3 prologue {
      } do {
      ^bb0(%tile: index):
        %first = arith.muli %tile, %c32 : index
        %in = spmd.read @own[%c0, %c0] size [%c1, %c32] : !row
        %out = spmd.write @wide[%c0, %first] size [%c1, %c32] : !part
        kernel.matmul %in, %matrix[%first] to %out : !row, <96x32xbf16, <16 x 2>>, !part
      }
      // CHECK: %[[NO1:.*]] = arith.index_cast %c0
      // CHECK: %[[NO2:.*]] = arith.index_cast %c0
      // CHECK: call @lrt_barrier(%{{.*}}, %{{.*}}, %[[NO1]], %[[NO2]])
      spmd.barrier
      return
    }
    // If the tile chooses between matrices, so does the prefetch; a branch without a product prefetches nothing.
    // CHECK-LABEL: func.func private @decode.choice(
    // CHECK-SAME: index, %[[A:[^ ]*]]: index, %[[B:[^ ]*]]: index)
    func.func private @choice(%n: index, %p: index, %a: !lm.weight<96x32xbf16, <16 x 2>> {lm.slot = "a"},
                                     %b: !lm.weight<64x32xf32, <16 x 1>> {lm.slot = "b"}) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c3 = arith.constant 3 : index
      %c32 = arith.constant 32 : index
      // CHECK: %[[TILE:.*]] = arith.divui
      // CHECK: %[[INA:.*]] = arith.cmpi ult, %[[TILE]], %c2
      // CHECK: %[[PREFETCH:.*]]:2 = scf.if %[[INA]] -> (index, index) {
      // CHECK: arith.muli %[[TILE]], %c32
      // CHECK: arith.subi %c6144
      // CHECK: arith.addi %{{.*}}, %[[A]]
      // CHECK: scf.yield
      // CHECK: } else {
      // CHECK: %[[INNER:.*]]:2 = scf.if
      // CHECK: arith.subi %c8192
      // CHECK: arith.addi %{{.*}}, %[[B]]
      // CHECK: } else {
      // CHECK-NEXT: %[[NONE:.*]] = arith.constant 0 : index
      // CHECK-NEXT: scf.yield %[[NONE]], %[[NONE]]
      // CHECK: scf.yield %[[INNER]]#0, %[[INNER]]#1
      // CHECK: %[[ADDRESS:.*]] = arith.index_cast %[[PREFETCH]]#0
      // CHECK: %[[BYTES:.*]] = arith.index_cast %[[PREFETCH]]#1
      // CHECK: call @lrt_barrier(%{{.*}}, %{{.*}}, %[[ADDRESS]], %[[BYTES]])
      spmd.barrier
      spmd.phase "parts" tiles %c32 prologue {
      } do {
      ^bb0(%tile: index):
        %ina = arith.cmpi ult, %tile, %c2 : index
        scf.if %ina {
          %column = arith.muli %tile, %c32 : index
          %in = spmd.read @own[%c0, %c0] size [%c1, %c32] : !row
          %out = spmd.write @wide[%c0, %column] size [%c1, %c32] : !part
          kernel.matmul %in, %a[%column] to %out : !row, <96x32xbf16, <16 x 2>>, !part
        } else {
          %inb = arith.cmpi ult, %tile, %c3 : index
          scf.if %inb {
            %local = arith.subi %tile, %c2 : index
            %column = arith.muli %local, %c32 : index
            %in = spmd.read @own[%c0, %c0] size [%c1, %c32] : !row
            %out = spmd.write @wide[%c0, %column] size [%c1, %c32] : !part
            kernel.matmul %in, %b[%column] to %out : !row, <64x32xf32, <16 x 1>>, !part
          } else {
            %out = spmd.write @wide[%c0, %c0] size [%c1, %c32] : !part
            kernel.zero %out : !part
          }
        }
      }
      return
    }
    func.func private @second(%n: index, %p: index, %cache: !cache {lm.slot = "cache"}) {
      return
    }
    // The table of layers: the number of the function, then the offsets of the slots. Layer 0 has itself as the layer before.
    // CHECK: memref.global "private" constant @decode.layers : memref<3x4xi64> = dense<[
    // CHECK-SAME: [0, 128, 128, 0], [1, 4096, 0, 0], [0, 384, 256, 8192]]>

    // An entry point also has the caller's buffers as arguments.
    // CHECK-LABEL: func.func @decode(
    // CHECK-SAME: %[[WEIGHTS:[^ ]*]]: memref<1024xi8>, {{.*}}, %[[TOKENS:[^ ]*]]: memref<1x1xi32>, %[[LOGITS:[^ ]*]]: memref<1x32xf32>, %[[ROWS:[^ ]*]]: index, %[[POSITION:[^ ]*]]: index, %{{[^ ]*}}: index)
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      // CHECK: builtin.unrealized_conversion_cast %[[WEIGHTS]], %c512{{.*}} to !lm.weight<32xf32>
      %norm = lm.use @final_norm : !norm
      // CHECK: %[[OFFSETS:.*]] = memref.get_global @decode.layers
      // CHECK: scf.for %[[LAYER:.*]] = %c0{{.*}} to %c3{{.*}} step
      // CHECK: memref.load %[[OFFSETS]][%[[LAYER]], %c0
      // CHECK: scf.index_switch
      // CHECK: case 0 {
      // CHECK-COUNT-3: memref.load %[[OFFSETS]][%[[LAYER]], %c
      // CHECK: call @decode.first(%[[WEIGHTS]], {{.*}}, %[[ROWS]], %[[POSITION]], %
      // CHECK: default {
      // CHECK: memref.load %[[OFFSETS]][%[[LAYER]], %c1
      // CHECK: call @decode.second(
      spmd.layers %rows at %position [@first, @second, @first]
      // CHECK: scf.while
      // CHECK: memref.subview %[[TOKENS]][
      // CHECK: memref.subview %[[LOGITS]][
      spmd.phase "head" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %ids = spmd.read @tokens[%c0, %c0] size [%c1, %c1] : memref<1x1xi32, strided<[1, 1], offset: ?>>
        %logits = spmd.write @logits[%c0, %c0] size [%c1, %c32] : !row
        kernel.norm %logits by %norm : !norm to %logits group 32 eps 1.0 : !row, !row
      }
      spmd.barrier
      return
    }
  }






}

//--- invalid.mlir
// expected-error @below {{lm.program.weights_bytes: expected an integer from 1 to 1125899906842624, found none}}
module {
}

// -----

// expected-error @below {{lm.program.arena_bytes: expected an integer from 1 to 1125899906842624, found "many"}}
module attributes {lm.program = {weights_bytes = 64 : i64, arena_bytes = "many"}} {
}

// -----

// expected-error @below {{lm.program.scratch_bytes: expected an integer from 1 to 1125899906842624, found -64 : i64}}
module attributes {lm.program = {weights_bytes = 64 : i64, arena_bytes = 64 : i64, scratch_bytes = -64 : i64}} {
}

// -----

// expected-error @below {{lm.program.cache_bytes: expected an integer from 1 to 1125899906842624, found 64 : i32}}
module attributes {lm.program = {weights_bytes = 64 : i64, arena_bytes = 64 : i64, scratch_bytes = 64 : i64, cache_bytes = 64 : i32}} {
}

// -----

// expected-error @below {{'lm.weight' op expects an offset (lm-pack-weights)}}
lm.weight @w : !lm.weight<32xf32>

// -----

// expected-error @below {{'lm.state' op expects an offset (lm-plan-cache)}}
lm.state @s : !lm.cache<1 x 16 x f32, rows = 16>

// -----

// expected-error @below {{'spmd.buffer' op expects an offset (lm-plan-memory)}}
spmd.buffer @prefill.stream : memref<1x32xf32> arena

// -----

spmd.program @decode rows 1 {
  // expected-error @below {{'spmd.buffer' op expects an offset (lm-plan-memory)}}
  spmd.buffer @x : memref<1x32xf32> scratch
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}
