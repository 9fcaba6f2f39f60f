// RUN: lathe-opt %s --lm-block-barriers | FileCheck %s

!row = memref<1x64xf32>
!segment = memref<4096xi8>

// A kernel waits for the kernels whose results it reads. Kernels that use other memory do not wait for each other.
// CHECK-LABEL: func.func @chain
func.func @chain(%arena: !segment, %scratch: !segment) {
  %c0 = arith.constant 0 : index
  %c256 = arith.constant 256 : index
  %c512 = arith.constant 512 : index
  %a = memref.view %scratch[%c0][] : !segment to !row
  %b = memref.view %scratch[%c256][] : !segment to !row
  %c = memref.view %scratch[%c512][] : !segment to !row
  %other = memref.view %arena[%c0][] : !segment to !row
  // CHECK: kernel.zero
  // CHECK-NEXT: kernel.zero
  // CHECK-NEXT: kernel.zero
  kernel.zero %a : !row
  kernel.zero %b : !row
  kernel.zero %other : !row
  // CHECK-NEXT: nvvm.barrier
  // CHECK-NEXT: kernel.add
  kernel.add %a, %b to %c : !row, !row, !row
  // Both only read %a.
  // CHECK-NEXT: kernel.copy
  kernel.copy %a to %other : !row, !row
  // It writes what the two kernels before it read.
  // CHECK-NEXT: nvvm.barrier
  // CHECK-NEXT: kernel.zero
  kernel.zero %a : !row
  // CHECK-NEXT: nvvm.barrier
  // CHECK-NEXT: return
  return
}

// Buffers whose lives do not overlap may have the same bytes.
// CHECK-LABEL: func.func @overlap
func.func @overlap(%scratch: !segment) {
  %c0 = arith.constant 0 : index
  %c128 = arith.constant 128 : index
  %a = memref.view %scratch[%c0][] : !segment to !row
  %b = memref.view %scratch[%c128][] : !segment to !row
  // CHECK: kernel.zero
  // CHECK-NEXT: nvvm.barrier
  // CHECK-NEXT: kernel.zero
  kernel.zero %a : !row
  kernel.zero %b : !row
  return
}

// The next iteration of a loop writes what this one reads.
// CHECK-LABEL: func.func @tiles
func.func @tiles(%arena: !segment, %scratch: !segment, %tiles: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %in = memref.view %arena[%c0][] : !segment to !row
  %mine = memref.view %scratch[%c0][] : !segment to !row
  // CHECK: scf.for
  // CHECK-NEXT: kernel.copy
  // CHECK-NEXT: nvvm.barrier
  // CHECK-NEXT: kernel.scale
  // CHECK-NEXT: nvvm.barrier
  // CHECK-NEXT: }
  scf.for %t = %c0 to %tiles step %c1 {
    kernel.copy %in to %mine : !row, !row
    kernel.scale %mine by 2.0 : !row
  }
  return
}

// Either branch may have run.
// CHECK-LABEL: func.func @branches
func.func @branches(%scratch: !segment, %isFirst: i1) {
  %c0 = arith.constant 0 : index
  %c256 = arith.constant 256 : index
  %a = memref.view %scratch[%c0][] : !segment to !row
  %b = memref.view %scratch[%c256][] : !segment to !row
  // CHECK: scf.if
  // CHECK-NEXT: kernel.zero
  // CHECK-NEXT: } else {
  // CHECK-NEXT: kernel.zero
  // CHECK-NEXT: }
  scf.if %isFirst {
    kernel.zero %a : !row
  } else {
    kernel.zero %b : !row
  }
  // CHECK-NEXT: nvvm.barrier
  // CHECK-NEXT: kernel.scale
  kernel.scale %b by 2.0 : !row
  return
}

// All threads have done their part before a function of the module is called, and before the function returns.
// CHECK-LABEL: func.func @calls
func.func @calls(%scratch: !segment) {
  %c0 = arith.constant 0 : index
  %a = memref.view %scratch[%c0][] : !segment to !row
  // CHECK: kernel.zero
  // CHECK-NEXT: nvvm.barrier
  // CHECK-NEXT: call @overlap
  // CHECK-NEXT: call @overlap
  // CHECK-NEXT: return
  kernel.zero %a : !row
  func.call @overlap(%scratch) : (!segment) -> ()
  func.call @overlap(%scratch) : (!segment) -> ()
  return
}

// A number that a kernel wrote is read by all threads.
// CHECK-LABEL: func.func @number
func.func @number(%scratch: !segment) -> f32 {
  %c0 = arith.constant 0 : index
  %a = memref.view %scratch[%c0][] : !segment to !row
  // CHECK: kernel.zero
  // CHECK-NEXT: nvvm.barrier
  // CHECK-NEXT: memref.load
  kernel.zero %a : !row
  %0 = memref.load %a[%c0, %c0] : !row
  return %0 : f32
}
