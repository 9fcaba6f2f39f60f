// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// kernel.embed
func.func @embeds_from_an_unpacked_table(%ids: memref<?x1xi32>, %w: !lm.weight<96x64xf32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.embed' op expects a packed matrix, but found '!lm.weight<96x64xf32>'}}
  kernel.embed %ids, %w to %out scale 1.0 : memref<?x1xi32>, !lm.weight<96x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @embeds_rows_of_ids(%ids: memref<?x2xi32>, %w: !lm.weight<96x64xf32, <16 x 1>>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.embed' op expects ids of 1 columns, but found 'memref<?x2xi32>'}}
  kernel.embed %ids, %w to %out scale 1.0 : memref<?x2xi32>, !lm.weight<96x64xf32, <16 x 1>>, memref<?x64xf32>
  return
}

// -----

func.func @embeds_into_narrower_rows(%ids: memref<?x1xi32>, %w: !lm.weight<96x64xf32, <16 x 1>>, %out: memref<?x32xf32>) {
  // expected-error @below {{'kernel.embed' op expects out of 64 columns, but found 'memref<?x32xf32>'}}
  kernel.embed %ids, %w to %out scale 1.0 : memref<?x1xi32>, !lm.weight<96x64xf32, <16 x 1>>, memref<?x32xf32>
  return
}

// -----

// kernel.add, kernel.glu
func.func @adds_narrower_rows_on_the_left(%x: memref<?x32xf32>, %y: memref<?x64xf32>) {
  // expected-error @below {{'kernel.add' op expects lhs to cover 'memref<?x64xf32>', but found 'memref<?x32xf32>'}}
  kernel.add %x, %y to %y : memref<?x32xf32>, memref<?x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @adds_fewer_rows_on_the_right(%x: memref<2x64xf32>, %y: memref<1x64xf32>) {
  // expected-error @below {{'kernel.add' op expects rhs to cover 'memref<2x64xf32>', but found 'memref<1x64xf32>'}}
  kernel.add %x, %y to %x : memref<2x64xf32>, memref<1x64xf32>, memref<2x64xf32>
  return
}

// -----

func.func @gate_is_narrower(%x: memref<?x32xf32>, %y: memref<?x64xf32>) {
  // expected-error @below {{'kernel.glu' op expects gate to cover 'memref<?x64xf32>', but found 'memref<?x32xf32>'}}
  kernel.glu %x, %y to %y silu : memref<?x32xf32>, memref<?x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @up_is_narrower(%x: memref<?x32xf32>, %y: memref<?x64xf32>) {
  // expected-error @below {{'kernel.glu' op expects up to cover 'memref<?x64xf32>', but found 'memref<?x32xf32>'}}
  kernel.glu %y, %x to %y silu : memref<?x64xf32>, memref<?x32xf32>, memref<?x64xf32>
  return
}

// -----

// kernel.norm, kernel.add_bias
func.func @norms_by_a_matrix(%x: memref<?x64xf32>, %w: !lm.weight<96x64xf32, <16 x 1>>) {
  // expected-error @below {{'kernel.norm' op expects the weight to be a vector of f32, but found '!lm.weight<96x64xf32, <16 x 1>>'}}
  kernel.norm %x by %w : !lm.weight<96x64xf32, <16 x 1>> to %x group 96 eps 1.0 : memref<?x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @norms_by_bf16(%x: memref<?x64xf32>, %w: !lm.weight<64xbf16>) {
  // expected-error @below {{'kernel.norm' op expects the weight to be a vector of f32, but found '!lm.weight<64xbf16>'}}
  kernel.norm %x by %w : !lm.weight<64xbf16> to %x group 64 eps 1.0 : memref<?x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @norms_into_narrower_rows(%x: memref<?x64xf32>, %out: memref<?x32xf32>, %w: !lm.weight<32xf32>) {
  // expected-error @below {{'kernel.norm' op expects out to cover 'memref<?x64xf32>', but found 'memref<?x32xf32>'}}
  kernel.norm %x by %w : !lm.weight<32xf32> to %out group 32 eps 1.0 : memref<?x64xf32>, memref<?x32xf32>
  return
}

// -----

func.func @norms_a_part_of_a_group(%x: memref<?x64xf32>, %w: !lm.weight<48xf32>) {
  // expected-error @below {{'kernel.norm' op expects rows of whole groups of 48 values, but found 'memref<?x64xf32>'}}
  kernel.norm %x by %w : !lm.weight<48xf32> to %x group 48 eps 1.0 : memref<?x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @bias_is_a_matrix(%x: memref<?x64xf32>, %w: !lm.weight<96x64xf32, <16 x 1>>, %n: index) {
  // expected-error @below {{'kernel.add_bias' op expects the bias to be a vector of f32, but found '!lm.weight<96x64xf32, <16 x 1>>'}}
  kernel.add_bias %w[%n] to %x : !lm.weight<96x64xf32, <16 x 1>>, memref<?x64xf32>
  return
}

// -----

func.func @bias_is_too_short(%x: memref<?x64xf32>, %w: !lm.weight<63xf32>, %n: index) {
  // expected-error @below {{'kernel.add_bias' op expects at most the bias's 63 columns, but found 'memref<?x64xf32>'}}
  kernel.add_bias %w[%n] to %x : !lm.weight<63xf32>, memref<?x64xf32>
  return
}

// -----

// kernel.copy, kernel.add_positions, kernel.norm with a bias
func.func @copies_less_than_out(%x: memref<?x48xf32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.copy' op expects input to cover 'memref<?x64xf32>', but found 'memref<?x48xf32>'}}
  kernel.copy %x to %out : memref<?x48xf32>, memref<?x64xf32>
  return
}

// -----

func.func @positions_of_another_width(%table: !lm.weight<96x64xf32, <16 x 1>>, %n: index, %out: memref<?x48xf32>) {
  // expected-error @below {{'kernel.add_positions' op expects out of 64 columns, but found 'memref<?x48xf32>'}}
  kernel.add_positions %table at %n to %out : !lm.weight<96x64xf32, <16 x 1>>, memref<?x48xf32>
  return
}

// -----

func.func @positions_that_are_not_packed(%table: !lm.weight<96x64xf32>, %n: index, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.add_positions' op expects a packed matrix, but found '!lm.weight<96x64xf32>'}}
  kernel.add_positions %table at %n to %out : !lm.weight<96x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @bias_of_another_size(%x: memref<?x64xf32>, %w: !lm.weight<64xf32>, %b: !lm.weight<32xf32>) {
  // expected-error @below {{'kernel.norm' op expects the bias of a group's 64 values, but found '!lm.weight<32xf32>'}}
  kernel.norm %x by %w : !lm.weight<64xf32> bias %b : !lm.weight<32xf32> to %x group 64 eps 1.0e-5 : memref<?x64xf32>, memref<?x64xf32>
  return
}

// -----

// experts
func.func @chooses_more_than_there_are(%s: memref<?x4xf32>, %w: memref<?x5xf32>, %e: memref<?x5xi32>) {
  // expected-error @below {{'kernel.route' op expects known numbers of scores and, not more, of experts, but found 'memref<?x4xf32>' and 'memref<?x5xi32>'}}
  kernel.route %s to %w, %e softmax scale 1.0 : memref<?x4xf32>, memref<?x5xf32>, memref<?x5xi32>
  return
}

// -----

func.func @corrects_other_scores(%s: memref<?x4xf32>, %c: !lm.weight<5xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>) {
  // expected-error @below {{'kernel.route' op expects a correction for each score, but found '!lm.weight<5xf32>'}}
  kernel.route %s correction %c : !lm.weight<5xf32> to %w, %e sigmoid scale 1.0 : memref<?x4xf32>, memref<?x2xf32>, memref<?x2xi32>
  return
}

// -----

func.func @slots_that_are_no_blocks(%e: memref<?x2xi32>, %o: memref<63x1xi32>, %p: memref<?x2xi32>, %b: memref<8x1xi32>) {
  // expected-error @below {{'kernel.dispatch' op expects whole blocks of slots, but found 'memref<63x1xi32>' for 'memref<8x1xi32>'}}
  kernel.dispatch %e to %o, %p, %b count 4 : memref<?x2xi32>, memref<63x1xi32>, memref<?x2xi32>, memref<8x1xi32>
  return
}

// -----

func.func @no_experts(%e: memref<?x2xi32>, %o: memref<64x1xi32>, %p: memref<?x2xi32>, %b: memref<8x1xi32>) {
  // expected-error @below {{'kernel.dispatch' op expects from 1 to 65536 experts, but found 0}}
  kernel.dispatch %e to %o, %p, %b count 0 : memref<?x2xi32>, memref<64x1xi32>, memref<?x2xi32>, memref<8x1xi32>
  return
}

// -----

func.func @places_of_another_width(%e: memref<?x2xi32>, %o: memref<64x1xi32>, %p: memref<?x3xi32>, %b: memref<8x1xi32>) {
  // expected-error @below {{'kernel.dispatch' op expects slots of 2 columns, but found 'memref<?x3xi32>'}}
  kernel.dispatch %e to %o, %p, %b count 4 : memref<?x2xi32>, memref<64x1xi32>, memref<?x3xi32>, memref<8x1xi32>
  return
}

// -----

func.func @gathers_rows_of_another_kind(%x: memref<?x64xf32>, %r: memref<8x1xi32>, %out: memref<8x64xi8>) {
  // expected-error @below {{'kernel.gather' op expects rows of one kind, but found 'memref<?x64xf32>' and 'memref<8x64xi8>'}}
  kernel.gather %x[%r] to %out : memref<?x64xf32>, memref<8x1xi32>, memref<8x64xi8>
  return
}

// -----

func.func @places_without_weights(%x: memref<8x64xf32>, %w: memref<?x2xf32>, %p: memref<?x3xi32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.combine' op expects slots of 2 columns, but found 'memref<?x3xi32>'}}
  kernel.combine %x, %w at %p : memref<?x3xi32> to %out : memref<8x64xf32>, memref<?x2xf32>, memref<?x64xf32>
  return
}

// -----

func.func @combines_narrower_rows(%x: memref<8x48xf32>, %w: memref<?x2xf32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.combine' op expects input as wide as out, but found 'memref<8x48xf32>' for 'memref<?x64xf32>'}}
  kernel.combine %x, %w to %out : memref<8x48xf32>, memref<?x2xf32>, memref<?x64xf32>
  return
}

// -----

func.func @gate_of_two_columns(%x: memref<8x64xf32>, %w: memref<?x2xf32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.combine' op expects gate of 1 columns, but found 'memref<?x2xf32>'}}
  kernel.combine %x, %w shared %out : memref<?x64xf32> gate %w : memref<?x2xf32> to %out : memref<8x64xf32>, memref<?x2xf32>, memref<?x64xf32>
  return
}

// -----

func.func @shares_narrower_rows(%x: memref<8x64xf32>, %w: memref<?x2xf32>, %s: memref<?x48xf32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.combine' op expects shared to cover 'memref<?x64xf32>', but found 'memref<?x48xf32>'}}
  kernel.combine %x, %w shared %s : memref<?x48xf32> to %out : memref<8x64xf32>, memref<?x2xf32>, memref<?x64xf32>
  return
}

// -----

func.func @expert_of_one_matrix(%x: memref<?x64xf32>, %w: !lm.weight<96x64xf32, <16 x 1>>, %n: index, %e: memref<1x1xi32>, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects an expert's or head's number where there are experts' matrices, and only there, but found '!lm.weight<96x64xf32, <16 x 1>>'}}
  kernel.matmul %x, %w[%n] of %e : memref<1x1xi32> to %out : memref<?x64xf32>, !lm.weight<96x64xf32, <16 x 1>>, memref<?x96xf32>
  return
}

// -----

func.func @several_experts(%x: memref<?x64xf32>, %w: !lm.weight<8x96x64xf32, <16 x 1>>, %n: index, %e: memref<2x1xi32>, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects one expert's number, but found 'memref<2x1xi32>'}}
  kernel.matmul %x, %w[%n] of %e : memref<2x1xi32> to %out : memref<?x64xf32>, !lm.weight<8x96x64xf32, <16 x 1>>, memref<?x96xf32>
  return
}

// -----

// kernel.quantize, kernel.round
func.func @quantises_a_part_of_a_block(%x: memref<?x48xf32>, %out: memref<?x128xi8>) {
  // expected-error @below {{'kernel.quantize' op expects rows of whole blocks of 32 values, but found 'memref<?x48xf32>'}}
  kernel.quantize %x to %out : memref<?x48xf32>, memref<?x128xi8>
  return
}

// -----

func.func @no_room_for_scales(%x: memref<?x64xf32>, %out: memref<?x64xi8>) {
  // expected-error @below {{'kernel.quantize' op expects 104 bytes for a row's codes, but found 'memref<?x64xi8>'}}
  kernel.quantize %x to %out : memref<?x64xf32>, memref<?x64xi8>
  return
}

// -----

func.func @room_of_unknown_size(%x: memref<?x64xf32>, %out: memref<?x?xi8>) {
  // expected-error @below {{'kernel.quantize' op expects 104 bytes for a row's codes, but found 'memref<?x?xi8>'}}
  kernel.quantize %x to %out : memref<?x64xf32>, memref<?x?xi8>
  return
}

// -----

func.func @no_room_for_words(%x: memref<?x64xf32>, %out: memref<?x104xi8>) {
  // expected-error @below {{'kernel.quantize' op expects 144 bytes for a row's codes, but found 'memref<?x104xi8>'}}
  kernel.quantize wide %x to %out : memref<?x64xf32>, memref<?x104xi8>
  return
}

// -----

func.func @rounds_into_narrower_rows(%x: memref<?x64xf32>, %out: memref<?x32xbf16>) {
  // expected-error @below {{'kernel.round' op expects out of 64 columns, but found 'memref<?x32xbf16>'}}
  kernel.round %x to %out : memref<?x64xf32>, memref<?x32xbf16>
  return
}

// -----

// kernel.matmul
func.func @multiplies_an_unpacked_matrix(%x: memref<?x64xf32>, %w: !lm.weight<96x64xf32>, %n: index, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects a packed matrix, but found '!lm.weight<96x64xf32>'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x64xf32>, !lm.weight<96x64xf32>, memref<?x96xf32>
  return
}

// -----

func.func @multiplies_floats_with_codes(%x: memref<?x64xf32>, %w: !lm.weight<96x64xq8_0, <16 x 4>>, %n: index, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects codes to multiply with '!lm.weight<96x64xq8_0, <16 x 4>>', but found 'f32'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x64xf32>, !lm.weight<96x64xq8_0, <16 x 4>>, memref<?x96xf32>
  return
}

// -----

func.func @multiplies_codes_with_floats(%x: memref<?x128xi8>, %w: !lm.weight<96x64xf32, <16 x 1>>, %n: index, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects f32 to multiply with '!lm.weight<96x64xf32, <16 x 1>>', but found 'i8'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x128xi8>, !lm.weight<96x64xf32, <16 x 1>>, memref<?x96xf32>
  return
}

// -----

func.func @multiplies_rounded_rows_with_single_columns(%x: memref<?x64xbf16>, %w: !lm.weight<96x64xbf16, <16 x 1>>, %n: index, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects f32 to multiply with '!lm.weight<96x64xbf16, <16 x 1>>', but found 'bf16'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x64xbf16>, !lm.weight<96x64xbf16, <16 x 1>>, memref<?x96xf32>
  return
}

// -----

func.func @multiplies_codes_with_pairs(%x: memref<?x128xi8>, %w: !lm.weight<96x64xbf16, <16 x 2>>, %n: index, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects f32 or bf16 to multiply with '!lm.weight<96x64xbf16, <16 x 2>>', but found 'i8'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x128xi8>, !lm.weight<96x64xbf16, <16 x 2>>, memref<?x96xf32>
  return
}

// -----

func.func @input_is_narrower_than_the_weight(%x: memref<?x48xf32>, %w: !lm.weight<96x64xf32, <16 x 1>>, %n: index, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects input of 64 columns, but found 'memref<?x48xf32>'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x48xf32>, !lm.weight<96x64xf32, <16 x 1>>, memref<?x96xf32>
  return
}

// -----

func.func @codes_of_narrower_rows(%x: memref<?x64xi8>, %w: !lm.weight<96x64xq8_0, <16 x 4>>, %n: index, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects 104 bytes for a row's codes, but found 'memref<?x64xi8>'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x64xi8>, !lm.weight<96x64xq8_0, <16 x 4>>, memref<?x96xf32>
  return
}

// -----

func.func @codes_of_unknown_size(%x: memref<?x?xi8>, %w: !lm.weight<96x64xq8_0, <16 x 4>>, %n: index, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects 104 bytes for a row's codes, but found 'memref<?x?xi8>'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x?xi8>, !lm.weight<96x64xq8_0, <16 x 4>>, memref<?x96xf32>
  return
}

// -----

func.func @codes_for_bytes_where_words_are_multiplied(%x: memref<?x104xi8>, %w: !lm.weight<96x64xq8_0, <16 x 2>>, %n: index, %out: memref<?x96xf32>) {
  // expected-error @below {{'kernel.matmul' op expects 144 bytes for a row's codes, but found 'memref<?x104xi8>'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x104xi8>, !lm.weight<96x64xq8_0, <16 x 2>>, memref<?x96xf32>
  return
}

// -----

func.func @more_outputs_than_the_weight_has(%x: memref<?x64xf32>, %w: !lm.weight<96x64xf32, <16 x 1>>, %n: index, %out: memref<?x97xf32>) {
  // expected-error @below {{'kernel.matmul' op expects at most the weight's 96 outputs, but found 'memref<?x97xf32>'}}
  kernel.matmul %x, %w[%n] to %out : memref<?x64xf32>, !lm.weight<96x64xf32, <16 x 1>>, memref<?x97xf32>
  return
}

// -----

// kernel.rope_table, kernel.rope
func.func @table_of_another_width(%p: index, %out: memref<?x8xf32>) {
  // expected-error @below {{'kernel.rope_table' op expects out of 4 columns, but found 'memref<?x8xf32>'}}
  kernel.rope_table <dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01> at %p to %out : memref<?x8xf32>
  return
}

// -----

func.func @turns_by_more_than_a_head(%t: memref<?x8xf32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.rope' op expects a table of an even number of columns, at most the head's 4, but found 'memref<?x8xf32>'}}
  kernel.rope %t to %out head 4 : memref<?x8xf32>, memref<?x64xf32>
  return
}

// -----

func.func @turns_by_an_odd_table(%t: memref<?x3xf32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.rope' op expects a table of an even number of columns, at most the head's 4, but found 'memref<?x3xf32>'}}
  kernel.rope %t to %out head 4 : memref<?x3xf32>, memref<?x64xf32>
  return
}

// -----

func.func @turns_by_an_unknown_table(%t: memref<?x?xf32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.rope' op expects a table of an even number of columns, at most the head's 4, but found 'memref<?x?xf32>'}}
  kernel.rope %t to %out head 4 : memref<?x?xf32>, memref<?x64xf32>
  return
}

// -----

func.func @turns_a_part_of_a_head(%t: memref<?x4xf32>, %out: memref<?x64xf32>) {
  // expected-error @below {{'kernel.rope' op expects rows of whole heads of 48 values, but found 'memref<?x64xf32>'}}
  kernel.rope %t to %out head 48 : memref<?x4xf32>, memref<?x64xf32>
  return
}

// -----

// kernel.append, kernel.attention
func.func @appends_to_a_cache_without_rows(%x: memref<?x16xf32>, %c: !lm.cache<2 x 16 x f32>, %n: index) {
  // expected-error @below {{'kernel.append' op expects a cache with rows, but found '!lm.cache<2 x 16 x f32>'}}
  kernel.append %x to %c[%n] at %n : memref<?x16xf32>, !lm.cache<2 x 16 x f32>
  return
}

// -----

func.func @appends_a_part_of_a_head(%x: memref<?x24xf32>, %c: !lm.cache<2 x 16 x f32, rows = 32>, %n: index) {
  // expected-error @below {{'kernel.append' op expects rows of whole heads of 16 values, but found 'memref<?x24xf32>'}}
  kernel.append %x to %c[%n] at %n : memref<?x24xf32>, !lm.cache<2 x 16 x f32, rows = 32>
  return
}

// -----

func.func @appends_more_heads_than_there_are(%x: memref<?x48xf32>, %c: !lm.cache<2 x 16 x f32, rows = 32>, %n: index) {
  // expected-error @below {{'kernel.append' op expects at most the cache's 2 heads, but found 3}}
  kernel.append %x to %c[%n] at %n : memref<?x48xf32>, !lm.cache<2 x 16 x f32, rows = 32>
  return
}

// -----

func.func @attends_to_a_cache_without_rows(%x: memref<?x16xf32>, %c: !lm.cache<2 x 16 x f32>, %s: memref<?x32xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects a cache with rows, keys and values, but found '!lm.cache<2 x 16 x f32>'}}
  kernel.attention %x, %c[%n] at %n scores %s to %x scale 1.0 : memref<?x16xf32>, !lm.cache<2 x 16 x f32>, memref<?x32xf32>, memref<?x16xf32>
  return
}

// -----

func.func @query_of_two_heads(%x: memref<?x32xf32>, %o: memref<?x16xf32>, %c: !lm.cache<2 x 16 x f32, rows = 32>, %s: memref<?x32xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects out of 32 columns, but found 'memref<?x16xf32>'}}
  kernel.attention %x, %c[%n] at %n scores %s to %o scale 1.0 : memref<?x32xf32>, !lm.cache<2 x 16 x f32, rows = 32>, memref<?x32xf32>, memref<?x16xf32>
  return
}

// -----

func.func @attends_into_two_heads(%x: memref<?x32xf32>, %q: memref<?x16xf32>, %c: !lm.cache<2 x 16 x f32, rows = 32>, %s: memref<?x32xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects out of 16 columns, but found 'memref<?x32xf32>'}}
  kernel.attention %q, %c[%n] at %n scores %s to %x scale 1.0 : memref<?x16xf32>, !lm.cache<2 x 16 x f32, rows = 32>, memref<?x32xf32>, memref<?x32xf32>
  return
}

// -----

func.func @room_for_fewer_scores_than_rows(%q: memref<?x16xf32>, %c: !lm.cache<2 x 16 x f32, rows = 32>, %s: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects scratch for the scores of 32 rows, but found 'memref<?x16xf32>'}}
  kernel.attention %q, %c[%n] at %n scores %s to %q scale 1.0 : memref<?x16xf32>, !lm.cache<2 x 16 x f32, rows = 32>, memref<?x16xf32>, memref<?x16xf32>
  return
}

// -----

func.func @rounds_for_keys_of_f32(%q: memref<?x16xf32>, %c: !lm.cache<2 x 16 x f32, rows = 32>, %s: memref<?x32xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects keys of bf16 and a multiple of 16 dims to round queries for, but found '!lm.cache<2 x 16 x f32, rows = 32>'}}
  kernel.attention rounded %q, %c[%n] at %n scores %s to %q scale 1.0 : memref<?x16xf32>, !lm.cache<2 x 16 x f32, rows = 32>, memref<?x32xf32>, memref<?x16xf32>
  return
}

// -----

func.func @negative_softcap(%q: memref<?x16xf32>, %c: !lm.cache<2 x 16 x f32, rows = 32>, %s: memref<?x32xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects a softcap that is not negative, but found -1.000000e+00 : f64}}
  kernel.attention %q, %c[%n] at %n scores %s to %q scale 1.0 softcap -1.0 : memref<?x16xf32>, !lm.cache<2 x 16 x f32, rows = 32>, memref<?x32xf32>, memref<?x16xf32>
  return
}

// -----

func.func @limit_of_zero(%x: memref<?x16xf32>) {
  // expected-error @below {{'kernel.softcap' op expects a positive cap, but found 0.000000e+00 : f64}}
  kernel.softcap %x cap 0.0 : memref<?x16xf32>
  return
}

// -----

func.func @values_of_a_matrix(%w: !lm.weight<8x32xq4_0, <16 x 4>>, %out: memref<8x16xf32>) {
  // expected-error @below {{'kernel.values' op expects out to have 8 x 32 values, but found 'memref<8x16xf32>'}}
  kernel.values %w to %out : !lm.weight<8x32xq4_0, <16 x 4>>, memref<8x16xf32>
  return
}

// -----

func.func @values_of_what_is_not_packed(%w: !lm.weight<8x32xf32>, %out: memref<8x32xf32>) {
  // expected-error @below {{'kernel.values' op expects a packed matrix, but found '!lm.weight<8x32xf32>'}}
  kernel.values %w to %out : !lm.weight<8x32xf32>, memref<8x32xf32>
  return
}

// -----

func.func @a_cache_without_rows(%c: !lm.cache<2 x 8 x f32>, %out: memref<?x16xf32>) {
  // expected-error @below {{'kernel.cached' op expects a cache with rows, but found '!lm.cache<2 x 8 x f32>'}}
  kernel.cached %c to %out : !lm.cache<2 x 8 x f32>, memref<?x16xf32>
  return
}

// -----

func.func @all_heads_are_cached(%c: !lm.cache<2 x 8 x f32, rows = 16>, %out: memref<?x8xf32>) {
  // expected-error @below {{'kernel.cached' op expects out of 16 columns, but found 'memref<?x8xf32>'}}
  kernel.cached values %c to %out : !lm.cache<2 x 8 x f32, rows = 16>, memref<?x8xf32>
  return
}

// -----

func.func @a_tensor_for_each_input(%x: memref<?x8xf32>) {
  // expected-error @below {{'kernel.compute' op expects a tensor for each of 1 inputs, but found 2}}
  kernel.compute (%x : memref<?x8xf32>) to (%x : memref<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>):
    kernel.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @inputs_as_wide_as_their_memory(%x: memref<?x8xf32>) {
  // expected-error @below {{'kernel.compute' op expects 'tensor<?x8xf32>' for an input 'memref<?x8xf32>', but found 'tensor<?x4xf32>'}}
  kernel.compute (%x : memref<?x8xf32>) to (%x : memref<?x8xf32>) {
  ^bb0(%a: tensor<?x4xf32>):
    kernel.yield %a : tensor<?x4xf32>
  }
  return
}

// -----

func.func @compute_ends_with_yield(%x: memref<?x8xf32>) {
  // expected-error @below {{'kernel.compute' op expects kernel.yield at its end, but found kernel.zero}}
  kernel.compute (%x : memref<?x8xf32>) to (%x : memref<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    kernel.zero %x : memref<?x8xf32>
  }
  return
}

// -----

func.func @a_result_for_each_output(%x: memref<?x8xf32>) {
  // expected-error @below {{'kernel.compute' op expects a result for each of 1 outputs, but found 0}}
  kernel.compute (%x : memref<?x8xf32>) to (%x : memref<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    kernel.yield
  }
  return
}

// -----

func.func @results_as_wide_as_their_memory(%x: memref<?x8xf32>, %y: memref<?x4xf32>) {
  // expected-error @below {{'kernel.compute' op expects 'tensor<?x4xf32>' for an output 'memref<?x4xf32>', but found 'tensor<?x8xf32>'}}
  kernel.compute (%x : memref<?x8xf32>) to (%y : memref<?x4xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    kernel.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @compute_of_memory(%x: memref<?x8xf32>) {
  kernel.compute (%x : memref<?x8xf32>) to (%x : memref<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>):
    // expected-error @below {{'kernel.zero' op expects to stand outside kernel.compute}}
    kernel.zero %x : memref<?x8xf32>
    kernel.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @norm_of_another_group(%x: memref<?x64xf32>, %w: !lm.weight<32xf32>) {
  // expected-error @below {{'kernel.norm' op expects the weight of a group's 64 values, but found '!lm.weight<32xf32>'}}
  kernel.norm %x by %w : !lm.weight<32xf32> to %x group 64 eps 1.0 : memref<?x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @norm_with_a_bias_alone(%x: memref<?x64xf32>, %b: !lm.weight<64xf32>) {
  // expected-error @below {{'kernel.norm' op expects a weight beside a bias, but found none}}
  kernel.norm %x bias %b : !lm.weight<64xf32> to %x group 64 eps 1.0 : memref<?x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @experts_biases_of_odd_lengths(%x: memref<?x16xf32>, %b: !lm.weight<40xf32>, %n: index, %e: memref<1x1xi32>) {
  // expected-error @below {{'kernel.add_bias' op expects as many values for each expert, but found 16 of 40}}
  kernel.add_bias %b[%n] of %e : memref<1x1xi32> each 16 to %x : !lm.weight<40xf32>, memref<?x16xf32>
  return
}

// -----

func.func @experts_bias_numbers(%x: memref<?x16xf32>, %b: !lm.weight<32xf32>, %n: index, %e: memref<1x2xi32>) {
  // expected-error @below {{'kernel.add_bias' op expects expert of 1 columns, but found 'memref<1x2xi32>'}}
  kernel.add_bias %b[%n] of %e : memref<1x2xi32> each 16 to %x : !lm.weight<32xf32>, memref<?x16xf32>
  return
}

// -----

func.func @factors_of_two_columns(%x: memref<?x16xf32>, %f: memref<?x2xf32>) {
  // expected-error @below {{'kernel.scale_rows' op expects factors of 1 columns, but found 'memref<?x2xf32>'}}
  kernel.scale_rows %x by %f : memref<?x16xf32>, memref<?x2xf32>
  return
}

// -----

func.func @concat_into_less(%x: memref<?x16xf32>, %y: memref<?x8xf32>, %o: memref<?x20xf32>) {
  // expected-error @below {{'kernel.concat' op expects out of 24 columns, but found 'memref<?x20xf32>'}}
  kernel.concat %x, %y to %o : memref<?x16xf32>, memref<?x8xf32> to memref<?x20xf32>
  return
}

// -----

func.func @concat_of_unknown_widths(%x: memref<?x?xf32>, %y: memref<?x8xf32>, %o: memref<?x20xf32>) {
  // expected-error @below {{'kernel.concat' op expects known numbers of columns, but found 'memref<?x?xf32>'}}
  kernel.concat %x, %y to %o : memref<?x?xf32>, memref<?x8xf32> to memref<?x20xf32>
  return
}

// -----

func.func @unequal_groups(%s: memref<?x9xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>) {
  // expected-error @below {{'kernel.route' op expects equal groups of the 9 experts, but found 2 of 4 by 2}}
  kernel.route %s of 2 in 4 by 2 scratch %s : memref<?x9xf32> to %w, %e sigmoid scale 1.0 : memref<?x9xf32>, memref<?x2xf32>, memref<?x2xi32>
  return
}

// -----

func.func @groups_without_room(%s: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>) {
  // expected-error @below {{'kernel.route' op expects scratch for scores where some groups are left out, and only there}}
  kernel.route %s of 2 in 4 by 2 to %w, %e sigmoid scale 1.0 : memref<?x8xf32>, memref<?x2xf32>, memref<?x2xi32>
  return
}

// -----

func.func @too_little_room(%s: memref<?x8xf32>, %r: memref<?x4xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>) {
  // expected-error @below {{'kernel.route' op expects scratch to cover 'memref<?x8xf32>', but found 'memref<?x4xf32>'}}
  kernel.route %s of 2 in 4 by 2 scratch %r : memref<?x4xf32> to %w, %e sigmoid scale 1.0 : memref<?x8xf32>, memref<?x2xf32>, memref<?x2xi32>
  return
}

// -----

func.func @parts_without_weights_of_several_experts(%x: memref<?x16xf32>, %w: memref<?x2xf32>, %o: memref<?x16xf32>) {
  // expected-error @below {{'kernel.combine' op expects weights of 1 columns, but found 'memref<?x2xf32>'}}
  kernel.combine %x, %w to %o {unweighted} : memref<?x16xf32>, memref<?x2xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, rows = 32>
func.func @heads_of_several_rows(%q: memref<?x32xf32>, %c: !cache, %s: memref<2x32xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects several heads of one row alone, but found 'memref<?x32xf32>'}}
  kernel.attention %q, %c[%n] at %n scores %s to %q scale 1.0 : memref<?x32xf32>, !cache, memref<2x32xf32>, memref<?x32xf32>
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, rows = 32>
func.func @scores_of_one_head(%q: memref<1x32xf32>, %c: !cache, %s: memref<1x32xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects scratch for the scores of 2 heads, but found 'memref<1x32xf32>'}}
  kernel.attention %q, %c[%n] at %n scores %s to %q scale 1.0 : memref<1x32xf32>, !cache, memref<1x32xf32>, memref<1x32xf32>
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, rows = 32>
func.func @unknown_number_of_heads(%q: memref<1x?xf32>, %c: !cache, %s: memref<1x32xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects a known number of query heads, but found 'memref<1x?xf32>'}}
  kernel.attention %q, %c[%n] at %n scores %s to %q scale 1.0 : memref<1x?xf32>, !cache, memref<1x32xf32>, memref<1x?xf32>
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, latent = 12, rows = 32>
func.func @latent_cache_has_no_values(%q: memref<?x16xf32>, %c: !cache, %s: memref<?x32xf32>, %n: index) {
  // expected-error @below {{'kernel.attention' op expects a cache with rows, keys and values, but found '!lm.cache<1 x 16 x f32, latent = 12, rows = 32>'}}
  kernel.attention %q, %c[%n] at %n scores %s to %q scale 1.0 : memref<?x16xf32>, !cache, memref<?x32xf32>, memref<?x16xf32>
  return
}

// -----

func.func @convolution_forgets(%x: memref<?x8xf32>, %w: !lm.weight<32xf32>, %s: !lm.recurrent_state<2 x 9>, %n: index) {
  // expected-error @below {{'kernel.conv1d' op expects a part of the state with 3 inputs of each channel, but found '!lm.recurrent_state<2 x 9>' for 'memref<?x8xf32>'}}
  kernel.conv1d %x, %w[%n] width 4 state %s[%n] at %n to %x : memref<?x8xf32>, !lm.weight<32xf32>, !lm.recurrent_state<2 x 9>, memref<?x8xf32>
  return
}

// -----

func.func @delta_state(%k: memref<?x8xf32>, %v: memref<?x4xf32>, %a: memref<?x2xf32>, %d: !lm.weight<2xf32>, %s: !lm.recurrent_state<2 x 31>, %n: index) {
  // expected-error @below {{'kernel.delta_rule' op expects a part of the state for the keys and values, but found '!lm.recurrent_state<2 x 31>' for 'memref<?x8xf32>' and 'memref<?x4xf32>'}}
  kernel.delta_rule %k, %k, %v by %a, %a, %d, %d[%n] state %s[%n] at %n to %v : memref<?x8xf32>, memref<?x8xf32>, memref<?x4xf32>, memref<?x2xf32>, memref<?x2xf32>, !lm.weight<2xf32>, !lm.weight<2xf32>, !lm.recurrent_state<2 x 31>, memref<?x4xf32>
  return
}

// -----

func.func @delta_decay_of_other_heads(%k: memref<?x8xf32>, %v: memref<?x4xf32>, %a: memref<?x2xf32>, %d: !lm.weight<3xf32>, %s: !lm.recurrent_state<2 x 32>, %n: index) {
  // expected-error @below {{'kernel.delta_rule' op expects the decay of 2 heads, but found '!lm.weight<3xf32>'}}
  kernel.delta_rule %k, %k, %v by %a, %a, %d, %d[%n] state %s[%n] at %n to %v : memref<?x8xf32>, memref<?x8xf32>, memref<?x4xf32>, memref<?x2xf32>, memref<?x2xf32>, !lm.weight<3xf32>, !lm.weight<3xf32>, !lm.recurrent_state<2 x 32>, memref<?x4xf32>
  return
}

// -----

func.func @multiplies_by_another_width(%x: memref<?x8xf32>, %w: !lm.weight<7xf32>) {
  // expected-error @below {{'kernel.multiply' op expects input of 7 columns, but found 'memref<?x8xf32>'}}
  kernel.multiply %x, %w to %x : memref<?x8xf32>, !lm.weight<7xf32>, memref<?x8xf32>
  return
}

// -----

func.func @sparsify_unknown(%x: memref<?x?xf32>) {
  // expected-error @below {{'kernel.sparsify' op expects a known number of columns, but found 'memref<?x?xf32>'}}
  kernel.sparsify %x to %x deviations 1.0 : memref<?x?xf32>, memref<?x?xf32>
  return
}

// -----

func.func @magnitude_of_another_width(%x: memref<?x8xf32>, %y: memref<?x4xf32>) {
  // expected-error @below {{'kernel.match_magnitude' op expects like of 8 columns, but found 'memref<?x4xf32>'}}
  kernel.match_magnitude %x, %y to %x eps 1.0 : memref<?x8xf32>, memref<?x4xf32>, memref<?x8xf32>
  return
}

// -----

func.func @no_pair_of_streams(%x: memref<?x8xf32>, %c: memref<?x3xf32>) {
  // expected-error @below {{'kernel.altup_predict' op expects coefficients for every pair of streams, but found 'memref<?x3xf32>' for 'memref<?x8xf32>'}}
  kernel.altup_predict %x, %c to %x : memref<?x8xf32>, memref<?x3xf32>, memref<?x8xf32>
  return
}

// -----

func.func @streams_without_coefficients(%x: memref<?x8xf32>, %z: memref<?x2xf32>, %c: memref<?x3xf32>) {
  // expected-error @below {{'kernel.altup_correct' op expects a coefficient for each stream, but found 'memref<?x3xf32>' for 'memref<?x8xf32>'}}
  kernel.altup_correct %x, %z, %c to %x : memref<?x8xf32>, memref<?x2xf32>, memref<?x3xf32>, memref<?x8xf32>
  return
}

// -----

func.func @streams_of_another_width(%x: memref<?x8xf32>, %u: memref<?x3xf32>) {
  // expected-error @below {{'kernel.altup_inject' op expects rows of whole streams of 3 values, but found 'memref<?x8xf32>'}}
  kernel.altup_inject %x, %u to %x : memref<?x8xf32>, memref<?x3xf32>, memref<?x8xf32>
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, rows = 32>
func.func @sinks_of_a_split(%q: memref<1x32xf32>, %c: !cache, %s: memref<2x32xf32>, %n: index, %w: !lm.weight<2xf32>, %h: memref<1x4xf32>) {
  // expected-error @below {{'kernel.attention' op expects sinks to enter the sum of all splits}}
  kernel.attention %q, %c[%n] at %n sinks %w[%n] : !lm.weight<2xf32> split %n of %n statistics %h : memref<1x4xf32> scores %s to %q scale 1.0 : memref<1x32xf32>, !cache, memref<2x32xf32>, memref<1x32xf32>
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, rows = 32>
func.func @statistics_of_one_head(%q: memref<1x32xf32>, %c: !cache, %s: memref<2x32xf32>, %n: index, %h: memref<1x2xf32>) {
  // expected-error @below {{'kernel.attention' op expects statistics of 4 columns, but found 'memref<1x2xf32>'}}
  kernel.attention %q, %c[%n] at %n split %n of %n statistics %h : memref<1x2xf32> scores %s to %q scale 1.0 : memref<1x32xf32>, !cache, memref<2x32xf32>, memref<1x32xf32>
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, rows = 32>
func.func @split_of_how_many(%q: memref<1x16xf32>, %c: !cache, %s: memref<1x32xf32>, %n: index, %h: memref<1x2xf32>, %w: !lm.weight<2xf32>) {
  // expected-error @below {{'kernel.attention' op expects the number of splits, and memory for their statistics}}
  "kernel.attention"(%q, %c, %n, %n, %n, %h, %s, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1>, scale = 1.0, softcap = 0.0}> : (memref<1x16xf32>, !cache, index, index, index, memref<1x2xf32>, memref<1x32xf32>, memref<1x16xf32>) -> ()
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, rows = 32>
func.func @split_without_statistics(%q: memref<1x16xf32>, %c: !cache, %s: memref<1x32xf32>, %n: index, %h: memref<1x2xf32>, %w: !lm.weight<2xf32>) {
  // expected-error @below {{'kernel.attention' op expects the number of splits, and memory for their statistics}}
  "kernel.attention"(%q, %c, %n, %n, %n, %n, %s, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1>, scale = 1.0, softcap = 0.0}> : (memref<1x16xf32>, !cache, index, index, index, index, memref<1x32xf32>, memref<1x16xf32>) -> ()
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, rows = 32>
func.func @splits_without_a_number(%q: memref<1x16xf32>, %c: !cache, %s: memref<1x32xf32>, %n: index, %h: memref<1x2xf32>, %w: !lm.weight<2xf32>) {
  // expected-error @below {{'kernel.attention' op expects the split's number}}
  "kernel.attention"(%q, %c, %n, %n, %n, %h, %s, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1>, scale = 1.0, softcap = 0.0}> : (memref<1x16xf32>, !cache, index, index, index, memref<1x2xf32>, memref<1x32xf32>, memref<1x16xf32>) -> ()
  return
}

// -----

!cache = !lm.cache<1 x 16 x f32, rows = 32>
func.func @sinks_from_nowhere(%q: memref<1x16xf32>, %c: !cache, %s: memref<1x32xf32>, %n: index, %h: memref<1x2xf32>, %w: !lm.weight<2xf32>) {
  // expected-error @below {{'kernel.attention' op expects the first of the sinks beside them}}
  "kernel.attention"(%q, %c, %n, %n, %w, %s, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1>, scale = 1.0, softcap = 0.0}> : (memref<1x16xf32>, !cache, index, index, !lm.weight<2xf32>, memref<1x32xf32>, memref<1x16xf32>) -> ()
  return
}

// -----

func.func @statistics_without_sums(%i: memref<?x16xf32>, %h: memref<?x3xf32>, %o: memref<1x16xf32>) {
  // expected-error @below {{'kernel.combine_partials' op expects statistics of a peak and a sum for each head, but found 'memref<?x3xf32>'}}
  kernel.combine_partials %i, %h to %o : memref<?x16xf32>, memref<?x3xf32>, memref<1x16xf32>
  return
}

// -----

func.func @splits_of_unequal_heads(%i: memref<?x16xf32>, %h: memref<?x6xf32>, %o: memref<1x16xf32>) {
  // expected-error @below {{'kernel.combine_partials' op expects 3 heads, but found 'memref<1x16xf32>'}}
  kernel.combine_partials %i, %h to %o : memref<?x16xf32>, memref<?x6xf32>, memref<1x16xf32>
  return
}

// -----

func.func @splits_of_two_rows(%i: memref<?x16xf32>, %h: memref<?x4xf32>, %o: memref<2x16xf32>) {
  // expected-error @below {{'kernel.combine_partials' op expects one row, but found 'memref<2x16xf32>'}}
  kernel.combine_partials %i, %h to %o : memref<?x16xf32>, memref<?x4xf32>, memref<2x16xf32>
  return
}

// -----

func.func @splits_of_another_width(%i: memref<?x8xf32>, %h: memref<?x4xf32>, %o: memref<1x16xf32>) {
  // expected-error @below {{'kernel.combine_partials' op expects input of 16 columns, but found 'memref<?x8xf32>'}}
  kernel.combine_partials %i, %h to %o : memref<?x8xf32>, memref<?x4xf32>, memref<1x16xf32>
  return
}

// -----

func.func @rounded_sinks_of_splits(%i: memref<?x16xf32>, %h: memref<?x4xf32>, %o: memref<1x16xf32>, %w: !lm.weight<4xbf16>) {
  // expected-error @below {{'kernel.combine_partials' op expects sinks to be a vector of f32, but found '!lm.weight<4xbf16>'}}
  kernel.combine_partials %i, %h sinks %w : !lm.weight<4xbf16> to %o : memref<?x16xf32>, memref<?x4xf32>, memref<1x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, rows = 64>
func.func @absorbed_of_a_plain_cache(%q: memref<1x20xf32>, %c: !cache, %r: memref<1x1328xf32>, %o: memref<1x16xf32>, %n: index) {
  // expected-error @below {{'kernel.absorbed_attention' op expects a latent cache with rows, but found '!lm.cache<1 x 20 x f32, rows = 64>'}}
  kernel.absorbed_attention %q, %c at %n scratch %r to %o scale 1.0 rows 1 positions 16 : memref<1x20xf32>, !cache, memref<1x1328xf32>, memref<1x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @absorbed_unknown_heads(%q: memref<1x?xf32>, %c: !cache, %r: memref<1x1328xf32>, %o: memref<1x16xf32>, %n: index) {
  // expected-error @below {{'kernel.absorbed_attention' op expects a known number of query heads, but found 'memref<1x?xf32>'}}
  kernel.absorbed_attention %q, %c at %n scratch %r to %o scale 1.0 rows 1 positions 16 : memref<1x?xf32>, !cache, memref<1x1328xf32>, memref<1x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @absorbed_out(%q: memref<1x20xf32>, %c: !cache, %r: memref<1x1328xf32>, %o: memref<1x20xf32>, %n: index) {
  // expected-error @below {{'kernel.absorbed_attention' op expects out of 16 columns, but found 'memref<1x20xf32>'}}
  kernel.absorbed_attention %q, %c at %n scratch %r to %o scale 1.0 rows 1 positions 16 : memref<1x20xf32>, !cache, memref<1x1328xf32>, memref<1x20xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @absorbed_statistics(%q: memref<1x20xf32>, %c: !cache, %r: memref<1x1328xf32>, %o: memref<1x16xf32>, %n: index, %h: memref<1x4xf32>) {
  // expected-error @below {{'kernel.absorbed_attention' op expects statistics of 2 columns, but found 'memref<1x4xf32>'}}
  kernel.absorbed_attention %q, %c at %n split %n of %n statistics %h : memref<1x4xf32> scratch %r to %o scale 1.0 rows 1 positions 16 : memref<1x20xf32>, !cache, memref<1x1328xf32>, memref<1x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @absorbed_positions(%q: memref<1x20xf32>, %c: !cache, %r: memref<1x1328xf32>, %o: memref<1x16xf32>, %n: index) {
  // expected-error @below {{'kernel.absorbed_attention' op expects blocks of a multiple of 16 positions, but found 24}}
  kernel.absorbed_attention %q, %c at %n scratch %r to %o scale 1.0 rows 1 positions 24 : memref<1x20xf32>, !cache, memref<1x1328xf32>, memref<1x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @absorbed_every_head(%q: memref<1x40xf32>, %c: !cache, %r: memref<1x1328xf32>, %o: memref<1x32xf32>, %n: index) {
  // expected-error @below {{'kernel.absorbed_attention' op expects rows of several heads or heads of one row, but found 'memref<1x40xf32>'}}
  kernel.absorbed_attention %q, %c at %n per_head %n scratch %r to %o scale 1.0 rows 2 positions 16 : memref<1x40xf32>, !cache, memref<1x1328xf32>, memref<1x32xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @absorbed_rows(%q: memref<1x40xf32>, %c: !cache, %r: memref<1x1328xf32>, %o: memref<1x32xf32>, %n: index) {
  // expected-error @below {{'kernel.absorbed_attention' op expects scratch for the rows of 'memref<1x40xf32>', but found 1}}
  kernel.absorbed_attention %q, %c at %n scratch %r to %o scale 1.0 rows 1 positions 16 : memref<1x40xf32>, !cache, memref<1x1328xf32>, memref<1x32xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @absorbed_room(%q: memref<1x20xf32>, %c: !cache, %r: memref<1x1000xf32>, %o: memref<1x16xf32>, %n: index) {
  // expected-error @below {{'kernel.absorbed_attention' op expects scratch of 1328 values, but found 'memref<1x1000xf32>'}}
  kernel.absorbed_attention %q, %c at %n scratch %r to %o scale 1.0 rows 1 positions 16 : memref<1x20xf32>, !cache, memref<1x1000xf32>, memref<1x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, rows = 64>
func.func @latent_of_a_plain_cache(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32, <16 x 1>>, %m: memref<24x16xf32>, %p: memref<44x16xf32>, %r: memref<?x64xf32>, %o: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects a latent cache with rows, but found '!lm.cache<1 x 20 x f32, rows = 64>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<44x16xf32>, memref<?x64xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_keys_not_packed(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32>, %v: !lm.weight<2x16x16xf32, <16 x 1>>, %m: memref<24x16xf32>, %p: memref<44x16xf32>, %r: memref<?x64xf32>, %o: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects a packed matrix, but found '!lm.weight<2x16x8xf32>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<44x16xf32>, memref<?x64xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_values_not_packed(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32>, %m: memref<24x16xf32>, %p: memref<44x16xf32>, %r: memref<?x64xf32>, %o: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects a packed matrix, but found '!lm.weight<2x16x16xf32>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32>, memref<24x16xf32>, memref<44x16xf32>, memref<?x64xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_matrices_of_other_heads(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<3x16x16xf32, <16 x 1>>, %m: memref<24x16xf32>, %p: memref<44x16xf32>, %r: memref<?x64xf32>, %o: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects k_up and v_up of as many heads and 16 latent values, but found '!lm.weight<2x16x8xf32, <16 x 1>>' and '!lm.weight<3x16x16xf32, <16 x 1>>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<3x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<44x16xf32>, memref<?x64xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_positions_of_no_panel(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32, <16 x 1>>, %m: memref<24x16xf32>, %p: memref<44x16xf32>, %r: memref<?x64xf32>, %o: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects blocks of a multiple of 16 positions, but found 24}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 24 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<44x16xf32>, memref<?x64xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_room_for_fewer_matrices(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32, <16 x 1>>, %m: memref<23x16xf32>, %p: memref<44x16xf32>, %r: memref<?x64xf32>, %o: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects matrices of 24 x 16 values, but found 'memref<23x16xf32>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<23x16xf32>, memref<44x16xf32>, memref<?x64xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_room_for_fewer_panels(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32, <16 x 1>>, %m: memref<24x16xf32>, %p: memref<43x16xf32>, %r: memref<?x64xf32>, %o: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects panels of 44 x 16 values, but found 'memref<43x16xf32>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<43x16xf32>, memref<?x64xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_room_for_narrower_rows(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32, <16 x 1>>, %m: memref<24x16xf32>, %p: memref<44x16xf32>, %r: memref<?x48xf32>, %o: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects rows of 64 values, but found 'memref<?x48xf32>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<44x16xf32>, memref<?x48xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_room_for_fewer_rows(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32, <16 x 1>>, %m: memref<24x16xf32>, %p: memref<44x16xf32>, %r: memref<4x64xf32>, %o: memref<8x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects rows to cover 'memref<8x16xf32>', but found 'memref<4x64xf32>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<44x16xf32>, memref<4x64xf32>, memref<8x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_query_of_another_width(%q: memref<?x16xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32, <16 x 1>>, %m: memref<24x16xf32>, %p: memref<44x16xf32>, %r: memref<?x64xf32>, %o: memref<?x16xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects query of 12 columns, but found 'memref<?x16xf32>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x16xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<44x16xf32>, memref<?x64xf32>, memref<?x16xf32>
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16, rows = 64>
func.func @latent_out_of_another_width(%q: memref<?x12xf32>, %c: !cache, %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32, <16 x 1>>, %m: memref<24x16xf32>, %p: memref<44x16xf32>, %r: memref<?x64xf32>, %o: memref<?x12xf32>, %n: index) {
  // expected-error @below {{'kernel.latent_attention' op expects out of 16 columns, but found 'memref<?x12xf32>'}}
  kernel.latent_attention %q, %c at %n by %k, %v[%n] matrices %m panels %p rows %r to %o scale 1.0 positions 16 : memref<?x12xf32>, !cache, !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<44x16xf32>, memref<?x64xf32>, memref<?x12xf32>
  return
}

// -----

// Attributes that nobody reads
func.func @misspelt(%x: memref<1x4xf32>) {
  // expected-error @below {{'kernel.softcap' op expects attributes among cap, but found 'caps'}}
  kernel.softcap %x cap 3.0 {caps} : memref<1x4xf32>
  return
}

// -----

// expected-error @below {{'func.func' op expects no attributes, but found 'kernel.wide'}}
func.func private @kernel() attributes {kernel.wide}

// -----

// expected-error @below {{'func.func' op expects no attributes, but found 'kernel.wide'}}
func.func private @kernel(%x: index {kernel.wide})

// -----

// expected-error @below {{'func.func' op expects no attributes, but found 'kernel.wide'}}
func.func private @kernel() -> (index {kernel.wide})
