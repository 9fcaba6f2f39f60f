// RUN: %python %tools/run-kernels.py %s | FileCheck %s

// The experts of each row and their weights, compared with the decomposition of lm.route.
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  memref.global "private" constant @scores : memref<3x6xf32> = dense<[[0.0, 2.0, 1.0, 2.0, -1.0, 0.5],
    [-1.0, 3.0, 0.5, 0.0, 2.5, 2.75], [0.25, 0.25, 0.25, 0.25, 0.25, 0.25]]>
  memref.global "private" constant @correction : memref<6xf32> = dense<[0.9, 0.0, 0.0, 0.0, 0.0, 0.1]>
  func.func private @printMemrefF32(memref<*xf32>) attributes {llvm.emit_c_interface}
  func.func private @printMemrefI32(memref<*xi32>) attributes {llvm.emit_c_interface}
  func.func private @verifyMemRefF32(memref<*xf32>, memref<*xf32>) -> i64 attributes {llvm.emit_c_interface}
  func.func private @verifyMemRefI32(memref<*xi32>, memref<*xi32>) -> i64 attributes {llvm.emit_c_interface}
  func.func private @printI64(i64)
  func.func private @printNewline()

  func.func @show(%weights: memref<3x2xf32>, %experts: memref<3x2xi32>, %weights0: memref<3x2xf32>, %experts0: memref<3x2xi32>) {
    %w = memref.cast %weights : memref<3x2xf32> to memref<*xf32>
    %w0 = memref.cast %weights0 : memref<3x2xf32> to memref<*xf32>
    %e = memref.cast %experts : memref<3x2xi32> to memref<*xi32>
    %e0 = memref.cast %experts0 : memref<3x2xi32> to memref<*xi32>
    call @printMemrefI32(%e) : (memref<*xi32>) -> ()
    call @printMemrefF32(%w) : (memref<*xf32>) -> ()
    %different = call @verifyMemRefF32(%w, %w0) : (memref<*xf32>, memref<*xf32>) -> i64
    call @printI64(%different) : (i64) -> ()
    call @printNewline() : () -> ()
    %others = call @verifyMemRefI32(%e, %e0) : (memref<*xi32>, memref<*xi32>) -> i64
    call @printI64(%others) : (i64) -> ()
    call @printNewline() : () -> ()
    return
  }

  func.func @main() {
    %c0 = arith.constant 0 : index
    %scores = memref.get_global @scores : memref<3x6xf32>
    %weights = memref.alloc() : memref<3x2xf32>
    %experts = memref.alloc() : memref<3x2xi32>
    %weights0 = memref.alloc() : memref<3x2xf32>
    %experts0 = memref.alloc() : memref<3x2xi32>

    // Of equal scores, the lower number comes first; each of two has the weight 0.5.
    // CHECK: {{\[}}[1,   3],
    // CHECK: [1,   5],
    // CHECK: [0,   1]]
    // CHECK: {{\[}}[0.5,   0.5],
    // CHECK: [0.562177,   0.43782{{[34]}}],
    // CHECK: [0.5,   0.5]]
    // CHECK-NEXT: {{^}}0{{$}}
    // CHECK-NEXT: {{^}}0{{$}}
    kernel.route %scores to %weights, %experts softmax scale 1.0 {normalized} : memref<3x6xf32>, memref<3x2xf32>, memref<3x2xi32>
    kernel.compute (%scores : memref<3x6xf32>) to (%weights0, %experts0 : memref<3x2xf32>, memref<3x2xi32>) {
    ^bb0(%s: tensor<?x6xf32>):
      %w, %e = lm.route %s top 2 softmax {normalized} : tensor<?x6xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
      kernel.yield %w, %e : tensor<?x2xf32>, tensor<?x2xi32>
    }
    call @show(%weights, %experts, %weights0, %experts0) : (memref<3x2xf32>, memref<3x2xi32>, memref<3x2xf32>, memref<3x2xi32>) -> ()

    // A correction changes the choice but not the weights.
    // CHECK: {{\[}}[0,   1],
    // CHECK: [0,   5],
    // CHECK: [0,   5]]
    // CHECK: {{\[}}[1,   1.76159],
    // CHECK: [0.537883,   1.87983],
    // CHECK: [1.12435,   1.12435]]
    // CHECK-NEXT: {{^}}0{{$}}
    // CHECK-NEXT: {{^}}0{{$}}
    %segment = memref.alloc() : memref<64xi8>
    %c = memref.get_global @correction : memref<6xf32>
    %stored = memref.view %segment[%c0][] : memref<64xi8> to memref<6xf32>
    memref.copy %c, %stored : memref<6xf32> to memref<6xf32>
    %correction = builtin.unrealized_conversion_cast %segment, %c0 : memref<64xi8>, index to !lm.weight<6xf32>
    kernel.route %scores correction %correction : !lm.weight<6xf32> to %weights, %experts sigmoid scale 2.0
      : memref<3x6xf32>, memref<3x2xf32>, memref<3x2xi32>
    kernel.compute (%scores : memref<3x6xf32>) to (%weights0, %experts0 : memref<3x2xf32>, memref<3x2xi32>) {
    ^bb0(%s: tensor<?x6xf32>):
      %w, %e = lm.route %s top 2 correction %correction : !lm.weight<6xf32> sigmoid scale 2.0
        : tensor<?x6xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
      kernel.yield %w, %e : tensor<?x2xf32>, tensor<?x2xi32>
    }
    call @show(%weights, %experts, %weights0, %experts0) : (memref<3x2xf32>, memref<3x2xi32>, memref<3x2xf32>, memref<3x2xi32>) -> ()

    // Of three groups of two experts, the group with the largest sum of two scores.
    // CHECK: {{\[}}[3,   2],
    // CHECK: [5,   4],
    // CHECK: [0,   1]]
    // CHECK: {{\[}}[0.880797,   0.731059],
    // CHECK: [0.939913,   0.924142],
    // CHECK: [0.562177,   0.562177]]
    // CHECK-NEXT: {{^}}0{{$}}
    // CHECK-NEXT: {{^}}0{{$}}
    %scratch = memref.alloc() : memref<3x6xf32>
    kernel.route %scores of 1 in 3 by 2 scratch %scratch : memref<3x6xf32> to %weights, %experts sigmoid scale 1.0
      : memref<3x6xf32>, memref<3x2xf32>, memref<3x2xi32>
    kernel.compute (%scores : memref<3x6xf32>) to (%weights0, %experts0 : memref<3x2xf32>, memref<3x2xi32>) {
    ^bb0(%s: tensor<?x6xf32>):
      %w, %e = lm.route %s top 2 of 1 in 3 by 2 sigmoid : tensor<?x6xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
      kernel.yield %w, %e : tensor<?x2xf32>, tensor<?x2xi32>
    }
    call @show(%weights, %experts, %weights0, %experts0) : (memref<3x2xf32>, memref<3x2xi32>, memref<3x2xf32>, memref<3x2xi32>) -> ()
    return
  }
}
