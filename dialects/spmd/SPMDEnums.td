#ifndef SPMD_ENUMS_TD
#define SPMD_ENUMS_TD

include "mlir/IR/EnumAttr.td"

def SPMD_Space : I32EnumAttr<"Space", "where a buffer lives", [
    I32EnumAttrCase<"Arena", 0, "arena">, I32EnumAttrCase<"Scratch", 1, "scratch">,
    I32EnumAttrCase<"Caller", 2, "caller">]> {
  let cppNamespace = "::mlir::spmd";
  let genSpecializedAttr = 0;
}

def SPMD_Role : I32EnumAttr<"Role", "what a caller's buffer is to a program", [
    I32EnumAttrCase<"Tokens", 0, "tokens">, I32EnumAttrCase<"Logits", 1, "logits">]> {
  let cppNamespace = "::mlir::spmd";
  let genSpecializedAttr = 0;
}

#endif // SPMD_ENUMS_TD
