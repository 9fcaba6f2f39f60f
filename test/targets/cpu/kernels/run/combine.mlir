// RUN: %python %tools/run-kernels.py %s | FileCheck %s

// The weighted sum of a row's experts, and the shared expert.
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  memref.global "private" constant @input : memref<4x3xf32> = dense<[[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [100.0, 200.0, 300.0],
                                                                   [0.5, 0.25, 0.125]]>
  memref.global "private" constant @weights : memref<2x2xf32> = dense<[[0.5, 2.0], [1.0, 4.0]]>
  memref.global "private" constant @slots : memref<2x2xi32> = dense<[[2, 0], [1, 3]]>
  memref.global "private" constant @shared : memref<2x3xf32> = dense<[[1000.0, 1000.0, 1000.0], [-8.0, -8.0, -8.0]]>
  memref.global "private" constant @gate : memref<2x1xf32> = dense<[[0.0], [100.0]]>
  func.func private @printMemrefF32(memref<*xf32>) attributes {llvm.emit_c_interface}

  func.func @main() {
    %input = memref.get_global @input : memref<4x3xf32>
    %weights = memref.get_global @weights : memref<2x2xf32>
    %slots = memref.get_global @slots : memref<2x2xi32>
    %shared = memref.get_global @shared : memref<2x3xf32>
    %gate = memref.get_global @gate : memref<2x1xf32>
    %out = memref.alloc() : memref<2x3xf32>
    %0 = memref.cast %out : memref<2x3xf32> to memref<*xf32>

    // 0.5 times row 2 and 2 times row 0; 1 time row 1 and 4 times row 3.
    // CHECK: {{\[}}[52,   104,   156],
    // CHECK-NEXT: [12,   21,   30.5]]
    kernel.combine %input, %weights at %slots : memref<2x2xi32> to %out : memref<4x3xf32>, memref<2x2xf32>, memref<2x3xf32>
    call @printMemrefF32(%0) : (memref<*xf32>) -> ()

    // A gate of 0 halves the shared expert's output, a gate of 100 takes all of it.
    // CHECK: {{\[}}[552,   604,   656],
    // CHECK-NEXT: [4,   13,   22.5]]
    kernel.combine %input, %weights at %slots : memref<2x2xi32> shared %shared : memref<2x3xf32> gate %gate : memref<2x1xf32>
      to %out : memref<4x3xf32>, memref<2x2xf32>, memref<2x3xf32>
    call @printMemrefF32(%0) : (memref<*xf32>) -> ()

    // Without slots: one row, and expert k's output is row k.
    // CHECK: {{\[}}[20.5,   41,   61.5]]
    %first = memref.subview %weights[0, 0] [1, 2] [1, 1] : memref<2x2xf32> to memref<1x2xf32, strided<[2, 1]>>
    %row = memref.alloc() : memref<1x3xf32>
    kernel.combine %input, %first to %row : memref<4x3xf32>, memref<1x2xf32, strided<[2, 1]>>, memref<1x3xf32>
    %1 = memref.cast %row : memref<1x3xf32> to memref<*xf32>
    call @printMemrefF32(%1) : (memref<*xf32>) -> ()
    return
  }
}
