// RUN: %python %tools/run-kernels.py %s | FileCheck %s

// The gated delta rule: one head of keys and two of values, each of two values. A part of the state is one column of a head.
// Five rows at once (a chunk of four and one row), then the same rows in calls of three and two, compared with the
// decomposition of lm.gated_delta_rule.
!segment = memref<256xi8>
!two = memref<?x2xf32, strided<[2, 1], offset: ?>>
!four = memref<?x4xf32, strided<[4, 1], offset: ?>>
!column = memref<?x1xf32, strided<[4, 1], offset: ?>>
!state = !lm.recurrent_state<4 x 2>
!w = !lm.weight<2xf32>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  memref.global "private" constant @q : memref<5x2xf32> = dense<[[3.0, 4.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 1.0]]>
  memref.global "private" constant @k : memref<5x2xf32> = dense<[[4.0, 3.0], [1.0, 0.0], [0.0, 2.0], [1.0, -1.0], [1.0, 2.0]]>
  memref.global "private" constant @v : memref<5x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, -1.0, 2.0], [5.0, 0.0, 1.0, 1.0], [2.0, 2.0, 0.0, -3.0], [1.0, 1.0, 1.0, 1.0]]>
  memref.global "private" constant @a : memref<5x2xf32> = dense<[[0.0, 1.0], [2.0, -1.0], [0.0, 0.0], [1.0, 1.0], [0.5, 0.5]]>
  memref.global "private" constant @b : memref<5x2xf32> = dense<[[0.0, 100.0], [1.0, 0.0], [-1.0, 2.0], [0.0, 0.0], [3.0, -3.0]]>
  memref.global "private" constant @weights : memref<4xf32> = dense<[-1.0, -0.5, 0.0, 0.25]>
  func.func private @printMemrefF32(memref<*xf32>) attributes {llvm.emit_c_interface}
  func.func private @verifyMemRefF32(memref<*xf32>, memref<*xf32>) -> i64 attributes {llvm.emit_c_interface}
  func.func private @printI64(i64)
  func.func private @printNewline()

  // Rows from `first` on, at the position of the same number. Memory holds decays at 0, biases at 8, the states at 64 and 128.
  func.func @rule(%segment: !segment, %first: index, %count: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %c8 = arith.constant 8 : index
    %c64 = arith.constant 64 : index
    %c128 = arith.constant 128 : index
    %decay = builtin.unrealized_conversion_cast %segment, %c0 : !segment, index to !w
    %bias = builtin.unrealized_conversion_cast %segment, %c8 : !segment, index to !w
    %state = builtin.unrealized_conversion_cast %segment, %c64 : !segment, index to !state
    %other = builtin.unrealized_conversion_cast %segment, %c128 : !segment, index to !state
    %qs = memref.get_global @q : memref<5x2xf32>
    %q = memref.subview %qs[%first, 0] [%count, 2] [1, 1] : memref<5x2xf32> to !two
    %ks = memref.get_global @k : memref<5x2xf32>
    %k = memref.subview %ks[%first, 0] [%count, 2] [1, 1] : memref<5x2xf32> to !two
    %vs = memref.get_global @v : memref<5x4xf32>
    %v = memref.subview %vs[%first, 0] [%count, 4] [1, 1] : memref<5x4xf32> to !four
    %as = memref.get_global @a : memref<5x2xf32>
    %a = memref.subview %as[%first, 0] [%count, 2] [1, 1] : memref<5x2xf32> to !two
    %bs = memref.get_global @b : memref<5x2xf32>
    %b = memref.subview %bs[%first, 0] [%count, 2] [1, 1] : memref<5x2xf32> to !two
    %outs = memref.alloc() : memref<5x4xf32>
    %expecteds = memref.alloc() : memref<5x4xf32>
    %out = memref.subview %outs[%first, 0] [%count, 4] [1, 1] : memref<5x4xf32> to !four
    %expected = memref.subview %expecteds[%first, 0] [%count, 4] [1, 1] : memref<5x4xf32> to !four
    scf.for %part = %c0 to %c4 step %c1 {
      %head = arith.divui %part, %c2 : index
      %value = memref.subview %v[0, %part] [%count, 1] [1, 1] : !four to !column
      %to = memref.subview %out[0, %part] [%count, 1] [1, 1] : !four to !column
      kernel.delta_rule %q, %k, %value by %a, %b, %decay, %bias[%head] state %state[%part] at %first to %to
        : !two, !two, !column, !two, !two, !w, !w, !state, !column
    }
    kernel.compute (%q, %k, %v, %a, %b : !two, !two, !four, !two, !two) to (%expected : !four) {
    ^bb0(%qt: tensor<?x2xf32>, %kt: tensor<?x2xf32>, %vt: tensor<?x4xf32>, %at: tensor<?x2xf32>, %bt: tensor<?x2xf32>):
      %y = lm.gated_delta_rule %qt, %kt, %vt, %at, %bt, %decay, %bias to %other at %first heads 1
        : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>, !w, !w, !state -> tensor<?x4xf32>
      kernel.yield %y : tensor<?x4xf32>
    }
    %0 = memref.cast %out : !four to memref<*xf32>
    %1 = memref.cast %expected : !four to memref<*xf32>
    call @printMemrefF32(%0) : (memref<*xf32>) -> ()
    %different = call @verifyMemRefF32(%0, %1) : (memref<*xf32>, memref<*xf32>) -> i64
    call @printI64(%different) : (i64) -> ()
    call @printNewline() : () -> ()
    return
  }

  func.func @main() {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c5 = arith.constant 5 : index
    %c32 = arith.constant 32 : index
    %c64 = arith.constant 64 : index
    %segment = memref.alloc() : !segment
    %weights = memref.get_global @weights : memref<4xf32>
    %stored = memref.view %segment[%c0][] : !segment to memref<4xf32>
    memref.copy %weights, %stored : memref<4xf32> to memref<4xf32>
    // At position 0 the old state is not read.
    %states = memref.view %segment[%c64][] : !segment to memref<32xf32>
    %nine = arith.constant 9.0 : f32
    scf.for %i = %c0 to %c32 step %c1 {
      memref.store %nine, %states[%i] : memref<32xf32>
    }
    // CHECK: {{\[}}[0.33941{{[0-9]*}},   0.67882{{[0-9]*}},   2.0364{{[0-9]*}},   2.7152{{[0-9]*}}],
    // CHECK-NEXT: [0.0252867,   0.050573{{[0-9]*}},   1.0489{{[0-9]*}},   1.3985{{[0-9]*}}],
    // CHECK-NEXT: [0.0045337{{[0-9]*}},   0.26753{{[0-9]*}},   0.22876{{[0-9]*}},   1.0848{{[0-9]*}}],
    // CHECK-NEXT: [0.18344{{[0-9]*}},   0.05439{{[0-9]*}},   0.31177{{[0-9]*}},   0.60663{{[0-9]*}}],
    // CHECK-NEXT: [0.6841{{[0-9]*}},   0.6972{{[0-9]*}},   0.1732{{[0-9]*}},   0.1541{{[0-9]*}}]]
    // CHECK-NEXT: {{^}}0{{$}}
    call @rule(%segment, %c0, %c5) : (!segment, index, index) -> ()
    // CHECK: [0.0045337{{[0-9]*}},   0.26753{{[0-9]*}},   0.22876{{[0-9]*}},   1.0848{{[0-9]*}}]]
    // CHECK-NEXT: {{^}}0{{$}}
    call @rule(%segment, %c0, %c3) : (!segment, index, index) -> ()
    // CHECK: {{\[}}[0.18344{{[0-9]*}},   0.05439{{[0-9]*}},   0.31177{{[0-9]*}},   0.60663{{[0-9]*}}],
    // CHECK-NEXT: [0.6841{{[0-9]*}},   0.6972{{[0-9]*}},   0.1732{{[0-9]*}},   0.1541{{[0-9]*}}]]
    // CHECK-NEXT: {{^}}0{{$}}
    call @rule(%segment, %c3, %c2) : (!segment, index, index) -> ()
    return
  }
}
