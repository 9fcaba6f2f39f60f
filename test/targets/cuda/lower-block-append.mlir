// RUN: lathe-opt %s --split-input-file --lm-lower-block-kernels --canonicalize --cse | FileCheck %s

// The threads of a block divide the values of all rows among themselves. Two neighbours of a bf16 key lie side by side,
// those of the 16 positions of a panel one after another.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @keys
  // CHECK-SAME: %[[IN:.*]]: memref<?x64xf32>, %[[CACHE:.*]]: memref<65536xi8>, %[[POSITION:.*]]: index
  func.func @keys(%in: memref<?x64xf32>, %cache: memref<65536xi8>, %position: index) {
    // CHECK-DAG: %[[THREADS:.*]] = arith.constant 256 : index
    // CHECK: %[[ROWS:.*]] = memref.dim %[[IN]]
    // CHECK: %[[COUNT:.*]] = arith.muli %[[ROWS]], %c64
    // CHECK: %[[X:.*]] = nvvm.read.ptx.sreg.tid.x
    // CHECK: %[[THREAD:.*]] = arith.index_cast %[[X]]
    // CHECK: scf.for %[[I:.*]] = %[[THREAD]] to %[[COUNT]] step %[[THREADS]]
    // CHECK: %[[COLUMN:.*]] = arith.remui %[[I]], %c64
    // CHECK: %[[ROW:.*]] = arith.divui %[[I]], %c64
    // CHECK: %[[HEAD:.*]] = arith.divui %[[COLUMN]], %c32
    // CHECK: %[[DIM:.*]] = arith.remui %[[COLUMN]], %c32
    // CHECK: %[[VALUE:.*]] = memref.load %[[IN]][%[[ROW]], %[[COLUMN]]]
    // CHECK: %[[OWN:.*]] = arith.addi %[[POSITION]], %[[ROW]]
    // CHECK: %[[SLOT:.*]] = arith.remui %[[OWN]], %c256
    // CHECK: arith.muli %[[HEAD]], %c16384
    // CHECK: %[[PANEL:.*]] = arith.divui %[[SLOT]], %c16
    // CHECK: arith.muli %[[PANEL]], %c1024
    // CHECK: %[[LANE:.*]] = arith.remui %[[SLOT]], %c16
    // CHECK: %[[PAIR:.*]] = arith.divui %[[DIM]], %c2
    // CHECK: %[[BEFORE:.*]] = arith.muli %[[PAIR]], %c16
    // CHECK: arith.addi %[[BEFORE]], %[[LANE]]
    // CHECK: arith.truncf %[[VALUE]] : f32 to bf16
    // CHECK: vector.store %{{.*}}, %[[CACHE]][%{{.*}}] {alignment = 2 : i64} : memref<65536xi8>, vector<2xi8>
    %c0 = arith.constant 0 : index
    %c = builtin.unrealized_conversion_cast %cache, %c0 : memref<65536xi8>, index to !lm.cache<2 x 32 x bf16, rows = 256>
    kernel.append %in to %c[%c0] at %position : memref<?x64xf32>, !lm.cache<2 x 32 x bf16, rows = 256>
    return
  }
}

// -----

// Values come after the keys of all heads, and lie in panels of 16 dims.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @values
  // CHECK-SAME: %[[OUT:.*]]: memref<?x64xf32>, %[[CACHE:.*]]: memref<65536xi8>
  func.func @values(%out: memref<?x64xf32>, %cache: memref<65536xi8>) {
    // CHECK: scf.for %[[I:.*]] = %{{.*}} to %{{.*}} step %c256
    // CHECK: %[[COLUMN:.*]] = arith.remui %[[I]], %c64
    // CHECK: %[[POSITION:.*]] = arith.divui %[[I]], %c64
    // CHECK: %[[DIM:.*]] = arith.remui %[[COLUMN]], %c32
    // CHECK: %[[PANEL:.*]] = arith.divui %[[DIM]], %c16
    // CHECK: arith.muli %[[PANEL]], %c8192
    // CHECK: %[[AT:.*]] = arith.addi %{{.*}}, %c32768
    // CHECK: vector.load %[[CACHE]][%[[AT]]] {alignment = 2 : i64} : memref<65536xi8>, vector<2xi8>
    // CHECK: arith.shli %{{.*}}, %c16_i32
    // CHECK: memref.store %{{.*}}, %[[OUT]][%[[POSITION]], %[[COLUMN]]]
    %c0 = arith.constant 0 : index
    %c = builtin.unrealized_conversion_cast %cache, %c0 : memref<65536xi8>, index to !lm.cache<2 x 32 x bf16, rows = 256>
    kernel.cached values %c to %out : !lm.cache<2 x 32 x bf16, rows = 256>, memref<?x64xf32>
    return
  }
}
