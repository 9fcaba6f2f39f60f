// RUN: split-file %s %t
// RUN: lathe-opt %t/rows.mlir --lm-lower-kernels | FileCheck %t/rows.mlir
// RUN: lathe-opt %t/products.mlir --lm-lower-kernels | FileCheck %t/products.mlir
// RUN: lathe-opt %t/heads.mlir --lm-lower-kernels | FileCheck %t/heads.mlir --implicit-check-not=math.
// RUN: lathe-opt %t/quantised.mlir --lm-lower-kernels | FileCheck %t/quantised.mlir
// RUN: lathe-opt %t/vnni.mlir --lm-lower-kernels | FileCheck %t/vnni.mlir
// RUN: lathe-opt %t/invalid.mlir --lm-lower-kernels --verify-diagnostics --split-input-file

//--- rows.mlir
// Row-wise kernels. A weight is read at its offset.
!rows = memref<?x32xf32>
!segment = memref<8192xi8>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  // The widest vector that divides a row.
  // CHECK-LABEL: @zero(
  // CHECK: scf.for
  // CHECK: scf.for %{{.*}} = %{{.*}} to %c40{{.*}} step %c8
  // CHECK: vector.store %{{.*}} : memref<?x40xf32>, vector<8xf32>
  func.func @zero(%x: memref<?x40xf32>) {
    kernel.zero %x : memref<?x40xf32>
    return
  }
  // A dynamic number of columns: whole vectors, then single values. One row needs no loop over rows.
  // CHECK-LABEL: @zero_some_columns(
  // CHECK-NOT: scf.for
  // CHECK: arith.divui
  // CHECK: scf.for
  // CHECK-NOT: scf.for
  // CHECK: vector.store %{{.*}} : memref<1x?xf32>, vector<16xf32>
  // CHECK: scf.for
  // CHECK-NOT: scf.for
  // CHECK: vector.store %{{.*}} : memref<1x?xf32>, vector<1xf32>
  func.func @zero_some_columns(%x: memref<1x?xf32>) {
    kernel.zero %x : memref<1x?xf32>
    return
  }
  // CHECK-LABEL: @add(
  // CHECK: %[[A:.*]] = vector.load
  // CHECK: %[[B:.*]] = vector.load
  // CHECK: %[[SUM:.*]] = arith.addf %[[A]], %[[B]]
  // CHECK: vector.store %[[SUM]]
  func.func @add(%a: !rows, %b: !rows, %out: !rows) {
    kernel.add %a, %b to %out : !rows, !rows, !rows
    return
  }
  // CHECK-LABEL: @norm(
  // CHECK-SAME: %[[X:[^ ]*]]: memref<?x32xf32>, %[[OUT:[^ ]*]]: memref<?x32xf32>, %[[SEGMENT:[^ ]*]]: memref<8192xi8>, %[[OFFSET:.*]]: index)
  // CHECK: vector.fma %[[V:.*]], %[[V]], %
  // CHECK: vector.reduction <add>
  // CHECK: math.sqrt
  // CHECK: %[[AT:.*]] = arith.addi %[[OFFSET]], %
  // CHECK: vector.load %[[SEGMENT]][%[[AT]]] : memref<8192xi8>, vector<64xi8>
  // CHECK: vector.store %{{.*}}, %[[OUT]][
  func.func @norm(%x: !rows, %out: !rows, %segment: !segment, %offset: index) {
    %w = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !lm.weight<32xf32>
    kernel.norm %x by %w : !lm.weight<32xf32> to %out group 32 eps 1.0e-5 : !rows, !rows
    return
  }
  // CHECK-LABEL: @add_bias(
  // CHECK-SAME: %[[FIRST:[^ ]*]]: index)
  // CHECK: %[[COLUMN:.*]] = arith.addi %[[FIRST]], %
  // CHECK: arith.muli %[[COLUMN]], %c4
  // CHECK: arith.addf
  func.func @add_bias(%out: !rows, %segment: !segment, %offset: index, %first: index) {
    %b = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !lm.weight<64xf32>
    kernel.add_bias %b[%first] to %out : !lm.weight<64xf32>, !rows
    return
  }
  // No library function is called: exp is a polynomial.
  // CHECK-LABEL: @glu(
  // CHECK-NOT: math.
  // CHECK: arith.shli
  // CHECK: arith.divf
  // CHECK: vector.store
  // CHECK: return
  func.func @glu(%gate: !rows, %up: !rows, %out: !rows) {
    kernel.glu %gate, %up to %out silu : !rows, !rows, !rows
    return
  }
  // CHECK-LABEL: @gelu(
  // CHECK-NOT: math.
  // CHECK: dense<4.471500e-02>
  // CHECK: vector.store
  // CHECK: return
  func.func @gelu(%gate: !rows, %up: !rows, %out: !rows) {
    kernel.glu %gate, %up to %out gelu_tanh : !rows, !rows, !rows
    return
  }
  // CHECK-LABEL: @softcap(
  // CHECK-NOT: math.
  // CHECK: arith.divf
  // CHECK: vector.store
  // CHECK: return
  func.func @softcap(%out: !rows) {
    kernel.softcap %out cap 30.0 : !rows
    return
  }
  // CHECK-LABEL: @round(
  // CHECK: arith.truncf %{{.*}} : vector<16xf32> to vector<16xbf16>
  // CHECK: vector.store %{{.*}} : memref<?x32xbf16>, vector<16xbf16>
  // CHECK: return
  func.func @round(%x: !rows, %out: memref<?x32xbf16>) {
    kernel.round %x to %out : !rows, memref<?x32xbf16>
    return
  }
  // Row `id` lies in panel id / 16, lane id % 16.
  // CHECK-LABEL: @embed(
  // CHECK: %[[TOKEN:.*]] = arith.index_cast
  // CHECK: %[[IS_ROW:.*]] = arith.cmpi slt, %[[TOKEN]], %c64
  // CHECK: %[[ID:.*]] = arith.select %[[IS_ROW]], %[[TOKEN]],
  // CHECK: %[[PANEL:.*]] = arith.divui %[[ID]], %c16
  // CHECK: arith.muli %[[PANEL]], %c2048
  // CHECK: arith.remui %[[ID]], %c16
  // CHECK: memref.store %{{.*}}, %{{.*}} : memref<?x32xf32>
  func.func @embed(%ids: memref<?x1xi32>, %out: !rows, %segment: !segment, %offset: index) {
    %w = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !lm.weight<64x32xf32, <16 x 1>>
    kernel.embed %ids, %w to %out scale 1.0 : memref<?x1xi32>, !lm.weight<64x32xf32, <16 x 1>>, !rows
    return
  }
}

//--- products.mlir
// A product is one function per format and layout, however often it is used; it begins at the panel of its first output.
!rows = memref<?x32xf32>
!segment = memref<65536xi8>
!f32 = !lm.weight<64x32xf32, <16 x 1>>
!f16 = !lm.weight<64x32xf16, <16 x 1>>
!bf16 = !lm.weight<64x32xbf16, <16 x 2>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  // CHECK-LABEL: @phase(
  // CHECK-SAME: %[[FIRST:[^ ]*]]: index)
  // CHECK: %[[PANEL:.*]] = arith.divui %[[FIRST]], %c16
  // CHECK: arith.muli %[[PANEL]], %c2048
  // CHECK: call @product.f32.1(%{{.*}}, %{{.*}}, %c2048{{.*}}, %c32
  // CHECK: call @product.f32.1(
  // CHECK: call @product.f16.1(
  // CHECK: call @product.bf16.2(
  // CHECK: call @product.bf16.2.dot(
  func.func @phase(%x: !rows, %rounded: memref<?x32xbf16>, %out: memref<?x16xf32>, %segment: !segment, %offset: index, %first: index) {
    %f32 = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !f32
    %f16 = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !f16
    %bf16 = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !bf16
    kernel.matmul %x, %f32[%first] to %out : !rows, !f32, memref<?x16xf32>
    kernel.matmul %x, %f32[%first] to %out : !rows, !f32, memref<?x16xf32>
    kernel.matmul %x, %f16[%first] to %out : !rows, !f16, memref<?x16xf32>
    kernel.matmul %x, %bf16[%first] to %out : !rows, !bf16, memref<?x16xf32>
    kernel.matmul %rounded, %bf16[%first] to %out : memref<?x32xbf16>, !bf16, memref<?x16xf32>
    return
  }
  // A part of a panel is stored with a mask.
  // CHECK: func.func private @product.f32.1(
  // CHECK: vector.fma
  // CHECK: vector.maskedstore
  // CHECK: func.func private @product.f16.1(
  // CHECK: arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
  // CHECK: func.func private @product.bf16.2(
  // CHECK-NOT: cpu.dot_bf16
  // CHECK: vector.fma
  // CHECK: func.func private @product.bf16.2.dot(
  // CHECK: cpu.dot_bf16
  // CHECK-NOT: func.func
}

//--- heads.mlir
!head = memref<?x16xf32>
!scores = memref<?x32xf32>
!segment = memref<65536xi8>
!ring = !lm.cache<2 x 16 x bf16, window = 5, rows = 32>
!full = !lm.cache<2 x 16 x f32, rows = 32>
!latent = !lm.cache<1 x 20 x bf16, latent = 16, rows = 32>
!wide = !lm.cache<1 x 300 x bf16, latent = 16, rows = 32>
!keys = !lm.weight<2x16x8xbf16, <16 x 2>>
!values = !lm.weight<2x16x16xf8_e4m3, <16 x 1>>
#rope = #lm.rope<dim = 8, theta = 1.0e4, frequencies = 1.0, 0.1, 0.01, 0.001>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  // The module has the frequencies once, as a constant.
  // CHECK: memref.global "private" constant @[[FREQUENCIES:.*]] : memref<4xf32> = dense<[1.000000e+00, 1.000000e-01, 0.00999999977, 1.000000e-03]>
  // CHECK-NOT: memref.global
  // CHECK-LABEL: @rope_table(
  // CHECK: memref.get_global @[[$F:.*]] : memref<4xf32>
  // CHECK-NOT: math.
  // CHECK: memref.get_global @[[$F]] : memref<4xf32>
  func.func @rope_table(%position: index, %out: memref<?x8xf32>) {
    kernel.rope_table #rope at %position to %out : memref<?x8xf32>
    kernel.rope_table #rope at %position to %out : memref<?x8xf32>
    return
  }
  // Rotates the first 8 values of a head of 16, one half with the other; the rest stays.
  // CHECK-LABEL: @rope(
  // CHECK: scf.for %[[HEAD:.*]] = %{{.*}} to %{{.*}} step %c16
  // CHECK: scf.for %[[I:.*]] = %{{.*}} to %c4{{.*}} step %c4
  // CHECK: %[[LOW:.*]] = arith.addi %[[HEAD]], %[[I]]
  // CHECK: arith.addi %[[LOW]], %c4
  // CHECK-COUNT-2: vector.store
  func.func @rope(%table: memref<?x8xf32>, %out: memref<?x32xf32>) {
    kernel.rope %table to %out head 16 : memref<?x8xf32>, memref<?x32xf32>
    return
  }
  // Position p is in row p mod 32. A key is a row of its panel, two neighbours in each word. A value is a column, after all
  // keys, and takes half of each word.
  // CHECK-LABEL: @append(
  // CHECK: arith.remui %{{.*}}, %c32
  // CHECK-COUNT-8: vector.store %{{.*}} : memref<65536xi8>, vector<4xi8>
  // CHECK: arith.addi %{{.*}}, %c2048
  // CHECK: %[[OLD:.*]] = vector.load %{{.*}} : memref<65536xi8>, vector<64xi8>
  // CHECK: vector.bitcast %[[OLD]]
  // CHECK: arith.ori
  // CHECK: vector.store %{{.*}} : memref<65536xi8>, vector<64xi8>
  func.func @append(%x: !head, %segment: !segment, %offset: index, %head: index, %position: index) {
    %cache = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !ring
    kernel.append %x to %cache[%head] at %position : !head, !ring
    kernel.append %x to values %cache[%head] at %position : !head, !ring
    return
  }
  // A ring may wrap: two ranges of panels, and the second adds to the sums of the first. No library function is called.
  // CHECK-LABEL: @attend_to_a_ring(
  // CHECK: call @attend.bf16.2(
  // CHECK: call @attend.bf16.2(
  // CHECK: arith.cmpf olt
  // CHECK: call @attend.bf16.2(
  // CHECK: scf.if
  // CHECK: call @attend.bf16.2.add(
  // CHECK: return
  func.func @attend_to_a_ring(%q: !head, %scores: !scores, %out: !head, %segment: !segment, %offset: index, %head: index, %position: index) {
    %cache = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !ring
    kernel.attention %q, %cache[%head] at %position scores %scores to %out scale 1.0 : !head, !ring, !scores, !head
    return
  }
  // Without a window there is one range.
  // CHECK-LABEL: @attend_to_everything(
  // CHECK-COUNT-2: call @attend.f32.1(
  // CHECK-NOT: call
  // CHECK: return
  func.func @attend_to_everything(%q: !head, %scores: !scores, %out: !head, %segment: !segment, %offset: index, %head: index, %position: index) {
    %cache = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !full
    kernel.attention %q, %cache[%head] at %position scores %scores to %out scale 1.0 softcap 50.0 : !head, !full, !scores, !head
    return
  }
  // Rounded queries lie in the memory of the sums, rounded weights in that of the scores, two in each f32.
  // CHECK-LABEL: @attend_in_bf16(
  // CHECK: vector.store %{{.*}}, %arg2[%{{.*}}] : memref<?x16xf32>, vector<8xf32>
  // CHECK: call @attend.bf16.2.paired(
  // CHECK: arith.cmpf olt
  // CHECK: vector.store %{{.*}}, %arg1[%{{.*}}] : memref<?x32xf32>, vector<8xf32>
  // CHECK: call @attend.bf16.2.paired(
  // CHECK: return
  func.func @attend_in_bf16(%q: !head, %scores: !scores, %out: !head, %segment: !segment, %offset: index, %head: index, %position: index) {
    %cache = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !ring
    kernel.attention rounded %q, %cache[%head] at %position scores %scores to %out scale 1.0 : !head, !ring, !scores, !head
    return
  }
  // Query heads of one row that share a KV head are rows of a product with a function of its own. It first prefetches keys
  // into the second cache, at most as many as fit. The product with keys prefetches the values of the same positions (16 of
  // them take 512 bytes of a panel of 1,024), the product with values the next head's keys. Tiles that see more do not.
  // CHECK-LABEL: @attend_from_one_row(
  // CHECK-SAME: %[[OFFSET:[^ ]*]]: index, %[[HEAD:[^ ]*]]: index, %{{[^ ]*}}: index)
  // CHECK: %[[HEADS:.*]] = arith.muli %[[HEAD]], %c1024
  // CHECK: %[[KEYS:.*]] = arith.addi %[[OFFSET]], %[[HEADS]]
  // CHECK: %[[OTHER:.*]] = arith.select %{{.*}}, %c0{{.*}}, %c1024
  // CHECK: %[[OFFSET:.*]] = arith.addi %{{.*}}, %[[OTHER]]
  // CHECK: %[[NEXT:.*]] = arith.addi %[[KEYS]], %[[OFFSET]]
  // CHECK: %[[SHORT:.*]] = arith.cmpi sle, %{{.*}}, %c384
  // CHECK: arith.addi %{{.*}}, %c32768
  // CHECK: memref.prefetch {{.*}} locality<2>
  // CHECK: scf.if %[[SHORT]] {
  // CHECK: call @attend.bf16.2.2.prefetch({{.*}}, %c512{{[_0-9]*}}, %c1024{{[_0-9]*}})
  // CHECK: } else {
  // CHECK: call @attend.bf16.2.2(
  // CHECK: arith.cmpf olt
  // CHECK: scf.if %[[SHORT]] {
  // CHECK: call @attend.bf16.2.2.prefetch({{.*}}, %[[NEXT]], %{{.*}}, %c512{{[_0-9]*}})
  // CHECK: return
  func.func @attend_from_one_row(%q: memref<1x32xf32>, %scores: memref<2x32xf32>, %out: memref<1x32xf32>, %segment: !segment, %offset: index, %head: index, %position: index) {
    %cache = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !ring
    kernel.attention %q, %cache[%head] at %position scores %scores to %out scale 1.0 : memref<1x32xf32>, !ring, memref<2x32xf32>, memref<1x32xf32>
    return
  }
  // Scores take a part of the columns at a time, so that it stays in the first cache. Transposed, they are a panel of 16
  // rows, with the maximum of a row in its lane. The f32 values of a block are multiplied by it. Sums are transposed back
  // and divided by the sums of weights.
  // CHECK-LABEL: @attend_to_latents_themselves(
  // CHECK: scf.for
  // CHECK: call @attend.bf16.2(
  // CHECK-NOT: call
  // CHECK: vector.shuffle
  // CHECK-NOT: vector.reduction <{{add|max}}
  // CHECK: vector.reduction <minnumf>
  // CHECK: call @scratch.f32.1.add(
  // CHECK: arith.divf
  // CHECK: vector.shuffle
  // CHECK: return
  func.func @attend_to_latents_themselves(%q: memref<?x20xf32>, %scratch: memref<1x2144xf32>, %out: memref<?x16xf32>,
      %segment: !segment, %offset: index, %perHead: index, %position: index) {
    %cache = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !latent
    kernel.absorbed_attention %q, %cache at %position per_head %perHead scratch %scratch to %out scale 1.0 rows 32 positions 16
      : memref<?x20xf32>, !latent, memref<1x2144xf32>, memref<?x16xf32>
    return
  }
  // 32 rows of 300 columns need two parts.
  // CHECK-LABEL: @attend_to_wide_latents(
  // CHECK: call @attend.bf16.2(
  // CHECK: call @attend.bf16.2.add(
  // CHECK: call @attend.bf16.2.add(
  // CHECK-NOT: call @attend
  // CHECK: return
  func.func @attend_to_wide_latents(%q: memref<?x300xf32>, %scratch: memref<1x2144xf32>, %out: memref<?x16xf32>,
      %segment: !segment, %offset: index, %position: index) {
    %cache = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !wide
    kernel.absorbed_attention %q, %cache at %position scratch %scratch to %out scale 1.0 rows 32 positions 16
      : memref<?x300xf32>, !wide, memref<1x2144xf32>, memref<?x16xf32>
    return
  }
  // Matrices are unpacked to rows of f32. Times a panel of 16 positions they give keys and values; values are transposed.
  // Then scores, and sums that are added to those of the earlier blocks.
  // CHECK-LABEL: @attend_to_latent_vectors(
  // CHECK: vector.shuffle
  // CHECK: call @make.bf16.2(
  // CHECK: vector.shuffle
  // CHECK: call @scratch.f32.1(
  // CHECK: arith.cmpf olt
  // CHECK: call @scratch.f32.1.add(
  // CHECK: return
  func.func @attend_to_latent_vectors(%q: memref<?x12xf32>, %m: memref<24x16xf32>, %p: memref<44x16xf32>,
      %r: memref<?x64xf32>, %out: memref<?x16xf32>, %segment: !segment, %offset: index, %weights: !segment, %head: index, %position: index) {
    %cache = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !latent
    %k = builtin.unrealized_conversion_cast %weights, %offset : !segment, index to !keys
    %v = builtin.unrealized_conversion_cast %weights, %offset : !segment, index to !values
    kernel.latent_attention %q, %cache at %position by %k, %v[%head] matrices %m panels %p rows %r to %out scale 1.0
      positions 16 : memref<?x12xf32>, !latent, !keys, !values, memref<24x16xf32>, memref<44x16xf32>, memref<?x64xf32>, memref<?x16xf32>
    return
  }
  // The first tile of rows prefetches, one line per step: here the loop of four rows, which never runs, and that of two.
  // CHECK-LABEL: func.func private @attend.bf16.2.2.prefetch(
  // CHECK-SAME: %[[PREFETCH:[^ ]*]]: index, %[[BY:[^ ]*]]: index, %[[EACH:[^ ]*]]: index)
  // CHECK: scf.for %[[PANEL:[^ ]*]] =
  // CHECK: scf.for %[[STEP:[^ ]*]] = {{.*}} iter_args
  // CHECK: %[[IN:.*]] = arith.remui %[[STEP]], %c8
  // CHECK: %[[LINE:.*]] = arith.muli %[[IN]], %c64
  // CHECK: %[[PANELS:.*]] = arith.muli %[[PANEL]], %[[BY]]
  // CHECK: %[[BEGIN:.*]] = arith.addi %[[PREFETCH]], %[[PANELS]]
  // CHECK: %[[NUMBER:.*]] = arith.divui %[[STEP]], %c8
  // CHECK: %[[RUNS:.*]] = arith.muli %[[NUMBER]], %[[EACH]]
  // CHECK: %[[HERE:.*]] = arith.addi %[[BEGIN]], %[[RUNS]]
  // CHECK: %[[AT:.*]] = arith.addi %[[HERE]], %[[LINE]]
  // CHECK: memref.prefetch %{{.*}}[%[[AT]]], read, locality<2>
  // CHECK: memref.prefetch {{.*}} locality<2>
  // CHECK-NOT: memref.prefetch
  // CHECK: return
}

//--- quantised.mlir
// Without VNNI, 8-bit weights are multiplied as 16-bit words, and byte products are summed in 16 bits while they fit.
!segment = memref<65536xi8>
!q4 = !lm.weight<64x64xq4_1, <16 x 4>>
!q8 = !lm.weight<64x64xq8_0, <16 x 2>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  // Two blocks at once: their quantised values; for each, the scale and three sums as 16 bytes, then the fourth sum.
  // CHECK-LABEL: @quantize(
  // CHECK-COUNT-4: vector.store %{{.*}} : memref<?x104xi8>, vector<16xi8>
  // CHECK: arith.muli %{{.*}} : vector<4xi32>
  // CHECK: vector.store %{{.*}} : memref<?x104xi8>, vector<16xi8>
  // CHECK: vector.store %{{.*}} : memref<?x104xi8>, vector<4xi8>
  // CHECK: vector.store %{{.*}} : memref<?x104xi8>, vector<16xi8>
  // CHECK: vector.store %{{.*}} : memref<?x104xi8>, vector<4xi8>
  // CHECK-NOT: vector.store
  // CHECK: return
  func.func @quantize(%x: memref<?x64xf32>, %out: memref<?x104xi8>) {
    kernel.quantize %x to %out : memref<?x64xf32>, memref<?x104xi8>
    return
  }
  // CHECK-LABEL: @quantize_wide(
  // CHECK: arith.trunci %{{.*}} : vector<16xi32> to vector<16xi16>
  // CHECK-COUNT-4: vector.store %{{.*}} : memref<?x144xi8>, vector<32xi8>
  // CHECK-COUNT-2: vector.store %{{.*}} : memref<?x144xi8>, vector<8xi8>
  // CHECK-NOT: vector.store
  // CHECK: return
  func.func @quantize_wide(%x: memref<?x64xf32>, %out: memref<?x144xi8>) {
    kernel.quantize wide %x to %out : memref<?x64xf32>, memref<?x144xi8>
    return
  }
  // A dynamic number of columns: four blocks at once, then two, then one.
  // CHECK-LABEL: @quantize_some(
  // CHECK-COUNT-16: vector.store
  // CHECK: scf.for
  // CHECK-COUNT-8: vector.store
  // CHECK: scf.for
  // CHECK-COUNT-4: vector.store
  // CHECK-NOT: vector.store
  // CHECK: return
  func.func @quantize_some(%x: memref<?x?xf32>, %out: memref<?x?xi8>) {
    kernel.quantize %x to %out : memref<?x?xf32>, memref<?x?xi8>
    return
  }
  func.func @phase(%quantised: memref<?x104xi8>, %words: memref<?x144xi8>, %out: memref<?x16xf32>, %segment: !segment,
                   %offset: index, %first: index) {
    %q4 = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !q4
    %q8 = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !q8
    kernel.matmul %quantised, %q4[%first] to %out : memref<?x104xi8>, !q4, memref<?x16xf32>
    kernel.matmul %words, %q8[%first] to %out : memref<?x144xi8>, !q8, memref<?x16xf32>
    return
  }
  // Eight products of 4-bit values, then one widening sum.
  // CHECK: func.func private @product.q4_1.4(
  // CHECK-NOT: cpu.dot_u8s8
  // CHECK-COUNT-8: cpu.madd_u8s8
  // CHECK: cpu.madd_i16
  // CHECK: func.func private @product.q8_0.2(
  // CHECK-NOT: cpu.madd_u8s8
  // CHECK: arith.extui %{{.*}} : vector<32xi8> to vector<32xi16>
  // CHECK: cpu.madd_i16
}

//--- vnni.mlir
// With VNNI, bytes are not widened, except lm_head's.
!segment = memref<65536xi8>
!q6 = !lm.weight<64x256xq6_k, <16 x 4>>
!q8 = !lm.weight<64x256xq8_0, <16 x 4>>
!head = !lm.weight<64x256xq8_0, <16 x 2>>
module attributes {lm.options = {mcpu = "znver4"}} {
  func.func @phase(%quantised: memref<?x416xi8>, %out: memref<?x16xf32>, %segment: !segment, %offset: index, %first: index) {
    %q6 = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !q6
    %q8 = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !q8
    kernel.matmul %quantised, %q6[%first] to %out : memref<?x416xi8>, !q6, memref<?x16xf32>
    kernel.matmul %quantised, %q8[%first] to %out : memref<?x416xi8>, !q8, memref<?x16xf32>
    return
  }
  func.func @head(%words: memref<?x576xi8>, %out: memref<?x16xf32>, %segment: !segment, %offset: index, %first: index) {
    %head = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !head
    kernel.matmul %words, %head[%first] to %out : memref<?x576xi8>, !head, memref<?x16xf32>
    return
  }
  // CHECK: func.func private @product.q6_k.4(
  // CHECK-NOT: cpu.madd
  // CHECK: cpu.dot_u8s8
  // CHECK: func.func private @product.q8_0.4(
  // CHECK-NOT: cpu.madd
  // CHECK: cpu.dot_u8s8
  // CHECK: func.func private @product.q8_0.2(
  // CHECK-NOT: cpu.dot_u8s8
  // CHECK: cpu.madd_i16
}

//--- invalid.mlir
func.func @compute_is_lowered_before(%x: memref<?x32xf32>) {
  // expected-error @below {{'kernel.compute' op has no expansion on this target}}
  kernel.compute (%x : memref<?x32xf32>) to (%x : memref<?x32xf32>) {
  ^bb0(%rows: tensor<?x32xf32>):
    kernel.yield %rows : tensor<?x32xf32>
  }
  return
}

// -----

func.func @weight_without_a_place(%x: memref<?x32xf32>, %w: !lm.weight<32xf32>) {
  // expected-error @below {{'kernel.norm' op expects a segment and an offset for '!lm.weight<32xf32>' (lm-lower-phases)}}
  kernel.norm %x by %w : !lm.weight<32xf32> to %x group 32 eps 1.0 : memref<?x32xf32>, memref<?x32xf32>
  return
}

// -----

!cache = !lm.cache<1 x 32 x f32, rows = 16>
func.func @cache_cast_from_something_else(%x: memref<?x32xf32>, %n: index) {
  %cache = builtin.unrealized_conversion_cast %n, %n : index, index to !cache
  // expected-error @below {{'kernel.append' op expects a segment and an offset for '!lm.cache<1 x 32 x f32, rows = 16>' (lm-lower-phases)}}
  kernel.append %x to %cache[%n] at %n : memref<?x32xf32>, !cache
  return
}

// -----

// The weight is packed for a CPU with VNNI; here byte products would overflow.
!w = !lm.weight<16x32xq8_0, <16 x 4>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  func.func @packed_for_another_cpu(%x: memref<?x52xi8>, %out: memref<?x16xf32>, %segment: memref<4096xi8>, %n: index) {
    %w = builtin.unrealized_conversion_cast %segment, %n : memref<4096xi8>, index to !w
    // expected-error @below {{'kernel.matmul' op expects panels of 16 x 2 on this CPU, but found '!lm.weight<16x32xq8_0, <16 x 4>>'}}
    kernel.matmul %x, %w[%n] to %out : memref<?x52xi8>, !w, memref<?x16xf32>
    return
  }
}

// -----

// The target may name panels that are valid but have no product code here.
!w = !lm.weight<16x32xbf16, <16 x 4>>
module attributes {lm.target = #lm.target<"cpu", products = [<bf16, depth = 4, rows = f32>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>} {
  func.func @four_columns(%x: memref<?x32xf32>, %out: memref<?x16xf32>, %segment: memref<4096xi8>, %n: index) {
    %w = builtin.unrealized_conversion_cast %segment, %n : memref<4096xi8>, index to !w
    // expected-error @below {{'kernel.matmul' op has no kernel for '!lm.weight<16x32xbf16, <16 x 4>>'}}
    kernel.matmul %x, %w[%n] to %out : memref<?x32xf32>, !w, memref<?x16xf32>
    return
  }
}

// -----

!w = !lm.weight<16x32xf32, <8 x 1>>
func.func @panels_of_8(%x: memref<?x32xf32>, %out: memref<?x16xf32>, %segment: memref<4096xi8>, %n: index) {
  %w = builtin.unrealized_conversion_cast %segment, %n : memref<4096xi8>, index to !w
  // expected-error @below {{'kernel.matmul' op expects panels of 16 x 1 on this CPU, but found '!lm.weight<16x32xf32, <8 x 1>>'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x32xf32>, !w, memref<?x16xf32>
  return
}
