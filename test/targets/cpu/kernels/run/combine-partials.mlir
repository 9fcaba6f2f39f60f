// RUN: %python %tools/run-kernels.py %s | FileCheck %s

// Two heads of two values, from two splits. A split has each head's largest score and the sum of its exponentials. Scores
// differ by ln 2, so that one split has half the weight of the other.
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  memref.global "private" constant @input : memref<2x4xf32> = dense<[[4.0, 8.0, 1.0, 2.0], [16.0, 32.0, 6.0, 12.0]]>
  memref.global "private" constant @statistics : memref<2x4xf32> = dense<[[0.0, 2.0, 5.0, 1.0], [0.693147182, 3.0, 5.0, 2.0]]>
  memref.global "private" constant @sinks : memref<2xf32> = dense<[0.693147182, 5.0]>
  func.func private @printMemrefF32(memref<*xf32>) attributes {llvm.emit_c_interface}

  func.func @main() {
    %c0 = arith.constant 0 : index
    %input = memref.get_global @input : memref<2x4xf32>
    %statistics = memref.get_global @statistics : memref<2x4xf32>
    %out = memref.alloc() : memref<1x4xf32>
    %0 = memref.cast %out : memref<1x4xf32> to memref<*xf32>

    // Head 0: (4 / 2 + 16) / (2 / 2 + 3), head 1: (1 + 6) / (1 + 2).
    // CHECK: {{\[}}[4.5,   9,   2.33333,   4.66667]]
    kernel.combine_partials %input, %statistics to %out : memref<2x4xf32>, memref<2x4xf32>, memref<1x4xf32>
    call @printMemrefF32(%0) : (memref<*xf32>) -> ()

    // A sink, here equal to the largest score, adds its exponential to the sum.
    // CHECK: {{\[}}[3.6,   7.2,   1.75,   3.5]]
    %segment = memref.alloc() : memref<64xi8>
    %s = memref.get_global @sinks : memref<2xf32>
    %stored = memref.view %segment[%c0][] : memref<64xi8> to memref<2xf32>
    memref.copy %s, %stored : memref<2xf32> to memref<2xf32>
    %sinks = builtin.unrealized_conversion_cast %segment, %c0 : memref<64xi8>, index to !lm.weight<2xf32>
    kernel.combine_partials %input, %statistics sinks %sinks : !lm.weight<2xf32> to %out : memref<2x4xf32>, memref<2x4xf32>, memref<1x4xf32>
    call @printMemrefF32(%0) : (memref<*xf32>) -> ()
    return
  }
}
