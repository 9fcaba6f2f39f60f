// RUN: %python %tools/run-kernels.py %s | FileCheck %s

// Rows sorted by expert, in blocks of two rows. Expert 0 has rows 0, 1 and 3, expert 1 rows 1 and 2, expert 2 rows 0, 2, 3.
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  memref.global "private" constant @experts : memref<4x2xi32> = dense<[[2, 0], [0, 1], [2, 1], [0, 2]]>
  func.func private @printMemrefI32(memref<*xi32>) attributes {llvm.emit_c_interface}

  func.func @main() {
    %experts = memref.get_global @experts : memref<4x2xi32>
    %order = memref.alloc() : memref<12x1xi32>
    %slots = memref.alloc() : memref<4x2xi32>
    %blocks = memref.alloc() : memref<6x1xi32>
    kernel.dispatch %experts to %order, %slots, %blocks count 3
      : memref<4x2xi32>, memref<12x1xi32>, memref<4x2xi32>, memref<6x1xi32>
    // A free slot of a block has no row, and a block after the last one has no expert.
    // CHECK: sizes = [12, 1]
    // CHECK-NEXT: {{\[}}[0],
    // CHECK-NEXT: [1],
    // CHECK-NEXT: [3],
    // CHECK-NEXT: [-1],
    // CHECK-NEXT: [1],
    // CHECK-NEXT: [2],
    // CHECK-NEXT: [0],
    // CHECK-NEXT: [2],
    // CHECK-NEXT: [3],
    // CHECK-NEXT: [-1],
    // CHECK-NEXT: [-1],
    // CHECK-NEXT: [-1]]
    // CHECK: sizes = [4, 2]
    // CHECK-NEXT: {{\[}}[6,   0],
    // CHECK-NEXT: [1,   4],
    // CHECK-NEXT: [7,   5],
    // CHECK-NEXT: [2,   8]]
    // CHECK: sizes = [6, 1]
    // CHECK-NEXT: {{\[}}[0],
    // CHECK-NEXT: [0],
    // CHECK-NEXT: [1],
    // CHECK-NEXT: [2],
    // CHECK-NEXT: [2],
    // CHECK-NEXT: [-1]]
    %0 = memref.cast %order : memref<12x1xi32> to memref<*xi32>
    call @printMemrefI32(%0) : (memref<*xi32>) -> ()
    %1 = memref.cast %slots : memref<4x2xi32> to memref<*xi32>
    call @printMemrefI32(%1) : (memref<*xi32>) -> ()
    %2 = memref.cast %blocks : memref<6x1xi32> to memref<*xi32>
    call @printMemrefI32(%2) : (memref<*xi32>) -> ()
    return
  }
}
