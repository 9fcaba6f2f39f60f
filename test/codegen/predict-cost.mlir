// RUN: split-file %s %t
// RUN: lathe-opt --lm-predict-cost %t/costs.mlir | FileCheck %t/costs.mlir
// RUN: lathe-opt %t/invalid.mlir --lm-predict-cost --verify-diagnostics --split-input-file

//--- costs.mlir
!q8 = !lm.weight<32x64xq8_0, <16 x 4>>
!bf16 = !lm.weight<40x64xbf16, <16 x 2>>
!f32 = !lm.weight<16x64xf32, <16 x 1>>
!experts = !lm.weight<8x32x64xq8_0, <16 x 4>>
!heads = !lm.weight<2x16x64xf32, <16 x 1>>
!norm = !lm.weight<64xf32>
!sliding = !lm.cache<2 x 16 x bf16, window = 24, rows = 64>
!chunked = !lm.cache<1 x 16 x f32, chunk = 8, rows = 64>
!latent = !lm.cache<1 x 24 x bf16, latent = 16, rows = 64>
!quantised = memref<1x104xi8, strided<[104, 1], offset: ?>>
!row = memref<1x64xf32, strided<[64, 1], offset: ?>>
!rounded = memref<1x64xbf16, strided<[64, 1], offset: ?>>
!sixteen = memref<1x16xf32, strided<[64, 1], offset: ?>>
!some = memref<1x?xf32, strided<[64, 1], offset: ?>>
!id = memref<1x1xi32, strided<[2, 1], offset: ?>>
!score = memref<1x64xf32, strided<[64, 1], offset: ?>>
module attributes {lm.model = {experts_per_token = 2 : i64}} {
  lm.weight @decode.q8 : !q8
  lm.weight @decode.bf16 : !bf16
  lm.weight @decode.f32 : !f32
  lm.weight @decode.experts : !experts
  lm.weight @decode.heads : !heads
  lm.weight @decode.norm : !norm
  lm.weight @decode.bias : !lm.weight<256xf32>
  lm.state @decode.sliding : !sliding
  lm.state @decode.chunked : !chunked
  lm.state @decode.latent : !latent
  lm.state @decode.inputs : !lm.recurrent_state<2 x 48>
  lm.state @decode.state : !lm.recurrent_state<2 x 256>
  lm.weight @decode.two : !lm.weight<2xf32>
  lm.weight @decode.conv : !lm.weight<128xf32>
  lm.weight @prefill.q8 : !q8
  lm.state @prefill.sliding : !sliding
  lm.weight @prefill.table : !q8
  // CHECK-LABEL: spmd.program @decode
  spmd.program @decode rows 1 {
    spmd.buffer @x : memref<1x64xf32> arena
    spmd.buffer @quantised : memref<1x104xi8> arena
    spmd.buffer @rounded : memref<1x64xbf16> arena
    spmd.buffer @ids : memref<1x2xi32> arena
    spmd.buffer @scores : memref<1x64xf32> scratch
    spmd.buffer @scratch : memref<1x1328xf32> scratch
    func.func @entry(%n: index, %p: index, %first: index) {
      %q8 = lm.use @decode.q8 : !q8
      %bf16 = lm.use @decode.bf16 : !bf16
      %f32 = lm.use @decode.f32 : !f32
      %experts = lm.use @decode.experts : !experts
      %heads = lm.use @decode.heads : !heads
      %norm = lm.use @decode.norm : !norm
      %bias = lm.use @decode.bias : !lm.weight<256xf32>
      %sliding = lm.use @decode.sliding : !sliding
      %chunked = lm.use @decode.chunked : !chunked
      %latent = lm.use @decode.latent : !latent
      %inputs = lm.use @decode.inputs : !lm.recurrent_state<2 x 48>
      %state = lm.use @decode.state : !lm.recurrent_state<2 x 256>
      %two = lm.use @decode.two : !lm.weight<2xf32>
      %conv = lm.use @decode.conv : !lm.weight<128xf32>
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c3 = arith.constant 3 : index
      %c4 = arith.constant 4 : index
      %c16 = arith.constant 16 : index
      %c24 = arith.constant 24 : index
      %c40 = arith.constant 40 : index
      %c64 = arith.constant 64 : index
      %c1328 = arith.constant 1328 : index
      %c104 = arith.constant 104 : index
      // Both panels of 16 x 64 quantised values, with 2 scales of 2 bytes for each row, and the norm that every worker repeats.
      // 2 x 32 x 64 operations.
      // CHECK: spmd.phase "int8" tiles %{{.*}} cost <weights = 2432, int8 = 4096> prologue
      spmd.phase "int8" tiles %c2 prologue {
        %x = spmd.write @x[%c0, %c0] size [%c1, %c64] : !row
        kernel.norm %x by %norm : !norm to %x group 64 eps 1.0e-5 : !row, !row
      } do {
      ^bb0(%tile: index):
        %quantised = spmd.read @quantised[%c0, %c0] size [%c1, %c104] : !quantised
        %column = arith.muli %tile, %c16 : index
        %out = spmd.write @x[%c0, %column] size [%c1, %c16] : !sixteen
        kernel.matmul %quantised, %q8[%column] to %out : !quantised, !q8, !sixteen
      }
      spmd.barrier
      // The last panel is read whole, but has 8 outputs.
      // CHECK: spmd.phase "bf16" tiles %{{.*}} cost <weights = 6144, bf16 = 5120> prologue
      spmd.phase "bf16" tiles %c3 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @rounded[%c0, %c0] size [%c1, %c64] : !rounded
        %column = arith.muli %tile, %c16 : index
        %left = arith.subi %c40, %column : index
        %width = arith.minui %left, %c16 : index
        %out = spmd.write @x[%c0, %column] size [%c1, %width] : !some
        kernel.matmul %in, %bf16[%column] to %out : !rounded, !bf16, !some
      }
      spmd.barrier
      // Half of a matrix is half of its bytes. A tile that no tile number reaches is none.
      // CHECK: spmd.phase "half" tiles %{{.*}} cost <weights = 1088, int8 = 2048> prologue
      spmd.phase "half" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %quantised = spmd.read @quantised[%c0, %c0] size [%c1, %c104] : !quantised
        %out = spmd.write @x[%c0, %c0] size [%c1, %c16] : !sixteen
        %isFirst = arith.cmpi ult, %tile, %c2 : index
        scf.if %isFirst {
          kernel.matmul %quantised, %q8[%c16] to %out : !quantised, !q8, !sixteen
        } else {
          kernel.matmul %quantised, %q8[%c0] to %out : !quantised, !q8, !sixteen
        }
      }
      spmd.barrier
      // Of 8 experts a row chooses 2: slots, which are tiles here, do not count. Each has a bias of 32.
      // CHECK: spmd.phase "experts" tiles %{{.*}} cost <expert = 2304, experts = 8, chosen = 2, int8 = 8192> prologue
      spmd.phase "experts" tiles %c4 prologue {
      } do {
      ^bb0(%tile: index):
        %quantised = spmd.read @quantised[%c0, %c0] size [%c1, %c104] : !quantised
        %slot = arith.divui %tile, %c2 : index
        %part = arith.remui %tile, %c2 : index
        %column = arith.muli %part, %c16 : index
        %expert = spmd.read @ids[%c0, %slot] size [%c1, %c1] : !id
        %out = spmd.write @x[%c0, %column] size [%c1, %c16] : !sixteen
        kernel.matmul %quantised, %experts[%column] of %expert : !id to %out : !quantised, !experts, !sixteen
        kernel.add_bias %bias[%column] of %expert : !id each 32 to %out : !lm.weight<256xf32>, !sixteen
      }
      spmd.barrier
      // Heads' matrices are all read.
      // CHECK: spmd.phase "heads" tiles %{{.*}} cost <weights = 8192, f32 = 4096> prologue
      spmd.phase "heads" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @x[%c0, %c0] size [%c1, %c64] : !row
        %column = arith.muli %tile, %c16 : index
        %out = spmd.write @x[%c0, %column] size [%c1, %c16] : !sixteen
        kernel.matmul %in, %heads[%c0] head %tile to %out : !row, !heads, !sixteen
      }
      spmd.barrier
      // A position is a key and a value of 16 x 2 bytes for each of 2 heads; 4 query heads take 2 x (16 + 16) operations each.
      // CHECK: spmd.phase "sliding" tiles %{{.*}} cost <position = 128, window = 24, attend_bf16 = 256> prologue
      spmd.phase "sliding" tiles %c4 prologue {
      } do {
      ^bb0(%tile: index):
        %column = arith.muli %tile, %c16 : index
        %q = spmd.read @x[%c0, %column] size [%c1, %c16] : !sixteen
        %scratch = spmd.write @scores[%c0, %c0] size [%c1, %c64] : !score
        %out = spmd.write @x[%c0, %column] size [%c1, %c16] : !sixteen
        %head = arith.divui %tile, %c2 : index
        kernel.attention rounded %q, %sliding[%head] at %p scores %scratch to %out scale 1.0 : !sixteen, !sliding, !score, !sixteen
      }
      spmd.barrier
      // CHECK: spmd.phase "chunked" tiles %{{.*}} cost <position = 128, chunk = 8, attend = 64> prologue
      spmd.phase "chunked" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %q = spmd.read @x[%c0, %c0] size [%c1, %c16] : !sixteen
        %scratch = spmd.write @scores[%c0, %c0] size [%c1, %c64] : !score
        %out = spmd.write @x[%c0, %c0] size [%c1, %c16] : !sixteen
        kernel.attention %q, %chunked[%c0] at %p scores %scratch to %out scale 1.0 : !sixteen, !chunked, !score, !sixteen
      }
      spmd.barrier
      // The value is a part of the key: 24 values read, 24 + 16 multiplied.
      // CHECK: spmd.phase "latent" tiles %{{.*}} cost <position = 48, attend = 80> prologue
      spmd.phase "latent" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %q = spmd.read @x[%c0, %c0] size [%c1, %c24] : memref<1x24xf32, strided<[64, 1], offset: ?>>
        %scratch = spmd.write @scratch[%c0, %c0] size [%c1, %c1328] : memref<1x1328xf32, strided<[1328, 1], offset: ?>>
        %out = spmd.write @x[%c0, %c0] size [%c1, %c16] : !sixteen
        kernel.absorbed_attention %q, %latent at %p scratch %scratch to %out scale 1.0 rows 1 positions 16
          : memref<1x24xf32, strided<[64, 1], offset: ?>>, !latent, memref<1x1328xf32, strided<[1328, 1], offset: ?>>, !sixteen
      }
      spmd.barrier
      // CHECK: spmd.phase "conv1d" tiles %{{.*}} cost <weights = 512, state = 384, f32 = 256> prologue
      spmd.phase "conv1d" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %column = arith.muli %tile, %c16 : index
        %in = spmd.read @x[%c0, %column] size [%c1, %c16] : !sixteen
        %out = spmd.write @x[%c0, %column] size [%c1, %c16] : !sixteen
        kernel.conv1d %in, %conv[%column] width 4 state %inputs[%tile] at %p to %out : !sixteen, !lm.weight<128xf32>, !lm.recurrent_state<2 x 48>, !sixteen
      }
      spmd.barrier
      // Four passes over 16 x 16 values for each of 2 heads: one multiplies, three multiply and add.
      // CHECK: spmd.phase "delta_rule" tiles %{{.*}} cost <weights = 8, state = 2048, f32 = 3584> prologue
      spmd.phase "delta_rule" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %column = arith.muli %tile, %c16 : index
        %in = spmd.read @x[%c0, %column] size [%c1, %c16] : !sixteen
        %a = spmd.read @x[%c0, %c0] size [%c1, %c2] : memref<1x2xf32, strided<[64, 1], offset: ?>>
        %out = spmd.write @x[%c0, %column] size [%c1, %c16] : !sixteen
        kernel.delta_rule %in, %in, %in by %a, %a, %two, %two[%tile] state %state[%tile] at %p to %out : !sixteen, !sixteen, !sixteen, memref<1x2xf32, strided<[64, 1], offset: ?>>, memref<1x2xf32, strided<[64, 1], offset: ?>>, !lm.weight<2xf32>, !lm.weight<2xf32>, !lm.recurrent_state<2 x 256>, !sixteen
      }
      spmd.barrier
      // What no dot product does has no cost.
      // CHECK: spmd.phase "add" tiles %{{.*}} cost <> prologue
      spmd.phase "add" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %x = spmd.write @x[%c0, %c0] size [%c1, %c64] : !row
        kernel.add %x, %x to %x : !row, !row, !row
      }
      spmd.barrier
      return
    }
  }
  // CHECK-LABEL: spmd.program @prefill
  spmd.program @prefill rows 40 {
    spmd.buffer @x : memref<40x64xf32> arena
    spmd.buffer @quantised : memref<40x104xi8> arena
    // Blocks of rows read one matrix: its bytes count once, and operations are a row's.
    func.func @entry(%n: index, %p: index, %first: index) {
      %q8 = lm.use @prefill.q8 : !q8
      %sliding = lm.use @prefill.sliding : !sliding
      %table = lm.use @prefill.table : !q8
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %c64 = arith.constant 64 : index
      %c104 = arith.constant 104 : index
      %blocks = arith.ceildivui %n, %c16 : index
      // CHECK: spmd.phase "int8" tiles %{{.*}} cost <weights = 2176, int8 = 4096> prologue
      spmd.phase "int8" tiles %blocks prologue {
      } do {
      ^bb0(%tile: index):
        %row = arith.muli %tile, %c16 : index
        %left = arith.subi %n, %row : index
        %rows = arith.minui %left, %c16 : index
        %quantised = spmd.read @quantised[%row, %c0] size [%rows, %c104] : memref<?x104xi8, strided<[104, 1], offset: ?>>
        %out = spmd.write @x[%row, %c0] size [%rows, %c32] : memref<?x32xf32, strided<[64, 1], offset: ?>>
        kernel.matmul %quantised, %q8[%c0] to %out : memref<?x104xi8, strided<[104, 1], offset: ?>>, !q8, memref<?x32xf32, strided<[64, 1], offset: ?>>
      }
      spmd.barrier
      // A row of the table: 64 quantised values and 2 scales.
      // CHECK: spmd.phase "lookup" tiles %{{.*}} cost <lookup = 68> prologue
      spmd.phase "lookup" tiles %blocks prologue {
      } do {
      ^bb0(%tile: index):
        %row = arith.muli %tile, %c16 : index
        %left = arith.subi %n, %row : index
        %rows = arith.minui %left, %c16 : index
        %at = arith.addi %p, %row : index
        %out = spmd.write @x[%row, %c0] size [%rows, %c64] : memref<?x64xf32, strided<[64, 1], offset: ?>>
        kernel.add_positions %table at %at to %out : !q8, memref<?x64xf32, strided<[64, 1], offset: ?>>
      }
      spmd.barrier
      return
    }
  }
}

//--- invalid.mlir
spmd.program @decode rows 1 {
  func.func @entry(%n: index, %p: index, %first: index) {
    %c0 = arith.constant 0 : index
    // expected-error @below {{lm-predict-cost: expects from 1 to 16777216 tiles, but found 0}}
    spmd.phase "empty" tiles %c0 prologue {
    } do {
    ^bb0(%tile: index):
    }
    return
  }
}

// -----

// expected-error @below {{lm.model.experts_per_token: expected an integer from 1 to 65536, found -1 : i64}}
module attributes {lm.model = {experts_per_token = -1 : i64}} {
}

// -----

lm.weight @layers.0.w : !lm.weight<8x8xf32>
spmd.program @decode rows 1 {
  // expected-error @below {{lm-predict-cost: expects packed matrices (lm-pack-weights), but found '!lm.weight<8x8xf32>'}}
  func.func private @layer(%n: index, %p: index, %w: !lm.weight<8x8xf32> {lm.slot = "w"}) { return }
  func.func @entry(%n: index, %p: index, %first: index) {
    spmd.layers %n at %p [@layer]
    return
  }
}

// -----

lm.weight @w : !lm.weight<8x8xf32>
spmd.program @decode rows 1 {
  func.func @entry(%n: index, %p: index, %first: index) {
    // expected-error @below {{'lm.use' op expects a packed matrix (lm-pack-weights), but found '!lm.weight<8x8xf32>'}}
    %w = lm.use @w : !lm.weight<8x8xf32>
    return
  }
}
