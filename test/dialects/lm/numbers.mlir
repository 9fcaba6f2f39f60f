// Numbers are printed as the shortest decimals that read back as the same ones.
// RUN: lathe-opt %s | FileCheck %s
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// Frequencies are f32: 0.1 stands for the nearest one.
// CHECK: #lm.rope<dim = 12, theta = 500000.0, frequencies = 1.0, 0.1, 1.0e-5, 0.33333334, 1.0e-45, 0.001>
#rope = #lm.rope<dim = 12, theta = 5.0e5, frequencies = 1.0, 0.10000000149011612, 9.999999747378752e-6, 0.33333334, 1.4e-45, 0.001>
// CHECK-LABEL: @numbers
func.func @numbers(%x: tensor<?x24xf32>, %at: index) {
  // CHECK: lm.scale %{{.*}} by 0.1 :
  %a = lm.scale %x by 1.0e-1 : tensor<?x24xf32>
  // CHECK: lm.scale %{{.*}} by 0.0001 :
  %b = lm.scale %x by 1.0e-4 : tensor<?x24xf32>
  // CHECK: lm.scale %{{.*}} by 1.0e-6 :
  %c = lm.scale %x by 0.000001 : tensor<?x24xf32>
  // CHECK: lm.scale %{{.*}} by -9000000.0 :
  %d = lm.scale %x by -9.0e6 : tensor<?x24xf32>
  // CHECK: lm.scale %{{.*}} by 1.5e10 :
  %e = lm.scale %x by 15000000000.0 : tensor<?x24xf32>
  // CHECK: lm.scale %{{.*}} by 0.08838834764831843 :
  %f = lm.scale %x by 0.088388347648318433 : tensor<?x24xf32>
  // CHECK: lm.scale %{{.*}} by 0x7FF0000000000000 :
  %g = lm.scale %x by 0x7FF0000000000000 : tensor<?x24xf32>
  %h = lm.rope %x at %at heads 1 #rope : tensor<?x24xf32>
  return
}

// What is absent is not printed: a window of 0 keeps all positions, no rows are allotted yet.
// CHECK: @caches(!lm.cache<2 x 8 x f32>, !lm.cache<2 x 8 x f32, window = 5>, !lm.cache<2 x 8 x f32, chunk = 4, rows = 16>)
func.func private @caches(!lm.cache<2 x 8 x f32, window = 0, rows = 0>, !lm.cache<2 x 8 x f32, window = 5>,
                          !lm.cache<2 x 8 x f32, chunk = 4, rows = 16>)
