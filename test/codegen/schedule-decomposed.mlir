// RUN: lathe-opt %s --lm-schedule | FileCheck %s
// RUN: lathe-opt %s --lm-schedule=decompose=lm.glu | FileCheck %s --check-prefix=ROWS
// RUN: lathe-opt %s --lm-schedule=decompose=lm.linear | FileCheck %s --check-prefix=NAMED

// The option makes ops run as their decompositions: what has a phase in one tile of it, what works on rows where rows are
// worked on.

!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>

module attributes {lm.model = {context = 64 : i64}, lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !w
  lm.weight @layers.0.norm : !norm
  lm.weight @layers.0.wi : !w
  lm.weight @layers.0.wo : !w

  // CHECK-LABEL: spmd.program @decode rows
  // CHECK: func.func private @layer
  // CHECK: spmd.phase "wi"
  // CHECK: kernel.matmul
  // CHECK: spmd.barrier
  // CHECK: spmd.phase "wo"
  // CHECK: kernel.glu
  // CHECK: kernel.matmul
  // ROWS-LABEL: spmd.program @decode rows
  // ROWS: func.func private @layer
  // ROWS: spmd.phase "wo"
  // ROWS: %[[OUT:.*]] = spmd.write @layer.glu.1[
  // ROWS: %[[IN:.*]] = spmd.read @layer.projected.0[
  // ROWS: %[[AGAIN:.*]] = spmd.read @layer.projected.0[
  // ROWS: kernel.compute(%[[IN]], %[[AGAIN]] : {{.*}}) to(%[[OUT]] : {{.*}}) {
  // ROWS-NEXT: ^bb0({{.*}}: tensor<?x48xf32>, {{.*}}: tensor<?x48xf32>):
  // ROWS-NEXT: %[[Y:.*]] = lm.glu %{{.*}}, %{{.*}} silu
  // ROWS-NEXT: kernel.yield %[[Y]]
  // NAMED-LABEL: spmd.program @decode rows
  // NAMED: func.func private @layer
  // NAMED: spmd.phase "wi" tiles %c1
  // NAMED: kernel.compute
  // NAMED: lm.linear
  // NAMED-NOT: kernel.matmul
  func.func private @layer(%x: !x, %pending: !x, %p: index, %norm: !norm {lm.slot = "norm"}, %wi: !w {lm.slot = "wi"},
                           %wo: !w {lm.slot = "wo"}) -> (!x, !x) {
    %sum, %h = lm.add_norm %x, %pending, %norm eps 1.0e-5 : !x, !norm
    %a = lm.linear %h, %wi : !x, !w -> !x
    %n = lm.glu %a, %a silu : !x
    %o = lm.linear %n, %wo : !x, !w -> !x
    return %sum, %o : !x, !x
  }

  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %table = lm.use @table : !w
    %x = lm.embed %ids, %table : tensor<?xi32>, !w -> !x
    %zeros = lm.zeros %x : !x
    %y:2 = lm.layers %x, %zeros at %p [@layer] : !x, !x -> !x, !x
    %norm = lm.use @layers.0.norm : !norm
    %sum, %h = lm.add_norm %y#0, %y#1, %norm eps 1.0e-5 : !x, !norm
    %logits = lm.linear %h, %table : !x, !w -> !x
    return %logits : !x
  }
}
