// RUN: lathe-opt %s --split-input-file --lm-lower-block-kernels --canonicalize --cse | FileCheck %s

// Eight lanes have a block of 32 values, four each. 256 threads take 32 blocks at once, of all rows.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @quantize
  // CHECK-SAME: %[[IN:.*]]: memref<?x64xf32>, %[[OUT:.*]]: memref<?x104xi8>
  func.func @quantize(%in: memref<?x64xf32>, %out: memref<?x104xi8>) {
    // CHECK: %[[ROWS:.*]] = memref.dim %[[IN]], %c0
    // CHECK: %[[COUNT:.*]] = arith.muli %[[ROWS]], %c2
    // CHECK: scf.for %[[FIRST:.*]] = %c0 to %[[COUNT]] step %c32
    // A lane behind the last block computes that one again: lanes exchange values.
    // CHECK: %[[OWN:.*]] = arith.addi %[[FIRST]],
    // CHECK: %[[NUMBER:.*]] = arith.minsi %[[OWN]],
    // CHECK: %[[ISOWN:.*]] = arith.cmpi slt, %[[OWN]], %[[COUNT]]
    // CHECK: vector.load %[[IN]][{{.*}}] {alignment = 16 : i64} : memref<?x64xf32>, vector<4xf32>
    // CHECK-COUNT-4: math.absf
    // The largest of 8 lanes.
    // CHECK-COUNT-3: nvvm.shfl.sync  bfly {{.*}} : f32 -> f32
    // CHECK: %[[SCALE:.*]] = arith.mulf %{{.*}}, %cst
    // CHECK: arith.divf
    // The sum of a half, then of the other one.
    // CHECK-COUNT-3: nvvm.shfl.sync  bfly {{.*}} : i32 -> i32
    // CHECK: scf.if %[[ISOWN]]
    // Four bytes in a word.
    // CHECK: vector.store {{.*}} {alignment = 4 : i64} : memref<?x104xi8>, vector<4xi8>
    // Five lanes store a number each.
    // CHECK: arith.cmpi slt, %{{.*}}, %c5
    // CHECK: scf.if
    // CHECK: vector.store {{.*}} {alignment = 4 : i64} : memref<?x104xi8>, vector<4xi8>
    kernel.quantize %in to %out : memref<?x64xf32>, memref<?x104xi8>
    return
  }
}

// -----

// 16-bit values take two words, and two lanes store a number each. Rows that are not a multiple of 16 bytes apart are
// read value by value.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @wide
  func.func @wide(%in: memref<?x64xf32, strided<[66, 1]>>, %out: memref<?x144xi8>) {
    // CHECK-COUNT-4: memref.load
    // CHECK-COUNT-2: vector.store {{.*}} {alignment = 4 : i64} : memref<?x144xi8>, vector<4xi8>
    // CHECK: arith.cmpi slt, %{{.*}}, %c2
    // CHECK: scf.if
    // CHECK: vector.store
    // CHECK-NOT: vector.store
    kernel.quantize wide %in to %out : memref<?x64xf32, strided<[66, 1]>>, memref<?x144xi8>
    return
  }
}
