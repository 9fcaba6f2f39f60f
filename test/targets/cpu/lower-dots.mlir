// RUN: lathe-opt %s --lm-lower-dots=mcpu=sapphirerapids | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: lathe-opt %s --lm-lower-dots=mcpu=alderlake | FileCheck %s --check-prefixes=CHECK,AVXVNNI
// RUN: lathe-opt %s --lm-lower-dots=mcpu=x86-64-v3 | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: lathe-opt %s --lm-lower-dots=mcpu=x86-64 | FileCheck %s --check-prefixes=CHECK,GENERIC
// `plain` writes every dot product as plain arithmetic on every CPU.
// RUN: lathe-opt %s --lm-lower-dots='mcpu=sapphirerapids plain' | FileCheck %s --check-prefixes=CHECK,PLAIN
// RUN: not lathe-opt %s --lm-lower-dots=mcpu=abacus 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: unknown CPU 'abacus'

// CHECK-LABEL: @dot_u8s8(
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.*}}) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
// Vectors that are wider than the instruction are split.
// AVXVNNI-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"(%{{.*}}) : (vector<8xi32>, vector<32xi8>, vector<32xi8>) -> vector<8xi32>
// AVX2-COUNT-4: arith.muli %{{.*}} : vector<16xi32>
// GENERIC-COUNT-4: arith.muli %{{.*}} : vector<16xi32>
// PLAIN: vector.shuffle %[[QUANTISED:.*]], %[[QUANTISED]] [0, 4, 8, 12,
// PLAIN-NEXT: arith.extui %{{.*}} : vector<16xi8> to vector<16xi32>
// PLAIN-NEXT: vector.shuffle
// PLAIN-NEXT: arith.extsi %{{.*}} : vector<16xi8> to vector<16xi32>
// PLAIN-COUNT-3: vector.shuffle %[[QUANTISED]], %[[QUANTISED]]
// PLAIN: return
func.func @dot_u8s8(%acc: vector<16xi32>, %quantised: vector<64xi8>, %x: vector<64xi8>) -> vector<16xi32> {
  %r = cpu.dot_u8s8 %acc, %quantised, %x : vector<16xi32>, vector<64xi8>
  return %r : vector<16xi32>
}

// CHECK-LABEL: @madd_u8s8(
// AVX512: "llvm.x86.avx512.pmaddubs.w.512"
// AVXVNNI-COUNT-2: "llvm.x86.avx2.pmadd.ub.sw"
// AVX2-COUNT-2: "llvm.x86.avx2.pmadd.ub.sw"
// GENERIC-NOT: llvm.call_intrinsic
// GENERIC: arith.extui {{.*}} to vector<32xi16>
// PLAIN-NOT: llvm.call_intrinsic
// CHECK: return
func.func @madd_u8s8(%quantised: vector<64xi8>, %x: vector<64xi8>) -> vector<32xi16> {
  %r = cpu.madd_u8s8 %quantised, %x : vector<64xi8>, vector<32xi16>
  return %r : vector<32xi16>
}

// CHECK-LABEL: @madd_i16(
// AVX512: "llvm.x86.avx512.pmaddw.d.512"
// AVXVNNI-COUNT-2: "llvm.x86.avx2.pmadd.wd"
// AVX2-COUNT-2: "llvm.x86.avx2.pmadd.wd"
// GENERIC-NOT: llvm.call_intrinsic
// PLAIN-NOT: llvm.call_intrinsic
// CHECK: return
func.func @madd_i16(%w: vector<32xi16>, %x: vector<32xi16>) -> vector<16xi32> {
  %r = cpu.madd_i16 %w, %x : vector<32xi16>, vector<16xi32>
  return %r : vector<16xi32>
}

// CHECK-LABEL: @dot_bf16(
// AVX512: "llvm.x86.avx512bf16.dpbf16ps.512"
// AVXVNNI-NOT: llvm.call_intrinsic
// AVX2-NOT: llvm.call_intrinsic
// GENERIC-NOT: llvm.call_intrinsic
// PLAIN: arith.extf
// PLAIN-NOT: llvm.call_intrinsic
// CHECK: return
func.func @dot_bf16(%acc: vector<16xf32>, %w: vector<32xbf16>, %x: vector<32xbf16>) -> vector<16xf32> {
  %r = cpu.dot_bf16 %acc, %w, %x : vector<16xf32>, vector<32xbf16>
  return %r : vector<16xf32>
}

// A near miss: narrower than the instruction.
// CHECK-LABEL: @too_narrow(
// CHECK-NOT: llvm.call_intrinsic
// CHECK: arith.muli
// CHECK: return
func.func @too_narrow(%acc: vector<4xi32>, %quantised: vector<16xi8>, %x: vector<16xi8>) -> vector<4xi32> {
  %r = cpu.dot_u8s8 %acc, %quantised, %x : vector<4xi32>, vector<16xi8>
  return %r : vector<4xi32>
}

// Without F16C, f16 is widened by integer arithmetic: executables have no library function for it. f32 does not change.
// CHECK-LABEL: @widen_f16(
// AVX2: arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
// GENERIC-NOT: arith.extf {{.*}}f16
// GENERIC: arith.shli
// GENERIC: arith.mulf %{{.*}} : vector<16xf32>
// GENERIC: arith.extf %{{.*}} : f32 to f64
// CHECK: return
func.func @widen_f16(%x: vector<16xf16>, %y: f32) -> (vector<16xf32>, f64) {
  %wide = arith.extf %x : vector<16xf16> to vector<16xf32>
  %double = arith.extf %y : f32 to f64
  return %wide, %double : vector<16xf32>, f64
}

// Without an instruction, integer arithmetic rounds to nearest even: executables have no library function for it.
// CHECK-LABEL: @round_to_bf16(
// AVX512: "llvm.x86.avx512bf16.cvtneps2bf16.512"
// AVX2: arith.addi %{{.*}} : vector<16xi32>
// GENERIC: arith.addi %{{.*}} : vector<16xi32>
// PLAIN: arith.addi %{{.*}} : vector<16xi32>
// CHECK: arith.addi %{{.*}} : i32
// CHECK: arith.trunci %{{.*}} : i32 to i16
// CHECK-NOT: arith.truncf
// CHECK: return
func.func @round_to_bf16(%x: vector<16xf32>, %y: f32) -> (vector<16xbf16>, bf16) {
  %rounded = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  %one = arith.truncf %y : f32 to bf16
  return %rounded, %one : vector<16xbf16>, bf16
}
