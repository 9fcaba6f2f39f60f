#ifndef SPMD_OPS_TD
#define SPMD_OPS_TD

include "dialects/lm/LMTypes.td"
include "dialects/spmd/SPMDEnums.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def SPMD_Dialect : Dialect {
  let name = "spmd";
  let cppNamespace = "::mlir::spmd";
  let summary = "Who does what when: one program that every worker of a team runs";
  let description = [{
    A forward step is one program that all workers run. Its phases have tiles; which worker runs which tile is the
    phase's assignment, and nothing else depends on it. Between phases stand barriers. Memory is named: a phase reaches
    a buffer only through `spmd.read` and `spmd.write`, which say the rows and columns in terms of the tile, so that
    verify-schedule can check, for any number of workers, that no tile touches what another one writes. The dialect says
    the same for threads of a CPU and blocks of a GPU.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::lm::LMDialect", "::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect"];
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
}

class SPMD_Op<string mnemonic, list<Trait> traits = []>
    : Op<SPMD_Dialect, mnemonic, traits # [LM_NoUnknownAttributes]>;

def SPMD_SpaceAttr : EnumAttr<SPMD_Dialect, SPMD_Space, "space"> { let assemblyFormat = "$value"; }
def SPMD_RoleAttr : EnumAttr<SPMD_Dialect, SPMD_Role, "role"> { let assemblyFormat = "$value"; }

def SPMD_ProgramOp : SPMD_Op<"program", [HasParent<"::mlir::ModuleOp">, IsolatedFromAbove, NoTerminator, SingleBlock,
                                         Symbol, SymbolTable, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one entry point: what all workers run in a forward step";
  let description = [{
    A program owns its buffers, one private function for each kind of layer, and its entry: the one public function. The
    entry takes (rows, position, first): the rows of this call, at most `rows`; the position of the first row in the
    sequence; and the first row of the previous program's buffers that this call is about.

    Names are looked up in the program first, then in its module, which holds what programs share: weights, states, and
    the buffers in which one program leaves rows for another. Buffers of a program hold nothing between two calls. `after`
    names the program whose last call this one continues: what that left in shared buffers is there. Without `after`
    shared buffers hold nothing when a call begins.

    Example:
    ```mlir
    spmd.program @decode rows 1 {
      spmd.buffer @logits : memref<1x32000xf32> caller role logits
      func.func private @layer(%rows: index, %position: index) {
        return
      }
      func.func @entry(%rows: index, %position: index, %first: index) {
        spmd.layers %rows at %position [@layer, @layer]
        return
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$rows, OptionalAttr<FlatSymbolRefAttr>:$after);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `rows` $rows (`after` $after^)? $body attr-dict";
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "int64_t":$rows, CArg<"::llvm::StringRef", "{}">:$after)>];
  let skipDefaultBuilders = 1;
  let extraClassDeclaration = [{
    ::mlir::func::FuncOp getEntry();
    /// Whether `function` is the entry of a program.
    static bool isEntry(::mlir::Operation *function);
    /// The program's own buffer of this role; null: it has none.
    BufferOp getBuffer(Role role);
  }];
  let hasRegionVerifier = 1;
}

def SPMD_BufferOp : SPMD_Op<"buffer", [Symbol]> {
  let summary = "memory with a name";
  let description = [{
    `arena` memory is shared by the workers and written anew in every step; `scratch` memory exists once per worker;
    `caller` memory is an argument of the call, and `role` says which one. Rows by columns, row-major. `offset` is the byte
    offset in the arena or in the worker's scratch, set by plan-memory. A buffer in the module is shared by programs; it
    lies in the arena.

    Example:
    ```mlir
    spmd.buffer @prefill.stream : memref<512x576xf32> arena offset 2304
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyMemRef>:$type, SPMD_SpaceAttr:$space,
                       OptionalAttr<SPMD_RoleAttr>:$role, OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = "$sym_name `:` $type `` $space (`role` `` $role^)? (`offset` $offset^)? attr-dict";
  let extraClassDeclaration = [{
    ::mlir::MemRefType getBufferType() { return ::llvm::cast<::mlir::MemRefType>(getType()); }
    int64_t getBytes();
    /// The program that owns it; null: programs share it.
    ProgramOp getProgram();
  }];
  let hasVerifier = 1;
}

def SPMD_CostAttr : AttrDef<SPMD_Dialect, "Cost"> {
  let mnemonic = "cost";
  let summary = "what a phase must read and compute";
  let description = [{
    Of a call of n rows, the least any schedule could do with: `weights` bytes are read once, `lookup` bytes for each row
    (an embedding); of `experts` matrices of `expert` bytes each as many as the rows choose, min(experts, n * chosen);
    `state` bytes are read and written. Each row takes `f32`, `bf16` and `int8` operations of these dots (a
    multiplication and an addition are two), and `attend` more in f32 and `attend_bf16` in bf16 for each position it
    sees. The positions the rows see together are `position` bytes each; a row sees all before it and its own, or the
    last `window`, or those since the last multiple of `chunk`. What is nothing is not written.

    Example: `#spmd.cost<weights = 442368, int8 = 1327104>`
  }];
  let parameters = (ins
    DefaultValuedParameter<"int64_t", "0">:$weights, DefaultValuedParameter<"int64_t", "0">:$lookup,
    DefaultValuedParameter<"int64_t", "0">:$expert, DefaultValuedParameter<"int64_t", "0">:$experts,
    DefaultValuedParameter<"int64_t", "0">:$chosen, DefaultValuedParameter<"int64_t", "0">:$state,
    DefaultValuedParameter<"int64_t", "0">:$position, DefaultValuedParameter<"int64_t", "0">:$window,
    DefaultValuedParameter<"int64_t", "0">:$chunk, DefaultValuedParameter<"int64_t", "0">:$f32,
    DefaultValuedParameter<"int64_t", "0">:$bf16, DefaultValuedParameter<"int64_t", "0">:$int8,
    DefaultValuedParameter<"int64_t", "0">:$attend, DefaultValuedParameter<"int64_t", "0">:$attend_bf16);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

class SPMD_AccessOp<string mnemonic> : SPMD_Op<mnemonic, [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let arguments = (ins FlatSymbolRefAttr:$buffer, Index:$row, Index:$column, Index:$rows, Index:$columns);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$buffer `[` $row `,` $column `]` `size` `[` $rows `,` $columns `]` attr-dict `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::spmd::BufferOp":$buffer, "::mlir::OpFoldResult":$row,
                                 "::mlir::OpFoldResult":$column, "::mlir::OpFoldResult":$rows,
                                 "::mlir::OpFoldResult":$columns)>];
}

def SPMD_ReadOp : SPMD_AccessOp<"read"> {
  let summary = "the part of a buffer that a tile reads";
  let description = [{
    Example:
    ```mlir
    %x = spmd.read @x[%c0, %c0] size [%c1, %c576] : memref<1x576xf32, strided<[576, 1], offset: ?>>
    ```
  }];
}

def SPMD_WriteOp : SPMD_AccessOp<"write"> {
  let summary = "the part of a buffer that a tile owns and fills";
  let description = [{
    No other tile may read or write it before the next barrier. The tile that owns it may read it back.

    Example:
    ```mlir
    %q = spmd.write @q[%c0, %n] size [%c1, %c64] : memref<1x64xf32, strided<[576, 1], offset: ?>>
    ```
  }];
}

def SPMD_PhaseOp : SPMD_Op<"phase", [RecursiveMemoryEffects, SingleBlock, NoTerminator]> {
  let summary = "tiles that may run at the same time";
  let description = [{
    Every worker runs `prologue` once. It may write scratch only: each worker has its own copy. Then the workers run the
    tiles 0 to T - 1, T = `tiles`. Worker w of n starts at tile w T / n and goes up, so it reads memory sequentially. An idle
    worker steals tiles from the end of another worker's range. Two phases have a barrier between them. `cost` is set by
    lm-predict-cost.

    Example:
    ```mlir
    spmd.phase "o_proj" tiles %n prologue {
    } do {
    ^bb0(%tile: index):
    }
    ```
  }];
  let arguments = (ins StrAttr:$name, Index:$tiles, OptionalAttr<SPMD_CostAttr>:$cost);
  let regions = (region AnyRegion:$prologue, SizedRegion<1>:$body);
  let assemblyFormat = "$name `tiles` $tiles (`cost` $cost^)? `prologue` $prologue `do` $body attr-dict";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::Value":$tiles)>];
  let skipDefaultBuilders = 1;
}

def SPMD_BarrierOp : SPMD_Op<"barrier"> {
  let summary = "no worker passes before all workers have arrived";
  let description = [{
    Example:
    ```mlir
    spmd.barrier
    ```
  }];
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def SPMD_LayersOp : SPMD_Op<"layers", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs the layers one after another";
  let description = [{
    As `lm.layers`; the stream lives in buffers. A kind is a private function of the same program and takes
    (rows, position, slots...). Only a program's entry runs layers.

    Example:
    ```mlir
    spmd.layers %rows at %position [@layer, @layer]
    ```
  }];
  let arguments = (ins Index:$rows, Index:$position, FlatSymbolRefArrayAttr:$kinds);
  let assemblyFormat = "$rows `at` $position $kinds attr-dict";
  let hasVerifier = 1;
}

#endif // SPMD_OPS_TD
