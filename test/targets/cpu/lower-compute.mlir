// RUN: lathe-opt --lm-decompose --lm-lower-compute --split-input-file %s \
// RUN:   | FileCheck %s --implicit-check-not="{{linalg|tensor<|memref.copy|kernel.compute}}"
// RUN: not lathe-opt --lm-lower-compute %s 2>&1 | FileCheck %s --check-prefix=NOT-DECOMPOSED

!rows = memref<?x8xf32, strided<[8, 1], offset: ?>>

// Loops over memory; memory of intermediate results is freed.
// CHECK-LABEL: @rows_are_computed_by_loops
// CHECK-SAME: %[[X:.*]]: memref<?x8xf32{{.*}}>, %[[Y:.*]]: memref<?x8xf32
// CHECK: %[[SQUARES:.*]] = memref.alloc
// CHECK: scf.for
// CHECK: math.sqrt
// CHECK: memref.store %{{.*}}, %[[Y]]
// CHECK: memref.dealloc
// NOT-DECOMPOSED: error: 'lm.norm' op has no decomposition (lm-decompose)
func.func @rows_are_computed_by_loops(%x: !rows, %y: !rows, %weights: memref<64xi8>, %offset: index) {
  %w = builtin.unrealized_conversion_cast %weights, %offset : memref<64xi8>, index to !lm.weight<8xf32>
  kernel.compute (%x : !rows) to (%y : !rows) {
  ^bb0(%rows: tensor<?x8xf32>):
    %normed = lm.norm %rows, %w eps 1.0e-6 : tensor<?x8xf32>, !lm.weight<8xf32>
    kernel.yield %normed : tensor<?x8xf32>
  }
  return
}

// -----

!row = memref<1x8xf32, strided<[8, 1], offset: ?>>
!half = memref<1x4xf32, strided<[4, 1], offset: ?>>
!cache = !lm.cache<1 x 4 x f32, rows = 16>

// Reading weights and rows of the cache stays a kernel.
// CHECK-LABEL: @weights_and_caches_are_copied
// CHECK-COUNT-3: kernel.values %{{.*}} to %{{.*}} : <{{[48]}}x32xq4_0, <16 x 4>>, memref<{{[48]}}x32xf32>
// CHECK: kernel.append %{{.*}} to %{{.*}}[%c0{{.*}}] at %{{.*}}
// CHECK: kernel.append %{{.*}} to values
func.func @weights_and_caches_are_copied(%x: memref<1x32xf32, strided<[32, 1], offset: ?>>, %q: !row, %segment: memref<4096xi8>,
                                         %offset: index, %position: index) {
  %w = builtin.unrealized_conversion_cast %segment, %offset : memref<4096xi8>, index to !lm.weight<8x32xq4_0, <16 x 4>>
  %k = builtin.unrealized_conversion_cast %segment, %offset : memref<4096xi8>, index to !lm.weight<4x32xq4_0, <16 x 4>>
  %cache = builtin.unrealized_conversion_cast %segment, %offset : memref<4096xi8>, index to !cache
  kernel.compute (%x : memref<1x32xf32, strided<[32, 1], offset: ?>>) to (%q : !row) {
  ^bb0(%rows: tensor<?x32xf32>):
    %y = lm.qkv %rows, %w, %k, %k to %cache at %position heads 2 eps 1.0e-6
      : tensor<?x32xf32>, !lm.weight<8x32xq4_0, <16 x 4>>, !lm.weight<4x32xq4_0, <16 x 4>>, !lm.weight<4x32xq4_0, <16 x 4>>, !cache
      -> tensor<?x8xf32>
    kernel.yield %y : tensor<?x8xf32>
  }
  return
}

// -----

!channels = memref<?x4xf32, strided<[4, 1], offset: ?>>
!bytes = memref<4096xi8>

// A state is read before the first row and written after the last one. At position 0 zeros are read.
// CHECK-LABEL: @a_state_is_an_offset_in_the_caches
// CHECK-SAME: %[[SEGMENT:[^ ]*]]: memref<4096xi8>, %[[OFFSET:[^ ]*]]: index, %[[POSITION:[^ ]*]]: index)
// CHECK: %[[START:.*]] = arith.cmpi eq, %[[POSITION]], %c0
// CHECK: %[[STATE:.*]] = memref.view %[[SEGMENT]][%[[OFFSET]]][] : memref<4096xi8> to memref<2x4xf32>
// CHECK: %[[OLD:.*]] = memref.load %[[STATE]]
// CHECK: arith.select %[[START]], %cst{{.*}}, %[[OLD]]
// CHECK: %[[STATE:.*]] = memref.view %[[SEGMENT]][%[[OFFSET]]][] : memref<4096xi8> to memref<2x4xf32>
// CHECK: memref.store %{{.*}}, %[[STATE]]
func.func @a_state_is_an_offset_in_the_caches(%x: !channels, %y: !channels, %segment: !bytes, %offset: index, %position: index) {
  %w = builtin.unrealized_conversion_cast %segment, %position : !bytes, index to !lm.weight<12xf32>
  %state = builtin.unrealized_conversion_cast %segment, %offset : !bytes, index to !lm.recurrent_state<2 x 4>
  kernel.compute (%x : !channels) to (%y : !channels) {
  ^bb0(%rows: tensor<?x4xf32>):
    %t = lm.causal_conv1d %rows, %w width 3 to %state at %position : tensor<?x4xf32>, !lm.weight<12xf32>, !lm.recurrent_state<2 x 4>
    kernel.yield %t : tensor<?x4xf32>
  }
  return
}
