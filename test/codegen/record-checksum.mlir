// The checksum holds what code relies on, and nothing that the user may still decide.
// RUN: rm -rf %t && split-file %s %t
// RUN: lathe-opt %t/module.mlir --lm-record-checksum | grep -o 'lm.checksum = "[0-9a-f]*"' > %t/expected
// RUN: grep -c checksum %t/expected | FileCheck %s --check-prefix=ONE
// ONE: 1

// RUN: sed 's/threads = 0/threads = 3/; s/"plain"/"own"/; s|"/m"|"/n"|; s/from "a" at 64/from "b" at 128/' %t/module.mlir | lathe-opt --lm-record-checksum | grep -o 'lm.checksum = "[0-9a-f]*"' | cmp - %t/expected

// RUN: sed 's/context = 64/context = 65/' %t/module.mlir | lathe-opt --lm-record-checksum | grep -o 'lm.checksum = "[0-9a-f]*"' | not cmp -s - %t/expected
// RUN: sed 's/"znver4"/"znver3"/' %t/module.mlir | lathe-opt --lm-record-checksum | grep -o 'lm.checksum = "[0-9a-f]*"' | not cmp -s - %t/expected
// RUN: sed 's/cache_bytes = 64/cache_bytes = 65/' %t/module.mlir | lathe-opt --lm-record-checksum | grep -o 'lm.checksum = "[0-9a-f]*"' | not cmp -s - %t/expected
// RUN: sed 's/tile_rows = 64/tile_rows = 8/' %t/module.mlir | lathe-opt --lm-record-checksum | grep -o 'lm.checksum = "[0-9a-f]*"' | not cmp -s - %t/expected
// RUN: sed 's/offset 128/offset 192/' %t/module.mlir | lathe-opt --lm-record-checksum | grep -o 'lm.checksum = "[0-9a-f]*"' | not cmp -s - %t/expected
// RUN: sed 's/offset 4096/offset 8192/' %t/module.mlir | lathe-opt --lm-record-checksum | grep -o 'lm.checksum = "[0-9a-f]*"' | not cmp -s - %t/expected
// RUN: sed 's/weight<8xf32>/weight<9xf32>/' %t/module.mlir | lathe-opt --lm-record-checksum | grep -o 'lm.checksum = "[0-9a-f]*"' | not cmp -s - %t/expected

//--- module.mlir
module attributes {lm.model = {name = "plain", path = "/m", context = 64 : i64},
                   lm.options = {mcpu = "znver4", threads = 0 : i64}, lm.program = {cache_bytes = 64 : i64},
                   lm.tuning = {tile_rows = 64 : i64}} {
  lm.weight @x : !lm.weight<8xf32> from "a" at 64 offset 128
  lm.state @s : !lm.recurrent_state<4 x 8> offset 4096
}
