// RUN: lathe-opt %s --lm-lower-kernels --canonicalize | FileCheck %s --implicit-check-not=math. --implicit-check-not=memref.alloc

// Combines the partial results of split attention.
!segment = memref<8192xi8>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  // The largest score of all splits and the sink, then the sum of exponentials;
  // the weight of a split is its exponential over the sum.
  // CHECK-LABEL: @combine_partials(
  // CHECK: scf.for %[[HEAD:[^ ]*]] = %c0 to %c2 
  // CHECK: vector.load %arg3[%{{.*}}] : memref<8192xi8>, vector<4xi8>
  // CHECK: %[[PEAK:.*]] = scf.for %{{.*}} iter_args(%{{.*}} = %{{.*}}) -> (f32)
  // CHECK: memref.load %arg1[
  // CHECK: %[[SUM:.*]] = scf.for %{{.*}} -> (f32)
  // CHECK: %[[SCORE:.*]] = memref.load %arg1[
  // CHECK: arith.subf %[[SCORE]], %[[PEAK]]
  // CHECK: arith.divf %{{.*}}, %[[SUM]]
  // CHECK: vector.store %{{.*}}, %arg2[
  // CHECK: vector.load %arg0[
  // CHECK: vector.fma
  // CHECK: vector.store %{{.*}}, %arg2[
  func.func @combine_partials(%x: memref<?x32xf32>, %statistics: memref<?x4xf32>, %out: memref<1x32xf32>, %segment: !segment, %offset: index) {
    %s = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !lm.weight<2xf32>
    kernel.combine_partials %x, %statistics sinks %s : !lm.weight<2xf32> to %out : memref<?x32xf32>, memref<?x4xf32>, memref<1x32xf32>
    return
  }
}
