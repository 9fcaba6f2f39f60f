// RUN: lathe-opt %s --split-input-file --lm-lower-block-kernels --canonicalize --cse | FileCheck %s

// Blocks of 64 positions. A warp takes a panel and 16 rows of the 32, then a row, then a thread takes lines of the
// panels: two latent values.
!cache = !lm.cache<1 x 576 x bf16, latent = 512, rows = 1024>
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-DAG: memref.global "private" @shared.absorbed.weights.2048
  // CHECK-DAG: memref.global "private" @shared.absorbed.state.96
  // CHECK-LABEL: func.func @absorbed
  // CHECK-SAME: %[[Q:.*]]: memref<1x18432xf32>, %[[CACHE:.*]]: memref<1179648xi8>, %[[POSITION:[^:]*]]: index, %{{.*}}, %[[OUT:[^:]*]]: memref<1x16384xf32>
  func.func @absorbed(%q: memref<1x18432xf32>, %cache: memref<1179648xi8>, %position: index, %scratch: memref<1x22624xf32>, %out: memref<1x16384xf32>) {
    // CHECK: %[[WEIGHTS:.*]] = memref.get_global @shared.absorbed.weights.2048
    // CHECK: %[[STATE:.*]] = memref.get_global @shared.absorbed.state.96
    // No scores so far.
    // CHECK-COUNT-2: memref.store %{{.*}}, %[[STATE]]
    // CHECK: memref.store %{{.*}}, %[[OUT]]
    // CHECK: scf.for %[[BLOCK:[a-z0-9]+]] = %c0 to %{{.*}} step %c4
    // CHECK: nvvm.barrier
    // Scores: 8 units of a panel and 16 rows.
    // CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c8
    // CHECK: scf.for {{.*}} step %c8 iter_args
    // CHECK-COUNT-8: vector.load %[[CACHE]][{{.*}}] {alignment = 16 : i64}
    // CHECK-COUNT-128: vector.load %[[Q]][{{.*}}] {alignment = 8 : i64}
    // CHECK: arith.cmpi sle, %{{.*}}, %[[POSITION]]
    // CHECK-COUNT-2: vector.store %{{.*}}, %[[WEIGHTS]][{{.*}}] {alignment = 16 : i64}
    // CHECK: nvvm.barrier
    // Softmax.
    // CHECK: scf.for %{{.*}} = %{{.*}} to %c32 step %c8
    // CHECK-COUNT-2: memref.load %[[WEIGHTS]]
    // CHECK-COUNT-5: nvvm.shfl.sync  bfly
    // CHECK-COUNT-2: memref.store %{{.*}}, %[[WEIGHTS]]
    // CHECK-COUNT-3: memref.store %{{.*}}, %[[STATE]]
    // CHECK: nvvm.barrier
    // Weighted sums.
    // CHECK: scf.for %{{.*}} = %{{.*}} to %c256 step %c256
    // CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1
    // CHECK-COUNT-32: memref.load %[[OUT]]
    // CHECK: scf.for
    // CHECK-COUNT-4: vector.load %[[CACHE]][{{.*}}] {alignment = 16 : i64}
    // CHECK-COUNT-64: vector.load %[[WEIGHTS]][{{.*}}] {alignment = 16 : i64}
    // CHECK: memref.store %{{.*}}, %[[OUT]]
    // CHECK-NOT: nvvm.barrier
    // CHECK: arith.divf
    // CHECK: return
    %c0 = arith.constant 0 : index
    %c = builtin.unrealized_conversion_cast %cache, %c0 : memref<1179648xi8>, index to !cache
    kernel.absorbed_attention %q, %c at %position scratch %scratch to %out scale 0.125 rows 32 positions 64 : memref<1x18432xf32>, !cache, memref<1x22624xf32>, memref<1x16384xf32>
    return
  }
}

// -----

// Rows of several heads: a row's position begins again with each head. A KV split keeps its statistics.
!cache = !lm.cache<1 x 24 x f32, latent = 16, rows = 64>
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @per_head
  // CHECK-SAME: %[[EACH:[^:]*]]: index, %[[STATISTICS:[^:]*]]: memref<1x2xf32>
  func.func @per_head(%q: memref<?x24xf32>, %cache: memref<6144xi8>, %each: index, %statistics: memref<1x2xf32>, %scratch: memref<1x2352xf32>, %out: memref<?x16xf32>) {
    // CHECK: arith.remui %{{.*}}, %[[EACH]]
    // CHECK: memref.store %{{.*}}, %[[STATISTICS]]
    // CHECK-NOT: arith.divf
    // CHECK: return
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c = builtin.unrealized_conversion_cast %cache, %c0 : memref<6144xi8>, index to !cache
    kernel.absorbed_attention %q, %c at %c1 per_head %each split %c0 of %c1 statistics %statistics : memref<1x2xf32> scratch %scratch to %out scale 1.0 rows 16 positions 32 : memref<?x24xf32>, !cache, memref<1x2352xf32>, memref<?x16xf32>
    return
  }
}

// -----

// Keys and values of 32 positions are computed for all rows. Every step waits for the one before.
!cache = !lm.cache<1 x 24 x f32, latent = 16, rows = 64>
!keys = !lm.weight<2x16x8xf32, <16 x 1>>
!values = !lm.weight<2x12x16xf32, <16 x 1>>
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @expanded
  // CHECK-SAME: %[[Q:.*]]: memref<?x16xf32>, %[[CACHE:.*]]: memref<6144xi8>, %{{.*}}: memref<8192xi8>, %[[POSITION:[^:]*]]: index, %[[HEAD:[^:]*]]: index, %[[MATRICES:[^:]*]]: memref<20x16xf32>, %[[PANELS:[^:]*]]: memref<88x16xf32>, %[[ROWS:[^:]*]]: memref<?x80xf32>, %[[OUT:[^:]*]]: memref<?x12xf32>
  func.func @expanded(%q: memref<?x16xf32>, %cache: memref<6144xi8>, %weights: memref<8192xi8>, %position: index, %head: index, %m: memref<20x16xf32>, %p: memref<88x16xf32>, %r: memref<?x80xf32>, %out: memref<?x12xf32>) {
    // The matrices: 16 neighbouring threads take the rows of a panel.
    // CHECK: scf.for %[[I:[a-z0-9]+]] = %{{.*}} to %c256 step %c256
    // CHECK: %[[LANE:.*]] = arith.remui %[[I]], %c16
    // CHECK: %[[ROW:.*]] = arith.addi %{{.*}}, %[[LANE]]
    // CHECK: %[[IS_ROW:.*]] = arith.cmpi slt, %[[ROW]], %c12
    // CHECK: scf.if %[[IS_ROW]]
    // CHECK: memref.store %{{.*}}, %[[MATRICES]][%[[ROW]], %{{.*}}]
    // CHECK: scf.for %[[J:[a-z0-9]+]] = %{{.*}} to %c128 step %c256
    // CHECK: %[[ID:.*]] = arith.remui %[[J]], %c16
    // CHECK: memref.store %{{.*}}, %[[MATRICES]][%{{.*}}, %{{.*}}]
    // CHECK-COUNT-2: memref.store %{{.*}}, %[[ROWS]]
    // CHECK: memref.store %{{.*}}, %[[OUT]]
    // CHECK: scf.for %{{.*}} = %c0 to %{{.*}} step %c32
    // CHECK: nvvm.barrier
    // CHECK: vector.load %[[CACHE]][{{.*}}] {alignment = 16 : i64}
    // CHECK: memref.load %[[MATRICES]]
    // CHECK-COUNT-4: memref.store %{{.*}}, %[[PANELS]]
    // CHECK: vector.store %{{.*}}, %[[PANELS]]
    // The rotary part of the keys.
    // CHECK: vector.load %[[CACHE]][{{.*}}] {alignment = 16 : i64}
    // CHECK: vector.store %{{.*}}, %[[PANELS]]
    // CHECK: nvvm.barrier
    // CHECK: vector.load %[[PANELS]][{{.*}}] {alignment = 16 : i64}
    // CHECK: memref.load %[[Q]]
    // CHECK: vector.store %{{.*}}, %[[ROWS]]
    // CHECK: nvvm.barrier
    // CHECK-COUNT-5: nvvm.shfl.sync  bfly
    // CHECK: memref.store %{{.*}}, %[[ROWS]]
    // CHECK: nvvm.barrier
    // CHECK-COUNT-4: memref.load %[[PANELS]]
    // CHECK-COUNT-16: vector.load %[[ROWS]]
    // CHECK-COUNT-16: memref.store %{{.*}}, %[[OUT]]
    // CHECK: nvvm.barrier
    // CHECK: arith.divf
    %c0 = arith.constant 0 : index
    %c = builtin.unrealized_conversion_cast %cache, %c0 : memref<6144xi8>, index to !cache
    %k = builtin.unrealized_conversion_cast %weights, %c0 : memref<8192xi8>, index to !keys
    %c4096 = arith.constant 4096 : index
    %v = builtin.unrealized_conversion_cast %weights, %c4096 : memref<8192xi8>, index to !values
    kernel.latent_attention %q, %c at %position by %k, %v[%head] matrices %m panels %p rows %r to %out scale 1.0 positions 32 : memref<?x16xf32>, !cache, !keys, !values, memref<20x16xf32>, memref<88x16xf32>, memref<?x80xf32>, memref<?x12xf32>
    return
  }
}
