// RUN: lathe-opt %s --split-input-file --lm-lower-block-kernels --canonicalize --cse | FileCheck %s

// Four query heads share a KV head of 128 dims. Warp w takes panels of 16 positions w, w + 8, ..., and keeps 4 dims of
// each head's sum, and the largest score and the sum of weights of a head. No thread waits for another warp in the loop.
// CHECK-DAG: memref.global "private" @shared.attention.weights.544 : memref<544xf32, 3>
// CHECK-DAG: memref.global "private" @shared.attention.states.64 : memref<64xf32, 3>
// CHECK-DAG: memref.global "private" @shared.attention.factors.32 : memref<32xf32, 3>
// CHECK-DAG: memref.global "private" @shared.attention.sums.2048 : memref<2048xf32, 3>
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @heads
  // CHECK-SAME: %[[Q:.*]]: memref<1x512xf32>, %[[CACHE:.*]]: memref<1048576xi8>, %[[POSITION:.*]]: index, %[[SCORES:[^:]*]]: memref<4x1024xf32>, %[[OUT:[^:]*]]: memref<1x512xf32>
  func.func @heads(%q: memref<1x512xf32>, %cache: memref<1048576xi8>, %position: index, %scores: memref<4x1024xf32>, %out: memref<1x512xf32>) {
    // CHECK: %[[WEIGHTS:.*]] = memref.get_global @shared.attention.weights.544
    // CHECK: %[[END:.*]] = arith.addi %[[POSITION]], %c1
    // CHECK: %[[PANELS:.*]] = arith.ceildivui %[[END]], %c16
    // CHECK: %[[WARP:.*]] = arith.divui %{{.*}}, %c32
    // CHECK: %[[STATE:.*]]:18 = scf.for %{{.*}} = %[[WARP]] to %[[PANELS]] step %c8
    // Loads of values and keys begin before a score is computed. Two heads' columns of the query belong to two dims.
    // CHECK-COUNT-16: vector.load %[[CACHE]][{{.*}}] {alignment = 16 : i64} : memref<1048576xi8>, vector<16xi8>
    // CHECK-COUNT-32: vector.load %[[Q]][{{.*}}] {alignment = 8 : i64} : memref<1x512xf32>, vector<2xf32>
    // Lanes with the same positions add up their sums: a half of the heads goes to the lane 16 away, then 8 away.
    // CHECK-COUNT-8: nvvm.shfl.sync  bfly %{{.*}}, %{{.*}}, %c16_i32
    // CHECK-COUNT-4: nvvm.shfl.sync  bfly %{{.*}}, %{{.*}}, %c8_i32
    // CHECK-COUNT-4: nvvm.shfl.sync  bfly %{{.*}}, %{{.*}}, %c4_i32
    // CHECK: nvvm.bar.warp.sync
    // CHECK: arith.cmpi sle, %{{.*}}, %[[POSITION]]
    // CHECK-COUNT-5: memref.store %{{.*}}, %[[WEIGHTS]]
    // CHECK: nvvm.bar.warp.sync
    // CHECK-COUNT-17: vector.load %[[WEIGHTS]][{{.*}}] {alignment = 16 : i64} : memref<544xf32, 3>, vector<4xf32>
    // CHECK: scf.yield
    // The warps' results.
    // CHECK: memref.store %[[STATE]]#16
    // CHECK: nvvm.barrier
    // CHECK: scf.for
    // CHECK: nvvm.barrier
    // CHECK: scf.if
    // CHECK-COUNT-2: vector.store
    // CHECK: nvvm.barrier
    // CHECK: memref.store %{{.*}}, %[[OUT]]
    // CHECK: nvvm.barrier
    // CHECK-COUNT-2: vector.store
    // CHECK: nvvm.barrier
    // CHECK: memref.store %{{.*}}, %[[OUT]]
    // CHECK-NOT: nvvm.barrier
    // CHECK: return
    %c0 = arith.constant 0 : index
    %c = builtin.unrealized_conversion_cast %cache, %c0 : memref<1048576xi8>, index to !lm.cache<2 x 128 x bf16, rows = 1024>
    kernel.attention %q, %c[%c0] at %position scores %scores to %out scale 0.125 : memref<1x512xf32>, !lm.cache<2 x 128 x bf16, rows = 1024>, memref<4x1024xf32>, memref<1x512xf32>
    return
  }
}

// -----

// Rows of one head: 8 at a time. A row after the last one repeats it, and is not stored.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @rows
  // CHECK-SAME: %[[Q:.*]]: memref<?x32xf32>, %{{.*}}: memref<65536xi8>, %[[POSITION:.*]]: index, %{{.*}}, %[[OUT:[^:]*]]: memref<?x32xf32>
  func.func @rows(%q: memref<?x32xf32>, %cache: memref<65536xi8>, %position: index, %scores: memref<?x256xf32>, %out: memref<?x32xf32>) {
    // CHECK: %[[ROWS:.*]] = memref.dim %[[Q]]
    // CHECK: scf.for %[[FIRST:.*]] = %{{.*}} to %[[ROWS]] step %c8
    // CHECK: %[[LAST:.*]] = arith.addi %[[FIRST]], %c7
    // CHECK: %[[END:.*]] = arith.addi %[[ROWS]], %c-1
    // CHECK: %[[ROW:.*]] = arith.minsi %[[LAST]], %[[END]]
    // CHECK: arith.addi %[[POSITION]], %[[ROW]]
    // CHECK: scf.if
    // CHECK: memref.store %{{.*}}, %[[OUT]]
    %c0 = arith.constant 0 : index
    %c = builtin.unrealized_conversion_cast %cache, %c0 : memref<65536xi8>, index to !lm.cache<2 x 32 x bf16, rows = 256>
    kernel.attention %q, %c[%c0] at %position scores %scores to %out scale 1.0 : memref<?x32xf32>, !lm.cache<2 x 32 x bf16, rows = 256>, memref<?x256xf32>, memref<?x32xf32>
    return
  }
}

// -----

// A ring: panels are counted from that of the oldest position on, and begin again after the ring's last one.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @window
  // CHECK-SAME: %[[POSITION:[^:]*]]: index
  func.func @window(%q: memref<1x32xf32>, %cache: memref<65536xi8>, %position: index, %scores: memref<1x48xf32>, %out: memref<1x32xf32>) {
    // CHECK: %[[BEFORE:.*]] = arith.addi %{{.*}}, %c-19
    // CHECK: %[[OLDEST:.*]] = arith.maxsi %[[BEFORE]], %c0
    // CHECK: %[[SLOT:.*]] = arith.remui %[[OLDEST]], %c48
    // CHECK: %[[FIRST:.*]] = arith.divui %[[SLOT]], %c16
    // CHECK: %[[UNTIL:.*]] = arith.subi %{{.*}}, %[[FIRST]]
    // CHECK: scf.for %[[NUMBER:[a-z0-9]+]] =
    // CHECK: %[[IS_BEFORE_END:.*]] = arith.cmpi slt, %[[NUMBER]], %[[UNTIL]]
    // CHECK: %[[LATER:.*]] = arith.addi %[[FIRST]], %[[NUMBER]]
    // CHECK: %[[AGAIN:.*]] = arith.subi %[[NUMBER]], %[[UNTIL]]
    // CHECK: arith.select %[[IS_BEFORE_END]], %[[LATER]], %[[AGAIN]]
    %c0 = arith.constant 0 : index
    %c = builtin.unrealized_conversion_cast %cache, %c0 : memref<65536xi8>, index to !lm.cache<1 x 32 x bf16, window = 20, rows = 48>
    kernel.attention %q, %c[%c0] at %position scores %scores to %out scale 1.0 : memref<1x32xf32>, !lm.cache<1 x 32 x bf16, window = 20, rows = 48>, memref<1x48xf32>, memref<1x32xf32>
    return
  }
}

// -----

// A KV split keeps its statistics, and divides by no sum. `rounded`: products take bf16.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @split
  // CHECK-SAME: %[[STATISTICS:[^:]*]]: memref<1x4xf32>
  func.func @split(%q: memref<1x32xf32>, %cache: memref<65536xi8>, %position: index, %split: index, %splits: index, %statistics: memref<1x4xf32>, %scores: memref<2x256xf32>, %out: memref<1x32xf32>) {
    // CHECK: %[[FROM:.*]] = arith.muli %{{.*}}, %[[PANELS:.*]] : index
    // CHECK: arith.divui %[[FROM]], %{{.*}}
    // CHECK: arith.truncf
    // CHECK: arith.extf
    // CHECK: nvvm.barrier
    // CHECK-COUNT-2: memref.store %{{.*}}, %[[STATISTICS]]
    // CHECK-NOT: arith.divf
    // CHECK: return
    %c0 = arith.constant 0 : index
    %c = builtin.unrealized_conversion_cast %cache, %c0 : memref<65536xi8>, index to !lm.cache<1 x 16 x bf16, rows = 256>
    kernel.attention rounded %q, %c[%c0] at %position split %split of %splits statistics %statistics : memref<1x4xf32> scores %scores to %out scale 1.0 : memref<1x32xf32>, !lm.cache<1 x 16 x bf16, rows = 256>, memref<2x256xf32>, memref<1x32xf32>
    return
  }
}

// -----

// A warp combines the splits of a head: lane s has split s, then dims s, s + 32, ...
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @combine
  // CHECK-SAME: %[[IN:.*]]: memref<?x512xf32>, %[[STATISTICS:.*]]: memref<?x16xf32>, %[[OUT:.*]]: memref<1x512xf32>
  func.func @combine(%in: memref<?x512xf32>, %statistics: memref<?x16xf32>, %out: memref<1x512xf32>) {
    // CHECK: %[[LANE:.*]] = arith.remui %{{.*}}, %c32
    // CHECK: scf.for %{{.*}} = %[[LANE]] to %{{.*}} step %c32
    // CHECK: memref.load %[[STATISTICS]]
    // CHECK-COUNT-5: nvvm.shfl.sync  bfly
    // CHECK: scf.for %{{.*}} = %[[LANE]] to %{{.*}} step %c32
    // CHECK-COUNT-2: memref.load %[[STATISTICS]]
    // CHECK-COUNT-5: nvvm.shfl.sync  bfly
    // CHECK: scf.for
    // CHECK: scf.for
    // CHECK: nvvm.shfl.sync  idx
    // CHECK-COUNT-2: memref.load %[[IN]]
    // CHECK-COUNT-2: memref.store %{{.*}}, %[[OUT]]
    kernel.combine_partials %in, %statistics to %out : memref<?x512xf32>, memref<?x16xf32>, memref<1x512xf32>
    return
  }
}
