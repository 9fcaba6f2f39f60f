//===- WeightAttrs.td - where a weight's values lie, and the steps that make them the weight ----------------------===//

#ifndef LM_WEIGHT_ATTRS_TD
#define LM_WEIGHT_ATTRS_TD

include "dialects/lm/LMTypes.td"

def LM_SourceRole : I32EnumAttr<"SourceRole", "what a source of a weight holds", [
    I32EnumAttrCase<"Values", 0, "values">,
    I32EnumAttrCase<"Scales", 1, "scales">,
    I32EnumAttrCase<"ZeroPoints", 2, "zero_points">]> {
  let cppNamespace = "::mlir::lm";
  let genSpecializedAttr = 0;
}

def LM_Dimension : I32EnumAttr<"Dimension", "a dimension of a matrix; a vector has rows alone", [
    I32EnumAttrCase<"Rows", 0, "rows">,
    I32EnumAttrCase<"Columns", 1, "columns">]> {
  let cppNamespace = "::mlir::lm";
  let genSpecializedAttr = 0;
}

def LM_SourceAttr : LM_Attr<"Source", "source"> {
  let summary = "the segments of files that hold one role of a weight";
  let description = [{
    `role` says what lies there: `values` (numbers, or blocks of quantised values with their scales), or `scales` and
    `zero_points` that the file keeps apart. `format` says how: of values one of dialects/lm/Formats.h, of the others
    what `getSourceRule` names: `f16_b64` is a float16 for each 64 neighbours of a row, `u4_b64` a number of 4 bits.

    There is one segment for each matrix of the weight. Where `#lm.concat` joins parts, there is one for each part of
    each matrix: all first parts, then all second parts. A segment begins at one of `offsets` (bytes). Its length
    follows from the weight. Segments of one file that follow each other share its name: file `i` has the next
    `counts[i]` of `offsets`. `rows` is for scales of blocks of several rows: the row of the scaled tensor at which each
    segment's values begin; absent where all are 0.

    A file's name and offsets print as `"file" at 0, 64`. In `lm.weight` a source prints after `from` (values) or its
    role, and the format of values only where the weight has another.

    Example: `#lm.source<values bf16 "a.safetensors" at 4096, 8192, "b.safetensors" at 64>`
  }];
  let parameters = (ins "::mlir::lm::SourceRole":$role, "::mlir::StringAttr":$format,
                        ArrayRefParameter<"::mlir::StringAttr">:$files, ArrayRefParameter<"int64_t">:$counts,
                        ArrayRefParameter<"int64_t">:$offsets, OptionalArrayRefParameter<"int64_t">:$rows);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [AttrBuilder<(ins "::mlir::lm::SourceRole":$role, "::llvm::StringRef":$format,
                                   "::llvm::ArrayRef<::mlir::lm::SourceSegment>":$segments)>];
  let extraClassDeclaration = [{
    /// One for each offset.
    ::llvm::SmallVector<SourceSegment> getSegments() const;
    /// Parses and prints what follows the role. Without a format there, it is `format`, which may be null.
    static SourceAttr parseSegments(::mlir::AsmParser &parser, SourceRole role, ::mlir::StringAttr format);
    void printSegments(::mlir::AsmPrinter &printer, bool withFormat) const;
  }];
}

def LM_RecipeStep : AttrInterface<"RecipeStep"> {
  let cppNamespace = "::mlir::lm";
  let description = [{
    A step of a weight's recipe: it makes one matrix (or vector) of another. Its one implementation on values is in
    compiler/weights/Steps.cpp.
  }];
  let methods = [
    InterfaceMethod<[{
      The shape that the step reads to make `result`. Emits an error where it cannot make such a result. With several
      parts, the shape of each.
    }], "::llvm::FailureOr<::mlir::lm::StoredShape>", "getInputShape",
    (ins "const ::mlir::lm::StoredShape &":$result,
         "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError)>,
    InterfaceMethod<"How many matrices the step makes one of. Only the first step of a recipe has several.",
                    "int64_t", "getParts", (ins), "", "return 1;">
  ];
}

class LM_Step<string name, string mnemonicText, list<string> methods = []>
    : AttrDef<LM_Dialect, name, [DeclareAttrInterfaceMethods<LM_RecipeStep, methods>]> {
  let mnemonic = mnemonicText;
}

def LM_ConcatAttr : LM_Step<"Concat", "concat", ["getParts"]> {
  let summary = "joins equal parts of a matrix that was cut for several devices";
  let description = [{
    Part i holds the i-th of `parts` equal runs of rows, or of every row's columns. It is the first step: the sources
    have a segment for each part.

    Example: `#lm.concat<rows, parts = 4>`
  }];
  let parameters = (ins EnumParameter<LM_Dimension>:$dimension, "int64_t":$parts);
  let assemblyFormat = "`<` $dimension `,` `parts` `=` $parts `>`";
  let genVerifyDecl = 1;
}

def LM_SliceAttr : LM_Step<"Slice", "slice"> {
  let summary = "some of the rows or columns";
  let description = [{
    Row (or column, or value of a vector) i of the result is row i / group * stride + i % group of the input. The first
    is where the source's offset points. `of`: how many columns a stored row has, from which the offset of the next
    one follows; rows need no such number.

    Example: `#lm.slice<columns, of = 144>`, `#lm.slice<rows, group = 24, stride = 80>`
  }];
  let parameters = (ins EnumParameter<LM_Dimension>:$dimension, DefaultValuedParameter<"int64_t", "0">:$of,
                        DefaultValuedParameter<"int64_t", "1">:$group, DefaultValuedParameter<"int64_t", "1">:$stride);
  let assemblyFormat = "`<` $dimension `,` struct($of, $group, $stride) `>`";
  let genVerifyDecl = 1;
}

def LM_TransposeAttr : LM_Step<"Transpose", "transpose"> {
  let summary = "rows become columns";
  let description = [{
    The matrix is stored as [in, out].

    Example: `#lm.transpose`
  }];
}

def LM_UnpermuteAttr : LM_Step<"Unpermute", "unpermute"> {
  let summary = "interleaved rotary rows become halves";
  let description = [{
    Of each of `heads` heads of d rows, row from + s * (d - from) / 2 + i of the result is row from + 2 i + s of the
    input, for s in {0, 1}. The first `from` rows of a head stay where they are. Of a vector, its values move.

    Example: `#lm.unpermute<heads = 4>`, `#lm.unpermute<heads = 4, from = 16>`
  }];
  let parameters = (ins "int64_t":$heads, DefaultValuedParameter<"int64_t", "0">:$from);
  let assemblyFormat = "`<` struct($heads, $from) `>`";
  let genVerifyDecl = 1;
}

def LM_AddOneAttr : LM_Step<"AddOne", "add_one"> {
  let summary = "x + 1 of every value";
  let description = [{
    For norms that are stored as w - 1 (Gemma).

    Example: `#lm.add_one`
  }];
}

def LM_NegateExpAttr : LM_Step<"NegateExp", "negate_exp"> {
  let summary = "-exp(x) of every value";
  let description = [{
    For decays that are stored as logarithms (Qwen3-Next).

    Example: `#lm.negate_exp`
  }];
}

#endif // LM_WEIGHT_ATTRS_TD
