// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @dots(
func.func @dots(%i32: vector<16xi32>, %u8: vector<64xi8>, %i16: vector<32xi16>, %f32: vector<16xf32>, %bf16: vector<32xbf16>) {
  // CHECK: cpu.dot_u8s8 %{{.*}}, %{{.*}}, %{{.*}} : vector<16xi32>, vector<64xi8>
  %dot = cpu.dot_u8s8 %i32, %u8, %u8 : vector<16xi32>, vector<64xi8>
  // CHECK: cpu.madd_u8s8 %{{.*}}, %{{.*}} : vector<64xi8>, vector<32xi16>
  %pairs = cpu.madd_u8s8 %u8, %u8 : vector<64xi8>, vector<32xi16>
  // CHECK: cpu.madd_i16 %{{.*}}, %{{.*}} : vector<32xi16>, vector<16xi32>
  %sums = cpu.madd_i16 %i16, %i16 : vector<32xi16>, vector<16xi32>
  // CHECK: cpu.lookup %{{.*}}[%{{.*}}] : vector<64xi8>
  %values = cpu.lookup %u8[%u8] : vector<64xi8>
  // CHECK: cpu.dot_bf16 %{{.*}}, %{{.*}}, %{{.*}} : vector<16xf32>, vector<32xbf16>
  %floats = cpu.dot_bf16 %f32, %bf16, %bf16 : vector<16xf32>, vector<32xbf16>
  return
}
