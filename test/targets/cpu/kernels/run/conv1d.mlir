// RUN: %python %tools/run-kernels.py %s | FileCheck %s

// A convolution of width 3 over four channels; each part of the state has two of them. Three rows, then one more row that
// reads the state of the first call, compared with the decomposition of lm.causal_conv1d.
!out = memref<3x4xf32>
!segment = memref<256xi8>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  memref.global "private" constant @x : memref<3x4xf32> = dense<[[1.0, 2.0, -1.0, 0.5], [0.0, 1.0, 2.0, -0.5], [-2.0, 3.0, 1.0, 1.0]]>
  // [channels][width], from the oldest input on.
  memref.global "private" constant @w : memref<12xf32> = dense<[1.0, 0.5, 2.0, 0.0, 0.0, 1.0, -1.0, 1.0, 0.5, 0.25, 4.0, 1.0]>
  func.func private @printMemrefF32(memref<*xf32>) attributes {llvm.emit_c_interface}
  func.func private @verifyMemRefF32(memref<*xf32>, memref<*xf32>) -> i64 attributes {llvm.emit_c_interface}
  func.func private @printI64(i64)
  func.func private @printNewline()

  func.func @check(%out: memref<?x4xf32, strided<[4, 1]>>, %expected: memref<?x4xf32, strided<[4, 1]>>) {
    %0 = memref.cast %out : memref<?x4xf32, strided<[4, 1]>> to memref<*xf32>
    %1 = memref.cast %expected : memref<?x4xf32, strided<[4, 1]>> to memref<*xf32>
    call @printMemrefF32(%0) : (memref<*xf32>) -> ()
    %different = call @verifyMemRefF32(%0, %1) : (memref<*xf32>, memref<*xf32>) -> i64
    call @printI64(%different) : (i64) -> ()
    call @printNewline() : () -> ()
    return
  }

  // The kernel computes both parts; the decomposition has a state of its own. Memory holds the taps at 0, the states at 64, 128.
  func.func @convolve(%segment: !segment, %x: memref<?x4xf32, strided<[4, 1]>>, %position: index, %out: memref<?x4xf32, strided<[4, 1]>>,
                      %expected: memref<?x4xf32, strided<[4, 1]>>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c64 = arith.constant 64 : index
    %c128 = arith.constant 128 : index
    %w = builtin.unrealized_conversion_cast %segment, %c0 : !segment, index to !lm.weight<12xf32>
    %state = builtin.unrealized_conversion_cast %segment, %c64 : !segment, index to !lm.recurrent_state<2 x 4>
    %other = builtin.unrealized_conversion_cast %segment, %c128 : !segment, index to !lm.recurrent_state<2 x 4>
    %rows = memref.dim %x, %c0 : memref<?x4xf32, strided<[4, 1]>>
    scf.for %part = %c0 to %c2 step %c1 {
      %channel = arith.muli %part, %c2 : index
      %in = memref.subview %x[0, %channel] [%rows, 2] [1, 1] : memref<?x4xf32, strided<[4, 1]>> to memref<?x2xf32, strided<[4, 1], offset: ?>>
      %to = memref.subview %out[0, %channel] [%rows, 2] [1, 1] : memref<?x4xf32, strided<[4, 1]>> to memref<?x2xf32, strided<[4, 1], offset: ?>>
      kernel.conv1d %in, %w[%channel] width 3 state %state[%part] at %position to %to
        : memref<?x2xf32, strided<[4, 1], offset: ?>>, !lm.weight<12xf32>, !lm.recurrent_state<2 x 4>, memref<?x2xf32, strided<[4, 1], offset: ?>>
    }
    kernel.compute (%x : memref<?x4xf32, strided<[4, 1]>>) to (%expected : memref<?x4xf32, strided<[4, 1]>>) {
    ^bb0(%t: tensor<?x4xf32>):
      %y = lm.causal_conv1d %t, %w width 3 to %other at %position : tensor<?x4xf32>, !lm.weight<12xf32>, !lm.recurrent_state<2 x 4>
      kernel.yield %y : tensor<?x4xf32>
    }
    call @check(%out, %expected) : (memref<?x4xf32, strided<[4, 1]>>, memref<?x4xf32, strided<[4, 1]>>) -> ()
    return
  }

  func.func @main() {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c64 = arith.constant 64 : index
    %segment = memref.alloc() : !segment
    %w = memref.get_global @w : memref<12xf32>
    %stored = memref.view %segment[%c0][] : !segment to memref<12xf32>
    memref.copy %w, %stored : memref<12xf32> to memref<12xf32>
    // At position 0 the old state is not read.
    %states = memref.view %segment[%c64][] : !segment to memref<32xf32>
    %nine = arith.constant 9.0 : f32
    %c32 = arith.constant 32 : index
    scf.for %i = %c0 to %c32 step %c1 {
      memref.store %nine, %states[%i] : memref<32xf32>
    }
    %x = memref.get_global @x : memref<3x4xf32>
    %out = memref.alloc() : !out
    %expected = memref.alloc() : !out
    // CHECK: {{\[}}[1.76159,   1.76159,   -0.18877,   0.31123],
    // CHECK-NEXT: [0.31123,   0.731059,   0,   1.22636],
    // CHECK-NEXT: [-0.142278,   2.85772,   3.39741,   -0.257438]]
    // CHECK-NEXT: {{^}}0{{$}}
    %all = memref.subview %x[0, 0] [%c3, 4] [1, 1] : memref<3x4xf32> to memref<?x4xf32, strided<[4, 1]>>
    %to = memref.subview %out[0, 0] [%c3, 4] [1, 1] : !out to memref<?x4xf32, strided<[4, 1]>>
    %as = memref.subview %expected[0, 0] [%c3, 4] [1, 1] : !out to memref<?x4xf32, strided<[4, 1]>>
    call @convolve(%segment, %all, %c0, %to, %as) : (!segment, memref<?x4xf32, strided<[4, 1]>>, index, memref<?x4xf32, strided<[4, 1]>>, memref<?x4xf32, strided<[4, 1]>>) -> ()
    // CHECK: {{\[}}[0.731059,   1.76159,   -0.273638,   4.32061]]
    // CHECK-NEXT: {{^}}0{{$}}
    %one = memref.subview %x[0, 0] [%c1, 4] [1, 1] : memref<3x4xf32> to memref<?x4xf32, strided<[4, 1]>>
    %to1 = memref.subview %out[0, 0] [%c1, 4] [1, 1] : !out to memref<?x4xf32, strided<[4, 1]>>
    %as1 = memref.subview %expected[0, 0] [%c1, 4] [1, 1] : !out to memref<?x4xf32, strided<[4, 1]>>
    call @convolve(%segment, %one, %c3, %to1, %as1) : (!segment, memref<?x4xf32, strided<[4, 1]>>, index, memref<?x4xf32, strided<[4, 1]>>, memref<?x4xf32, strided<[4, 1]>>) -> ()
    return
  }
}
