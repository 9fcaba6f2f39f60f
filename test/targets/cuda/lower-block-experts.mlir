// RUN: lathe-opt %s --split-input-file --lm-lower-block-kernels --canonicalize --cse | FileCheck %s

// A warp has a row. Lane l has the scores of the experts l and l + 32; 40 of them, so lanes from 8 on have one.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @route
  // CHECK-SAME: %[[SCORES:.*]]: memref<?x40xf32>, %[[WEIGHTS:.*]]: memref<?x4xf32>, %[[EXPERTS:.*]]: memref<?x4xi32>
  func.func @route(%scores: memref<?x40xf32>, %weights: memref<?x4xf32>, %experts: memref<?x4xi32>) {
    // CHECK: %[[ROWS:.*]] = memref.dim %[[SCORES]]
    // CHECK: scf.for %[[ROW:.*]] = %{{.*}} to %[[ROWS]] step %c8
    // CHECK: memref.load %[[SCORES]]
    // CHECK: memref.load %[[SCORES]]
    // CHECK: arith.select
    // The largest score and the sum of all powers of the row.
    // CHECK-COUNT-10: nvvm.shfl.sync  bfly {{.*}} : f32 -> f32
    // CHECK-NOT: nvvm.shfl.sync
    // Four times the best of those behind the last choice: the larger key, or else the lower number.
    // CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1 iter_args(
    // CHECK: arith.cmpf oeq
    // CHECK-COUNT-5: nvvm.shfl.sync  bfly {{.*}} : i32 -> i32
    // Lane k has choice k.
    // CHECK: memref.load %[[SCORES]]
    // CHECK-COUNT-5: nvvm.shfl.sync  bfly {{.*}} : f32 -> f32
    // CHECK: arith.divf
    // CHECK: memref.store %{{.*}}, %[[WEIGHTS]]
    // CHECK: memref.store %{{.*}}, %[[EXPERTS]]
    // CHECK-NOT: nvvm.barrier
    kernel.route %scores to %weights, %experts softmax {normalized} : memref<?x40xf32>, memref<?x4xf32>, memref<?x4xi32>
    return
  }
}

// -----

// With groups, those that are not chosen are hidden before experts are chosen: two best keys of each of four groups.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @groups
  func.func @groups(%scores: memref<1x64xf32>, %segment: memref<4096xi8>, %scratch: memref<1x64xf32>,
                    %weights: memref<1x8xf32>, %experts: memref<1x8xi32>) {
    %c0 = arith.constant 0 : index
    %w = builtin.unrealized_conversion_cast %segment, %c0 : memref<4096xi8>, index to !lm.weight<64xf32>
    // CHECK-COUNT-2: vector.load %{{.*}} {alignment = 4 : i64} : memref<4096xi8>, vector<4xi8>
    // CHECK-COUNT-40: nvvm.shfl.sync  bfly
    // CHECK-COUNT-12: arith.extui %{{.*}} : i1 to i32
    // CHECK: arith.select {{.*}}, %cst
    // CHECK: scf.for %{{.*}} = %c0 to %c8 step
    kernel.route %scores of 2 in 4 by 2 correction %w : !lm.weight<64xf32> scratch %scratch : memref<1x64xf32>
      to %weights, %experts sigmoid : memref<1x64xf32>, memref<1x8xf32>, memref<1x8xi32>
    return
  }
}

// -----

// A counting sort: eight warps count the entries of eight segments, one warp gives blocks to experts, and all threads
// add up.
// CHECK: memref.global "private" @shared.dispatch.320 : memref<320xi32, 3> = uninitialized
// CHECK-LABEL: func.func @dispatch
// CHECK-SAME: %[[EXPERTS:.*]]: memref<?x2xi32>, %[[ORDER:.*]]: memref<96x1xi32>, %[[SLOTS:.*]]: memref<?x2xi32>, %[[BLOCKS:.*]]: memref<12x1xi32>
module attributes {lm.options = {target = "cuda"}} {
  func.func @dispatch(%experts: memref<?x2xi32>, %order: memref<96x1xi32>, %slots: memref<?x2xi32>,
                      %blocks: memref<12x1xi32>) {
    // CHECK: memref.store %c-1_i32, %[[ORDER]]
    // CHECK: memref.store %c-1_i32, %[[BLOCKS]]
    // CHECK: memref.store %c0_i32, %[[COUNTS:.*]][%{{.*}}] : memref<320xi32, 3>
    // CHECK: nvvm.barrier
    // CHECK: scf.for
    // CHECK: memref.load %[[EXPERTS]]
    // CHECK-COUNT-31: nvvm.shfl.sync  bfly
    // CHECK: memref.store %{{.*}}, %[[SLOTS]]
    // CHECK: nvvm.bar.warp.sync
    // CHECK: memref.store %{{.*}}, %[[COUNTS]]
    // CHECK: nvvm.bar.warp.sync
    // CHECK: nvvm.barrier
    // CHECK: scf.for %{{.*}} = %c0 to %c40 step %c32 iter_args(
    // CHECK-COUNT-5: nvvm.shfl.sync  bfly
    // CHECK: memref.store %{{.*}}, %[[COUNTS]]
    // CHECK: memref.store %{{.*}}, %[[BLOCKS]]
    // CHECK: nvvm.barrier
    // CHECK: scf.for
    // CHECK: memref.load %[[COUNTS]]
    // CHECK: memref.load %[[SLOTS]]
    // CHECK: memref.store %{{.*}}, %[[SLOTS]]
    // CHECK: memref.store %{{.*}}, %[[ORDER]]
    // CHECK-NOT: nvvm.barrier
    kernel.dispatch %experts to %order, %slots, %blocks count 40
      : memref<?x2xi32>, memref<96x1xi32>, memref<?x2xi32>, memref<12x1xi32>
    return
  }
}

// -----

// The rows of the experts are added by the threads that have their columns.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @combine
  // CHECK-SAME: %[[IN:.*]]: memref<?x600xf32>, %[[WEIGHTS:.*]]: memref<1x2xf32>, %[[OUT:.*]]: memref<1x600xf32>
  func.func @combine(%in: memref<?x600xf32>, %weights: memref<1x2xf32>, %out: memref<1x600xf32>) {
    // CHECK-COUNT-2: memref.load %[[WEIGHTS]]
    // CHECK: scf.for %[[COLUMN:.*]] = %{{.*}} to %c600 step %c256
    // CHECK: memref.load %[[IN]][%c0, %[[COLUMN]]]
    // CHECK: memref.load %[[IN]][%c1, %[[COLUMN]]]
    // CHECK: memref.store %{{.*}}, %[[OUT]][%c0, %[[COLUMN]]]
    kernel.combine %in, %weights to %out : memref<?x600xf32>, memref<1x2xf32>, memref<1x600xf32>
    return
  }
}
