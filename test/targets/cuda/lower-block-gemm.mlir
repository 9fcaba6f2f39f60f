// RUN: lathe-opt %s --split-input-file --lm-lower-block-kernels --canonicalize --cse | FileCheck %s

!rows = memref<?x256xbf16, strided<[256, 1], offset: ?>>

// Many bf16 rows are multiplied on tensor cores, a few as one row is.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @matmul
  // CHECK: %[[FEW:.*]] = arith.cmpi slt, %{{.*}}, %c5
  // CHECK: scf.if %[[FEW]] {
  // CHECK: call @product.bf16.2(
  // CHECK: } else {
  // CHECK: call @gemm.bf16.2(
  func.func @matmul(%weights: memref<65536xi8>, %in: !rows, %out: memref<?x48xf32>) {
    %c0 = arith.constant 0 : index
    %w = builtin.unrealized_conversion_cast %weights, %c0 : memref<65536xi8>, index to !lm.weight<64x256xbf16, <16 x 2>>
    kernel.matmul %in, %w[%c0] to %out : !rows, <64x256xbf16, <16 x 2>>, memref<?x48xf32>
    return
  }
  // CHECK: func.func private @gemm.bf16.2(%[[SEGMENT:.*]]: memref<65536xi8>, {{.*}}, %[[IN:.*]]: memref<?x?xbf16, {{.*}}>, %[[OUT:.*]]: memref<?x?xf32, {{.*}}>)
  // Two panels and 64 rows: 8 tiles of 8 rows times 2 instructions of 16 outputs, 4 sums in each lane.
  // CHECK: scf.for {{.*}} step %c64 iter_args(
  // 64 columns of the weights are 8 reads, then come 2 for each tile of rows.
  // CHECK-COUNT-8: vector.load %[[SEGMENT]][{{.*}}] {alignment = 16 : i64} : memref<65536xi8>, vector<16xi8>
  // CHECK: %[[X:.*]] = vector.load %[[IN]][{{.*}}] {alignment = 16 : i64} : {{.*}}, vector<8xbf16>
  // CHECK: nvvm.mma.sync A[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] B[%{{.*}}, %{{.*}}] C[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<bf16>, multiplicandBPtxType = #nvvm.mma_type<bf16>, shape = #nvvm.shape<m = 16, n = 8, k = 16>}
  // The last columns: lanes outside of the matrix multiply by 0.
  // CHECK: scf.for {{.*}} step %c64 iter_args(
  // CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : vector<4xi32>
  // CHECK: memref.store %{{.*}}, %[[OUT]][
}

// -----

// Rows that are not multiples of 16 bytes apart cannot be read 16 bytes at a time.
!rows = memref<?x100xbf16, strided<[100, 1], offset: ?>>
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @odd
  // CHECK-NOT: gemm
  // CHECK: call @product.bf16.2(
  func.func @odd(%weights: memref<65536xi8>, %in: !rows, %out: memref<?x48xf32>) {
    %c0 = arith.constant 0 : index
    %w = builtin.unrealized_conversion_cast %weights, %c0 : memref<65536xi8>, index to !lm.weight<64x100xbf16, <16 x 2>>
    kernel.matmul %in, %w[%c0] to %out : !rows, <64x100xbf16, <16 x 2>>, memref<?x48xf32>
    return
  }
}
