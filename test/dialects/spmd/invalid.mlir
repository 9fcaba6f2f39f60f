// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// spmd.buffer
// expected-error @below {{'spmd.buffer' op expects rows by columns of numbers of whole bytes, but found 'memref<?x32xf32>'}}
spmd.buffer @unknown_rows : memref<?x32xf32> arena

// -----

// expected-error @below {{'spmd.buffer' op expects rows by columns of numbers of whole bytes, but found 'memref<32xf32>'}}
spmd.buffer @one_dimension : memref<32xf32> arena

// -----

// expected-error @below {{'spmd.buffer' op expects rows by columns of numbers of whole bytes, but found 'memref<1x32xf32, strided<[64, 1]>>'}}
spmd.buffer @strided : memref<1x32xf32, strided<[64, 1]>> arena

// -----

// expected-error @below {{'spmd.buffer' op expects rows by columns of numbers of whole bytes, but found 'memref<1x32xindex>'}}
spmd.buffer @of_index : memref<1x32xindex> arena

// -----

// expected-error @below {{'spmd.buffer' op expects rows by columns of numbers of whole bytes, but found 'memref<1x32xi1>'}}
spmd.buffer @of_bits : memref<1x32xi1> arena

// -----

// expected-error @below {{'spmd.buffer' op expects from 1 to 2^40 numbers, but found 'memref<0x32xf32>'}}
spmd.buffer @empty : memref<0x32xf32> arena

// -----

// expected-error @below {{'spmd.buffer' op expects from 1 to 2^40 numbers, but found 'memref<4294967296x4294967296xf32>'}}
spmd.buffer @past_64_bits : memref<4294967296x4294967296xf32> arena

// -----

// expected-error @below {{'spmd.buffer' op expects an offset from 0 to 2^50, but found -1}}
spmd.buffer @before_the_arena : memref<1x32xf32> arena offset -1

// -----

// expected-error @below {{'spmd.buffer' op expects an offset from 0 to 2^50, but found 9223372036854775807}}
spmd.buffer @at_the_end_of_64_bits : memref<1x32xf32> arena offset 9223372036854775807

// -----

spmd.program @decode rows 1 {
  // expected-error @below {{'spmd.buffer' op expects a role, tokens or logits, of the caller's memory, but found none}}
  spmd.buffer @x : memref<1x32xf32> caller
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

spmd.program @decode rows 1 {
  // expected-error @below {{'spmd.buffer' op expects a role of the caller's memory alone, but found logits in scratch}}
  spmd.buffer @x : memref<1x32xf32> scratch role logits
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

// expected-error @below {{'spmd.buffer' op expects what programs share to lie in the arena, but found scratch}}
spmd.buffer @x : memref<1x32xf32> scratch

// -----

// spmd.read, spmd.write
func.func @reads_nothing(%c0: index, %c1: index) {
  // expected-error @below {{'spmd.read' op expects a buffer, but @x is none}}
  %x = spmd.read @x[%c0, %c0] size [%c1, %c1] : memref<?x?xf32, strided<[32, 1], offset: ?>>
  return
}

// -----

lm.weight @x : !lm.weight<32xf32>
func.func @writes_a_weight(%c0: index, %c1: index) {
  // expected-error @below {{'spmd.write' op expects a buffer, but @x is none}}
  %x = spmd.write @x[%c0, %c0] size [%c1, %c1] : memref<?x?xf32, strided<[32, 1], offset: ?>>
  return
}

// -----

spmd.buffer @x : memref<4x32xf32> arena
func.func @claims_a_known_size(%c0: index, %c1: index) {
  // expected-error @below {{'spmd.read' op expects a result of type 'memref<?x?xf32, strided<[32, 1], offset: ?>>', but found 'memref<1x?xf32, strided<[32, 1], offset: ?>>'}}
  %x = spmd.read @x[%c0, %c0] size [%c1, %c1] : memref<1x?xf32, strided<[32, 1], offset: ?>>
  return
}

// -----

spmd.buffer @x : memref<4x32xf32> arena
func.func @claims_another_stride(%c0: index, %c1: index) {
  // expected-error @below {{'spmd.write' op expects a result of type 'memref<?x?xf32, strided<[32, 1], offset: ?>>', but found 'memref<?x?xf32, strided<[64, 1], offset: ?>>'}}
  %x = spmd.write @x[%c0, %c0] size [%c1, %c1] : memref<?x?xf32, strided<[64, 1], offset: ?>>
  return
}

// -----

spmd.program @decode rows 1 {
  spmd.buffer @logits : memref<1x32xf32> caller role logits
  func.func private @layer(%c0: index, %c1: index) {
    // expected-error @below {{'spmd.write' op expects the program's entry to reach the caller's @logits, but stands in another function}}
    %x = spmd.write @logits[%c0, %c0] size [%c1, %c1] : memref<?x?xf32, strided<[32, 1], offset: ?>>
    return
  }
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

// A buffer of another program.
spmd.program @prefill rows 4 {
  spmd.buffer @x : memref<4x32xf32> arena
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}
spmd.program @logits rows 1 after @prefill {
  func.func @entry(%c0: index, %c1: index, %first: index) {
    // expected-error @below {{'spmd.read' op expects a buffer, but @x is none}}
    %x = spmd.read @x[%c0, %c0] size [%c1, %c1] : memref<?x?xf32, strided<[32, 1], offset: ?>>
    return
  }
}

// -----

// spmd.phase, spmd.barrier
func.func @phase_in_a_phase(%n: index) {
  spmd.phase "outer" tiles %n prologue {
  } do {
  ^bb0(%tile: index):
    // expected-error @below {{'spmd.phase' op expects to stand in the first block of a function}}
    spmd.phase "inner" tiles %n prologue {
    } do {
    ^bb0(%inner: index):
    }
  }
  return
}

// -----

func.func @phase_in_a_second_block(%n: index) {
  cf.br ^next
^next:
  // expected-error @below {{'spmd.phase' op expects to stand in the first block of a function}}
  spmd.phase "p" tiles %n prologue {
  } do {
  ^bb0(%tile: index):
  }
  return
}

// -----

func.func @some_workers_wait(%n: index, %some: i1) {
  scf.if %some {
    // expected-error @below {{'spmd.barrier' op expects to stand in the first block of a function}}
    spmd.barrier
  }
  return
}

// -----

func.func @prologue_with_an_argument(%n: index) {
  // expected-error @below {{'spmd.phase' op expects a prologue without arguments}}
  spmd.phase "p" tiles %n prologue {
  ^bb0(%x: index):
  } do {
  ^bb0(%tile: index):
  }
  return
}

// -----

func.func @two_blocks_of_prologue(%n: index) {
  // expected-error @below {{'spmd.phase' op expects region #0 to have 0 or 1 blocks}}
  spmd.phase "p" tiles %n prologue {
    cf.br ^next
  ^next:
  } do {
  ^bb0(%tile: index):
  }
  return
}

// -----

func.func @body_without_a_tile(%n: index) {
  // expected-error @below {{'spmd.phase' op expects a body with one argument, the tile}}
  spmd.phase "p" tiles %n prologue {
  } do {
  ^bb0:
  }
  return
}

// -----

func.func @tile_of_another_type(%n: index) {
  // expected-error @below {{'spmd.phase' op expects a body with one argument, the tile}}
  spmd.phase "p" tiles %n prologue {
  } do {
  ^bb0(%tile: i64):
  }
  return
}

// -----

// spmd.layers
spmd.program @decode rows 1 {
  // Layers that run sometimes.
  func.func private @kind(%rows: index, %position: index) { return }
  func.func @entry(%rows: index, %position: index, %first: index) {
    %some = arith.cmpi eq, %rows, %position : index
    scf.if %some {
      // expected-error @below {{'spmd.layers' op expects to stand in the first block of a function}}
      spmd.layers %rows at %position [@kind]
    }
    return
  }
}

// -----

spmd.program @decode rows 1 {
  // Layers in a layer.
  func.func private @kind(%rows: index, %position: index) {
    // expected-error @below {{'spmd.layers' op expects to stand in the entry of a program}}
    spmd.layers %rows at %position [@kind]
    return
  }
  func.func @entry(%rows: index, %position: index, %first: index) {
    return
  }
}

// -----

func.func private @kind(%rows: index, %position: index) { return }
func.func @layers_outside_a_program(%rows: index) {
  // expected-error @below {{'spmd.layers' op expects to stand in the entry of a program}}
  spmd.layers %rows at %rows [@kind]
  return
}

// -----

spmd.program @decode rows 1 {
  // No layers.
  func.func @entry(%rows: index, %position: index, %first: index) {
    // expected-error @below {{'spmd.layers' op expects at least one layer}}
    spmd.layers %rows at %position []
    return
  }
}

// -----

spmd.program @decode rows 1 {
  // No such kind.
  func.func @entry(%rows: index, %position: index, %first: index) {
    // expected-error @below {{'spmd.layers' op expects a layer kind, but @kind is no private function of the program with a body}}
    spmd.layers %rows at %position [@kind]
    return
  }
}

// -----

func.func private @kind(%rows: index, %position: index) { return }
spmd.program @decode rows 1 {
  // A kind of the module.
  func.func @entry(%rows: index, %position: index, %first: index) {
    // expected-error @below {{'spmd.layers' op expects a layer kind, but @kind is no private function of the program with a body}}
    spmd.layers %rows at %position [@kind]
    return
  }
}

// -----

spmd.program @decode rows 1 {
  // A kind without a body.
  func.func private @kind(index, index)
  func.func @entry(%rows: index, %position: index, %first: index) {
    // expected-error @below {{'spmd.layers' op expects a layer kind, but @kind is no private function of the program with a body}}
    spmd.layers %rows at %position [@kind]
    return
  }
}

// -----

spmd.program @decode rows 1 {
  // Runs itself.
  func.func @entry(%rows: index, %position: index, %first: index) {
    // expected-error @below {{'spmd.layers' op expects a layer kind, but @entry is no private function of the program with a body}}
    spmd.layers %rows at %position [@entry]
    return
  }
}

// -----

spmd.program @decode rows 1 {
  // A kind without a position.
  func.func private @kind(%rows: index) { return }
  func.func @entry(%rows: index, %position: index, %first: index) {
    // expected-error @below {{'spmd.layers' op expects @kind to take rows and a position, but it is '(index) -> ()'}}
    spmd.layers %rows at %position [@kind]
    return
  }
}

// -----

spmd.program @decode rows 1 {
  // An argument without a slot.
  func.func private @kind(%rows: index, %position: index, %w: !lm.weight<8xf32>) { return }
  func.func @entry(%rows: index, %position: index, %first: index) {
    // expected-error @below {{'spmd.layers' op expects argument 2 of @kind to have a lm.slot}}
    spmd.layers %rows at %position [@kind]
    return
  }
}

// -----

lm.weight @layers.0.norm : !lm.weight<8xf32>
spmd.program @decode rows 1 {
  // The second layer has no weight.
  func.func private @kind(%rows: index, %position: index, %w: !lm.weight<8xf32> {lm.slot = "norm"}) { return }
  func.func @entry(%rows: index, %position: index, %first: index) {
    // expected-error @below {{'spmd.layers' op layer 1 expects a weight or state @layers.1.norm}}
    spmd.layers %rows at %position [@kind, @kind]
    return
  }
}

// -----

lm.weight @layers.0.norm : !lm.weight<9xf32>
spmd.program @decode rows 1 {
  // A layer of another type.
  func.func private @kind(%rows: index, %position: index, %w: !lm.weight<8xf32> {lm.slot = "norm"}) { return }
  func.func @entry(%rows: index, %position: index, %first: index) {
    // expected-error @below {{'spmd.layers' op layer 0 expects @layers.0.norm to be '!lm.weight<8xf32>', but it is '!lm.weight<9xf32>'}}
    spmd.layers %rows at %position [@kind]
    return
  }
}

// -----

// spmd.program
// expected-error @below {{'spmd.program' op expects from 1 to 65536 rows, but found 0}}
spmd.program @decode rows 0 {
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

// expected-error @below {{'spmd.program' op expects from 1 to 65536 rows, but found 65537}}
spmd.program @decode rows 65537 {
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

// expected-error @below {{'spmd.program' op expects a public function, its entry, but found none}}
spmd.program @decode rows 1 {
  func.func private @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

spmd.program @decode rows 1 {
  // expected-error @below {{'func.func' op symbol declaration cannot have public visibility}}
  func.func @entry(index, index, index)
}

// -----

// expected-error @below {{'spmd.program' op expects one public function, its entry, but found @layer and @entry}}
spmd.program @decode rows 1 {
  func.func @layer(%rows: index, %position: index, %first: index) { return }
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

spmd.program @decode rows 1 {
  // expected-error @below {{'func.func' op expects the rows, position and first row of a call, '(index, index, index) -> ()', but found '(index, index) -> ()'}}
  func.func @entry(%rows: index, %position: index) { return }
}

// -----

spmd.program @decode rows 1 {
  // expected-error @below {{'lm.weight' op stands in a program, which expects buffers and functions}}
  lm.weight @norm : !lm.weight<8xf32>
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

spmd.program @decode rows 1 {
  spmd.buffer @logits : memref<1x32xf32> caller role logits
  // expected-error @below {{'spmd.buffer' op has the role logits, as @logits has: expected one}}
  spmd.buffer @more : memref<1x32xf32> caller role logits
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

// expected-error @below {{'spmd.program' op expects to come after a program that comes after none, but found @prefill}}
spmd.program @logits rows 1 after @prefill {
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

// expected-error @below {{'spmd.program' op expects to come after a program that comes after none, but found @logits}}
spmd.program @logits rows 1 after @logits {
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

spmd.buffer @stream : memref<1x32xf32> arena
// expected-error @below {{'spmd.program' op expects to come after a program that comes after none, but found @stream}}
spmd.program @logits rows 1 after @stream {
  func.func @entry(%rows: index, %position: index, %first: index) { return }
}

// -----

func.func @program_in_a_function() {
  // expected-error @below {{'spmd.program' op expects parent op 'builtin.module'}}
  spmd.program @decode rows 1 {
    func.func @entry(%rows: index, %position: index, %first: index) { return }
  }
  return
}

// -----

func.func @costs_less_than_nothing(%n: index) {
  // expected-error @below {{expects costs from 0 to 2^50, but found -1}}
  spmd.phase "a" tiles %n cost <weights = -1> prologue {
  } do {
  ^bb0(%tile: index):
  }
  return
}

// -----

func.func @more_experts_than_memory(%n: index) {
  // expected-error @below {{expects experts of 2^50 bytes at most, but found 1048576 of 1125899906842623}}
  spmd.phase "a" tiles %n cost <expert = 1125899906842623, experts = 1048576> prologue {
  } do {
  ^bb0(%tile: index):
  }
  return
}

// -----

// Attributes that nobody reads
// expected-error @below {{'spmd.buffer' op expects attributes among offset, role, space, sym_name, type, but found 'place'}}
spmd.buffer @misspelt : memref<1x32xf32> arena {place = 64 : i64}

// -----

// expected-error @below {{'builtin.module' op expects attributes among spmd.arena_bytes, spmd.scratch_bytes, but found 'spmd.arena'}}
module attributes {spmd.arena = 64 : i64} {}

// -----

// expected-error @below {{'builtin.module' op expects spmd.arena_bytes to be an integer from 1 to 1125899906842624, but found "many"}}
module attributes {spmd.arena_bytes = "many"} {}

// -----

// expected-error @below {{'func.func' op expects no attributes, but found 'spmd.rows'}}
func.func private @decode() attributes {spmd.rows = 1 : i64}

// -----

func.func @rows_of_a_constant() {
  // expected-error @below {{'arith.constant' op expects no attributes, but found 'spmd.rows'}}
  %c0 = arith.constant {spmd.rows = 1 : i64} 0 : index
  return
}

// -----

// expected-error @below {{'func.func' op expects no attributes, but found 'spmd.rows'}}
func.func private @decode(%rows: index {spmd.rows = 1 : i64})

// -----

// expected-error @below {{'func.func' op expects no attributes, but found 'spmd.rows'}}
func.func private @decode() -> (index {spmd.rows = 1 : i64})
