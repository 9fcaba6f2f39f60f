// RUN: lathe-opt --lm-verify-schedule %s -split-input-file -verify-diagnostics

// Two phases without a barrier.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    spmd.buffer @b : memref<1x32xf32> arena offset 128
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      // expected-error @below {{phase "use" follows phase "fill" with no barrier between them (in a call of @decode, rows = 1, position = 0)}}
      spmd.phase "use" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @a[%c0, %c0] size [%c1, %c32] : !row
        %out = spmd.write @b[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %out : !row, !row, !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// From the end of a call to the next: the last barrier is missing.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    spmd.buffer @b : memref<1x32xf32> arena offset 128
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      // expected-error @below {{phase "fill" follows phase "use" with no barrier between them (in a call of @decode, rows = 1, position = }}
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      spmd.phase "use" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @a[%c0, %c0] size [%c1, %c32] : !row
        %out = spmd.write @b[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %out : !row, !row, !half
      }
      return
    }
  }
}

// -----

// A prologue belongs to every tile.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      // expected-error @below {{the prologue of phase "use" reads @a [rows 0..1, columns 0..16), which tile 0 writes}}
      spmd.phase "use" tiles %c2 prologue {
        %in = spmd.read @a[%c0, %c0] size [%c1, %c32] : !row
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// A tile reads what its neighbour writes.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      // expected-error @below {{another tile of phase "use" reads @a [rows 0..1, columns 0..16), which tile 0 writes}}
      spmd.phase "use" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @a[%c0, %c0] size [%c1, %c32] : !row
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %out : !row, !row, !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// Phases that have nothing to do with one another.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      // expected-error @below {{phase "next" follows phase "fill" with no barrier between them}}
      spmd.phase "next" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
      }
      return
    }
  }
}

// -----

// Tiles overlap.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c8 = arith.constant 8 : index
      // expected-error @below {{tile 0 and tile 1 of phase "fill" both write @a [rows 0..1, columns 8..16)}}
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c8 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      return
    }
  }
}

// -----

// Tiles leave a gap.
!long = memref<1x16xf32, strided<[64, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    spmd.buffer @long : memref<1x64xf32> caller role logits
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      // expected-error @below {{no tile of phase "fill" writes @long [rows 0..1, columns 16..32) amid what its tiles write}}
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c32 : index
        %out = spmd.write @long[%c0, %n] size [%c1, %c16] : !long
        kernel.zero %out : !long
      }
      return
    }
  }
}

// -----

// Tiles leave part of the old.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      spmd.phase "whole" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      // expected-error @below {{phase "part" writes [rows 0..1, columns 0..16) of @a and leaves the rest of [rows 0..1, columns 0..32) as phase "whole" wrote it}}
      spmd.phase "part" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// A tile outside its buffer.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c32 : index
        // expected-error @below {{phase "fill" writes 1 rows from 0 and 16 columns from 32 of @a, which has 1 x 32}}
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      return
    }
  }
}

// -----

// No tiles.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      // expected-error @below {{phase "fill" has 0 tiles}}
      spmd.phase "fill" tiles %c0 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      return
    }
  }
}

// -----

// Not all logits.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @logits : memref<1x32xf32> caller role logits
    // expected-error @below {{only phase "fill" writes @logits, which leaves out [rows 0..1, columns 16..32)}}
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      spmd.phase "fill" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @logits[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// No logits.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    spmd.buffer @logits : memref<1x32xf32> caller role logits
    // expected-error @below {{no phase writes @logits, which leaves out [rows 0..1, columns 0..32)}}
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// The caller's tokens.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @tokens : memref<1x32xf32> caller role tokens
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      // expected-error @below {{phase "fill" writes @tokens, which is the caller's}}
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @tokens[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      return
    }
  }
}

// -----

// A prologue writes for all.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c2 prologue {
        // expected-error @below {{phase "fill" writes @a in its prologue, which every worker runs}}
        %out = spmd.write @a[%c0, %c0] size [%c1, %c32] : !row
      } do {
      ^bb0(%tile: index):
      }
      return
    }
  }
}

// -----

// A kernel writes what is declared to be read.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      spmd.phase "use" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @a[%c0, %c0] size [%c1, %c32] : !row
        // expected-error @below {{phase "use" writes @a, which it only declares to read}}
        kernel.zero %in : !row
      }
      return
    }
  }
}

// -----

// Nothing was written.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    spmd.buffer @b : memref<1x32xf32> arena offset 128
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      // expected-error @below {{phase "use" reads @a [bytes 0..128), which no phase has written in this call}}
      spmd.phase "use" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @a[%c0, %c0] size [%c1, %c32] : !row
        %out = spmd.write @b[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %out : !row, !row, !half
      }
      return
    }
  }
}

// -----

// Half was written.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    spmd.buffer @b : memref<1x32xf32> arena offset 128
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      // expected-error @below {{phase "use" reads @a [bytes 64..128), which no phase has written in this call}}
      spmd.phase "use" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @a[%c0, %c0] size [%c1, %c32] : !row
        %out = spmd.write @b[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %out : !row, !row, !half
      }
      return
    }
  }
}

// -----

// Two live buffers at one offset.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    spmd.buffer @b : memref<1x32xf32> arena offset 0
    spmd.buffer @c : memref<1x32xf32> arena offset 128
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      spmd.phase "other" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @b[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      // expected-error @below {{phase "use" reads @a [bytes 0..128), which phase "other" overwrites through @b}}
      spmd.phase "use" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @a[%c0, %c0] size [%c1, %c32] : !row
        %out = spmd.write @c[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %out : !row, !row, !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// Two live buffers at one offset in one phase.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    spmd.buffer @b : memref<1x32xf32> arena offset 64
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.zero %out : !half
      }
      spmd.barrier
      // expected-error @below {{phase "use" writes @b [bytes 64..192) and reads @a [bytes 0..128) at the same time}}
      spmd.phase "use" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @a[%c0, %c0] size [%c1, %c32] : !row
        %out = spmd.write @b[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %out : !row, !row, !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// Other tiles' scratch.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
!own = memref<1x16xf32, strided<[16, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @own : memref<1x16xf32> scratch offset 0
    spmd.buffer @scratch : memref<1x16xf32> scratch offset 32
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      spmd.phase "one" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %out = spmd.write @own[%c0, %c0] size [%c1, %c16] : !own
        kernel.zero %out : !own
      }
      spmd.barrier
      // expected-error @below {{phase "two" reads @own [bytes 0..64), which other tiles of phase "one" fill, perhaps on another worker}}
      spmd.phase "two" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @own[%c0, %c0] size [%c1, %c16] : !own
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %out : !own, !own, !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// Scratch that shares bytes.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
!own = memref<1x16xf32, strided<[16, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @own : memref<1x16xf32> scratch offset 0
    spmd.buffer @scratch : memref<1x16xf32> scratch offset 32
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      spmd.phase "one" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %own = spmd.write @own[%c0, %c0] size [%c1, %c16] : !own
        kernel.zero %own : !own
        %scratch = spmd.write @scratch[%c0, %c0] size [%c1, %c16] : !own
        kernel.zero %scratch : !own
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        // expected-error @below {{phase "one" reads @own [bytes 0..64) after it has written @scratch there}}
        kernel.add %own, %scratch to %out : !own, !own, !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// A prologue fills scratch over that of another.
!half = memref<1x16xf32, strided<[32, 1], offset: ?>>
!own = memref<1x16xf32, strided<[16, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @own : memref<1x16xf32> scratch offset 0
    spmd.buffer @scratch : memref<1x16xf32> scratch offset 32
    spmd.buffer @a : memref<1x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      spmd.phase "one" tiles %c2 prologue {
        %own = spmd.write @own[%c0, %c0] size [%c1, %c16] : !own
        kernel.zero %own : !own
      } do {
      ^bb0(%tile: index):
      }
      spmd.barrier
      spmd.phase "two" tiles %c2 prologue {
        %scratch = spmd.write @scratch[%c0, %c0] size [%c1, %c16] : !own
        kernel.zero %scratch : !own
      } do {
      ^bb0(%tile: index):
      }
      spmd.barrier
      // expected-error @below {{phase "three" reads @own [bytes 0..64), which phase "two" overwrites through @scratch}}
      spmd.phase "three" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %in = spmd.read @own[%c0, %c0] size [%c1, %c16] : !own
        %out = spmd.write @a[%c0, %n] size [%c1, %c16] : !half
        kernel.add %in, %in to %out : !own, !own, !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// A tile attends to what another appends.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!scores = memref<?x64xf32, strided<[64, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, rows = 64>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c64 = arith.constant 64 : index
      %cache = lm.use @cache : !cache
      // expected-error @below {{another tile of phase "both" attends to the cache's row 0, keys of head 0, to which tile 0 appends}}
      spmd.phase "both" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        kernel.append %in to %cache[%tile] at %position : !rows, !cache
        kernel.append %in to values %cache[%tile] at %position : !rows, !cache
        %n = arith.muli %tile, %c16 : index
        %q = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        %scratch = spmd.write @scores[%c0, %c0] size [%rows, %c64] : !scores
        %out = spmd.write @a[%c0, %n] size [%rows, %c16] : !rows
        kernel.attention %q, %cache[%c0] at %position scores %scratch to %out scale 1.0 : !rows, !cache, !scores, !rows
      }
      spmd.barrier
      return
    }
  }
}

// -----

// Attention without keys.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!scores = memref<?x64xf32, strided<[64, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, rows = 64>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c64 = arith.constant 64 : index
      %cache = lm.use @cache : !cache
      // expected-error @below {{phase "attention" attends to position 0 of @cache (keys of head 0), which no phase has appended}}
      spmd.phase "attention" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %q = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        %scratch = spmd.write @scores[%c0, %c0] size [%rows, %c64] : !scores
        %out = spmd.write @a[%c0, %n] size [%rows, %c16] : !rows
        kernel.attention %q, %cache[%tile] at %position scores %scratch to %out scale 1.0 : !rows, !cache, !scores, !rows
      }
      return
    }
  }
}

// -----

// Attention without values.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!scores = memref<?x64xf32, strided<[64, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, rows = 64>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c64 = arith.constant 64 : index
      %cache = lm.use @cache : !cache
      spmd.phase "append" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        kernel.append %in to %cache[%tile] at %position : !rows, !cache
      }
      spmd.barrier
      // expected-error @below {{phase "attention" attends to position 0 of @cache (values of head 0), which no phase has appended}}
      spmd.phase "attention" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %q = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        %scratch = spmd.write @scores[%c0, %c0] size [%rows, %c64] : !scores
        %out = spmd.write @a[%c0, %n] size [%rows, %c16] : !rows
        kernel.attention %q, %cache[%tile] at %position scores %scratch to %out scale 1.0 : !rows, !cache, !scores, !rows
      }
      return
    }
  }
}

// -----

// A head has no values.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, rows = 64>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      // expected-error @below {{phase "keys" fills @cache, but no phase appends the values of head 0 at position 0}}
      spmd.phase "keys" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        kernel.append %in to %cache[%tile] at %position : !rows, !cache
      }
      spmd.barrier
      return
    }
  }
}

// -----

// A head is appended twice.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, rows = 64>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      // expected-error @below {{phase "append" appends twice the keys of head 0 at position 0}}
      spmd.phase "append" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        kernel.append %in to %cache[%c0] at %position : !rows, !cache
        kernel.append %in to values %cache[%c0] at %position : !rows, !cache
      }
      return
    }
  }
}

// -----

// Positions are left out.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, rows = 64>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      %next = arith.addi %position, %c1 : index
      // expected-error @below {{phase "append" appends position 1 of @cache (keys of head 0), but position 0 is next}}
      spmd.phase "append" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        kernel.append %in to %cache[%tile] at %next : !rows, !cache
        kernel.append %in to values %cache[%tile] at %next : !rows, !cache
      }
      return
    }
  }
}

// -----

// Tiles leave positions out.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, rows = 64>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      // expected-error @below {{phase "append" does not append the keys of head 0 at position 8}}
      spmd.phase "append" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %part = arith.muli %tile, %c16 : index
        %at = arith.addi %position, %part : index
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        kernel.append %in to %cache[%c0] at %at : !rows, !cache
      }
      return
    }
  }
}

// -----

// The ring is one row short: window 9 and 8 rows need 16. (With smaller tiles: verify-schedule-mutants.test.)
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!scores = memref<?x64xf32, strided<[64, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, window = 9, rows = 15>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c64 = arith.constant 64 : index
      %cache = lm.use @cache : !cache
      spmd.phase "append" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        kernel.append %in to %cache[%tile] at %position : !rows, !cache
        kernel.append %in to values %cache[%tile] at %position : !rows, !cache
      }
      spmd.barrier
      spmd.phase "attention" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %q = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        %scratch = spmd.write @scores[%c0, %c0] size [%rows, %c64] : !scores
        %out = spmd.write @a[%c0, %n] size [%rows, %c16] : !rows
        // expected-error @below {{phase "attention" needs positions 0..16 of a cache of 15 rows}}
        kernel.attention %q, %cache[%tile] at %position scores %scratch to %out scale 1.0 : !rows, !cache, !scores, !rows
      }
      spmd.barrier
      return
    }
  }
}

// -----

// The ring is long enough, but its last panel is not whole.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!scores = memref<?x64xf32, strided<[64, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, window = 9, rows = 18>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %c64 = arith.constant 64 : index
      %cache = lm.use @cache : !cache
      spmd.phase "append" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        kernel.append %in to %cache[%tile] at %position : !rows, !cache
        kernel.append %in to values %cache[%tile] at %position : !rows, !cache
      }
      spmd.barrier
      // expected-error @below {{phase "attention" attends to a cache of 18 rows, which are no whole panels of 16}}
      spmd.phase "attention" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %q = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        %scratch = spmd.write @scores[%c0, %c0] size [%rows, %c64] : !scores
        %out = spmd.write @a[%c0, %n] size [%rows, %c16] : !rows
        kernel.attention %q, %cache[%tile] at %position scores %scratch to %out scale 1.0 : !rows, !cache, !scores, !rows
      }
      spmd.barrier
      return
    }
  }
}

// -----

// More rows than the ring has.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, window = 5, rows = 16>
module attributes {spmd.arena_bytes = 4096 : i64, spmd.scratch_bytes = 8192 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 32 {
    spmd.buffer @tokens : memref<32x32xf32> caller role tokens
    spmd.buffer @a : memref<32x32xf32> arena offset 0
    spmd.buffer @scores : memref<32x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      spmd.phase "append" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        // expected-error @below {{phase "append" appends positions 0..32 of a cache of 16 rows}}
        kernel.append %in to %cache[%tile] at %position : !rows, !cache
        kernel.append %in to values %cache[%tile] at %position : !rows, !cache
      }
      return
    }
  }
}

// -----

// Tiles of one call wrap onto one another.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, window = 5, rows = 16>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      %c3 = arith.constant 3 : index
      %c8 = arith.constant 8 : index
      // expected-error @below {{tile 0 and tile 2 of phase "append" both append to the cache's row 0, keys of head 0}}
      spmd.phase "append" tiles %c3 prologue {
      } do {
      ^bb0(%tile: index):
        %part = arith.muli %tile, %c8 : index
        %at = arith.addi %position, %part : index
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        kernel.append %in to %cache[%c0] at %at : !rows, !cache
      }
      return
    }
  }
}

// -----

// No such head.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, rows = 64>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      spmd.phase "append" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        // expected-error @below {{phase "append" appends 16 columns at head 2 and position 0, but the cache is '!lm.cache<2 x 16 x f32, rows = 64>'}}
        kernel.append %in to %cache[%c2] at %position : !rows, !cache
        kernel.append %in to values %cache[%c2] at %position : !rows, !cache
      }
      return
    }
  }
}

// -----

// A prologue appends.
!rows = memref<?x16xf32, strided<[32, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x f32, rows = 64>
module attributes {spmd.arena_bytes = 1024 : i64, spmd.scratch_bytes = 2048 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @prefill rows 8 {
    spmd.buffer @tokens : memref<8x32xf32> caller role tokens
    spmd.buffer @a : memref<8x32xf32> arena offset 0
    spmd.buffer @scores : memref<8x64xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      spmd.phase "append" tiles %c2 prologue {
        %in = spmd.read @tokens[%c0, %c0] size [%rows, %c16] : !rows
        // expected-error @below {{phase "append" uses a cache in its prologue, which every worker runs}}
        kernel.append %in to %cache[%c0] at %position : !rows, !cache
        kernel.append %in to values %cache[%c0] at %position : !rows, !cache
      } do {
      ^bb0(%tile: index):
      }
      return
    }
  }
}

// -----

// A buffer that is not planned.
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    // expected-error @below {{expects an offset and the module's spmd.arena_bytes (lm-plan-memory)}}
    spmd.buffer @a : memref<1x32xf32> arena
    func.func @entry(%rows: index, %position: index, %first: index) { return }
  }
}

// -----

// A module that is not planned.
module attributes {spmd.arena_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    // expected-error @below {{expects an offset and the module's spmd.scratch_bytes (lm-plan-memory)}}
    spmd.buffer @a : memref<1x32xf32> scratch offset 0
    func.func @entry(%rows: index, %position: index, %first: index) { return }
  }
}

// -----

// A buffer beyond the arena.
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    // expected-error @below {{ends at byte 320, but spmd.arena_bytes is 256}}
    spmd.buffer @b : memref<1x32xf32> arena offset 192
    func.func @entry(%rows: index, %position: index, %first: index) { return }
  }
}

// -----

// Weights share bytes.
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  lm.weight @one : !lm.weight<16xf32> offset 0
  // expected-error @below {{at bytes 32..96 overlaps @one at bytes 0..64}}
  lm.weight @two : !lm.weight<16xf32> offset 32
}

// -----

// Caches share bytes.
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  lm.state @one : !lm.cache<1 x 16 x f32, rows = 16> offset 0
  // expected-error @below {{at bytes 1024..3072 overlaps @one at bytes 0..2048}}
  lm.state @two : !lm.cache<1 x 16 x f32, rows = 16> offset 1024
}

// -----

// Another way to an index.
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    func.func @entry(%rows: index, %position: index, %first: index) {
      %table = memref.alloc() : memref<4xindex>
      // expected-error @below {{is not understood by verify-schedule}}
      %tiles = memref.load %table[%rows] : memref<4xindex>
      return
    }
  }
}

// -----

// A loop.
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    func.func @entry(%rows: index, %position: index, %first: index) {
      // expected-error @below {{is not understood by verify-schedule}}
      scf.for %i = %position to %rows step %rows {
      }
      return
    }
  }
}

// -----

// Other work in a phase.
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c2 = arith.constant 2 : index
      spmd.phase "other" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        // expected-error @below {{is not understood by verify-schedule}}
        %scratch = memref.alloca() : memref<4xf32>
      }
      return
    }
  }
}

// -----

// Memory from elsewhere.
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    func.func @entry(%rows: index, %position: index, %first: index) {
      %scratch = memref.alloc() : memref<4x16xf32>
      %c2 = arith.constant 2 : index
      spmd.phase "other" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        // expected-error @below {{expects memory that spmd.read or spmd.write hands out}}
        kernel.zero %scratch : memref<4x16xf32>
      }
      return
    }
  }
}

// -----

// Rows from nowhere: nobody knows how many enter the cache.
!row = memref<1x16xf32, strided<[16, 1], offset: ?>>
!cache = !lm.cache<1 x 16 x f32, rows = 16>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x16xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      spmd.phase "append" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %out = spmd.write @a[%c0, %c0] size [%c1, %c16] : !row
        kernel.compute to (%out : !row) {
          %k = tensor.empty(%c1) : tensor<?x16xf32>
          // expected-error @below {{'lm.append' op expects rows that its kernel.compute is handed}}
          lm.append %k, %k to %cache at %position : tensor<?x16xf32>, !cache
          kernel.yield %k : tensor<?x16xf32>
        }
      }
      spmd.barrier
      return
    }
  }
}

// -----

// A cache that is read where no row of it is asked for.
!row = memref<1x16xf32, strided<[16, 1], offset: ?>>
!cache = !lm.cache<1 x 16 x f32, rows = 16>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  lm.state @cache : !cache offset 0
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<1x16xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %cache = lm.use @cache : !cache
      spmd.phase "compute" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %out = spmd.write @a[%c0, %c0] size [%c1, %c16] : !row
        kernel.compute to (%out : !row) {
          // expected-error @below {{'lm.cached' op is not understood by verify-schedule}}
          %k = lm.cached keys %cache to %position : !cache -> tensor<?x16xf32>
          kernel.yield %k : tensor<?x16xf32>
        }
      }
      spmd.barrier
      return
    }
  }
}

// -----

// A dot product is no op on memory.
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    func.func @entry(%rows: index, %position: index, %first: index) {
      %f32 = arith.constant dense<0.0> : vector<16xf32>
      %bf16 = arith.constant dense<0.0> : vector<32xbf16>
      %c1 = arith.constant 1 : index
      spmd.phase "dot" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        // expected-error @below {{'cpu.dot_bf16' op is not understood by verify-schedule}}
        %sum = cpu.dot_bf16 %f32, %bf16, %bf16 : vector<16xf32>, vector<32xbf16>
      }
      spmd.barrier
      return
    }
  }
}

// -----

// A decomposed convolution advances every part of its state, in each tile.
!row = memref<1x16xf32, strided<[16, 1], offset: ?>>
!state = !lm.recurrent_state<2 x 24>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  lm.state @state : !state offset 0
  lm.weight @w : !lm.weight<64xf32> offset 0
  spmd.program @decode rows 1 {
    spmd.buffer @a : memref<2x16xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %w = lm.use @w : !lm.weight<64xf32>
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      %state = lm.use @state : !state
      // expected-error @below {{phase "conv1d" appends twice the keys of head 0 at position 0}}
      spmd.phase "conv1d" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %out = spmd.write @a[%tile, %c0] size [%c1, %c16] : !row
        kernel.zero %out : !row
        kernel.compute (%out : !row) to (%out : !row) {
        ^bb0(%x: tensor<?x16xf32>):
          %y = lm.causal_conv1d %x, %w width 4 to %state at %position : tensor<?x16xf32>, !lm.weight<64xf32>, !state
          kernel.yield %y : tensor<?x16xf32>
        }
      }
      spmd.barrier
      return
    }
  }
}

// -----

// What two writes of a tile fill together may be read at once; a row that neither fills may not.
!half = memref<2x16xf32, strided<[32, 1], offset: ?>>
!one = memref<1x16xf32, strided<[16, 1], offset: ?>>
!two = memref<2x16xf32, strided<[16, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.program @decode rows 1 {
    spmd.buffer @own : memref<3x16xf32> scratch offset 0
    spmd.buffer @a : memref<2x32xf32> arena offset 0
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c16 = arith.constant 16 : index
      // expected-error @below {{phase "one" reads @own [bytes 128..192), which no phase has written in this call}}
      spmd.phase "one" tiles %c2 prologue {
      } do {
      ^bb0(%tile: index):
        %n = arith.muli %tile, %c16 : index
        %one = spmd.write @own[%c0, %c0] size [%c1, %c16] : !one
        kernel.zero %one : !one
        %second = spmd.write @own[%c1, %c0] size [%c1, %c16] : !one
        kernel.zero %second : !one
        %both = spmd.read @own[%c0, %c0] size [%c2, %c16] : !two
        %out = spmd.write @a[%c0, %n] size [%c2, %c16] : !half
        kernel.add %both, %both to %out : !two, !two, !half
        %later = spmd.read @own[%c1, %c0] size [%c2, %c16] : !two
        kernel.add %later, %later to %out : !two, !two, !half
      }
      spmd.barrier
      return
    }
  }
}

// -----

// A program that comes after none finds nothing in what another one has left.
!row = memref<1x32xf32, strided<[32, 1], offset: ?>>
module attributes {spmd.arena_bytes = 256 : i64, spmd.scratch_bytes = 256 : i64} {
  spmd.buffer @prefill.stream : memref<1x32xf32> arena offset 0
  spmd.program @prefill rows 1 {
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      spmd.phase "fill" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %out = spmd.write @prefill.stream[%c0, %c0] size [%c1, %c32] : !row
        kernel.zero %out : !row
      }
      spmd.barrier
      return
    }
  }
  spmd.program @logits rows 1 {
    spmd.buffer @sum : memref<1x32xf32> arena offset 128
    func.func @entry(%rows: index, %position: index, %first: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      // expected-error @below {{phase "head" reads @prefill.stream [bytes 0..128), which no phase has written in this call (in a call of @logits, rows = 1, position = 0)}}
      spmd.phase "head" tiles %c1 prologue {
      } do {
      ^bb0(%tile: index):
        %in = spmd.read @prefill.stream[%c0, %c0] size [%c1, %c32] : !row
        %out = spmd.write @sum[%c0, %c0] size [%c1, %c32] : !row
        kernel.add %in, %in to %out : !row, !row, !row
      }
      spmd.barrier
      return
    }
  }
}
