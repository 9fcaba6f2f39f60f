// RUN: lathe-opt %s --lm-lower-kernels --canonicalize | FileCheck %s --implicit-check-not=math. --implicit-check-not=memref.alloc

// Kernels of a mixture of experts become loops without calls of library functions or allocations.
!segment = memref<8192xi8>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  // Softmax over all scores: the largest, then the sum of exponentials. The weight of a chosen expert is
  // its exponential over the sum.
  // CHECK-LABEL: @route(
  // CHECK-SAME: %[[SCORES:[^ ]*]]: memref<?x8xf32>, %[[WEIGHTS:[^ ]*]]: memref<?x2xf32>, %[[EXPERTS:[^ ]*]]: memref<?x2xi32>
  // CHECK: scf.for %[[ROW:[^ ]*]] =
  // CHECK: %[[LARGEST:.*]] = scf.for %{{.*}} to %c8 
  // CHECK: vector.load %[[SCORES]][%[[ROW]], %c0] : memref<?x8xf32>, vector<8xf32>
  // CHECK: %[[SUM:.*]] = vector.reduction <add>
  // CHECK: %[[CHOSEN:.*]]:3 = scf.for %[[K:[^ ]*]] = %c0 to %c2 
  // CHECK: %[[BEST:.*]]:2 = scf.for %{{[^ ]*}} = %c0 to %c8 
  // CHECK: %[[WEIGHT:.*]] = arith.divf %{{.*}}, %[[SUM]]
  // CHECK: memref.store %[[WEIGHT]], %[[WEIGHTS]][%[[ROW]], %[[K]]]
  // CHECK: memref.store %[[BEST]]#1, %[[EXPERTS]][%[[ROW]], %[[K]]]
  // Normalised: divided by the sum of the chosen ones.
  // CHECK: %[[FACTOR:.*]] = arith.divf %{{.*}}, %[[CHOSEN]]#2
  // CHECK: arith.mulf %{{.*}}, %[[FACTOR]]
  func.func @route(%scores: memref<?x8xf32>, %weights: memref<?x2xf32>, %experts: memref<?x2xi32>) {
    kernel.route %scores to %weights, %experts softmax scale 1.0 {normalized} : memref<?x8xf32>, memref<?x2xf32>, memref<?x2xi32>
    return
  }
  // A correction is added to the scores that are compared, not to the weight. The weight is scaled.
  // CHECK-LABEL: @route_corrected(
  // CHECK: vector.load %{{.*}} : memref<8192xi8>, vector<4xi8>
  // CHECK: %[[CORRECTION:.*]] = vector.extract
  // CHECK: arith.addf %{{.*}}, %[[CORRECTION]] : f32
  // CHECK: arith.index_cast %{{.*}} : i32 to index
  // CHECK-NOT: vector.load
  // CHECK: memref.store
  // CHECK: arith.mulf %{{.*}}, %cst : f32
  func.func @route_corrected(%scores: memref<?x8xf32>, %weights: memref<?x2xf32>, %experts: memref<?x2xi32>, %segment: !segment, %offset: index) {
    %c = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !lm.weight<8xf32>
    kernel.route %scores correction %c : !lm.weight<8xf32> to %weights, %experts sigmoid scale 2.5
      : memref<?x8xf32>, memref<?x2xf32>, memref<?x2xi32>
    return
  }
  // Scores are copied. The copy hides the scores of groups that are not chosen, and experts are chosen from it.
  // CHECK-LABEL: @route_groups(
  // CHECK-SAME: %[[SCORES:[^ ]*]]: memref<?x8xf32>, %[[SCRATCH:[^ ]*]]: memref<?x8xf32>
  // CHECK: %[[ALL:.*]] = vector.load %[[SCORES]]
  // CHECK: vector.store %[[ALL]], %[[SCRATCH]]
  // CHECK: %[[A:.*]]:2 = scf.for
  // CHECK: %[[SUM_A:.*]] = arith.addf %[[A]]#0, %[[A]]#1
  // CHECK: %[[B:.*]]:2 = scf.for
  // CHECK: %[[SUM_B:.*]] = arith.addf %[[B]]#0, %[[B]]#1
  // CHECK: arith.cmpf ogt, %[[SUM_B]], %[[SUM_A]]
  // CHECK-COUNT-2: memref.store %{{.*}}, %[[SCRATCH]]
  // CHECK: %{{.*}}:3 = scf.for
  func.func @route_groups(%scores: memref<?x8xf32>, %scratch: memref<?x8xf32>, %weights: memref<?x2xf32>, %experts: memref<?x2xi32>) {
    kernel.route %scores of 1 in 2 by 2 scratch %scratch : memref<?x8xf32> to %weights, %experts sigmoid scale 1.0
      : memref<?x8xf32>, memref<?x2xf32>, memref<?x2xi32>
    return
  }
  // First all slots and blocks are empty. Each expert goes over all rows; its blocks begin after the previous expert's.
  // CHECK-LABEL: @dispatch(
  // CHECK-SAME: %[[EXPERTS:[^ ]*]]: memref<?x2xi32>, %[[ORDER:[^ ]*]]: memref<64x1xi32>, %[[SLOTS:[^ ]*]]: memref<?x2xi32>, %[[BLOCKS:[^ ]*]]: memref<16x1xi32>
  // CHECK: memref.store %c-1_i32, %[[ORDER]]
  // CHECK: memref.store %c-1_i32, %[[BLOCKS]]
  // CHECK: scf.for %[[EXPERT:[^ ]*]] = %c0 to %c8 step %c1 iter_args(%[[BLOCK:[^ ]*]] = %c0)
  // Four slots per block.
  // CHECK: %[[BEGIN:.*]] = arith.muli %[[BLOCK]], %c4
  // CHECK: %[[END:.*]] = scf.for %{{.*}} iter_args(%{{.*}} = %[[BEGIN]])
  // CHECK: scf.if
  // CHECK: memref.store %{{.*}}, %[[ORDER]]
  // CHECK: memref.store %{{.*}}, %[[SLOTS]]
  // CHECK: %[[NEXT:.*]] = arith.ceildivui %[[END]], %c4
  // CHECK: memref.store %{{.*}}, %[[BLOCKS]]
  // CHECK: scf.yield %[[NEXT]]
  func.func @dispatch(%experts: memref<?x2xi32>, %order: memref<64x1xi32>, %slots: memref<?x2xi32>, %blocks: memref<16x1xi32>) {
    kernel.dispatch %experts to %order, %slots, %blocks count 8
      : memref<?x2xi32>, memref<64x1xi32>, memref<?x2xi32>, memref<16x1xi32>
    return
  }
  // A negative number leaves the row as it is.
  // CHECK-LABEL: @gather(
  // CHECK: %[[FROM:.*]] = memref.load %arg1[
  // CHECK: %[[IS_ROW:.*]] = arith.cmpi sge, %[[FROM]], %c0_i32
  // CHECK: scf.if %[[IS_ROW]] {
  // CHECK: vector.load %arg0[%{{.*}}] : memref<?x48xbf16>, vector<16xbf16>
  // CHECK: vector.store %{{.*}}, %arg2[%{{.*}}] : memref<?x48xbf16>, vector<16xbf16>
  func.func @gather(%x: memref<?x48xbf16>, %rows: memref<?x1xi32>, %out: memref<?x48xbf16>) {
    kernel.gather %x[%rows] to %out : memref<?x48xbf16>, memref<?x1xi32>, memref<?x48xbf16>
    return
  }
  // The shared expert's output times the sigmoid of its gate, then one product for each expert.
  // CHECK-LABEL: @combine(
  // CHECK: memref.load %arg4[
  // CHECK: arith.divf
  // CHECK: memref.load %arg2[%{{.*}}, %c0]
  // CHECK: memref.load %arg2[%{{.*}}, %c1]
  // CHECK: vector.load %arg3[
  // CHECK: arith.mulf %{{.*}} : vector<16xf32>
  // CHECK: vector.load %arg0[
  // CHECK: vector.fma
  // CHECK: vector.load %arg0[
  // CHECK: vector.fma
  // CHECK: vector.store %{{.*}}, %arg5[
  func.func @combine(%x: memref<?x48xf32>, %weights: memref<?x2xf32>, %slots: memref<?x2xi32>, %shared: memref<?x48xf32>,
                     %gate: memref<?x1xf32>, %out: memref<?x48xf32>) {
    kernel.combine %x, %weights at %slots : memref<?x2xi32> shared %shared : memref<?x48xf32> gate %gate : memref<?x1xf32>
      to %out : memref<?x48xf32>, memref<?x2xf32>, memref<?x48xf32>
    return
  }
  // Without slots, expert k's output is row k.
  // CHECK-LABEL: @combine_one_row(
  // CHECK: vector.load %arg0[%c0, %
  // CHECK: vector.fma
  // CHECK: vector.load %arg0[%c1, %
  // CHECK: vector.fma
  // CHECK-NOT: vector.fma
  // CHECK: return
  func.func @combine_one_row(%x: memref<?x48xf32>, %weights: memref<1x2xf32>, %out: memref<1x48xf32>) {
    kernel.combine %x, %weights to %out : memref<?x48xf32>, memref<1x2xf32>, memref<1x48xf32>
    return
  }
}
