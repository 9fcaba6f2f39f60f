// RUN: lathe-opt %s --split-input-file --lm-lower-block-kernels --canonicalize --cse | FileCheck %s

// The threads of a block divide the columns of a row: thread t has t, t + 256, ... and reads all of them before it
// stores one.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @embed
  // CHECK-SAME: %[[TABLE:.*]]: memref<65536xi8>, %[[IDS:.*]]: memref<1x1xi32>, %[[OUT:.*]]: memref<1x600xf32>
  func.func @embed(%table: memref<65536xi8>, %ids: memref<1x1xi32>, %out: memref<1x600xf32>) {
    %c0 = arith.constant 0 : index
    %w = builtin.unrealized_conversion_cast %table, %c0 : memref<65536xi8>, index to !lm.weight<32x600xbf16, <16 x 2>>
    // CHECK: memref.load %[[IDS]]
    // CHECK: scf.for %[[FIRST:.*]] = %{{.*}} to %c600 step %c768
    // CHECK: vector.load %[[TABLE]][{{.*}}] {alignment = 2 : i64} : memref<65536xi8>, vector<2xi8>
    // CHECK: %[[SECOND:.*]] = arith.addi %[[FIRST]], %c256
    // CHECK: arith.minsi %[[SECOND]], %c599
    // CHECK: vector.load %[[TABLE]]
    // CHECK: arith.addi %[[FIRST]], %c512
    // CHECK: vector.load %[[TABLE]]
    // CHECK: memref.store %{{.*}}, %[[OUT]][%c0, %[[FIRST]]]
    // CHECK: arith.cmpi slt, %[[SECOND]], %c600
    // CHECK: scf.if
    // CHECK: memref.store %{{.*}}, %[[OUT]][%c0, %[[SECOND]]]
    kernel.embed %ids, %w to %out scale 2.0 : memref<1x1xi32>, !lm.weight<32x600xbf16, <16 x 2>>, memref<1x600xf32>
    return
  }
}

// -----

// Positions are added to what is there. A quantised row: the block's factor, then the value of a byte. mxfp4 looks the
// value up in two words, not in memory.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @positions
  // CHECK-SAME: %[[TABLE:.*]]: memref<65536xi8>, %[[POSITION:.*]]: index, %[[OUT:.*]]: memref<?x64xf32>
  func.func @positions(%table: memref<65536xi8>, %position: index, %out: memref<?x64xf32>) {
    %c0 = arith.constant 0 : index
    %w = builtin.unrealized_conversion_cast %table, %c0 : memref<65536xi8>, index to !lm.weight<32x64xmxfp4, <16 x 4>>
    // CHECK: scf.for %[[ROW:.*]] =
    // CHECK: arith.addi %[[POSITION]], %[[ROW]]
    // CHECK: scf.for %[[COLUMN:.*]] = %{{.*}} to %c64 step %c256
    // CHECK-COUNT-2: memref.load %[[TABLE]]
    // CHECK: arith.select {{.*}} : i64
    // CHECK: %[[OLD:.*]] = memref.load %[[OUT]][%[[ROW]], %[[COLUMN]]]
    // CHECK: %[[SUM:.*]] = arith.addf %[[OLD]],
    // CHECK: memref.store %[[SUM]], %[[OUT]][%[[ROW]], %[[COLUMN]]]
    kernel.add_positions %w at %position to %out : !lm.weight<32x64xmxfp4, <16 x 4>>, memref<?x64xf32>
    return
  }
}

// -----

// The values of all experts' matrices, and those of a vector.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @values
  // CHECK-SAME: %[[SEGMENT:.*]]: memref<65536xi8>, %[[OUT:.*]]: memref<40x16xf32>, %[[VECTOR:.*]]: memref<1x300xf32>
  func.func @values(%segment: memref<65536xi8>, %out: memref<40x16xf32>, %vector: memref<1x300xf32>) {
    %c0 = arith.constant 0 : index
    %w = builtin.unrealized_conversion_cast %segment, %c0 : memref<65536xi8>, index to !lm.weight<2x20x16xf32, <16 x 1>>
    %v = builtin.unrealized_conversion_cast %segment, %c0 : memref<65536xi8>, index to !lm.weight<300xf32>
    // CHECK: scf.for %{{.*}} = %c0 to %c2 step
    // CHECK: scf.for %{{.*}} = %c0 to %c20 step
    // CHECK: scf.for %{{.*}} = %{{.*}} to %c16 step %c256
    // CHECK: vector.load %[[SEGMENT]][{{.*}}] {alignment = 4 : i64}
    // CHECK: memref.store %{{.*}}, %[[OUT]]
    kernel.values %w to %out : !lm.weight<2x20x16xf32, <16 x 1>>, memref<40x16xf32>
    // CHECK: scf.for %[[COLUMN:.*]] = %{{.*}} to %c300 step %c256
    // CHECK: vector.load %[[SEGMENT]]
    // CHECK: memref.store %{{.*}}, %[[VECTOR]][%c0, %[[COLUMN]]]
    kernel.values %v to %vector : !lm.weight<300xf32>, memref<1x300xf32>
    return
  }
}
