// RUN: %python %tools/run-kernels.py %s | FileCheck %s

// Rows by number. A negative number leaves the row of the output as it is.
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  memref.global "private" constant @input : memref<3x5xf32> = dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0],
                                                                   [11.0, 12.0, 13.0, 14.0, 15.0]]>
  memref.global "private" constant @rows : memref<4x1xi32> = dense<[[2], [-1], [0], [2]]>
  func.func private @printMemrefF32(memref<*xf32>) attributes {llvm.emit_c_interface}

  func.func @main() {
    %input = memref.get_global @input : memref<3x5xf32>
    %rows = memref.get_global @rows : memref<4x1xi32>
    %out = memref.alloc() : memref<4x5xf32>
    %seven = arith.constant 7.0 : f32
    %c1 = arith.constant 1 : index
    %c0 = arith.constant 0 : index
    %c5 = arith.constant 5 : index
    scf.for %i = %c0 to %c5 step %c1 {
      memref.store %seven, %out[%c1, %i] : memref<4x5xf32>
    }
    kernel.gather %input[%rows] to %out : memref<3x5xf32>, memref<4x1xi32>, memref<4x5xf32>
    // CHECK: {{\[}}[11,   12,   13,   14,   15],
    // CHECK-NEXT: [7,   7,   7,   7,   7],
    // CHECK-NEXT: [1,   2,   3,   4,   5],
    // CHECK-NEXT: [11,   12,   13,   14,   15]]
    %0 = memref.cast %out : memref<4x5xf32> to memref<*xf32>
    call @printMemrefF32(%0) : (memref<*xf32>) -> ()
    return
  }
}
